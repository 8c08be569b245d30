//! A JVM whose main thread has ended while others live: state Z, no command line, and nothing in /proc that tells its name.
//!
//! Python plays it, by the name of java: it ends its main thread as a JVM's native code can, and keeps another.

use std::time::Duration;

use testkit::{Error, NodeCommand, Process};

use testkit::Done;
use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, Site, in_short, site};

/// Its comm is the name of the file that was executed, and is all that is left of it.
const PROGRAM: &str = "/opt/jdk/bin/java";

const SCRIPT: &str = "import ctypes, threading
threading.Thread(target=threading.Event().wait).start()
ctypes.CDLL(None).pthread_exit(None)
";

/// A node of a test that runs as a normal user has no second user.
fn has_other_users(site: &Site) -> bool {
    site.node.owner() != "root"
}

/// One that this command's user runs.
fn leaderless(site: &Site, shell: NodeCommand<'_>) -> Result<Process, Error> {
    site.sh(&format!("mkdir -p /opt/jdk/bin && ln -sf /usr/bin/python3 {PROGRAM}"))?;
    site.node.write("/opt/jdk/leaderless.py", SCRIPT)?;
    let line = format!("setsid {PROGRAM} /opt/jdk/leaderless.py </dev/null >/dev/null 2>&1 &");
    shell.args(["-c", &line]).run()?.expect(0)?;
    site.until("a java without main thread (python3 plays it)", |site| {
        let all = site.processes()?;
        let found = all.iter().find(|process| process.state == 'Z' && process.argv.is_empty());
        Ok(found.cloned().ok_or_else(|| in_short(&all)))
    })
}

/// A java without main thread that another user runs is no reason to doubt that the pico is away, and is not
/// touched.
#[test]
fn one_of_another_user_is_no_reason_to_doubt_that_the_pico_is_away() -> Done {
    let site = site(Kind::Platform).build()?;
    if !has_other_users(&site) {
        return Ok(());
    }
    let other = leaderless(&site, site.node.command("sh").user(4712))?;
    site.probe()?.answers(NOT_RUNNING);
    site.monitor(0)?.answers(NOT_RUNNING);
    site.stop()?.answers(OK).silently();
    site.start()?;
    site.stop()?.answers(OK);
    assert_eq!(site.processes()?.iter().map(|process| process.pid).collect::<Vec<_>>(), [other.pid]);
    Ok(())
}

/// A java without main thread that the pico's user runs could be the pico: probe, monitor and stop say so
/// with its number instead of claiming that nothing runs, and leave it alone.
#[test]
fn one_of_the_picos_user_could_be_the_pico_and_is_named() -> Done {
    let site = site(Kind::Platform).build()?;
    let pid = leaderless(&site, site.as_owner("sh"))?.pid;
    let named = format!("pid {pid} ");
    let stop = || site.agent().meta_timeout(Duration::from_secs(4)).run("stop");
    for ran in [site.probe()?, site.monitor(0)?, stop()?] {
        let ran = ran.answers(GENERIC).because(&[&named, "without main thread"]);
        assert!(ran.wall > Duration::from_secs(1), "a JVM that ends looks so for a moment: {ran}");
    }
    assert_eq!(site.processes()?.iter().map(|process| process.pid).collect::<Vec<_>>(), [pid]);

    site.signal(pid, "KILL")?;
    site.probe()?.answers(NOT_RUNNING);
    site.stop()?.answers(OK);
    Ok(())
}

/// A java without main thread that another resource's record names is that one's, and neither reported nor
/// touched.
#[test]
fn one_that_another_resource_runs_is_not_ours() -> Done {
    let site = site(Kind::Platform).build()?;
    site.start()?;
    let mut record = site.read_record()?;
    site.stop()?.answers(OK);
    let other = leaderless(&site, site.as_owner("sh"))?;
    record["pico"] = "ec1".into();
    record["jvm"]["pid"] = other.pid.into();
    record["jvm"]["start"] = other.start_time.into();
    site.node.write("/run/mediationzone-ra/ec.json", record.to_string())?;
    site.probe()?.answers(NOT_RUNNING);
    site.monitor(0)?.answers(NOT_RUNNING);
    site.stop()?.answers(OK);
    assert_eq!(site.processes()?.iter().map(|process| process.pid).collect::<Vec<_>>(), [other.pid]);
    Ok(())
}
