//! The wall clock jumps during an action: a virtual machine was migrated, or an administrator set the clock.

use std::time::Duration;

use testkit::assertions::{AgentAssertions, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, fixture};
use testkit::{AgentCall, TestResult};

/// Changes the wall clock for the one program that it is loaded into. The monotonic clock stays as it is.
const FAKETIME_LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
/// Holds the offset of the wall clock.
const OFFSET_FILE: &str = "/opt/ahead";

/// Jumps ahead and back, longer than any timeout, and how the log reports them.
const JUMPS: [(&str, &str); 2] = [
    ("+86400", "the wall clock jumped ahead by 86"),
    ("-86400", "the wall clock jumped back by 86"),
];

/// An agent whose wall clock can jump.
fn with_fake_clock<'a>(
    fixture: &'a Fixture,
    call: AgentCall<'a>,
) -> Result<AgentCall<'a>, testkit::TestkitError> {
    set_clock_offset(fixture, "+0")?;
    // Through env(1), not by the call's own environment: the program that enters the node would load the
    // library, too, and leave its semaphores outside.
    let preload = format!("LD_PRELOAD={FAKETIME_LIBRARY}");
    let file = format!("FAKETIME_TIMESTAMP_FILE={OFFSET_FILE}");
    let steady = "FAKETIME_DONT_FAKE_MONOTONIC=1";
    Ok(call.wrap_with(["env", preload.as_str(), file.as_str(), "FAKETIME_NO_CACHE=1", steady]))
}

fn set_clock_offset(fixture: &Fixture, by: &str) -> TestResult {
    // Replaced in one step, because the file may be read at any time.
    fixture.node.write(format!("{OFFSET_FILE}.new"), by)?;
    fixture.sh(&format!("mv {OFFSET_FILE}.new {OFFSET_FILE}")).map(drop)
}

#[track_caller]
fn assert_logged(fixture: &Fixture, words: &str) -> TestResult {
    let log = fixture.log()?;
    assert!(log.contains(words), "{words:?} is not in the log: {log}");
    Ok(())
}

/// A wall clock that jumps a day ahead or back during a start neither ends the start early nor delays it. The
/// log reports the jump.
#[test]
fn clock_jump_during_start_changes_nothing() -> TestResult {
    for (by, words) in JUMPS {
        let fixture = fixture(AgentKind::Platform).set("start_time=1s").build()?;
        let start = with_fake_clock(&fixture, fixture.agent())?;
        let (start, jvm) = fixture.run_during(
            || start.run("start"),
            |fixture| {
                let jvm = fixture.wait_for_pico()?;
                set_clock_offset(fixture, by)?;
                Ok(jvm)
            },
        )?;
        start.assert_exit_code(OCF_SUCCESS).assert_no_output();
        assert_eq!(
            (fixture.single_pico("platform")?.pid, fixture.recorded_pid()?),
            (jvm.pid, Some(jvm.pid))
        );
        assert_logged(&fixture, words)?;
        fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    }
    Ok(())
}

/// The wall clock jumps during a stop whose mzsh hangs. The stop goes on to signals at the time that the
/// monotonic clock gives, and not before.
#[test]
fn clock_jump_during_stop_changes_nothing() -> TestResult {
    for (by, words) in JUMPS {
        let fixture = fixture(AgentKind::Platform).build()?;
        fixture.start()?;
        fixture.override_mzsh_verb("shutdown", "exec sleep 1000001")?;
        let stop = with_fake_clock(&fixture, fixture.agent().meta_timeout(Duration::from_secs(8)))?;
        let (stop, ()) = fixture.run_during(
            || stop.run("stop"),
            |fixture| {
                fixture.wait_for_process(&["sleep", "1000001"])?;
                set_clock_offset(fixture, by)
            },
        )?;
        let stop = stop.assert_exit_code(OCF_SUCCESS);
        // mzsh has half of the time, or a quarter where SIGTERM has the other quarter.
        assert!(stop.wall_time > Duration::from_millis(900), "mzsh had hardly any time: {stop}");
        assert_eq!(
            fixture.last_end_reason("platform")?.as_deref(),
            Some("signal"),
            "SIGTERM had its time, too"
        );
        assert_logged(&fixture, words)?;
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// The wall clock jumps during a waiting monitor. The monitor waits for its full time and detects a death at
/// the moment it happens.
#[test]
fn clock_jump_during_waiting_monitor_changes_nothing() -> TestResult {
    for (by, words) in JUMPS {
        for dies in [false, true] {
            let fixture = fixture(AgentKind::Platform).build()?;
            let jvm = fixture.start()?;
            let wait = if dies { "25" } else { "3" };
            let monitor = || {
                let call = fixture.agent().interval(Duration::from_millis(100)).param("wait", wait);
                call.meta_timeout(Duration::from_secs(60))
            };
            let waiting = with_fake_clock(&fixture, monitor())?;
            // The first monitor of its schedule entry does not wait.
            monitor().run("monitor")?.assert_exit_code(OCF_SUCCESS);
            let (monitor, ()) = fixture.run_during(
                || waiting.run("monitor"),
                |fixture| {
                    fixture.wait_for_waiting_monitor()?;
                    set_clock_offset(fixture, by)?;
                    if dies { fixture.signal(jvm.pid, "KILL") } else { Ok(()) }
                },
            )?;
            if dies {
                let monitor = monitor
                    .assert_exit_code(OCF_NOT_RUNNING)
                    .assert_reason(&[&format!("pid {} ", jvm.pid)]);
                assert!(monitor.wall_time < Duration::from_secs(20), "{monitor}");
            } else {
                let monitor = monitor.assert_exit_code(OCF_SUCCESS).assert_no_output();
                assert!(monitor.wall_time >= Duration::from_secs(3), "it did not wait: {monitor}");
            }
            assert_logged(&fixture, words)?;
        }
    }
    Ok(())
}
