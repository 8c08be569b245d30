//! Stops that need more than mzsh.

use std::time::Duration;

use testkit::TestResult;
use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fixture::{AgentKind, fixture};

/// Without mzsh a stop ends the pico by signals, in its own session or mzsh's: by SIGTERM, or by SIGKILL if
/// the pico ignores SIGTERM.
#[test]
fn stop_without_mzsh_ends_pico_by_signals() -> TestResult {
    for (orderly, end) in [(true, "signal"), (false, "died by a signal")] {
        for detached in [true, false] {
            let fixture = fixture(AgentKind::Platform).set(&format!("sigterm_orderly={orderly}"));
            let fixture = fixture.set(&format!("jvm_detached={detached}")).build()?;
            fixture.start()?;
            fixture.sh("mv /opt/mz/bin/mzsh /opt/mz/bin/mzsh.away")?;
            fixture.stop()?.assert_exit_code(OCF_SUCCESS);
            fixture.assert_nothing_left()?;
            if detached {
                // With mzsh's stdout the pico writes its thread dump into a pipe that nobody reads any more.
                assert_eq!(fixture.last_end_reason("platform")?.as_deref(), Some(end));
            }
        }
    }
    Ok(())
}

/// A pico that mzsh shutdown does not end is ended within the operation's timeout, whether that mzsh sends
/// SIGKILL in the end or gives up with code 4.
#[test]
fn stop_after_ineffective_mzsh_shutdown_ends_pico_in_time() -> TestResult {
    for failed in ["kill", "code-4"] {
        let fixture = fixture(AgentKind::Ec).set("ec1.stop_time=10m").set("shutdown_retry=10ms");
        let fixture = fixture.set(&format!("shutdown_failed={failed}")).build()?;
        fixture.start()?;
        let stop = fixture
            .agent()
            .meta_timeout(Duration::from_secs(12))
            .run("stop")?
            .assert_exit_code(OCF_SUCCESS);
        assert!(stop.wall_time < Duration::from_secs(11), "{stop}");
        assert_eq!(fixture.mzsh_call_count("shutdown ec1")?, 1);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// An mzsh that hangs in shutdown uses up neither the stop's time nor the time for the pico's orderly
/// shutdown by SIGTERM. It is ended itself.
#[test]
fn stop_with_hung_mzsh_ends_pico_by_sigterm_in_time() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.start()?;
    fixture.set(&["mzsh_time=10m"])?;
    // Pacemaker's shortest default timeout is 20 s; less must do.
    let stop = fixture
        .agent()
        .meta_timeout(Duration::from_secs(8))
        .run("stop")?
        .assert_exit_code(OCF_SUCCESS);
    assert!(stop.wall_time < Duration::from_secs(8), "{stop}");
    assert_eq!(
        fixture.last_end_reason("platform")?.as_deref(),
        Some("signal"),
        "SIGTERM had its time, too"
    );
    fixture.assert_nothing_left()?;
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    Ok(())
}

/// With few file descriptors a stop does all it can and claims no more than it knows: it ends the pico, or
/// fails and names the missing resource.
#[test]
fn stop_with_few_descriptors_ends_pico_or_names_missing_resource() -> TestResult {
    let mut ends = Vec::new();
    for descriptors in [4, 6, 8, 10, 12, 24] {
        // A step that cannot be done is retried until the timeout; a step that can be done gets the time for
        // it.
        let timeout = Duration::from_secs(if descriptors < 24 { 4 } else { 30 });
        let fixture = fixture(AgentKind::Platform).build()?;
        fixture.start()?;
        let stop =
            fixture.agent().descriptor_limit(descriptors).meta_timeout(timeout).run("stop")?;
        let alive = !fixture.pico_processes("platform")?.is_empty();
        assert!(!alive || stop.code() != Some(OCF_SUCCESS), "{stop}");
        if stop.code() != Some(OCF_SUCCESS) {
            let stop = stop.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&[
                "platform",
                &format!("no file descriptor left (RLIMIT_NOFILE {descriptors})"),
            ]);
            assert!(stop.wall_time > Duration::from_millis(1500), "it gave up: {stop}");
        }
        ends.push(if alive {
            "alive".to_owned()
        } else {
            fixture.last_end_reason("platform")?.unwrap_or_default()
        });
    }
    // Both results were seen; otherwise the limits above do not show the difference any more.
    ends.dedup();
    assert_eq!(ends, ["signal", "shutdown"]);
    Ok(())
}
