//! The same pico runs twice.

use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, fixture};
use testkit::{TestResult, TestkitError};

/// An SC has no port that would keep a second one from starting.
fn start_duplicate(real: bool) -> Result<(Fixture, [u32; 2]), TestkitError> {
    let fixture = fixture(AgentKind::Sc).real_jvm(real).build()?;
    let first = fixture.start()?.pid;
    fixture.signal(first, "STOP")?;
    // mzsh cannot query the SC now, and -f skips that check.
    fixture.mzsh(&["startup", "-f", "sc1"])?.expect_code(0)?;
    fixture.signal(first, "CONT")?;
    let mut pids: Vec<u32> =
        fixture.pico_processes("sc1")?.iter().map(|process| process.pid).collect();
    pids.retain(|&pid| pid != first);
    let [second] = pids.as_slice() else { panic!("not a second one: {pids:?}") };
    Ok((fixture, [first, *second]))
}

/// A pico that runs twice is a failure for a deep monitor and a probe, and the reason names both processes.
/// One stop ends both.
#[test]
fn duplicate_pico_fails_monitor_and_probe_and_stop_ends_both() -> TestResult {
    for real in [true, false] {
        let (fixture, pids) = start_duplicate(real)?;
        let [first, second] = pids.map(|pid| pid.to_string());
        fixture.monitor(10)?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&[
            "sc1",
            "more than once",
            &first,
            &second,
        ]);
        fixture.probe()?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&[
            "more than once",
            &first,
            &second,
        ]);
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// A start of a pico that runs twice ends both processes and starts one.
#[test]
fn start_replaces_duplicate_pico_by_one() -> TestResult {
    let (fixture, pids) = start_duplicate(false)?;
    fixture.agent().run("start")?.assert_exit_code(OCF_SUCCESS);
    assert!(!pids.contains(&fixture.single_pico("sc1")?.pid));
    fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    Ok(())
}

/// A pico runs twice, and the record names only one of the two processes. A stop ends both when either of
/// them hangs, and when mzsh is gone.
#[test]
fn stop_ends_both_duplicates_when_one_hangs() -> TestResult {
    for hung in [0, 1] {
        let (fixture, pids) = start_duplicate(false)?;
        fixture.signal(pids[hung], "STOP")?;
        fixture.probe()?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["more than once"]);
        fixture.sh("rm /opt/mz/bin/mzsh")?;
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    }
    Ok(())
}

/// When one process of a pico that runs twice dies, the survivor is adopted and healthy, whichever of the two
/// the record named.
#[test]
fn surviving_duplicate_is_adopted() -> TestResult {
    for dies in [0, 1] {
        let (fixture, pids) = start_duplicate(false)?;
        fixture.signal(pids[dies], "KILL")?;
        fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        assert_eq!(fixture.recorded_pid()?, Some(pids[1 - dies]));
        fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// A second process that looks like the pico only briefly, as a fork before its exec does, is no failure.
#[test]
fn brief_duplicate_is_no_failure() -> TestResult {
    let fixture = fixture(AgentKind::Sc).build()?;
    let first = fixture.start()?;
    let second = fixture.start_fake_pico("sc1", "")?;
    // The second process is gone as soon as the monitor has begun its second scan.
    let (monitor, ()) = fixture.run_during(
        || fixture.monitor(10),
        |fixture| {
            fixture.wait_for_sleeping_agent("monitor")?;
            fixture.signal(second.pid, "KILL")
        },
    )?;
    monitor.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert!(fixture.is_alive(&first)?);
    Ok(())
}
