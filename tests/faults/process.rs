//! The end of the JVM: whoever ends it, and whenever, the next answers are right.

use std::time::Duration;

use testkit::Done;
use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, recurring, site};

/// A JVM that was killed (SIGKILL) is not running for a monitor of any depth, which names it, and for a probe; a stop needs no
/// mzsh for it, and a start brings up another.
#[test]
fn a_killed_jvm_is_not_running_and_can_be_started_again() -> Done {
    for (kind, real) in [(Kind::Platform, true), (Kind::Ec, true), (Kind::Sc, false), (Kind::Ui, false)] {
        let site = site(kind).real(real).build()?;
        let mut pid = site.start()?.pid;
        for stop_first in [true, false] {
            site.signal(pid, "KILL")?;
            for level in [0, 10, 20] {
                let monitor = site.monitor(level)?.answers(NOT_RUNNING);
                monitor.because(&[site.pico(), "not running", &format!("pid {pid} "), "has ended"]);
            }
            site.probe()?.answers(NOT_RUNNING).because(&["not running"]);
            if stop_first {
                site.stop()?.answers(OK).silently();
                assert_eq!(site.calls("shutdown")?, 0, "{kind:?}");
            }
            let next = site.start()?.pid;
            assert_ne!(next, pid);
            site.monitor(10)?.answers(OK).silently();
            pid = next;
        }
        site.stop()?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}

/// A JVM that is killed while the HA client waits for its answer is not running, at once, and the client is ended.
#[test]
fn a_jvm_that_is_killed_during_a_deep_check_is_not_running() -> Done {
    for real in [false, true] {
        let site = site(Kind::Platform).real(real).build()?;
        let jvm = site.start()?;
        let java = site.ha_client("exec sleep 1000001")?;
        let deep = recurring(site.agent(), 10).param("java_home", java).param("ha_timeout", "50");
        let deep = deep.meta_timeout(Duration::from_secs(120));
        let (monitor, ()) = site.meanwhile(
            || deep.run("monitor"),
            |site| {
                site.until_runs(&["sleep", "1000001"])?;
                site.signal(jvm.pid, "KILL")
            },
        )?;
        let monitor = monitor.answers(NOT_RUNNING).because(&["platform", &format!("pid {} ", jvm.pid)]);
        assert!(monitor.wall < Duration::from_secs(30), "it did not wait for the client: {monitor}");
        site.nothing_left()?;
    }
    Ok(())
}

/// A JVM that is killed while an mzsh that hangs is asked for its status is not running, in time.
#[test]
fn a_jvm_that_is_killed_while_mzsh_is_asked_is_not_running() -> Done {
    let site = site(Kind::Platform).build()?;
    let jvm = site.start()?;
    site.mzsh_does("status", "exec sleep 1000001")?;
    let deep = site.recurring(20).meta_timeout(Duration::from_secs(6));
    let (monitor, ()) = site.meanwhile(
        || deep.run("monitor"),
        |site| {
            site.until_runs(&["sleep", "1000001"])?;
            site.signal(jvm.pid, "KILL")
        },
    )?;
    monitor.answers(NOT_RUNNING).because(&["platform", &format!("pid {} ", jvm.pid)]);
    site.nothing_left()
}

/// A real JVM that is killed while it starts ends the start at once, although mzsh would have waited.
#[test]
fn a_jvm_that_is_killed_during_its_start_ends_that() -> Done {
    for detached in [true, false] {
        let site = site(Kind::Ec).jvm().set("ec1.start_time=10m");
        let site = site.set(&format!("jvm_detached={detached}")).build()?;
        let start = || site.agent().meta_timeout(Duration::from_secs(120)).run("start");
        let (start, ()) = site.meanwhile(start, |site| {
            let jvm = site.until_there()?;
            site.until_recorded(&jvm)?;
            site.signal(jvm.pid, "KILL")
        })?;
        // Whoever of the two sees its end first: the agent, which names it, or mzsh.
        let start = start.answers(GENERIC).because(&["ec1", "mzsh startup: 1, the JVM failed"]);
        assert!(start.wall < Duration::from_secs(60), "{start}");
        site.nothing_left()?;
        site.probe()?.answers(NOT_RUNNING);
    }
    Ok(())
}

/// A JVM that dies after mzsh has called it up, but before its HA Monitor Server answers, is no successful start; the record names it all
/// that time, however quick mzsh was.
#[test]
fn a_jvm_that_dies_right_after_its_start_is_no_success() -> Done {
    for real in [false, true] {
        let site = site(Kind::Platform).real(real).build()?;
        // Nobody listens there, so the start goes on asking.
        let start =
            || site.agent().param("ha_port", "25999").meta_timeout(Duration::from_secs(120)).run("start");
        let (start, jvm) = site.meanwhile(start, |site| {
            let jvm = site.until_there()?;
            site.until("mzsh to be done", |site| {
                let ready =
                    site.history()?.iter().any(|event| event.what == "ready" && event.pico == "platform");
                let startups = site.startups()?;
                Ok(if ready && startups == 0 {
                    Ok(())
                } else {
                    Err(format!("{startups} startups, ready: {ready}"))
                })
            })?;
            site.until_recorded(&jvm)?;
            site.signal(jvm.pid, "KILL")?;
            Ok(jvm)
        })?;
        let start = start.answers(GENERIC).because(&["platform", &format!("pid {} ", jvm.pid), "died"]);
        assert!(start.wall < Duration::from_secs(60), "{start}");
        site.nothing_left()?;
        site.probe()?.answers(NOT_RUNNING);
        site.stop()?.answers(OK);
    }
    Ok(())
}

/// A JVM that somebody kills while a stop waits for its orderly end is stopped: the stop notices it, also where mzsh does not, and
/// succeeds.
#[test]
fn a_jvm_that_is_killed_during_its_stop_is_stopped() -> Done {
    for mzsh_notices in [true, false] {
        let site = site(Kind::Platform).jvm().set("stop_time=10m").set("shutdown_retry=10s").build()?;
        let jvm = site.start()?;
        if !mzsh_notices {
            site.mzsh_does("shutdown", "exec sleep 1000001")?;
        }
        let stop = || site.agent().meta_timeout(Duration::from_secs(120)).run("stop");
        let (stop, ()) = site.meanwhile(stop, |site| {
            if mzsh_notices {
                site.until_calls("shutdown", 1)?;
            } else {
                site.until_runs(&["sleep", "1000001"])?;
            }
            site.signal(jvm.pid, "KILL")
        })?;
        let stop = stop.answers(OK);
        assert!(stop.wall < Duration::from_secs(60), "{stop}");
        site.nothing_left()?;
    }
    Ok(())
}

/// A real JVM that was killed and whose parent does not ask for it (a zombie with one thread) is dead: monitor and probe say so,
/// a stop succeeds, a start brings up another.
#[test]
fn a_zombie_that_nobody_reaps_is_dead() -> Done {
    for real in [true, false] {
        let site = site(Kind::Platform).real(real).build()?;
        let jvm = site.start_below_one_that_never_waits()?;
        site.agent().run("start")?.answers(OK).silently();
        assert_eq!(site.recorded()?, Some(jvm.pid));
        site.signal(jvm.pid, "KILL")?;
        let all = site.node.processes()?;
        assert!(all.iter().any(|p| p.pid == jvm.pid && p.state == 'Z' && p.threads == 1), "{all:?}");

        site.monitor(0)?.answers(NOT_RUNNING).because(&[&format!("pid {} ", jvm.pid), "has ended"]);
        for level in [10, 20] {
            site.monitor(level)?.answers(NOT_RUNNING);
        }
        site.probe()?.answers(NOT_RUNNING);
        site.stop()?.answers(OK).silently();
        let next = site.start()?;
        site.monitor(10)?.answers(OK).silently();
        site.signal(next.pid, "KILL")?;
        site.sh(&format!("rm {}", site.record()))?;
        site.probe()?.answers(NOT_RUNNING);
        site.stop()?.answers(OK).silently();
    }
    Ok(())
}

/// A pico that ignores SIGTERM is killed inside the operation's time, without a success before that.
#[test]
fn a_pico_that_ignores_sigterm_is_killed_in_time() -> Done {
    let site = site(Kind::Platform).build()?;
    let jvm = site.stand_in("platform", "ignore TERM INT HUP QUIT")?;
    let stop = site.agent().meta_timeout(Duration::from_secs(10)).run("stop")?.answers(OK);
    assert!(!site.lives(&jvm)?, "{stop}");
    let log = site.log()?;
    assert!(log.contains(&format!("SIGKILL to pid {}", jvm.pid)), "{log}");
    site.nothing_left()
}

/// A real JVM whose orderly end never comes to an end, and which mzsh gives up (code 4), is killed inside the operation's time.
#[test]
fn a_jvm_whose_orderly_end_hangs_is_killed_in_time() -> Done {
    for detached in [true, false] {
        let site = site(Kind::Sc).jvm().set("sc1.stop_time=10m").set("shutdown_failed=code-4");
        let site = site.set("shutdown_retry=20ms").set(&format!("jvm_detached={detached}")).build()?;
        let jvm = site.start()?;
        site.agent().meta_timeout(Duration::from_secs(12)).run("stop")?.answers(OK);
        let log = site.log()?;
        assert!(log.contains(&format!("SIGKILL to pid {}", jvm.pid)), "{log}");
        assert_eq!(site.last_end("sc1")?, None, "it did not end in order");
        site.nothing_left()?;
    }
    Ok(())
}
