//! Picos that live and are unhealthy, or whose checks do not complete.

use lab::TestResult;
use lab::cluster_fixture::{CLUSTER_TIMEOUT, ClusterPlan, ConfigurationTool, cluster_plan};

/// An EC that has to consume 10 UDRs in 40 s, with a check every 5 s and a grace of 15 s.
fn plan_with_threshold(more: &str) -> ClusterPlan {
    cluster_plan()
        .property("ec1", "mz.ha.min_consumes=10")
        .set("ec1", "ha_clock=80s")
        .set("ec1", TRAFFIC_SETTING)
        .replace_in_resource(
            "mz-ec1",
            "pico_name=ec1",
            &format!("pico_name=ec1 ha_grace=15s {more}"),
        )
        .replace_in_resource("mz-ec1", "monitor interval=30s", "monitor interval=5s")
}

/// The traffic ends at 80 s of the server's clock: three UDRs come after that.
const TRAFFIC_SETTING: &str = "workload=from 0s to 80s consumes 25/40s; at 110s consumes 3";

/// The server's text at 120 s of its clock.
const MISSED_THRESHOLD: &str = "min_consumes: 3 of at least 10";

/// The HA Monitor Server of an EC answers FAILED, because a threshold is missed: the EC is restarted on its
/// node. The cluster's status shows the server's text.
#[test]
fn missed_threshold_restarts_ec_on_same_node() -> TestResult {
    let fixture = plan_with_threshold("").up()?;
    let before = fixture.single_process("ec1")?;
    fixture.note_fault("hardly any traffic reaches ec1 any more");
    fixture.set_simulator("n3", "ec1", "ha_clock=120s")?;
    fixture.wait_until_dead(&before)?;
    fixture.set_simulator("n3", "ec1", "ha_clock=80s")?;
    fixture.wait_until_back(&before)?;
    fixture.lab.wait_until_settled()?;
    fixture.assert_failed_once("mz-ec1", "n3")?;
    let status = fixture.lab.status()?;
    assert!(status.failures.iter().any(|failure| failure.contains(MISSED_THRESHOLD)), "{status}");
    fixture.finish(&[("ec1", &["n3"], 2)])
}

/// With `on_ha_failed=degrade` a missed threshold restarts nothing. The cluster shows that the EC is
/// degraded, and why.
#[test]
fn missed_threshold_with_degrade_restarts_nothing() -> TestResult {
    let fixture =
        plan_with_threshold("on_ha_failed=degrade").with_tool(ConfigurationTool::Pcs).up()?;
    fixture.note_fault("hardly any traffic reaches ec1 any more");
    fixture.set_simulator("n3", "ec1", "ha_clock=120s")?;
    fixture.lab.wait_until("ec1 to be shown as degraded", CLUSTER_TIMEOUT, |lab| {
        let status = lab.status()?;
        let shown = |failure: &String| {
            failure.contains("mz-ec1_monitor_5000") && failure.contains(MISSED_THRESHOLD)
        };
        Ok(if status.failures.iter().any(shown) { Ok(()) } else { Err(status.to_string()) })
    })?;
    // It is listed among the failed actions, and not counted as a failure.
    let status = fixture.lab.status()?;
    assert!(status.fail_counts.is_empty(), "{status}");
    fixture.finish(&[])
}

/// mzsh hangs on the Platform's node: depth 20, which runs mzsh, warns, and nothing is restarted. A stop uses
/// signals within its timeout, and the Platform runs on the other node.
#[test]
fn hung_mzsh_restarts_nothing_and_stop_uses_signals() -> TestResult {
    let fixture = cluster_plan()
        .replace_in_resource("mz-platform", "mz_home=/opt/mz", "mz_home=/opt/mz mzsh_timeout=4s")
        .replace_in_resource("mz-platform", "monitor interval=120s", "monitor interval=7s")
        .replace_in_resource("mz-ui", "mz_home=/opt/mz", "mz_home=/opt/mz mzsh_timeout=4s")
        .stop_timeout("30s")
        .replace_in_resource("mz-ui", "op stop timeout=360s", "op stop timeout=30s")
        .up()?;
    fixture.note_fault("mzsh hangs on n1");
    fixture
        .node("n1")
        .sh("sed -i '1a [ $(cat /etc/hostname) != n1 ] || exec sleep 1000000' /opt/mz/bin/mzsh")?;
    fixture.wait_for_log_line("n1", &["platform", "WARNING", "mzsh status"])?;
    fixture.assert_nothing_failed()?;
    fixture.note_fault("n1 goes into standby");
    fixture.node("n2").exec(&["crm_standby", "-N", "n1", "-v", "on"])?;
    fixture.wait_until_ready("platform", "n2")?;
    fixture.wait_until_ready("ui", "n2")?;
    fixture.lab.wait_until_settled()?;
    fixture.assert_nothing_failed()?;
    fixture.finish(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}
