//! Faults of nodes and of their network. The picos of a lost node run on another node after the lost one was
//! fenced, and nothing else is touched.

use std::thread;

use lab::cluster_fixture::{CLUSTER_TIMEOUT, ClusterFixture, cluster_plan};
use lab::{Lab, LabNode, TestResult, TestkitError};

/// The Platform's node loses the network: it is fenced before the Platform starts on the other node. It boots
/// without network, has no quorum, and starts nothing. When the cable is back, it is a member again, and
/// nothing moves.
#[test]
fn network_cut_moves_platform_after_fencing() -> TestResult {
    let fixture = cluster_plan().up()?;
    fixture.note_fault("the network cable of n1 is pulled");
    fixture.node("n1").cut_network()?;
    fixture.wait_until_ready("platform", "n2")?;
    assert_eq!(fixture.fencing_count("n1")?, 1);
    wait_until_without_quorum(&fixture, "n1")?;
    fixture.node("n1").restore_network()?;
    fixture.wait_until_online("n1")?;
    assert_eq!(fixture.wait_for_probe("mz-platform", "n1")?, 7);
    assert_eq!(fixture.fencing_count("n1")?, 1, "it was fenced once");
    fixture.finish(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}

/// Corosync of the Platform's node freezes, while the Platform goes on. The node is fenced, and the Platform
/// runs on the other one.
#[test]
fn frozen_corosync_moves_platform_after_fencing() -> TestResult {
    let fixture = cluster_plan().up()?;
    fixture.note_fault("corosync of n1 gets SIGSTOP");
    fixture.node("n1").freeze_corosync()?;
    fixture.wait_until_ready("platform", "n2")?;
    assert_eq!(fixture.fencing_count("n1")?, 1);
    fixture.wait_until_online("n1")?;
    assert_eq!(fixture.wait_for_probe("mz-platform", "n1")?, 7);
    fixture.finish(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}

/// A node that returns after a power loss is probed for all picos. None runs there, so nothing moves back,
/// and nothing is restarted.
#[test]
fn returning_node_moves_and_restarts_nothing() -> TestResult {
    let fixture = cluster_plan().up()?;
    fixture.note_fault("the power of n3 is cut");
    fixture.node("n3").cut_power()?;
    for pico in ["ec1", "sc1"] {
        fixture.wait_until_ready(pico, "n2")?;
    }
    fixture.wait_until_online("n3")?;
    for resource in ["mz-platform", "mz-ui", "mz-ec1", "mz-ec2", "mz-sc1"] {
        assert_eq!(fixture.wait_for_probe(resource, "n3")?, 7, "{resource}");
    }
    let status = fixture.lab.status()?;
    assert!(status.fail_counts.is_empty() && status.failures.is_empty(), "{status}");
    assert_eq!(fixture.fencing_count("n3")?, 1);
    fixture.finish(&[("ec1", &["n2"], 2), ("sc1", &["n2"], 2)])
}

/// All nodes lose their power at once and get it back: everything starts once, in order. Nothing from before
/// the power loss is reported as running.
#[test]
fn power_cut_of_all_nodes_starts_everything_once_in_order() -> TestResult {
    let fixture = cluster_plan().up()?;
    let before = fixture.all_processes()?;
    fixture.note_fault("the power of all nodes is cut");
    on_all_nodes(&fixture, LabNode::cut_power)?;
    for seen in &before {
        fixture.wait_until_none_alive(&seen.pico)?;
    }
    on_all_nodes(&fixture, LabNode::power_on)?;
    for seen in &before {
        fixture.wait_until_back(seen)?;
    }
    for node in ["n1", "n2", "n3"] {
        fixture.wait_until_online(node)?;
    }
    let platform = fixture.wait_until_back(&before[0])?.ready.expect("it is ready");
    for ec in &before[1..] {
        let began = fixture.wait_until_back(ec)?.began;
        assert!(
            began >= platform,
            "{} began at {began}, the Platform was ready at {platform}",
            ec.pico
        );
    }
    let (first, others) = (&["n1", "n2"][..], &["n2", "n3"][..]);
    fixture.finish(&[
        ("platform", first, 2),
        ("ui", first, 2),
        ("ec1", others, 2),
        ("ec2", others, 2),
        ("sc1", others, 2),
    ])
}

/// Two of three nodes lose the network: none has quorum, so each stops its resources in an orderly way and
/// without fencing. When the cables are back, everything starts once.
#[test]
fn quorum_loss_stops_picos_without_fencing() -> TestResult {
    let fixture = cluster_plan().up()?;
    let before = fixture.all_processes()?;
    fixture.note_fault("the network cables of n2 and n3 are pulled");
    fixture.node("n2").cut_network()?;
    fixture.node("n3").cut_network()?;
    fixture.lab.wait_until("the end of all picos", CLUSTER_TIMEOUT, |lab| {
        let alive: Vec<_> =
            before.iter().flat_map(|seen| lab.watcher().alive(&seen.pico)).collect();
        Ok(if alive.is_empty() { Ok(()) } else { Err(format!("{alive:?}")) })
    })?;
    for node in ["n1", "n2", "n3"] {
        assert_eq!(fixture.fencing_count(node)?, 0, "{node}");
    }
    // The first node with quorum may fence one that is not there yet.
    on_all_nodes(&fixture, LabNode::restore_network)?;
    for seen in &before {
        fixture.wait_until_back(seen)?;
    }
    for node in ["n1", "n2", "n3"] {
        fixture.wait_until_online(node)?;
    }
    let status = fixture.lab.status()?;
    assert!(status.fail_counts.is_empty() && status.failures.is_empty(), "{status}");
    let (first, others) = (&["n1", "n2"][..], &["n2", "n3"][..]);
    fixture.finish(&[
        ("platform", first, 2),
        ("ui", first, 2),
        ("ec1", others, 2),
        ("ec2", others, 2),
        ("sc1", others, 2),
    ])
}

/// The cluster state marks a joined node as leaving (a stale `expected=down`), which can happen after a
/// network in three parts. The node stays pending until the doctor's remedy is applied, and neither restarts
/// or moves anything. On the README's cluster the doctor reports no error, on any node.
#[test]
fn stale_expected_down_is_repaired_by_doctor_remedy() -> TestResult {
    let fixture = cluster_plan().up()?;
    for node in ["n1", "n2", "n3"] {
        let rows = fixture.doctor_results(node)?;
        assert!(rows.iter().any(|row| row["resource"] == "mz-ec1"), "{node}: {rows:#?}");
        let errors: Vec<_> = rows.iter().filter(|row| row["level"] == "error").collect();
        assert!(errors.is_empty(), "{node}: {errors:#?}");
    }
    fixture.note_fault("the state of n3 says expected=down");
    let state = r#"<node_state id="3" uname="n3" expected="down"/>"#;
    fixture.node("n1").exec(&["cibadmin", "--modify", "--scope", "status", "--xml-text", state])?;
    let online =
        |lab: &Lab| lab.status().map(|status| status.member("n3").is_some_and(|n3| n3.online));
    fixture.wait_until_offline("n3")?;
    assert_eq!(fixture.stale_state_remedy("n2")?, None);
    let cure = fixture.stale_state_remedy("n3")?.expect("the doctor says what to do");
    assert!(!online(&fixture.lab)?, "it was not healed by being looked at");
    fixture.node("n1").sh(&cure)?;
    fixture.lab.wait_until("n3 to be online", CLUSTER_TIMEOUT, |lab| {
        Ok(if online(lab)? { Ok(()) } else { Err(cure.clone()) })
    })?;
    fixture.lab.wait_until_settled()?;
    fixture.assert_nothing_failed()?;
    fixture.finish(&[])
}

/// In a two-node cluster the node of the Platform loses its power. The other node fences it and runs
/// everything.
#[test]
fn power_cut_in_two_node_cluster_moves_platform() -> TestResult {
    let fixture = cluster_plan().with_two_nodes().up()?;
    fixture.note_fault("the power of n1 is cut");
    fixture.node("n1").cut_power()?;
    fixture.wait_until_ready("platform", "n2")?;
    assert_eq!(fixture.fencing_count("n1")?, 1);
    fixture.wait_until_online("n1")?;
    assert_eq!(fixture.wait_for_probe("mz-platform", "n1")?, 7);
    fixture.finish(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}

/// In a two-node cluster the node of the Platform is cut off, also from the power switch. It is fenced and
/// does not fence, and has no quorum until it has seen the other node.
#[test]
fn network_cut_in_two_node_cluster_moves_platform() -> TestResult {
    let fixture = cluster_plan().with_two_nodes().up()?;
    fixture.note_fault("the network cable of n1 is pulled");
    fixture.node("n1").cut_network()?;
    fixture.wait_until_ready("platform", "n2")?;
    assert_eq!((fixture.fencing_count("n1")?, fixture.fencing_count("n2")?), (1, 0));
    wait_until_without_quorum(&fixture, "n1")?;
    fixture.node("n1").restore_network()?;
    fixture.wait_until_online("n1")?;
    assert_eq!(fixture.wait_for_probe("mz-platform", "n1")?, 7);
    assert_eq!((fixture.fencing_count("n1")?, fixture.fencing_count("n2")?), (1, 0));
    fixture.finish(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}

/// Waits until a node has booted, is its own DC, and has no quorum.
fn wait_until_without_quorum(fixture: &ClusterFixture, node: &str) -> TestResult {
    fixture.lab.wait_until(&format!("{node} to be up and alone"), CLUSTER_TIMEOUT, |_| {
        let ran =
            fixture.node(node).try_exec(&["timeout", "10", "crm_mon", "-1", "--output-as=xml"])?;
        let alone = ran.stdout.contains("<current_dc present=\"true\"")
            && ran.stdout.contains("with_quorum=\"false\"");
        Ok(if alone { Ok(()) } else { Err(ran.to_string()) })
    })
}

/// Does this to all nodes, without waiting for one before the next.
fn on_all_nodes<'a>(
    fixture: &'a ClusterFixture,
    act: impl Fn(LabNode<'a>) -> Result<(), TestkitError> + Sync,
) -> TestResult {
    let act = &act;
    thread::scope(|scope| {
        let all: Vec<_> = fixture.lab.nodes().map(|node| scope.spawn(move || act(node))).collect();
        all.into_iter().try_for_each(|one| one.join().expect("a thread that calls the lab"))
    })
}
