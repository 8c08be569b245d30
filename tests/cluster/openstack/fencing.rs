//! Fencing by the unmodified `fence_openstack`.

use std::time::{Duration, Instant};

use lab::TestResult;
use lab::cluster_fixture::cluster_plan;
use lab::openstack::{CloudFixture, fence_openstack};

/// The time that Nova grants a guest to stop before it pulls the plug.
const NOVA_GRACE: Duration = Duration::from_secs(60);

/// A node that crashed is fenced, and the Platform runs on the other one. Nova knows of the crash, so
/// it does not wait for the guest. Then the other node hangs with all its processes. Nova pulls the
/// plug after its 60 s, and the Platform runs on the first node again.
#[test]
fn crashed_node_and_hung_node_are_fenced_through_nova() -> TestResult {
    let fixture = CloudFixture::up("fencing", cluster_plan(), fence_openstack)?;
    let n1 = fixture.cluster.node("n1");
    fixture.cluster.note_fault("the power of n1 is cut");
    n1.cut_power()?;
    fixture.wait_until_ready("platform", "n2")?;
    fixture.wait_for_server("n1", "ACTIVE")?;
    fixture.cluster.wait_until_online("n1")?;
    assert_eq!(fixture.fencing_counts("n1")?, (1, 0));

    for (pico, _) in fixture.cluster.home_nodes() {
        for process in fixture.cluster.lab.watcher().alive(pico) {
            if process.node == "n2" {
                fixture.cluster.excuse_heartbeat(&process);
            }
        }
    }
    fixture.cluster.note_fault("all processes of n2 are stopped");
    let hung = Instant::now();
    fixture.cluster.node("n2").exec(&["bash", "-c", "kill -STOP -1"])?;
    fixture.wait_until_ready("platform", "n1")?;
    assert!(hung.elapsed() > NOVA_GRACE, "fenced after {:?}", hung.elapsed());
    fixture.wait_for_server("n2", "ACTIVE")?;
    fixture.cluster.wait_until_online("n2")?;
    assert_eq!(fixture.fencing_counts("n2")?, (1, 0));
    fixture.finish(&[("platform", &["n1"], 3), ("ui", &["n1"], 3), ("ec2", &["n2", "n3"], 2)])
}

/// Without `pcmk_host_map` the device is up and each fencing fails, because Nova finds a server by its
/// id only. A device with the map fences the node.
#[test]
fn device_without_host_map_does_not_fence() -> TestResult {
    let fixture = CloudFixture::up("no_host_map", cluster_plan(), |_| {
        "primitive power stonith:fence_openstack params cloud=mz op start timeout=60s".to_owned()
    })?;
    fixture.cluster.note_fault("the power of n1 is cut");
    fixture.cluster.node("n1").cut_power()?;
    fixture.cluster.lab.wait_until("two failed fencings of n1", 3 * NOVA_GRACE, |_| {
        let (succeeded, failed) = fixture.fencing_counts("n1")?;
        assert_eq!(succeeded, 0, "n1 was fenced");
        Ok(if failed >= 2 { Ok(()) } else { Err(format!("{failed} failed")) })
    })?;
    assert!(fixture.cluster.lab.watcher().alive("platform").is_empty(), "n1 may still run it");
    fixture.cluster.node("n2").sh(&format!(
        "crm_resource --resource power --set-parameter pcmk_host_map --parameter-value '{}'",
        fixture.project.host_map()
    ))?;
    fixture.wait_until_ready("platform", "n2")?;
    fixture.cluster.wait_until_online("n1")?;
    fixture.finish(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}
