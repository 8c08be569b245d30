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
    site.kill("platform", "kill -9 of the Platform")?;
    site.lab.settle()?;
    site.failed_once("mz-platform", "n1")?;
    site.witnessed(&[("platform", &["n1"], 2)])
}

/// A Platform that was stopped by SIGSTOP is found hanging, ended, and started again on its node.
#[test]
fn hung() -> Done {
    let site = site().up()?;
    let before = site.one("platform")?;
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
    let pid = site.one("platform")?.pid;
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

/// With `on-fail=fence` for the monitor of depth 0, a death that it saw while it was waiting for it has the node fenced, and the Platform runs
/// on the other one.
#[test]
fn death_that_fences() -> Done {
    let monitor = "monitor interval=1s timeout=60s";
    let site = site().in_primitive("mz-platform", monitor, &format!("{monitor} on-fail=fence")).up()?;
    let before = site.one("platform")?;
    site.fault("kill -9 of the Platform, which is to be fenced then");
    site.signal(&before, "KILL")?;
    site.until_ready("platform", "n2")?;
    assert_eq!(site.fenced("n1")?, 1);
    site.until_online("n1")?;
    site.witnessed(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}

/// ECs and SC go on while the Platform fails over: they are without contact, none is restarted, and then they have contact with the new
/// one.
#[test]
fn fails_over_under_ecs() -> Done {
    let site = site().up()?;
    let others = [("ec1", "n3"), ("sc1", "n3"), ("ec2", "n2")];
    let until_all_say = |what: &str| -> Done {
        // Each once: the time without a Platform is short, and an mzsh that finds none takes a second.
        let mut have_said = Vec::new();
        site.lab.until(&format!("all to say {what:?}"), SOON, |_| {
            for (pico, node) in
                others.iter().copied().filter(|(pico, _)| !have_said.contains(pico)).collect::<Vec<_>>()
            {
                let line = format!(
                    "setpriv --reuid 4711 --regid 4711 --clear-groups /opt/ec/bin/mzsh status {pico}"
                );
                let said = site.node(node).sh(&line)?;
                if said.trim_end() != format!("{pico} is {what}") {
                    return Ok(Err(said));
                }
                have_said.push(pico);
            }
            Ok(Ok(()))
        })
    };
    until_all_say("running")?;
    site.fault("the power of n1 is cut");
    site.node("n1").kill()?;
    until_all_say("running without contact with the platform RCP service")?;
    site.until_ready("platform", "n2")?;
    until_all_say("running")?;
    site.until_online("n1")?;
    let status = site.lab.status()?;
    assert!(status.fail_counts.is_empty(), "{status}");
    site.witnessed(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}

/// Where the address does not go along, the Platform refuses to start and names it, instead of running where nobody finds it; it runs again
/// when its first node is back.
#[test]
fn address_absent() -> Done {
    let site = site()
        .with("group mz mz-storage mz-address mz-platform", "group mz mz-storage mz-platform")
        .and("location mz-address-not-on-n2 mz-address -inf: n2")
        .and("location mz-address-not-on-n3 mz-address -inf: n3")
        .up()?;
    site.fault("n1 goes into standby, and the address does not go to n2");
    site.node("n2").exec(&["crm_standby", "-N", "n1", "-v", "on"])?;
    site.lab.until("the Platform to be refused on n2", SOON, |lab| {
        let status = lab.status()?;
        let refused = status.fail_count("mz-platform", "n2") == "INFINITY";
        Ok(if refused { Ok(()) } else { Err(status.to_string()) })
    })?;
    site.lab.settle()?;
    let status = site.lab.status()?;
    let said = status.failures.iter().find(|failure| failure.starts_with("mz-platform_start_0 on n2"));
    assert!(said.is_some_and(|said| said.contains("10.99.0.100") && said.contains("node")), "{status}");
    assert!(site.lab.watch().alive("platform").is_empty(), "no JVM was started");
    site.node("n2").exec(&["crm_standby", "-N", "n1", "-v", "off"])?;
    site.until_ready("platform", "n1")?;
    site.until_ready("ui", "n1")?;
    site.witnessed(&[("platform", &["n1"], 2), ("ui", &["n1"], 2)])
}
