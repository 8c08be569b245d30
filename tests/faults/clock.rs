//! A wall clock that jumps while an action is at work: a virtual machine that was moved, an administrator who set it.

use std::time::Duration;

use testkit::answer::{Answer, NOT_RUNNING, OK};
use testkit::site::{Kind, Site, site};
use testkit::{AgentCall, Done};

/// Shows another wall clock to the one program that it is loaded into; the steady clock stays as it is.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
/// By how much it is ahead.
const AHEAD: &str = "/opt/ahead";

/// Ahead and back, by more than any time-out; and how the log tells it.
const JUMPS: [(&str, &str); 2] =
    [("+86400", "the wall clock jumped ahead by 86"), ("-86400", "the wall clock jumped back by 86")];

/// An agent whose wall clock can jump.
fn with_a_clock<'a>(site: &'a Site, call: AgentCall<'a>) -> Result<AgentCall<'a>, testkit::Error> {
    jump(site, "+0")?;
    // Through env(1), not by the call's own environment: the way into the node runs with that, too, and would leave the library's
    // semaphores outside.
    let preload = format!("LD_PRELOAD={FAKETIME}");
    let file = format!("FAKETIME_TIMESTAMP_FILE={AHEAD}");
    let steady = "FAKETIME_DONT_FAKE_MONOTONIC=1";
    Ok(call.through(["env", preload.as_str(), file.as_str(), "FAKETIME_NO_CACHE=1", steady]))
}

fn jump(site: &Site, by: &str) -> Done {
    // In one step, for it may be read at any time.
    site.node.write(format!("{AHEAD}.new"), by)?;
    site.sh(&format!("mv {AHEAD}.new {AHEAD}")).map(drop)
}

#[track_caller]
fn is_told(site: &Site, words: &str) -> Done {
    let log = site.log()?;
    assert!(log.contains(words), "{words:?} is not in the log: {log}");
    Ok(())
}

/// A wall clock that jumps by a day, ahead or back, while a start is at work, neither ends it early nor has it wait; the log tells.
#[test]
fn a_jump_during_a_start_changes_nothing() -> Done {
    for (by, words) in JUMPS {
        let site = site(Kind::Platform).set("start_time=1s").build()?;
        let start = with_a_clock(&site, site.agent())?;
        let (start, jvm) = site.meanwhile(
            || start.run("start"),
            |site| {
                let jvm = site.until_there()?;
                jump(site, by)?;
                Ok(jvm)
            },
        )?;
        start.answers(OK).silently();
        assert_eq!((site.one("platform")?.pid, site.recorded()?), (jvm.pid, Some(jvm.pid)));
        is_told(&site, words)?;
        site.monitor(10)?.answers(OK).silently();
    }
    Ok(())
}

/// The same during a stop whose mzsh hangs: it goes on to signals when the time is there by the steady clock, and not before.
#[test]
fn a_jump_during_a_stop_changes_nothing() -> Done {
    for (by, words) in JUMPS {
        let site = site(Kind::Platform).build()?;
        site.start()?;
        site.mzsh_does("shutdown", "exec sleep 1000001")?;
        let stop = with_a_clock(&site, site.agent().meta_timeout(Duration::from_secs(8)))?;
        let (stop, ()) = site.meanwhile(
            || stop.run("stop"),
            |site| {
                site.until_runs(&["sleep", "1000001"])?;
                jump(site, by)
            },
        )?;
        let stop = stop.answers(OK);
        // Half of its time is mzsh's, or a quarter where the other quarter is SIGTERM's.
        assert!(stop.wall > Duration::from_millis(900), "mzsh had hardly any time: {stop}");
        assert_eq!(site.last_end("platform")?.as_deref(), Some("signal"), "SIGTERM had its time, too");
        is_told(&site, words)?;
        site.nothing_left()?;
    }
    Ok(())
}

/// The same during a monitor that waits: it waits for as long as it was told, and sees a death at the moment of it.
#[test]
fn a_jump_during_a_waiting_monitor_changes_nothing() -> Done {
    for (by, words) in JUMPS {
        for dies in [false, true] {
            let site = site(Kind::Platform).build()?;
            let jvm = site.start()?;
            let wait = if dies { "25" } else { "3" };
            let monitor = || {
                let call = site.agent().interval(Duration::from_millis(100)).param("wait", wait);
                call.meta_timeout(Duration::from_secs(60))
            };
            let waiting = with_a_clock(&site, monitor())?;
            // The first one of its row does not wait.
            monitor().run("monitor")?.answers(OK);
            let (monitor, ()) = site.meanwhile(
                || waiting.run("monitor"),
                |site| {
                    site.waiting_monitor()?;
                    jump(site, by)?;
                    if dies { site.signal(jvm.pid, "KILL") } else { Ok(()) }
                },
            )?;
            if dies {
                let monitor = monitor.answers(NOT_RUNNING).because(&[&format!("pid {} ", jvm.pid)]);
                assert!(monitor.wall < Duration::from_secs(20), "{monitor}");
            } else {
                let monitor = monitor.answers(OK).silently();
                assert!(monitor.wall >= Duration::from_secs(3), "it did not wait: {monitor}");
            }
            is_told(&site, words)?;
        }
    }
    Ok(())
}
