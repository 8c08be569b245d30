//! Recovery times of our agents beside those of an agent that does nothing; the difference is ours. No time
//! is checked here, and docs/evidence/reliability.md has the medians.

use lab::TestResult;
use lab::cluster_fixture::{CLUSTER_TIMEOUT, cluster_plan};

/// Enough for a median.
const KILLS: usize = 8;
const STANDBYS: usize = 4;
const POWER_CUTS: usize = 4;

/// The Dummy's only file.
const DUMMY_STATE_FILE: &str = "/run/dummy.state";

/// The Platform, an EC and Pacemaker's Dummy are killed, put into standby and lose their node, in turns. Each
/// recovers each time, and the table of times compares them.
#[test]
fn picos_and_dummy_recover_from_repeated_faults() -> TestResult {
    let fixture = cluster_plan()
        // However often they are killed, none reaches its node's failure limit.
        .replace_in_resource("mz-platform", "migration-threshold=3", "migration-threshold=1000")
        .with_crm_lines(&format!("primitive dummy ocf:pacemaker:Dummy params state={DUMMY_STATE_FILE} op monitor interval=1s timeout=20s op start interval=0 timeout=20s op stop interval=0 timeout=20s"))
        .with_crm_lines("location dummy-on-n1 dummy 50: n1")
        .with_crm_lines("location dummy-never-on-n3 dummy -inf: n3")
        .up()?;
    fixture.follow_resource("dummy");
    for _ in 0..KILLS {
        for pico in ["platform", "ec1"] {
            fixture.kill_pico(pico, &format!("kill -9 of {pico}"))?;
            fixture.lab.wait_until_settled()?;
        }
        fixture.note_fault("the state of a Dummy is removed");
        fixture.node("n1").exec(&["rm", DUMMY_STATE_FILE])?;
        // The file is there again once the Dummy is started again.
        fixture.lab.wait_until("the Dummy to be back", CLUSTER_TIMEOUT, |_| {
            let ran = fixture.node("n1").try_exec(&["test", "-e", DUMMY_STATE_FILE])?;
            Ok(if ran.code() == Some(0) { Ok(()) } else { Err(ran.to_string()) })
        })?;
        fixture.lab.wait_until_settled()?;
    }
    // The Platform and the Dummy prefer n1 and do not fail back, so they alternate between the nodes.
    let mut nodes = ["n1", "n2"].iter().cycle();
    for _ in 0..STANDBYS {
        let (from, to) = (
            next_node(&mut nodes),
            if fixture.single_process("platform")?.node == "n1" { "n2" } else { "n1" },
        );
        fixture.note_fault("standby of the node");
        fixture.node(from).exec(&["crm_standby", "-N", from, "-v", "on"])?;
        fixture.wait_until_ready("platform", to)?;
        fixture.lab.wait_until_settled()?;
        fixture.node(from).exec(&["crm_standby", "-N", from, "-D"])?;
        fixture.lab.wait_until_settled()?;
    }
    for _ in 0..POWER_CUTS {
        let (from, to) = (
            next_node(&mut nodes),
            if fixture.single_process("platform")?.node == "n1" { "n2" } else { "n1" },
        );
        fixture.note_fault("power cut of the node");
        fixture.node(from).cut_power()?;
        fixture.wait_until_ready("platform", to)?;
        fixture.wait_until_online(from)?;
    }
    let both: &[&str] = &["n1", "n2"];
    fixture.finish(&[
        ("platform", both, 1 + KILLS + STANDBYS + POWER_CUTS),
        ("ui", both, 1 + STANDBYS + POWER_CUTS),
        ("ec1", &["n3"], 1 + KILLS),
        ("ec2", &["n3"], 2),
    ])
}

fn next_node<'a>(nodes: &mut impl Iterator<Item = &'a &'static str>) -> &'static str {
    nodes.next().copied().unwrap_or_default()
}
