//! Picos that live and are not well, or whose checks don't get through.

use lab::Done;
use lab::site::{Plan, SOON, Tool, site};

/// An EC that is to consume 10 UDRs in 40 s, is asked for that every 5 s, and has a quarter of a minute's grace.
fn with_threshold(more: &str) -> Plan {
    site()
        .property("ec1", "mz.ha.min_consumes=10")
        .set("ec1", "ha_clock=80s")
        .set("ec1", TRAFFIC)
        .in_primitive("mz-ec1", "pico_name=ec1", &format!("pico_name=ec1 ha_grace=15s {more}"))
        .in_primitive("mz-ec1", "monitor interval=30s", "monitor interval=5s")
}

/// The traffic ends at 80 s of the server's clock: three UDRs come after that.
const TRAFFIC: &str = "workload=from 0s to 80s consumes 25/40s; at 110s consumes 3";

/// What the server says at 120 s of its clock.
const STARVED: &str = "min_consumes: 3 of at least 10";

/// An EC whose HA Monitor Server answers FAILED, for a threshold is not complied with, is restarted on its node; the server's words stand in
/// the cluster's status.
#[test]
fn threshold_fails() -> Done {
    let site = with_threshold("").up()?;
    let before = site.one("ec1")?;
    site.fault("hardly any traffic reaches ec1 any more");
    site.set("n3", "ec1", "ha_clock=120s")?;
    site.until_dead(&before)?;
    site.set("n3", "ec1", "ha_clock=80s")?;
    site.until_back(&before)?;
    site.lab.settle()?;
    site.failed_once("mz-ec1", "n3")?;
    let status = site.lab.status()?;
    assert!(status.failures.iter().any(|failure| failure.contains(STARVED)), "{status}");
    site.witnessed(&[("ec1", &["n3"], 2)])
}

/// The same with `on_ha_failed=degrade`: the cluster shows that the EC is degraded, and why, and restarts nothing.
#[test]
fn threshold_fails_and_only_degrades() -> Done {
    let site = with_threshold("on_ha_failed=degrade").by(Tool::Pcs).up()?;
    site.fault("hardly any traffic reaches ec1 any more");
    site.set("n3", "ec1", "ha_clock=120s")?;
    site.lab.until("ec1 to be shown as degraded", SOON, |lab| {
        let status = lab.status()?;
        let shown = |failure: &String| failure.contains("mz-ec1_monitor_5000") && failure.contains(STARVED);
        Ok(if status.failures.iter().any(shown) { Ok(()) } else { Err(status.to_string()) })
    })?;
    // It is listed among the failed actions, and counted as none.
    let status = site.lab.status()?;
    assert!(status.fail_counts.is_empty(), "{status}");
    site.witnessed(&[])
}

/// mzsh hangs on the Platform's node: depth 20, which asks mzsh, warns and nothing is restarted; a stop goes on by signals in its time,
/// and the Platform runs on the other node.
#[test]
fn mzsh_hangs() -> Done {
    let site = site()
        .in_primitive("mz-platform", "mz_home=/opt/mz", "mz_home=/opt/mz mzsh_timeout=4s")
        .in_primitive("mz-platform", "monitor interval=120s", "monitor interval=7s")
        .in_primitive("mz-ui", "mz_home=/opt/mz", "mz_home=/opt/mz mzsh_timeout=4s")
        .stop_timeout("30s")
        .in_primitive("mz-ui", "op stop timeout=360s", "op stop timeout=30s")
        .up()?;
    site.fault("mzsh hangs on n1");
    site.node("n1")
        .sh("sed -i '1a [ $(cat /etc/hostname) != n1 ] || exec sleep 1000000' /opt/mz/bin/mzsh")?;
    site.until_logged("n1", &["platform", "WARNING", "mzsh status"])?;
    site.nothing_failed()?;
    site.fault("n1 goes into standby");
    site.node("n2").exec(&["crm_standby", "-N", "n1", "-v", "on"])?;
    site.until_ready("platform", "n2")?;
    site.until_ready("ui", "n2")?;
    site.lab.settle()?;
    site.nothing_failed()?;
    site.witnessed(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}
