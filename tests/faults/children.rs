//! What a pico has started: ended with it, not mistaken for it, and not forgotten when it dies first.

use std::time::Duration;

use testkit::answer::{Answer, NOT_RUNNING, OK};
use testkit::site::{Kind, Site, in_short, site};
use testkit::{Done, Error, Process};

/// Those that sleep for this many seconds.
fn sleepers(site: &Site, seconds: &str) -> Result<Vec<Process>, Error> {
    let mut all = site.processes()?;
    all.retain(|process| process.argv == ["sleep", seconds]);
    Ok(all)
}

/// What a living pico has started is ended with it: children and theirs, also in sessions of their own, also those that ignore
/// SIGTERM.
#[test]
fn children_of_a_pico_are_ended_with_it() -> Done {
    for ignored in ["", "ignore TERM HUP INT\n"] {
        let site = site(Kind::Platform).build()?;
        let script = format!(
            "{ignored}run exec sleep 1000001\nrun exec setsid sleep 1000001\nrun sleep 1000001; true\ndefault TERM HUP INT"
        );
        site.stand_in("platform", &script)?;
        site.until("three children", |site| {
            let found = sleepers(site, "1000001")?;
            Ok(if found.len() == 3 { Ok(()) } else { Err(in_short(&found)) })
        })?;
        site.agent().meta_timeout(Duration::from_secs(20)).run("stop")?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}

/// A child that was forked and still has the JVM's command line is the JVM's child: neither monitor nor probe says that the
/// pico runs more than once, and a stop ends both.
#[test]
fn a_forked_child_with_the_command_line_of_the_jvm_is_no_second_pico() -> Done {
    let site = site(Kind::Platform).build()?;
    let jvm = site.stand_in("platform", "fork 1\nfork 2")?;
    site.until("three forks", |site| {
        let found = site.picos("platform")?;
        Ok(if found.len() == 4 { Ok(()) } else { Err(in_short(&found)) })
    })?;
    let call = || site.recurring(10).param("ha_check", "no");
    call().run("monitor")?.answers(OK).silently();
    assert_eq!(site.recorded()?, Some(jvm.pid));
    site.monitor(0)?.answers(OK).silently();
    site.sh(&format!("rm {}", site.record()))?;
    site.probe()?.answers(OK).silently();
    assert_eq!(site.recorded()?, Some(jvm.pid));
    site.stop()?.answers(OK);
    site.nothing_left()
}

/// A fork with the JVM's command line that outlives it could be the pico: as long as it lives nothing says "not running", and a
/// stop ends it.
#[test]
fn a_fork_that_outlives_the_jvm_is_not_taken_for_nothing() -> Done {
    let site = site(Kind::Platform).build()?;
    let jvm = site.stand_in("platform", "fork 1")?;
    site.until("a fork", |site| {
        let found = site.picos("platform")?;
        Ok(if found.len() == 2 { Ok(()) } else { Err(in_short(&found)) })
    })?;
    site.monitor(0)?.answers(OK).silently();
    site.signal(jvm.pid, "KILL")?;
    let fork = site.one("platform")?;
    for ran in [site.monitor(0)?, site.probe()?, site.monitor(10)?] {
        assert_ne!(ran.code(), Some(NOT_RUNNING), "{ran}");
    }
    site.stop()?.answers(OK);
    assert!(!site.lives(&fork)?);
    site.probe()?.answers(NOT_RUNNING);
    site.nothing_left()
}

/// What a killed JVM has left behind in its session does not hide its death from a monitor, and is ended by the stop that follows.
#[test]
fn orphans_in_the_session_of_a_killed_jvm_are_ended_by_the_stop() -> Done {
    let site = site(Kind::Platform).build()?;
    let jvm = site.stand_in("platform", "run exec sleep 1000001\nrun sleep 1000001; true")?;
    site.until("two children", |site| {
        let found = sleepers(site, "1000001")?;
        Ok(if found.len() == 2 { Ok(()) } else { Err(in_short(&found)) })
    })?;
    site.monitor(0)?.answers(OK).silently();
    let stranger = site.stranger()?;
    site.signal(jvm.pid, "KILL")?;
    site.monitor(0)?.answers(NOT_RUNNING).because(&[&format!("pid {} ", jvm.pid)]);
    site.monitor(10)?.answers(NOT_RUNNING);
    assert_eq!(sleepers(&site, "1000001")?.len(), 2, "a monitor ends nothing");
    site.stop()?.answers(OK);
    assert_eq!(site.pids()?, [stranger.pid], "{}", in_short(&site.processes()?));
    Ok(())
}

/// The same where the JVM, a real one, stays in the session of the mzsh that started it.
#[test]
fn orphans_in_the_session_of_mzsh_are_ended_by_the_stop() -> Done {
    let site = site(Kind::Platform).jvm().set("jvm_detached=false").build()?;
    site.mzsh_does("startup", "sleep 1000001 >/dev/null 2>&1 &")?;
    let jvm = site.start()?;
    let orphan = site.until_runs(&["sleep", "1000001"])?;
    assert_eq!(orphan.session, jvm.session);
    site.signal(jvm.pid, "KILL")?;
    site.monitor(0)?.answers(NOT_RUNNING).because(&[&format!("pid {} ", jvm.pid)]);
    site.stop()?.answers(OK);
    site.nothing_left()
}
