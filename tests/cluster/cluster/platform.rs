//! Faults of the Platform and of its node. The ECs go on in every one of them: none is restarted because the
//! Platform was.

use std::fs;

use lab::TestResult;
use lab::cluster_fixture::{CLUSTER_TIMEOUT, cluster_plan};

/// The first start brings up storage and address before the Platform, and the Platform before the ECs.
#[test]
fn first_start_brings_picos_up_in_order() -> TestResult {
    let fixture = cluster_plan().up()?;
    let lives = fixture.lifetimes()?;
    let of = |pico: &str| lives.iter().find(|life| life.pico == pico).expect("all are up");
    let ready = of("platform").ready.expect("it is ready");
    for ec in ["ui", "ec1", "ec2", "sc1"] {
        assert!(
            of(ec).began >= ready,
            "{ec} began at {}, the Platform was ready at {ready}",
            of(ec).began
        );
    }
    // Checked from outside the nodes, at the address that clients use.
    fixture.node("host").exec(&["bash", "-c", "</dev/tcp/10.99.0.100/6790"])?;
    fixture.finish(&[])
}

/// A killed Platform is started again on its node, and one failure is counted.
#[test]
fn killed_platform_restarts_on_same_node() -> TestResult {
    let fixture = cluster_plan().up()?;
    fixture.kill_pico("platform", "kill -9 of the Platform")?;
    fixture.lab.wait_until_settled()?;
    fixture.assert_failed_once("mz-platform", "n1")?;
    fixture.finish(&[("platform", &["n1"], 2)])
}

/// A Platform that was stopped by SIGSTOP is found hung, ended, and started again on its node.
#[test]
fn sigstopped_platform_restarts_on_same_node() -> TestResult {
    let fixture = cluster_plan().up()?;
    let before = fixture.single_process("platform")?;
    fixture.note_fault("SIGSTOP to the Platform");
    fixture.signal(&before, "STOP")?;
    fixture.wait_until_back(&before)?;
    fixture.lab.wait_until_settled()?;
    fixture.assert_failed_once("mz-platform", "n1")?;
    fixture.finish(&[("platform", &["n1"], 2)])
}

