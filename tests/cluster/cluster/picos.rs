//! Faults of picos other than the Platform. None of them affects another pico.

use std::time::Duration;

use lab::TestResult;
use lab::cluster_fixture::{ClusterPlan, ConfigurationTool, cluster_plan};

/// Kills a pico with SIGKILL; it comes back on its node.
fn assert_killed_pico_restarts(plan: ClusterPlan, pico: &str, node: &str) -> TestResult {
    let fixture = plan.up()?;
    fixture.kill_pico(pico, &format!("kill -9 of {pico}"))?;
    fixture.lab.wait_until_settled()?;
    fixture.assert_failed_once(&format!("mz-{pico}"), node)?;
    fixture.finish(&[(pico, &[node], 2)])
}

/// A killed EC is started again on its node, and one failure is counted.
#[test]
fn killed_ec_restarts_on_same_node() -> TestResult {
    assert_killed_pico_restarts(cluster_plan(), "ec1", "n3")
}

/// An EC is killed while one monitor waits and a deeper one is due after it. One failure is counted here,
/// too.
#[test]
fn killed_ec_with_deeper_monitor_due_counts_one_failure() -> TestResult {
    let fixture = cluster_plan()
        .replace_in_resource("mz-ec1", "monitor interval=30s", "monitor interval=2s")
        .up()?;
    // By then depth 0 waits, and the deeper monitor is due after it.
    fixture.wait_for_log_line(
        "n3",
        &["Result of monitor operation for mz-ec1 on n3: ok", "mz-ec1_monitor_2000"],
    )?;
    fixture.lab.pause(Duration::from_secs(4))?;
    fixture.kill_pico("ec1", "kill -9 of ec1 while its deeper monitor is due")?;
    fixture.lab.wait_until_settled()?;
    fixture.assert_failed_once("mz-ec1", "n3")?;
    fixture.finish(&[("ec1", &["n3"], 2)])
}

/// A killed SC is started again on its node, and one failure is counted.
#[test]
fn killed_sc_restarts_on_same_node() -> TestResult {
    assert_killed_pico_restarts(cluster_plan().with_tool(ConfigurationTool::Pcs), "sc1", "n3")
}

/// A killed UI is started again beside the Platform, which is not affected. One failure is counted.
#[test]
fn killed_ui_restarts_beside_platform() -> TestResult {
    assert_killed_pico_restarts(cluster_plan(), "ui", "n1")
}

/// An EC that ends neither by mzsh's shutdown nor by SIGTERM is ended by SIGKILL before its stop times out.
/// It moves to the other node without fencing.
#[test]
fn stop_escalating_to_sigkill_moves_ec_without_fencing() -> TestResult {
    let fixture = cluster_plan()
        .set("ec1", "stop_time=60m")
        .replace_in_resource("mz-ec1", "op stop timeout=360s", "op stop timeout=20s")
        .up()?;
    let before = fixture.single_process("ec1")?;
    fixture.note_fault("n3 goes into standby, and an orderly stop of ec1 would take an hour");
    fixture.node("n2").exec(&["crm_standby", "-N", "n3", "-v", "on"])?;
    fixture.wait_until_back(&before)?;
    fixture.assert_nothing_failed()?;
    let history = fixture.history()?;
    let of_ec1 = |pid: u32, event: &str| {
        history
            .iter()
            .any(|e| e.node == "n3" && e.pico == "ec1" && e.pid == pid && e.event == event)
    };
    assert!(
        of_ec1(before.pid, "start") && !of_ec1(before.pid, "end"),
        "a killed pico writes of no end"
    );
    fixture.wait_for_log_line("n3", &["ec1", "SIGKILL"])?;
    fixture.finish(&[("ec1", &["n2"], 2), ("sc1", &["n2"], 2)])
}

/// An EC that dies and cannot be started on its node is started on the other one. It stays there when the
/// failure has expired.
#[test]
fn ec_failing_to_start_moves_to_other_node_and_stays() -> TestResult {
    let fixture = cluster_plan().up()?;
    let before = fixture.single_process("ec2")?;
    fixture.set_simulator("n2", "ec2", "startup_outcome=code:1")?;
    fixture.note_fault("kill -9 of ec2, whose mzsh can't start it on n2 any more");
    fixture.signal(&before, "KILL")?;
    fixture.wait_until_ready("ec2", "n3")?;
    fixture.lab.wait_until_settled()?;
    let status = fixture.lab.status()?;
    assert_eq!(status.fail_count("mz-ec2", "n2"), "INFINITY", "{status}");
    let said = |failure: &&String| failure.starts_with("mz-ec2_start_0 on n2: 1 ec2");
    assert!(status.failures.iter().any(|failure| said(&failure)), "{status}");
    // The cluster's plan for an hour later, if nothing happens.
    let later = fixture.node("n1").sh(
        "crm_simulate --simulate --live-check --set-datetime \"$(date -d '1 hour' '+%F %T')\"",
    )?;
    let (_, planned) = later.split_once("Transition Summary:").expect("it has a plan");
    let (planned, carried_out) = planned.split_once("Executing").unwrap_or((planned, ""));
    assert!(
        carried_out.contains("clear_failcount for mz-ec2 on n2"),
        "the failure is forgotten: {later}"
    );
    assert_eq!(planned.trim(), "", "{later}");
    fixture.finish(&[("ec2", &["n3"], 2)])
}
