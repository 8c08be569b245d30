//! Faults of the Platform and of its node. The ECs go on in every one of them: none is restarted because the Platform was.

use std::fs;

use lab::Done;
use lab::site::{SOON, site};

/// At the first start storage and address come before the Platform, and that before the ECs.
#[test]
fn start_in_order() -> Done {
    let site = site().up()?;
    let lives = site.lives()?;
    let of = |pico: &str| lives.iter().find(|life| life.pico == pico).expect("all are up");
    let ready = of("platform").ready.expect("it is ready");
    for ec in ["ui", "ec1", "ec2", "sc1"] {
        assert!(of(ec).began >= ready, "{ec} began at {}, the Platform was ready at {ready}", of(ec).began);
    }
    // Seen from outside the nodes, by the address that the clients have.
    site.node("host").exec(&["bash", "-c", "</dev/tcp/10.99.0.100/6790"])?;
    site.witnessed(&[])
}

/// A Platform that is killed is started again on its node, and counted as one failure.
#[test]
fn killed() -> Done {
    let site = site().up()?;
    let before = site.one("platform");
    site.fault("kill -9 of the Platform");
    site.signal(&before, "KILL")?;
    site.until_back(&before)?;
    site.lab.settle()?;
    site.failed_once("mz-platform", "n1")?;
    site.witnessed(&[("platform", &["n1"], 2)])
}

/// A Platform that was stopped by SIGSTOP is found hanging, ended, and started again on its node.
#[test]
fn hung() -> Done {
    let site = site().up()?;
    let before = site.one("platform");
    site.fault("SIGSTOP to the Platform");
    site.signal(&before, "STOP")?;
    site.until_back(&before)?;
    site.lab.settle()?;
    site.failed_once("mz-platform", "n1")?;
    site.witnessed(&[("platform", &["n1"], 2)])
}

/// When the node of the Platform loses its power, the Platform runs on the other node after that was fenced, never on both.
#[test]
fn power_cut() -> Done {
    let site = site().up()?;
    site.fault("the power of n1 is cut");
    site.node("n1").kill()?;
    site.until_ready("platform", "n2")?;
    assert_eq!(site.fenced("n1")?, 1);
    site.until_online("n1")?;
    site.witnessed(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}

/// A node in standby gives the Platform to the other one in an orderly way, and does not get it back by itself.
#[test]
fn standby() -> Done {
    let site = site().up()?;
    site.fault("n1 goes into standby");
    site.node("n1").exec(&["pcs", "node", "standby", "n1"])?;
    site.until_ready("platform", "n2")?;
    site.node("n1").exec(&["pcs", "node", "unstandby", "n1"])?;
    site.until_online("n1")?;
    let status = site.lab.status()?;
    assert!(status.fail_counts.is_empty(), "{status}");
    assert_eq!(site.fenced("n1")?, 0);
    site.witnessed(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}

/// A Platform and a UI that no signal ends, for they wait for storage that does not answer, make their stops fail in time: their node is
/// fenced, and they run on the other one.
#[test]
fn stop_that_cant_succeed() -> Done {
    let site = site()
        .stop_timeout("20s")
        .in_primitive("mz-ui", "op stop timeout=360s", "op stop timeout=20s")
        .up()?;
    let n1 = site.node("n1");
    // It writes there when it is told to end.
    n1.hang("/opt/mz/sim/history.jsonl", "open")?;
    let pid = site.one("platform").pid;
    n1.exec(&["kill", &pid.to_string()])?;
    site.lab.until("the Platform to wait for storage", SOON, |_| {
        let stat = n1.sh(&format!("cat /proc/{pid}/stat"))?;
        Ok(if stat.contains(") D ") { Ok(()) } else { Err(stat) })
    })?;
    site.fault("n1 goes into standby, and the stop of the Platform can't succeed");
    site.node("n2").exec(&["crm_standby", "-N", "n1", "-v", "on"])?;
    site.until_ready("platform", "n2")?;
    assert_eq!(site.fenced("n1")?, 1);
    let log =
        fs::read_to_string(site.lab.path("n1", "/var/log/pacemaker/pacemaker.log")).expect("n1 has a log");
    let said =
        log.lines().find(|line| line.contains("ERROR: stop: platform")).expect("the stop has said why");
    assert!(said.contains("(D)"), "{said}");
    site.until_online("n1")?;
    site.witnessed(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}
