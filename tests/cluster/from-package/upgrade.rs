//! An upgrade under a cluster that runs all picos.

use lab::cluster_fixture::{CLUSTER_TIMEOUT, ClusterFixture, cluster_plan};
use lab::{Lab, LabNode, TestResult, TestkitError};

use testkit::repack_agents;

use crate::AGENTS_FOLDER;

/// Each node is upgraded once while every pico has a waiting monitor. No pico gets another process,
/// nothing fails, and the cluster's operation history stays as it is. At the end all monitors are
/// executed from the new files.
#[test]
fn upgrade_under_running_cluster_restarts_nothing() -> TestResult {
    let fixture = cluster_plan().up_in(Lab::up_from_packages(3)?)?;
    // In the directory of all nodes.
    fixture.node("n1").sh(&repack_agents("999", "newer", "/srv/newer.deb"))?;
    let (processes, history) = (fixture.all_processes()?, operation_history(&fixture)?);
    assert!(history.lines().count() > 20, "{history}");
    for node in fixture.lab.nodes() {
        node.sh("dpkg --install --force-unsafe-io --no-triggers /srv/newer.deb")?;
        let version =
            node.sh("dpkg-query --show --showformat '${Version}' resource-agents-mediationzone")?;
        assert_eq!(version, "999");
    }
    for node in fixture.lab.nodes() {
        fixture.lab.wait_until("all monitors to be new agents", CLUSTER_TIMEOUT, |_| {
            let agents = running_agents(node)?;
            let is_new = |path: &String| !path.ends_with(" (deleted)");
            let all_new = !agents.is_empty() && agents.iter().all(is_new);
            Ok(if all_new { Ok(()) } else { Err(format!("{}: {agents:?}", node.name())) })
        })?;
    }
    fixture.lab.wait_until_settled()?;
    assert_eq!(fixture.all_processes()?, processes, "each pico has its process");
    assert_eq!(operation_history(&fixture)?, history, "the operation history");
    fixture.assert_nothing_failed()?;
    fixture.finish(&[])
}

/// A line for each operation that the cluster remembers: node, operation, the number of its call,
/// its result and the time at which the result changed.
fn operation_history(fixture: &ClusterFixture) -> Result<String, TestkitError> {
    let operations = fixture.node("n1").sh("cibadmin --query --xpath //lrm_rsc_op")?;
    let value = |line: &str, name: &str| {
        let (_, rest) = line.split_once(&format!(" {name}=\""))?;
        rest.split_once('"').map(|(value, _)| value.to_owned())
    };
    let mut lines: Vec<String> = operations
        .lines()
        .filter(|line| line.contains("<lrm_rsc_op "))
        .map(|line| {
            ["on_node", "operation_key", "call-id", "rc-code", "last-rc-change"]
                .map(|name| value(line, name).unwrap_or_default())
                .join(" ")
        })
        .collect();
    lines.sort();
    Ok(lines.join("\n"))
}

/// The program of each running agent on a node: by the kernel, which marks a replaced file as
/// deleted.
fn running_agents(node: LabNode<'_>) -> Result<Vec<String>, TestkitError> {
    let programs = node.sh("for pid in $(pgrep .); do readlink /proc/$pid/exe; done; true")?;
    Ok(programs.lines().filter(|path| path.starts_with(AGENTS_FOLDER)).map(str::to_owned).collect())
}
