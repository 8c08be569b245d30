//! The Platform is not there, or can't be reached, and a pico that needs it for its start dies meanwhile. It comes back by itself, once
//! the Platform has; nobody has to clean up after it.
//!
//! (The first of these takes five minutes. By its name it is the first of all scenarios, so that none waits for it at the end of a pass.)

use std::time::{Duration, Instant};

use lab::Done;
use lab::site::{SOON, site};

/// For this long the Platform is away.
const AWAY: Duration = Duration::from_secs(5 * 60);

/// The Platform is away for five minutes, and an EC dies: it is not tried to be started before the Platform is back, so nothing fails
/// that a person would have to clean up, and the other picos go on.
#[test]
fn ec_dies_while_the_platform_is_away() -> Done {
    let site = site().up()?;
    let (platform, ec) = (site.one("platform")?, site.one("ec1")?);
    site.node("n1").exec(&[
        "crm_resource",
        "-r",
        "mz-platform",
        "--meta",
        "-p",
        "target-role",
        "-v",
        "Stopped",
    ])?;
    site.until_dead(&platform)?;
    let away = Instant::now();
    site.lab.settle()?;
    site.fault("kill -9 of ec1, while the Platform is away");
    site.signal(&ec, "KILL")?;
    site.until_dead(&ec)?;
    site.lab.settle()?;
    // The scenario is made of this time.
    site.lab.until("five minutes to pass", 2 * AWAY, |lab| {
        assert!(lab.watch().alive("ec1").is_empty(), "ec1 runs without the Platform");
        Ok(if away.elapsed() < AWAY { Err(format!("{:?}", away.elapsed())) } else { Ok(()) })
    })?;
    site.fault("the Platform may run again");
    site.node("n1").exec(&["crm_resource", "-r", "mz-platform", "--meta", "-d", "target-role"])?;
    site.until_ready("platform", "n1")?;
    site.until_ready("ec1", "n3")?;
    site.lab.settle()?;
    site.failed_once("mz-ec1", "n3")?;
    site.witnessed(&[("platform", &["n1"], 2), ("ec1", &["n3"], 2)])
}

/// An EC that dies while no node of it reaches the Platform, which runs, can't be started anywhere: once those failures are forgotten
/// it is tried again, without a cleanup.
#[test]
fn ec_dies_while_it_cant_reach_the_platform() -> Done {
    let site = site()
        .in_primitive("mz-ec1", "pico_name=ec1", "pico_name=ec1 wait_for_timeout=3s")
        .in_primitive("mz-ec1", "failure-timeout=600s", "failure-timeout=20s")
        .up()?;
    let ec = site.one("ec1")?;
    let block = |how: &str| -> Done {
        for node in ["n2", "n3"] {
            site.node(node).sh(&format!("ip route {how} unreachable 10.99.0.100/32"))?;
        }
        Ok(())
    };
    block("add")?;
    site.fault("kill -9 of ec1, while n2 and n3 do not reach the Platform's address");
    site.signal(&ec, "KILL")?;
    site.lab.until("ec1 to be barred from both nodes", SOON, |lab| {
        let status = lab.status()?;
        let barred = ["n2", "n3"].map(|node| status.fail_count("mz-ec1", node) == "INFINITY");
        Ok(if barred == [true, true] { Ok(()) } else { Err(status.to_string()) })
    })?;
    block("del")?;
    site.until_back(&ec)?;
    site.witnessed(&[("ec1", &["n2", "n3"], 2)])
}

/// A UI that can't be started any more leaves the Platform, beside which it has to run, where it is.
#[test]
fn ui_that_cant_be_started() -> Done {
    let site = site().up()?;
    let ui = site.one("ui")?;
    site.set("n1", "ui", "startup_outcome=code:1")?;
    site.fault("kill -9 of the UI, whose mzsh can't start it any more");
    site.signal(&ui, "KILL")?;
    site.lab.until("the UI to be given up on n1", SOON, |lab| {
        let status = lab.status()?;
        let barred = status.fail_count("mz-ui", "n1") == "INFINITY";
        Ok(if barred { Ok(()) } else { Err(status.to_string()) })
    })?;
    site.witnessed(&[("ui", &[], 1)])
}
