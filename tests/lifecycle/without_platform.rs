//! EC, SC and Web UI need the Platform to start, and not to keep running.

use std::time::Duration;

use testkit::TestResult;
use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fixture::{AgentKind, fixture};

#[test]
fn start_without_platform_fails_and_names_its_address() -> TestResult {
    for kind in [AgentKind::Ec, AgentKind::Sc, AgentKind::Ui] {
        let fixture = fixture(kind).without_platform().build()?;
        let start = fixture.agent().param("wait_for_timeout", "1s").run("start")?;
        let start = start
            .assert_exit_code(OCF_ERR_GENERIC)
            .assert_reason(&[fixture.pico(), "localhost:6790"]);
        assert!(start.wall_time < Duration::from_secs(4), "{start}");
        assert_eq!(fixture.mzsh_call_count("")?, 0, "mzsh was not even asked");
        fixture.assert_nothing_left()?;
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    }
    Ok(())
}

#[test]
fn start_waits_until_platform_answers() -> TestResult {
    let fixture = fixture(AgentKind::Ec).without_platform().build()?;
    let start = std::thread::scope(|scope| {
        let start = scope.spawn(|| fixture.agent().run("start"));
        fixture.wait_for_sleeping_agent("start")?;
        fixture.mzsh(&["startup", "platform"])?.expect_code(0)?;
        start.join().expect("the start's thread does not panic")
    })?;
    start.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.single_pico("ec1").map(drop)
}

/// The product's behaviour is not documented: whatever it is, the agent's answer follows the process.
#[test]
fn start_without_wait_for_has_outcome_of_mzsh() -> TestResult {
    for (switch, code, why) in [
        ("fail", OCF_ERR_GENERIC, "No open connection"),
        ("errors", OCF_ERR_GENERIC, "started with errors"),
        ("start", OCF_SUCCESS, ""),
    ] {
        let fixture = fixture(AgentKind::Ec).without_platform();
        let fixture = fixture.set(&format!("ec_startup_without_platform={switch}")).build()?;
        // An empty list.
        fixture
            .agent()
            .param("wait_for", ",")
            .run("start")?
            .assert_exit_code(code)
            .assert_reason(&[why]);
        if code == OCF_SUCCESS {
            fixture.single_pico("ec1")?;
            fixture.monitor(20)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        } else {
            fixture.assert_nothing_left()?;
        }
    }
    Ok(())
}

#[test]
fn ec_stays_healthy_when_platform_dies() -> TestResult {
    for code in ["0", "1"] {
        let fixture =
            fixture(AgentKind::Ec).set(&format!("status_without_platform_code={code}")).build()?;
        let ec = fixture.start()?.pid;
        fixture.signal(fixture.single_pico("platform")?.pid, "KILL")?;
        fixture.wait_until("the EC to miss the Platform", |fixture| {
            let status = fixture.mzsh(&["status", "ec1"])?;
            Ok(if status.stdout.contains("without contact") {
                Ok(())
            } else {
                Err(status.to_string())
            })
        })?;
        for level in [0, 10, 20] {
            fixture.monitor(level)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        }
        fixture.mzsh(&["startup", "platform"])?.expect_code(0)?;
        fixture.monitor(20)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        assert_eq!(fixture.single_pico("ec1")?.pid, ec, "nobody restarted it");
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}