/// The node of the Platform loses its power: it is fenced, and then the Platform runs on the other node,
/// never on both.
#[test]
fn power_cut_moves_platform_after_fencing() -> TestResult {
    let fixture = cluster_plan().up()?;
    fixture.note_fault("the power of n1 is cut");
    fixture.node("n1").cut_power()?;
    fixture.wait_until_ready("platform", "n2")?;
    assert_eq!(fixture.fencing_count("n1")?, 1);
    fixture.wait_until_online("n1")?;
    fixture.finish(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}

/// A node is put into standby: the Platform moves to the other node in an orderly way, and does not fail
/// back.
#[test]
fn standby_moves_platform_without_failback() -> TestResult {
    let fixture = cluster_plan().up()?;
    fixture.note_fault("n1 goes into standby");
    fixture.node("n1").exec(&["pcs", "node", "standby", "n1"])?;
    fixture.wait_until_ready("platform", "n2")?;
    fixture.node("n1").exec(&["pcs", "node", "unstandby", "n1"])?;
    fixture.wait_until_online("n1")?;
    let status = fixture.lab.status()?;
    assert!(status.fail_counts.is_empty(), "{status}");
    assert_eq!(fixture.fencing_count("n1")?, 0);
    fixture.finish(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}

/// A Platform and a UI wait for storage that does not answer, so that no signal ends them. Their stops fail
/// in time, their node is fenced, and they run on the other one.
#[test]
fn failing_stop_fences_node_and_moves_platform() -> TestResult {
    let fixture = cluster_plan()
        .stop_timeout("20s")
        .replace_in_resource("mz-ui", "op stop timeout=360s", "op stop timeout=20s")
        .up()?;
    let n1 = fixture.node("n1");
    // The Platform writes there when it gets a signal to end.
    n1.hang_storage("/opt/mz/sim/history.jsonl", "open")?;
    let pid = fixture.single_process("platform")?.pid;
    n1.exec(&["kill", &pid.to_string()])?;
    fixture.lab.wait_until("the Platform to wait for storage", CLUSTER_TIMEOUT, |_| {
        let stat = n1.sh(&format!("cat /proc/{pid}/stat"))?;
        Ok(if stat.contains(") D ") { Ok(()) } else { Err(stat) })
    })?;
    fixture.note_fault("n1 goes into standby, and the stop of the Platform can't succeed");
    fixture.node("n2").exec(&["crm_standby", "-N", "n1", "-v", "on"])?;
    fixture.wait_until_ready("platform", "n2")?;
    assert_eq!(fixture.fencing_count("n1")?, 1);
    let log = fs::read_to_string(fixture.lab.host_path("n1", "/var/log/pacemaker/pacemaker.log"))
        .expect("n1 has a log");
    let said = log
        .lines()
        .find(|line| line.contains("ERROR: stop: platform"))
        .expect("the stop has said why");
    assert!(said.contains("(D)"), "{said}");
    fixture.wait_until_online("n1")?;
    fixture.finish(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}

/// With `on-fail=fence` for the monitor of depth 0, a death that a waiting monitor detects has the node
/// fenced. The Platform runs on the other one.
#[test]
fn killed_platform_with_on_fail_fence_is_fenced() -> TestResult {
    let monitor = "monitor interval=1s timeout=60s";
    let fixture = cluster_plan()
        .replace_in_resource("mz-platform", monitor, &format!("{monitor} on-fail=fence"))
        .up()?;
    let before = fixture.single_process("platform")?;
    fixture.note_fault("kill -9 of the Platform, which is to be fenced then");
    fixture.signal(&before, "KILL")?;
    fixture.wait_until_ready("platform", "n2")?;
    assert_eq!(fixture.fencing_count("n1")?, 1);
    fixture.wait_until_online("n1")?;
    fixture.finish(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}

/// ECs and SC go on while the Platform fails over. They lose contact, none is restarted, and then they have
/// contact with the new Platform.
#[test]
fn fail_over_of_platform_restarts_no_ec() -> TestResult {
    let fixture = cluster_plan().up()?;
    let others = [("ec1", "n3"), ("sc1", "n3"), ("ec2", "n2")];
    let until_all_say = |what: &str| -> TestResult {
        // Each EC once: the time without a Platform is short, and an mzsh that finds none takes a second.
        let mut have_said = Vec::new();
        fixture.lab.wait_until(&format!("all to say {what:?}"), CLUSTER_TIMEOUT, |_| {
            for (pico, node) in
                others.iter().copied().filter(|(pico, _)| !have_said.contains(pico)).collect::<Vec<_>>()
            {
                let line = format!(
                    "setpriv --reuid 4711 --regid 4711 --clear-groups /opt/ec/bin/mzsh status {pico}"
                );
                let said = fixture.node(node).sh(&line)?;
                if said.trim_end() != format!("{pico} is {what}") {
                    return Ok(Err(said));
                }
                have_said.push(pico);
            }
            Ok(Ok(()))
        })
    };
    until_all_say("running")?;
    fixture.note_fault("the power of n1 is cut");
    fixture.node("n1").cut_power()?;
    until_all_say("running without contact with the platform RCP service")?;
    fixture.wait_until_ready("platform", "n2")?;
    until_all_say("running")?;
    fixture.wait_until_online("n1")?;
    let status = fixture.lab.status()?;
    assert!(status.fail_counts.is_empty(), "{status}");
    fixture.finish(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}

/// The address does not move with the Platform: the Platform refuses to start and names it, instead of
/// running where no client finds it. It runs again when its first node is back.
#[test]
fn missing_address_refuses_start_until_first_node_returns() -> TestResult {
    let fixture = cluster_plan()
        .replace_in_configuration(
            "group mz mz-storage mz-address mz-platform",
            "group mz mz-storage mz-platform",
        )
        .with_crm_lines("location mz-address-not-on-n2 mz-address -inf: n2")
        .with_crm_lines("location mz-address-not-on-n3 mz-address -inf: n3")
        .up()?;
    fixture.note_fault("n1 goes into standby, and the address does not go to n2");
    fixture.node("n2").exec(&["crm_standby", "-N", "n1", "-v", "on"])?;
    fixture.lab.wait_until("the Platform to be refused on n2", CLUSTER_TIMEOUT, |lab| {
        let status = lab.status()?;
        let refused = status.fail_count("mz-platform", "n2") == "INFINITY";
        Ok(if refused { Ok(()) } else { Err(status.to_string()) })
    })?;
    fixture.lab.wait_until_settled()?;
    let status = fixture.lab.status()?;
    let said =
        status.failures.iter().find(|failure| failure.starts_with("mz-platform_start_0 on n2"));
    assert!(
        said.is_some_and(|said| said.contains("10.99.0.100") && said.contains("node")),
        "{status}"
    );
    assert!(fixture.lab.watcher().alive("platform").is_empty(), "no JVM was started");
    fixture.node("n2").exec(&["crm_standby", "-N", "n1", "-v", "off"])?;
    fixture.wait_until_ready("platform", "n1")?;
    fixture.wait_until_ready("ui", "n1")?;
    fixture.finish(&[("platform", &["n1"], 2), ("ui", &["n1"], 2)])
}
