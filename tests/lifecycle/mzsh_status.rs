//! Depth 20: `mzsh status` beside the HA Monitor Server. mzsh is evidence of health, never of absence.

use testkit::{AgentCall, TestkitError};

use testkit::TestResult;
use testkit::assertions::{AgentAssertions, OCF_DEGRADED, OCF_ERR_GENERIC, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, fixture};

/// Each way in which mzsh reports a running pico as unhealthy.
const UNHEALTHY_STATUSES: [&str; 3] = ["exit 1", "exit 2", "exec sleep 1000000"];

fn fixture_with_scripted_status(kind: AgentKind) -> Result<Fixture, TestkitError> {
    let fixture = fixture(kind).build()?;
    fixture.start()?;
    fixture.wrap_mzsh("[ \"$1\" != status ] || . /tmp/status")?;
    Ok(fixture)
}

fn deep_monitor<'a>(fixture: &'a Fixture, status: &str) -> Result<AgentCall<'a>, TestkitError> {
    fixture.node.write("/tmp/status", status)?;
    Ok(fixture.recurring_monitor(20).param("mzsh_timeout", "1s").param("monitor_retries", "0"))
}

#[test]
fn mzsh_status_does_not_fail_pico_with_healthy_ha_server() -> TestResult {
    let fixture = fixture_with_scripted_status(AgentKind::Platform)?;
    for status in UNHEALTHY_STATUSES {
        deep_monitor(&fixture, status)?
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
    }
    let log = fixture.log()?;
    assert_eq!(log.matches("mzsh status: ").count(), UNHEALTHY_STATUSES.len(), "{log}");
    deep_monitor(&fixture, UNHEALTHY_STATUSES[0])?
        .param("degraded", "yes")
        .run("monitor")?
        .assert_exit_code(OCF_DEGRADED)
        .assert_reason(&["status"]);
    Ok(())
}

#[test]
fn mzsh_status_fails_monitor_without_ha_check() -> TestResult {
    let fixture = fixture_with_scripted_status(AgentKind::Platform)?;
    for status in UNHEALTHY_STATUSES {
        let call = deep_monitor(&fixture, status)?.param("ha_check", "no");
        call.run("monitor")?
            .assert_exit_code(OCF_ERR_GENERIC)
            .assert_reason(&["platform", "is alive; mzsh status: "]);
    }
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    // The hung mzsh was ended; only the pico lives.
    assert_eq!(fixture.processes()?.len(), 1);
    Ok(())
}

#[test]
fn ec_without_platform_is_not_failed_by_mzsh_status() -> TestResult {
    let fixture = fixture_with_scripted_status(AgentKind::Ec)?;
    let not_well = || {
        Ok::<_, TestkitError>(
            deep_monitor(&fixture, UNHEALTHY_STATUSES[0])?.param("ha_check", "no"),
        )
    };
    not_well()?.run("monitor")?.assert_exit_code(OCF_ERR_GENERIC);
    fixture.signal(fixture.single_pico("platform")?.pid, "KILL")?;
    not_well()?.run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    Ok(())
}

#[test]
fn second_mzsh_status_within_monitor_suffices() -> TestResult {
    let fixture = fixture_with_scripted_status(AgentKind::Platform)?;
    let once = "mkdir /tmp/asked 2>/dev/null && exit 1";
    let call = deep_monitor(&fixture, once)?.param("ha_check", "no").param("monitor_retries", "1");
    call.run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    Ok(())
}

#[test]
fn success_of_other_depth_does_not_reset_failure_count() -> TestResult {
    let fixture = fixture_with_scripted_status(AgentKind::Platform)?;
    let tolerant = || {
        Ok::<_, TestkitError>(
            deep_monitor(&fixture, UNHEALTHY_STATUSES[0])?.param("ha_check", "no"),
        )
    };
    let tolerant = || Ok::<_, TestkitError>(tolerant()?.param("failures_tolerated", "1"));
    tolerant()?.run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    for level in [0, 10] {
        tolerant()?
            .check_level(level)
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
    }
    tolerant()?.run("monitor")?.assert_exit_code(OCF_ERR_GENERIC);
    Ok(())
}
