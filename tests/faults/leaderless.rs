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

/// The same, but not before it is told to (SIGUSR1); until then it has the command line of a Platform.
const LATER: &str = "import ctypes, signal, threading
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
threading.Thread(target=threading.Event().wait).start()
open('/opt/mz/tmp/waits', 'w')
signal.sigwait([signal.SIGUSR1])
ctypes.CDLL(None).pthread_exit(None)
";

/// A Platform that was adopted, and has lost its main thread since.
fn known_and_leaderless() -> Result<(Site, Process), Error> {
    let site = site(Kind::Platform).build()?;
    site.sh(&format!("mkdir -p /opt/jdk/bin && ln -sf /usr/bin/python3 {PROGRAM}"))?;
    site.node.write("/opt/jdk/later.py", LATER)?;
    let looks =
        "-Dmz.home=/opt/mz -Dpico.configname=platform com.digitalroute.codeserver.CodeServerMain platform";
    let line = format!("setsid {PROGRAM} /opt/jdk/later.py {looks} </dev/null >/dev/null 2>&1 &");
    site.as_owner("sh").args(["-c", &line]).run()?.expect(0)?;
    let pico = site.until_there()?;
    site.until("it to wait for its signal", |site| {
        Ok(site.node.read("/opt/mz/tmp/waits").map_err(|error| error.to_string()))
    })?;
    site.monitor(0)?.answers(OK).silently();
    assert_eq!(site.recorded()?, Some(pico.pid));
    site.signal(pico.pid, "USR1")?;
    site.until("its main thread to end", |site| {
        let all = site.processes()?;
        let found = all.iter().any(|process| process.pid == pico.pid && process.state == 'Z');
        Ok(if found { Ok(()) } else { Err(in_short(&all)) })
    })?;
    Ok((site, pico))
}

/// A pico whose record names it and whose main thread has ended while another lives has failed for every monitor and for a probe, with
/// its number in the reason, and a stop ends it where a SIGKILL does.
#[test]
fn a_known_pico_that_lost_its_main_thread_has_failed_and_can_be_stopped() -> Done {
    let (site, pico) = known_and_leaderless()?;
    for ran in [site.monitor(0)?, site.monitor(10)?, site.probe()?] {
        ran.answers(GENERIC).because(&["platform", &format!("pid {} ", pico.pid), "main thread has ended"]);
    }
    assert!(site.lives(&pico)?);
    site.stop()?.answers(OK);
    site.nothing_left()?;
    site.probe()?.answers(NOT_RUNNING);
    Ok(())
}

/// A start replaces a known pico that has lost its main thread.
#[test]
fn a_start_replaces_a_known_pico_that_lost_its_main_thread() -> Done {
    let (site, pico) = known_and_leaderless()?;
    site.agent().meta_timeout(Duration::from_secs(60)).run("start")?.answers(OK);
    assert!(!site.lives(&pico)?);
    site.one("platform")?;
    site.monitor(10)?.answers(OK).silently();
    Ok(())
}

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

/// With the installation's storage not mounted, its mount point is root's: that does not make a java without main thread another
/// user's, and it is named all the same.
#[test]
fn a_mount_point_of_roots_makes_it_nobody_elses() -> Done {
    let site = site(Kind::Platform).build()?;
    let pid = leaderless(&site, site.as_owner("sh"))?.pid;
    site.sh("mount -t tmpfs tmpfs /opt/mz")?;
    let named = format!("pid {pid} ");
    let stop = || site.agent().meta_timeout(Duration::from_secs(4)).run("stop");
    for ran in [site.probe()?, site.monitor(0)?, stop()?] {
        ran.answers(GENERIC).because(&[&named, "without main thread"]);
    }
    assert_eq!(site.processes()?.iter().map(|process| process.pid).collect::<Vec<_>>(), [pid]);
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
