//! A kernel without pidfds: RHEL 8's has the version 4.18, and a container's filter may be older than these calls.

use std::time::Duration;

use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, Site, recurring, site};
use testkit::{AgentCall, Done};

/// What says no: the kernel, or a filter.
const REFUSALS: [&str; 2] = ["ENOSYS", "EPERM"];

/// The interval of a row whose next run comes as soon as the last one has ended.
const OFTEN: Duration = Duration::from_millis(100);

fn agent<'a>(site: &'a Site, refusal: &str) -> AgentCall<'a> {
    site.agent().on_old_kernel(refusal)
}

/// On a kernel without pidfds each action answers as on another: a start, one that adopts, monitors of each depth, a probe, a stop, and all
/// of them where there is nothing.
#[test]
fn without_pidfds_each_action_answers_as_with_them() -> Done {
    for (kind, real) in [(Kind::Platform, true), (Kind::Ec, false)] {
        for refusal in REFUSALS {
            let site = site(kind).real(real).build()?;
            agent(&site, refusal).run("monitor")?.answers(NOT_RUNNING);
            agent(&site, refusal).run("start")?.answers(OK);
            let jvm = site.one(site.pico())?;
            for level in [0, 10, 20] {
                recurring(agent(&site, refusal), level).run("monitor")?.answers(OK).silently();
            }
            agent(&site, refusal).run("monitor")?.answers(OK).silently();
            site.sh(&format!("rm {}", site.record()))?;
            agent(&site, refusal).run("start")?.answers(OK);
            assert_eq!(site.one(site.pico())?.pid, jvm.pid, "it was adopted");
            agent(&site, refusal).run("stop")?.answers(OK);
            assert_eq!(site.last_end(site.pico())?.as_deref(), Some("shutdown"));
            site.nothing_left()?;
            recurring(agent(&site, refusal), 0).run("monitor")?.answers(NOT_RUNNING);
            agent(&site, refusal).run("stop")?.answers(OK).silently();
        }
    }
    Ok(())
}

/// On a kernel without pidfds a stop wakes a pico that is stopped (SIGSTOP) for its SIGTERM, and ends by SIGKILL, in time, what does not
/// heed that, with what it has started.
#[test]
fn without_pidfds_a_stop_ends_what_is_stopped_and_what_heeds_no_signal() -> Done {
    for refusal in REFUSALS {
        let site = site(Kind::Platform).build()?;
        let pid = site.start()?.pid;
        site.signal(pid, "STOP")?;
        recurring(agent(&site, refusal), 0).run("monitor")?.answers(GENERIC).because(&["hung"]);
        agent(&site, refusal).run("stop")?.answers(OK);
        assert_eq!(site.last_end("platform")?.as_deref(), Some("signal"));
        site.nothing_left()?;

        let steps = "ignore TERM HUP INT\nrun exec sleep 1000001\nrun exec setsid sleep 1000001";
        site.stand_in("platform", steps)?;
        site.until_runs(&["sleep", "1000001"])?;
        let stop = agent(&site, refusal).meta_timeout(Duration::from_secs(12)).run("stop")?.answers(OK);
        assert!(stop.wall < Duration::from_secs(11), "{stop}");
        site.nothing_left()?;
    }
    Ok(())
}

/// On a kernel without pidfds an mzsh that hangs, in startup, status or shutdown, is ended in time with what it has started.
#[test]
fn without_pidfds_an_mzsh_that_hangs_is_ended_in_time() -> Done {
    let hangs = "sleep 1000001 & exec sleep 1000001";
    let site = site(Kind::Platform).build()?;
    site.mzsh_does("startup", hangs)?;
    let timeout = Duration::from_secs(8);
    let start = agent(&site, "ENOSYS").meta_timeout(timeout).run("start")?.answers(GENERIC);
    assert!(start.because(&["mzsh startup was not done"]).wall < timeout);
    site.nothing_left()?;
    let site = testkit::site::site(Kind::Platform).build()?;
    let jvm = site.start()?;
    site.mzsh_does("status", hangs)?;
    let deep = recurring(agent(&site, "ENOSYS"), 20).param("mzsh_timeout", "1").meta_timeout(timeout);
    assert!(deep.run("monitor")?.answers(OK).wall < timeout);
    assert!(site.lives(&jvm)?);
    site.mzsh_does("shutdown", hangs)?;
    let stop = agent(&site, "ENOSYS").meta_timeout(timeout).run("stop")?.answers(OK);
    assert!(stop.wall < timeout, "{stop}");
    assert_eq!(site.last_end("platform")?.as_deref(), Some("signal"), "SIGTERM had its time, too");
    site.nothing_left()
}

/// On a kernel without pidfds a monitor that may wait for a death answers at once, and the next one finds it.
#[test]
fn without_pidfds_no_monitor_waits_and_the_next_one_finds_a_death() -> Done {
    for refusal in REFUSALS {
        let site = site(Kind::Platform).build()?;
        let pid = site.start()?.pid;
        let monitor = || {
            let row = agent(&site, refusal).param("wait", "25s").interval(OFTEN).level(0);
            row.meta_timeout(Duration::from_secs(60)).run("monitor")
        };
        for _ in 0..3 {
            let ran = monitor()?.answers(OK).silently();
            assert!(ran.wall < Duration::from_secs(10), "{ran}");
        }
        site.signal(pid, "KILL")?;
        monitor()?.answers(NOT_RUNNING).because(&["platform", &format!("pid {pid} ")]);
    }
    Ok(())
}

/// On a kernel without pidfds a JVM that dies while mzsh still starts it ends the start, and one that dies while its HA client waits for
/// an answer is not running, both at once.
#[test]
fn without_pidfds_a_death_ends_what_waits_for_the_jvm() -> Done {
    let site =
        site(Kind::Platform).set("startup_timeout=40s").set("platform.startup_outcome=dies").build()?;
    let start = agent(&site, "ENOSYS").meta_timeout(Duration::from_secs(60)).run("start")?.answers(GENERIC);
    assert!(start.wall < Duration::from_secs(30), "{start}");
    site.nothing_left()?;
    site.set(&["platform.startup_outcome=ok"])?;
    let jvm = site.start()?;
    let java = site.ha_client("exec sleep 1000001")?;
    let deep = recurring(agent(&site, "ENOSYS"), 10).param("java_home", java).param("ha_timeout", "50");
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
    site.nothing_left()
}

/// A kernel without pidfds is told: by validate-all at level 10 as a warning that is no failure, and in the log of a start. On another
/// kernel nothing is said.
#[test]
fn a_kernel_without_pidfds_is_told_where_an_administrator_looks() -> Done {
    let site = site(Kind::Platform).build()?;
    for refusal in REFUSALS {
        let ran = agent(&site, refusal).level(10).run("validate-all")?.expect(OK)?;
        let line = ran.stderr.lines().find(|line| line.starts_with("WARNING: kernel: no pidfd_open (Linux "));
        assert!(line.is_some_and(|line| line.contains("not at once")), "{ran}");
        agent(&site, refusal).run("start")?.answers(OK);
        assert!(site.log()?.contains("kernel: no pidfd_open"), "{}", site.log()?);
        site.stop()?.answers(OK);
    }
    let ran = site.agent().level(10).run("validate-all")?.expect(OK)?;
    assert!(!ran.stderr.contains("kernel"), "{ran}");
    Ok(())
}
