//! Deaths that Pacemaker drops, and deaths that it counts and does not recover at once.
//!
//! Pacemaker drops a death that is reported during the transition that started the monitor. In all of these
//! scenarios `cluster-recheck-interval` is far too long to help.

use std::time::Duration;

use lab::cluster_fixture::{CLUSTER_TIMEOUT, ClusterFixture, ClusterPlan, cluster_plan};
use lab::timeline::ClusterLogEvent;
use lab::{TestResult, TestkitError, process_watcher, report};

/// Longer than the 20 s after which a death that was not counted is reported again.
const AGAIN: Duration = Duration::from_secs(25);

/// The README's deeper monitor, which reports a death by itself, also if the first report was counted.
const DEEPER: &str = "op monitor interval=30s timeout=60s OCF_CHECK_LEVEL=10";

fn plan() -> ClusterPlan {
    cluster_plan()
        .replace_in_configuration("cluster-recheck-interval=60s", "cluster-recheck-interval=15min")
}

/// Completion time of the last start of a resource, in milliseconds since 1970.
fn started(fixture: &ClusterFixture, resource: &str) -> Option<u64> {
    let moments = report::log_events(&fixture.lab, process_watcher::now_ms());
    let starts = moments.iter().filter(|(_, told)| {
        matches!(told, ClusterLogEvent::Ran { resource: of, action, .. } if of == resource && action == "start")
    });
    starts.map(|(time, _)| *time).max()
}

/// Waits until the pico is a process other than this one; it need not be ready.
fn until_begun_anew(
    fixture: &ClusterFixture,
    before: &process_watcher::WatchedProcess,
) -> TestResult {
    fixture.lab.wait_until(&format!("another {}", before.pico), CLUSTER_TIMEOUT, |lab| {
        let alive = lab.watcher().alive(&before.pico);
        let another = alive.iter().any(|seen| (seen.pid, &seen.node) != (before.pid, &before.node));
        Ok(if another { Ok(()) } else { Err(format!("{alive:?}")) })
    })
}

/// An EC dies while an SC, which moves to the same node in the same transition, takes a minute to start. All
/// reports of the death are dropped. The EC is back within 60 s of the SC's start, with one failure counted.
/// On its former node a failure of it was counted long ago.
#[test]
fn ec_dies_while_sc_starts() -> TestResult {
    let fixture = plan().up()?;
    let [ec1, sc1] = [fixture.single_process("ec1")?, fixture.single_process("sc1")?];
    for interval in ["1000", "30000"] {
        let attribute = format!("last-failure-mz-ec1#monitor_{interval}");
        fixture.node("n3").exec(&["attrd_updater", "--name", &attribute, "--update", "1"])?;
    }
    fixture.set_simulator("n2", "sc1", "start_time=60s")?;
    fixture.node("n1").exec(&["crm_standby", "-N", "n3", "-v", "on"])?;
    fixture.wait_until_back(&ec1)?;
    until_begun_anew(&fixture, &sc1)?;
    for monitor in ["mz-ec1_monitor_1000", "mz-ec1_monitor_30000"] {
        fixture.wait_for_log_line(
            "n2",
            &["Result of monitor operation for mz-ec1 on n2: ok", monitor],
        )?;
    }
    let dead = fixture.single_process("ec1")?;
    fixture.note_fault("kill -9 of ec1, in the transition in which sc1 takes a minute to start");
    fixture.signal(&dead, "KILL")?;
    fixture.wait_until_dead(&dead)?;
    fixture.lab.pause(AGAIN)?;
    let status = fixture.lab.status()?;
    assert!(status.fail_counts.is_empty(), "the cluster has not dropped it: {status}");
    fixture.wait_until_ready("sc1", "n2")?;
    let back = fixture.wait_until_back(&dead)?;
    let (back, ended) = back.ready.zip(started(&fixture, "mz-sc1")).expect("both are up");
    let said =
        format!("ec1 is back {} ms after the end of the start of sc1", back.saturating_sub(ended));
    println!("{said}");
    assert!(ended < back && back < ended + 60_000, "{said}");
    fixture.lab.wait_until_settled()?;
    fixture.assert_failed_once("mz-ec1", "n2")?;
    fixture.finish(&[("ec1", &["n2"], 3), ("sc1", &["n2"], 2)])
}

/// Two ECs die: one is unmanaged, and the other has to wait until an SC has started. Both deaths are counted,
/// and neither is reported again.
#[test]
fn deaths_that_were_counted() -> TestResult {
    let alone = |plan: ClusterPlan, resource| plan.replace_in_resource(resource, DEEPER, "");
    let fixture = ["mz-ec1", "mz-ec2"].into_iter().fold(plan(), alone).up()?;
    let managed = |words: &[&str]| {
        let all = [&["crm_resource", "--resource", "mz-ec2", "--meta"], words].concat();
        fixture.node("n1").exec(&all).map(drop)
    };
    managed(&["--set-parameter", "is-managed", "--parameter-value", "false"])?;
    fixture.lab.wait_until_settled()?;
    let sc1 = fixture.single_process("sc1")?;
    fixture.set_simulator("n3", "sc1", "start_time=40s")?;
    fixture.signal(&sc1, "KILL")?;
    until_begun_anew(&fixture, &sc1)?;
    let dead = [fixture.single_process("ec1")?, fixture.single_process("ec2")?];
    fixture.note_fault("kill -9 of ec1, while sc1 is started, and of ec2, which is not managed");
    fixture.kill_processes(&dead)?;
    dead.iter().try_for_each(|dead| fixture.wait_until_dead(dead))?;
    fixture.lab.pause(AGAIN)?;
    let counted_once = || -> Result<(), TestkitError> {
        let status = fixture.lab.status()?;
        let counted = ["mz-ec1", "mz-ec2"].map(|ec| {
            let on = if ec == "mz-ec1" { "n3" } else { "n2" };
            status.fail_count(ec, on).to_owned()
        });
        assert_eq!(counted, ["1", "1"], "{status}");
        Ok(())
    };
    counted_once()?;
    assert!(fixture.lab.watcher().alive("ec1").is_empty(), "ec1 waits for sc1");
    fixture.wait_until_back(&dead[0])?;
    counted_once()?;
    fixture.note_fault("ec2 is managed again");
    managed(&["--delete-parameter", "is-managed"])?;
    fixture.wait_until_back(&dead[1])?;
    fixture.lab.wait_until_settled()?;
    counted_once()?;
    fixture.finish(&[("ec1", &["n3"], 2), ("ec2", &["n2"], 2), ("sc1", &["n3"], 2)])
}
