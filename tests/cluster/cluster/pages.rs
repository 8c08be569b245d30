//! Documentation pages whose commands have to give a working cluster.

use lab::cluster_fixture::{CLUSTER_TIMEOUT, ec_installation, platform_installation};
use lab::{Lab, LabNode, TestResult};

const LAB_PAGE: &str = include_str!("../../../docs/operate/lab.md");

/// Each command of the shell blocks of a page.
fn shell_commands(page: &str) -> Vec<String> {
    let blocks = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks
        .flat_map(|block| block.replace("\\\n", " ").lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// The commands of docs/operate/lab.md give a Platform that fails over when its node loses its power.
#[test]
fn lab_page_commands_lead_to_fail_over() -> TestResult {
    let commands = shell_commands(LAB_PAGE);
    let split = |word: &str| commands.iter().position(|line| line.starts_with(word)).expect(word);
    let (inside, kill) = (split("pcs cluster cib "), split("cargo xtask lab kill"));
    assert_eq!(
        commands[..inside],
        ["cargo xtask lab up --install", "cargo xtask lab exec n1 bash"]
    );
    assert!(commands.len() <= 15, "{} commands", commands.len());

    let lab = Lab::up(3)?;
    lab.nodes().try_for_each(|node| node.sh(&ec_installation("")).map(drop))?;
    lab.node("n1").sh(&platform_installation(""))?;
    for command in &commands[inside..kill] {
        lab.node("n1").sh(command)?;
    }
    let on = |lab: &Lab, node: LabNode<'_>| {
        node.sh(&commands[kill + 1].replace("cargo xtask lab exec n1 ", "")).map(|said| {
            let line = said.lines().find(|line| line.contains("mz-platform"));
            lab.nodes()
                .map(LabNode::name)
                .find(|name| line.is_some_and(|line| line.ends_with(&format!("Started {name}"))))
                .map(str::to_owned)
        })
    };
    let first = on(&lab, lab.node("n1"))?.expect("the Platform runs");
    assert_eq!(commands[kill], format!("cargo xtask lab kill {first}"), "the page names the node");
    lab.node(&first).cut_power()?;
    let left =
        lab.nodes().map(LabNode::name).find(|name| *name != first).expect("three nodes").to_owned();
    lab.wait_until("the Platform to run on another node", CLUSTER_TIMEOUT, |lab| {
        let now = on(lab, lab.node(&left))?;
        Ok(now.filter(|node| *node != first).ok_or_else(|| format!("it was on {first}")))
    })?;
    lab.down()
}
