//! The times of our agents beside those of an agent that does nothing. The difference is ours; nothing here is judged by its time,
//! docs/reliability.md has the medians.

use lab::Done;
use lab::site::{SOON, site};

/// Often enough for a median.
const KILLS: usize = 8;
const STANDBYS: usize = 4;
const CUTS: usize = 4;

/// The Dummy writes nothing but this file.
const STATE: &str = "/run/dummy.state";

/// The Platform, an EC and a Dummy of Pacemaker's own are killed, put into standby and lose their node, in turns: each is
/// back each time, and how long that took is beside one another in the table of times.
#[test]
fn beside_a_dummy() -> Done {
    let site = site()
        // None has failed too often for its node, however often it is killed.
        .in_primitive("mz-platform", "migration-threshold=3", "migration-threshold=1000")
        .and(&format!("primitive dummy ocf:pacemaker:Dummy params state={STATE} op monitor interval=1s timeout=20s op start interval=0 timeout=20s op stop interval=0 timeout=20s"))
        .and("location dummy-on-n1 dummy 50: n1")
        .and("location dummy-never-on-n3 dummy -inf: n3")
        .up()?;
    site.follow("dummy");
    for _ in 0..KILLS {
        for pico in ["platform", "ec1"] {
            site.kill(pico, &format!("kill -9 of {pico}"))?;
            site.lab.settle()?;
        }
        site.fault("the state of a Dummy is removed");
        site.node("n1").exec(&["rm", STATE])?;
        // It is there again when the Dummy was started again.
        site.lab.until("the Dummy to be back", SOON, |_| {
            let ran = site.node("n1").try_exec(&["test", "-e", STATE])?;
            Ok(if ran.code() == Some(0) { Ok(()) } else { Err(ran.to_string()) })
        })?;
        site.lab.settle()?;
    }
    // The Platform and the Dummy prefer n1 and stay where they are: they go to and fro.
    let mut nodes = ["n1", "n2"].iter().cycle();
    for _ in 0..STANDBYS {
        let (from, to) = (next(&mut nodes), if site.one("platform")?.node == "n1" { "n2" } else { "n1" });
        site.fault("standby of the node");
        site.node(from).exec(&["crm_standby", "-N", from, "-v", "on"])?;
        site.until_ready("platform", to)?;
        site.lab.settle()?;
        site.node(from).exec(&["crm_standby", "-N", from, "-D"])?;
        site.lab.settle()?;
    }
    for _ in 0..CUTS {
        let (from, to) = (next(&mut nodes), if site.one("platform")?.node == "n1" { "n2" } else { "n1" });
        site.fault("power cut of the node");
        site.node(from).kill()?;
        site.until_ready("platform", to)?;
        site.until_online(from)?;
    }
    let both: &[&str] = &["n1", "n2"];
    site.witnessed(&[
        ("platform", both, 1 + KILLS + STANDBYS + CUTS),
        ("ui", both, 1 + STANDBYS + CUTS),
        ("ec1", &["n3"], 1 + KILLS),
        ("ec2", &["n3"], 2),
    ])
}

fn next<'a>(nodes: &mut impl Iterator<Item = &'a &'static str>) -> &'static str {
    nodes.next().copied().unwrap_or_default()
}
