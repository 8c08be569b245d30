//! The Platform is absent or unreachable, and a pico that needs it for its start dies meanwhile. That pico
//! comes back by itself after the Platform does; no cleanup is needed.
//!
//! (The first of these scenarios takes five minutes. By its name it is the first of all scenarios, so that no
//! other waits for it at the end of a pass.)

use std::time::{Duration, Instant};

use lab::TestResult;
use lab::cluster_fixture::{CLUSTER_TIMEOUT, cluster_plan};

const OUTAGE: Duration = Duration::from_secs(5 * 60);

/// The Platform is absent for five minutes, and an EC dies. The cluster does not try to start the EC before
/// the Platform is back, so no failed start needs a cleanup. The other picos go on.
#[test]
fn ec_killed_during_platform_outage_starts_when_platform_returns() -> TestResult {
    let fixture = cluster_plan().up()?;
    let (platform, ec) = (fixture.single_process("platform")?, fixture.single_process("ec1")?);
    fixture.node("n1").exec(&[
        "crm_resource",
        "-r",
        "mz-platform",
        "--meta",
        "-p",
        "target-role",
        "-v",
        "Stopped",
    ])?;
    fixture.wait_until_dead(&platform)?;
    let away = Instant::now();
    fixture.lab.wait_until_settled()?;
    fixture.note_fault("kill -9 of ec1, while the Platform is away");
    fixture.signal(&ec, "KILL")?;
    fixture.wait_until_dead(&ec)?;
    fixture.lab.wait_until_settled()?;
    // The scenario consists of this time.
    fixture.lab.wait_until("five minutes to pass", 2 * OUTAGE, |lab| {
        assert!(lab.watcher().alive("ec1").is_empty(), "ec1 runs without the Platform");
        Ok(if away.elapsed() < OUTAGE { Err(format!("{:?}", away.elapsed())) } else { Ok(()) })
    })?;
    fixture.note_fault("the Platform may run again");
    fixture.node("n1").exec(&[
        "crm_resource",
        "-r",
        "mz-platform",
        "--meta",
        "-d",
        "target-role",
    ])?;
    fixture.wait_until_ready("platform", "n1")?;
    fixture.wait_until_ready("ec1", "n3")?;
    fixture.lab.wait_until_settled()?;
    fixture.assert_failed_once("mz-ec1", "n3")?;
    fixture.finish(&[("platform", &["n1"], 2), ("ec1", &["n3"], 2)])
}

/// An EC dies while none of its nodes can reach the running Platform, so that it cannot be started anywhere.
/// Once those failures have expired it is started again, without a cleanup.
#[test]
fn ec_killed_without_route_to_platform_recovers_without_cleanup() -> TestResult {
    let fixture = cluster_plan()
        .replace_in_resource("mz-ec1", "pico_name=ec1", "pico_name=ec1 wait_for_timeout=3s")
        .replace_in_resource("mz-ec1", "failure-timeout=600s", "failure-timeout=20s")
        .up()?;
    let ec = fixture.single_process("ec1")?;
    let block = |how: &str| -> TestResult {
        for node in ["n2", "n3"] {
            fixture.node(node).sh(&format!("ip route {how} unreachable 10.99.0.100/32"))?;
        }
        Ok(())
    };
    block("add")?;
    fixture.note_fault("kill -9 of ec1, while n2 and n3 do not reach the Platform's address");
    fixture.signal(&ec, "KILL")?;
    fixture.lab.wait_until("ec1 to be barred from both nodes", CLUSTER_TIMEOUT, |lab| {
        let status = lab.status()?;
        let barred = ["n2", "n3"].map(|node| status.fail_count("mz-ec1", node) == "INFINITY");
        Ok(if barred == [true, true] { Ok(()) } else { Err(status.to_string()) })
    })?;
    block("del")?;
    fixture.wait_until_back(&ec)?;
    fixture.finish(&[("ec1", &["n2", "n3"], 2)])
}

/// A UI that cannot be started any more does not move the Platform, with which it is colocated.
#[test]
fn ui_start_failure_leaves_platform_in_place() -> TestResult {
    let fixture = cluster_plan().up()?;
    let ui = fixture.single_process("ui")?;
    fixture.set_simulator("n1", "ui", "startup_outcome=code:1")?;
    fixture.note_fault("kill -9 of the UI, whose mzsh can't start it any more");
    fixture.signal(&ui, "KILL")?;
    fixture.lab.wait_until("the UI to be given up on n1", CLUSTER_TIMEOUT, |lab| {
        let status = lab.status()?;
        let barred = status.fail_count("mz-ui", "n1") == "INFINITY";
        Ok(if barred { Ok(()) } else { Err(status.to_string()) })
    })?;
    fixture.finish(&[("ui", &[], 1)])
}
