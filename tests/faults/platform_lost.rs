//! The Platform is lost, or hangs: picos that depend on it go on, and can be stopped without it.

use testkit::TestResult;
use testkit::assertions::{AgentAssertions, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, as_recurring_monitor, fixture};

fn wait_until_contact_is_lost(fixture: &Fixture) -> TestResult {
    fixture.wait_until("the Platform to be missed", |fixture| {
        let status = fixture.mzsh(&["status", fixture.pico()])?;
        Ok(if status.stdout.contains("without contact") { Ok(()) } else { Err(status.to_string()) })
    })
}

/// EC, SC and Web UI are healthy for every monitor while the Platform is dead, whatever code mzsh returns for
/// "running without contact". That holds without any other check than mzsh, even if mzsh reports "not
/// responding". A stop ends them in an orderly shutdown.
#[test]
fn picos_stay_healthy_and_stoppable_when_platform_dies() -> TestResult {
    for kind in [AgentKind::Ec, AgentKind::Sc, AgentKind::Ui] {
        for code in ["0", "1"] {
            let fixture =
                fixture(kind).set(&format!("status_without_platform_code={code}")).build()?;
            let pico = fixture.start()?;
            fixture.signal(fixture.single_pico("platform")?.pid, "KILL")?;
            wait_until_contact_is_lost(&fixture)?;
            for level in [0, 10, 20] {
                fixture.monitor(level)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
            }
            let alone =
                || as_recurring_monitor(fixture.agent(), 20).param("ha_check", "no").run("monitor");
            alone()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
            fixture.override_mzsh_verb("status", "echo not responding; exit 1")?;
            alone()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
            fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
            assert!(fixture.is_alive(&pico)?);
            fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
            assert_eq!(fixture.last_end_reason(fixture.pico())?.as_deref(), Some("shutdown"));
            fixture.assert_nothing_left()?;
        }
    }
    Ok(())
}

/// A real EC whose Platform hangs and does not answer is healthy. A stop ends it in an orderly shutdown.
#[test]
fn ec_stays_healthy_and_stoppable_when_platform_hangs() -> TestResult {
    let fixture = fixture(AgentKind::Ec).jvm().set("rcp_timeout=300ms").build()?;
    fixture.start()?;
    fixture.signal(fixture.single_pico("platform")?.pid, "STOP")?;
    for level in [0, 10, 20] {
        fixture.monitor(level)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    }
    as_recurring_monitor(fixture.agent(), 20)
        .param("ha_check", "no")
        .run("monitor")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    assert_eq!(fixture.last_end_reason("ec1")?.as_deref(), Some("shutdown"));
    fixture.assert_nothing_left()
}

/// An EC, an SC or a Web UI that has lost contact to a Platform that answers others is healthy: mzsh's text
/// counts, whatever its code.
#[test]
fn picos_without_contact_to_live_platform_stay_healthy() -> TestResult {
    for kind in [AgentKind::Ec, AgentKind::Sc, AgentKind::Ui] {
        for code in [0, 1, 2] {
            let fixture = fixture(kind).build()?;
            fixture.start()?;
            let words = format!(
                "{} is running without contact with the platform RCP service",
                fixture.pico()
            );
            fixture.override_mzsh_verb("status", &format!("echo {words}; exit {code}"))?;
            as_recurring_monitor(fixture.agent(), 20)
                .param("ha_check", "no")
                .run("monitor")?
                .assert_exit_code(OCF_SUCCESS)
                .assert_no_output();
        }
    }
    Ok(())
}
