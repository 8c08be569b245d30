//! Faults of the picos other than the Platform. None of them touches another pico.

use std::time::Duration;

use lab::Done;
use lab::site::{Plan, Tool, site};

/// kill -9 to a pico, which comes back on its node.
fn killed(plan: Plan, pico: &str, node: &str) -> Done {
    let site = plan.up()?;
    site.kill(pico, &format!("kill -9 of {pico}"))?;
    site.lab.settle()?;
    site.failed_once(&format!("mz-{pico}"), node)?;
    site.witnessed(&[(pico, &[node], 2)])
}

/// An EC that is killed is started again on its node, and counted as one failure.
#[test]
fn ec_killed() -> Done {
    killed(site(), "ec1", "n3")
}

/// An EC that is killed while one monitor waits and a deeper one is due behind it is counted as one failure as well.
#[test]
fn ec_killed_with_a_deeper_monitor_due() -> Done {
    let site = site().in_primitive("mz-ec1", "monitor interval=30s", "monitor interval=2s").up()?;
    // Depth 0 waits by then, and the deeper one behind it.
    site.until_logged("n3", &["Result of monitor operation for mz-ec1 on n3: ok", "mz-ec1_monitor_2000"])?;
    site.lab.pause(Duration::from_secs(4))?;
    site.kill("ec1", "kill -9 of ec1 while its deeper monitor is due")?;
    site.lab.settle()?;
    site.failed_once("mz-ec1", "n3")?;
    site.witnessed(&[("ec1", &["n3"], 2)])
}

/// An SC that is killed is started again on its node, and counted as one failure.
#[test]
fn sc_killed() -> Done {
    killed(site().by(Tool::Pcs), "sc1", "n3")
}

/// A UI that is killed is started again beside the Platform, which notices nothing of it; counted as one failure.
#[test]
fn ui_killed() -> Done {
    killed(site(), "ui", "n1")
}

/// An EC that ends neither by mzsh's shutdown nor by SIGTERM is ended by SIGKILL before the time-out of its stop, and goes to the other
/// node without any fencing.
#[test]
fn stop_that_needs_sigkill() -> Done {
    let site = site()
        .set("ec1", "stop_time=60m")
        .in_primitive("mz-ec1", "op stop timeout=360s", "op stop timeout=20s")
        .up()?;
    let before = site.one("ec1")?;
    site.fault("n3 goes into standby, and an orderly stop of ec1 would take an hour");
    site.node("n2").exec(&["crm_standby", "-N", "n3", "-v", "on"])?;
    site.until_back(&before)?;
    site.nothing_failed()?;
    let history = site.history()?;
    let of_ec1 = |pid: u32, event: &str| {
        history.iter().any(|e| e.node == "n3" && e.pico == "ec1" && e.pid == pid && e.event == event)
    };
    assert!(of_ec1(before.pid, "start") && !of_ec1(before.pid, "end"), "a killed pico writes of no end");
    site.until_logged("n3", &["ec1", "SIGKILL"])?;
    site.witnessed(&[("ec1", &["n2"], 2), ("sc1", &["n2"], 2)])
}

/// An EC that dies and can't be started on its node is started on the other one, and stays there when the failure is forgotten.
#[test]
fn start_fails_here_hence_there() -> Done {
    let site = site().up()?;
    let before = site.one("ec2")?;
    site.set("n2", "ec2", "startup_outcome=code:1")?;
    site.fault("kill -9 of ec2, whose mzsh can't start it on n2 any more");
    site.signal(&before, "KILL")?;
    site.until_ready("ec2", "n3")?;
    site.lab.settle()?;
    let status = site.lab.status()?;
    assert_eq!(status.fail_count("mz-ec2", "n2"), "INFINITY", "{status}");
    let said = |failure: &&String| failure.starts_with("mz-ec2_start_0 on n2: 1 ec2");
    assert!(status.failures.iter().any(|failure| said(&failure)), "{status}");
    // What the cluster will do in an hour, unless something happens.
    let later = site
        .node("n1")
        .sh("crm_simulate --simulate --live-check --set-datetime \"$(date -d '1 hour' '+%F %T')\"")?;
    let (_, planned) = later.split_once("Transition Summary:").expect("it has a plan");
    let (planned, carried_out) = planned.split_once("Executing").unwrap_or((planned, ""));
    assert!(carried_out.contains("clear_failcount for mz-ec2 on n2"), "the failure is forgotten: {later}");
    assert_eq!(planned.trim(), "", "{later}");
    site.witnessed(&[("ec2", &["n3"], 2)])
}
