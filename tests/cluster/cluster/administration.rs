//! An administrator's commands on a healthy cluster. Only the intended resources are restarted.

use lab::cluster_fixture::{CLUSTER_TIMEOUT, ClusterFixture, ConfigurationTool, cluster_plan};
use lab::{LabNode, TestResult, TestkitError};

/// The directory of the agents on the nodes.
const AGENTS_DIRECTORY: &str = "/usr/lib/ocf/resource.d/mediationzone";

/// pacemakerd first, because it would start the others again. A daemon that ends by itself meanwhile is fine.
const KILL_PACEMAKER: &str = "all='pacemakerd pacemaker-based pacemaker-fenced pacemaker-execd pacemaker-attrd pacemaker-schedulerd pacemaker-controld'; \
    { kill -9 $(pidof pacemakerd) $(pidof $all) || :; }; while pidof $all >/dev/null; do sleep 0.05; done";

/// The same for pacemakerd alone.
const KILL_PACEMAKERD: &str =
    "kill -9 $(pidof pacemakerd); while pidof pacemakerd >/dev/null; do sleep 0.05; done";

/// crm puts n3 into standby: its EC and SC move to the other node in an orderly way, and do not fail back.
#[test]
fn crm_standby_moves_picos_without_failback() -> TestResult {
    let fixture = cluster_plan().up()?;
    fixture.note_fault("n3 goes into standby");
    fixture.node("n1").exec(&["crm", "node", "standby", "n3"])?;
    for pico in ["ec1", "sc1"] {
        fixture.wait_until_ready(pico, "n2")?;
    }
    fixture.node("n1").exec(&["crm", "node", "online", "n3"])?;
    fixture.wait_until_online("n3")?;
    fixture.assert_nothing_failed()?;
    fixture.finish(&[("ec1", &["n2"], 2), ("sc1", &["n2"], 2)])
}

/// crm moves the Platform with its storage and address, and the UI follows. Once the move is cleared both
/// stay.
#[test]
fn crm_move_of_platform_group_takes_ui_along() -> TestResult {
    let fixture = cluster_plan().up()?;
    fixture.note_fault("the Platform's group is moved to n2");
    fixture.node("n1").exec(&["crm", "resource", "move", "mz", "n2"])?;
    for pico in ["platform", "ui"] {
        fixture.wait_until_ready(pico, "n2")?;
    }
    fixture.node("n1").exec(&["crm", "resource", "clear", "mz"])?;
    fixture.lab.wait_until_settled()?;
    fixture.assert_nothing_failed()?;
    fixture.finish(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}

/// pcs moves an EC and clears the constraint itself after the move. The EC stays.
#[test]
fn pcs_move_of_ec_clears_its_constraint() -> TestResult {
    let fixture = cluster_plan().up()?;
    fixture.note_fault("ec1 is moved to n2");
    fixture.node("n1").exec(&["pcs", "resource", "move", "mz-ec1", "n2"])?;
    fixture.wait_until_ready("ec1", "n2")?;
    let left = ["cibadmin", "--query", "--xpath", "//constraints/*[starts-with(@id, 'cli-')]"];
    let left = fixture.node("n1").try_exec(&left)?;
    assert!(
        !left.stdout.contains("cli-") && left.stderr.contains("No such device or address"),
        "{left}"
    );
    fixture.assert_nothing_failed()?;
    fixture.finish(&[("ec1", &["n2"], 2)])
}

/// In maintenance mode an administrator restarts the Platform and an EC by hand. Afterwards both are found
/// without a restart or a failure, and are monitored: when the EC is killed, it comes back.
#[test]
fn manual_restart_in_maintenance_is_no_failure() -> TestResult {
    let fixture = cluster_plan().up()?;
    let (platform, ec) = (fixture.single_process("platform")?, fixture.single_process("ec1")?);
    fixture.set_maintenance_mode(true)?;
    fixture.note_fault("the Platform and ec1 are restarted by hand");
    for pico in [&platform, &ec] {
        fixture.restart_by_hand(pico)?;
    }
    fixture.set_maintenance_mode(false)?;
    fixture.assert_nothing_failed()?;
    let by_hand = fixture.single_process("ec1")?;
    fixture.note_fault("kill -9 of the ec1 that was started by hand");
    fixture.signal(&by_hand, "KILL")?;
    fixture.wait_until_back(&by_hand)?;
    fixture.finish(&[("platform", &["n1"], 2), ("ec1", &["n3"], 3)])
}

/// All resources are refreshed while two nodes lack an installation, one of them even its directory. The
/// probes there find nothing, and no healthy pico is touched.
#[test]
fn refresh_without_mz_home_on_other_nodes_touches_no_pico() -> TestResult {
    let fixture = cluster_plan().up()?;
    fixture.node("n2").sh("rmdir /opt/mz")?;
    fixture.node("n1").sh("mv /opt/ec /opt/away")?;
    fixture.note_fault("crm_resource --refresh");
    fixture.node("n1").exec(&["crm_resource", "--refresh"])?;
    for (resource, node, answer) in [
        ("mz-platform", "n1", 0),
        ("mz-platform", "n2", 7),
        ("mz-platform", "n3", 7),
        ("mz-ec1", "n1", 7),
        ("mz-ec1", "n2", 7),
        ("mz-ec1", "n3", 0),
        ("mz-sc1", "n1", 7),
    ] {
        assert_eq!(fixture.wait_for_probe(resource, node)?, answer, "{resource} on {node}");
    }
    fixture.lab.wait_until_settled()?;
    fixture.node("n1").sh("mv /opt/away /opt/ec")?;
    fixture.assert_nothing_failed()?;
    fixture.finish(&[])
}

/// The installation is mounted on all nodes, and mzsh on the other nodes reports the Platform as running.
/// Only the process counts: neither a refresh nor a joining node makes the cluster restart the healthy
/// Platform.
#[test]
fn mzsh_claiming_platform_on_other_nodes_restarts_nothing() -> TestResult {
    let fixture = cluster_plan().with_storage_on_all_nodes().up()?;
    fixture.node("n1").sh("/opt/mz/bin/mzsh status platform >/srv/said 2>&1 </dev/null")?;
    for node in ["n2", "n3"] {
        fixture.node(node).sh(
            "printf '#!/bin/sh\\ncat /srv/said\\nexit 0\\n' >/usr/lib/claims && chmod 755 /usr/lib/claims
            mount --bind /usr/lib/claims /opt/mz/bin/mzsh
            /opt/mz/bin/mzsh status platform",
        )?;
    }
    fixture.note_fault("crm_resource --refresh");
    fixture.node("n1").exec(&["crm_resource", "--refresh"])?;
    for (node, answer) in [("n1", 0), ("n2", 7), ("n3", 7)] {
        assert_eq!(fixture.wait_for_probe("mz-platform", node)?, answer, "{node}");
    }
    fixture.lab.wait_until_settled()?;
    fixture.node("n2").stop_cluster()?;
    fixture.wait_until_ready("ec2", "n3")?;
    fixture.note_fault("n2 joins");
    fixture.node("n2").start_cluster()?;
    fixture.wait_until_online("n2")?;
    for resource in ["mz-platform", "mz-ui"] {
        assert_eq!(fixture.wait_for_probe(resource, "n2")?, 7, "{resource}");
    }
    fixture.assert_nothing_failed()?;
    fixture.finish(&[("ec2", &["n3"], 2)])
}

/// The agents are upgraded under running picos, one node after the other, and nothing is restarted. A monitor
/// that waits during the upgrade goes on and detects the death of its pico. The next monitor is the new
/// agent.
#[test]
fn agent_upgrade_restarts_nothing() -> TestResult {
    let fixture = cluster_plan().up()?;
    // Each node has its own copy, as a package would install it.
    for node in fixture.lab.nodes() {
        node.sh(&format!(
            "cp -a {AGENTS_DIRECTORY} /usr/lib/own && mount --bind /usr/lib/own {AGENTS_DIRECTORY}"
        ))?;
    }
    fixture.note_fault("the agents are replaced, one node after the other");
    for node in ["n1", "n2"] {
        replace_agents(fixture.node(node))?;
    }
    let before = fixture.single_process("ec1")?;
    let n3 = fixture.node("n3");
    let waiting = wait_for_agent_process(&fixture, "n3", "ec")?;
    replace_agents(n3)?;
    let exe = n3.sh(&format!("readlink /proc/{waiting}/exe"))?;
    assert!(
        exe.contains("(deleted)"),
        "the monitor {waiting} goes on with what was replaced: {exe}"
    );
    fixture.note_fault("kill -9 of ec1 under the old monitor");
    fixture.signal(&before, "KILL")?;
    fixture.wait_until_back(&before)?;
    let said = format!("ec(mz-ec1)[{waiting}]");
    let log = fixture.pacemaker_log("n3")?;
    assert!(
        log.lines().any(|line| line.contains(&said) && line.contains("exited")),
        "nothing of {said} in the log"
    );
    for (node, agent) in
        [("n1", "platform"), ("n1", "ui"), ("n2", "ec"), ("n3", "ec"), ("n3", "sc")]
    {
        wait_for_agent_process(&fixture, node, agent)?;
    }
    let status = fixture.lab.status()?;
    assert_eq!(
        status.fail_counts,
        [("mz-ec1".to_owned(), "n3".to_owned(), "1".to_owned())],
        "{status}"
    );
    fixture.finish(&[("ec1", &["n3"], 2)])
}

/// reload-agent applies a change of a reloadable parameter and restarts nothing. A change of another
/// parameter restarts its resource, once.
#[test]
fn reloadable_change_reloads_and_other_change_restarts() -> TestResult {
    let fixture = cluster_plan().up()?;
    let reload = |resource: &str, node: &str| {
        // Pacemaker 3.0 writes OK.
        let line = format!("result of reload-agent operation for {resource} on {node}: ok");
        fixture.lab.wait_until(&line, CLUSTER_TIMEOUT, |_| {
            let log = fixture.pacemaker_log(node)?;
            let found = log.lines().any(|said| said.to_ascii_lowercase().contains(&line));
            Ok(if found { Ok(()) } else { Err("it is not in the log".to_owned()) })
        })
    };
    fixture.note_fault("monitor_retries of the Platform and of ec1 is changed");
    let set = ["--set-parameter", "monitor_retries", "--parameter-value", "2"];
    fixture
        .node("n1")
        .exec(&[&["crm_resource", "--resource", "mz-platform"][..], &set].concat())?;
    reload("mz-platform", "n1")?;
    fixture.node("n1").exec(&["pcs", "resource", "update", "mz-ec1", "monitor_retries=2"])?;
    reload("mz-ec1", "n3")?;
    fixture.lab.wait_until_settled()?;
    assert_eq!(fixture.lifetimes()?.len(), 5, "nothing was restarted");
    let before = fixture.single_process("ec1")?;
    fixture.note_fault("umask of ec1 is changed");
    fixture.node("n1").exec(&["pcs", "resource", "update", "mz-ec1", "umask=0027"])?;
    let life = fixture.wait_until_back(&before)?;
    let status = fixture.node("n3").sh(&format!("cat /proc/{}/status", life.process.0))?;
    assert!(status.contains("Umask:\t0027"), "{status}");
    fixture.assert_nothing_failed()?;
    fixture.finish(&[("ec1", &["n3"], 2)])
}

/// After a refresh, Pacemaker restarts an EC once when a reloadable parameter is changed, and reloads it the
/// next time. A probe that finds a running resource counts as a failure for Pacemaker, and a failed operation
/// does not say which parameters can be reloaded. No other resource is touched.
#[test]
fn reloadable_change_after_refresh_restarts_once() -> TestResult {
    let fixture = cluster_plan().up()?;
    fixture.note_fault("crm_resource --refresh of ec1");
    fixture.node("n1").exec(&["crm_resource", "--refresh", "--resource", "mz-ec1"])?;
    assert_eq!(fixture.wait_for_probe("mz-ec1", "n3")?, 0);
    fixture.lab.wait_until_settled()?;
    let before = fixture.single_process("ec1")?;
    fixture.note_fault("monitor_retries of ec1 is changed");
    let set = |value: &str| {
        let words = [
            "--resource",
            "mz-ec1",
            "--set-parameter",
            "monitor_retries",
            "--parameter-value",
            value,
        ];
        fixture.node("n1").exec(&[&["crm_resource"][..], &words].concat())
    };
    set("2")?;
    fixture.wait_until_back(&before)?;
    fixture.lab.wait_until_settled()?;
    fixture.note_fault("monitor_retries of ec1 is changed again");
    set("3")?;
    fixture.wait_for_log_line("n3", &["Result of reload-agent operation for mz-ec1 on n3: ok"])?;
    fixture.assert_nothing_failed()?;
    fixture.finish(&[("ec1", &["n3"], 2)])
}

/// The README's configuration for pcs starts storage and address, then the Platform, then the others. A
/// killed Platform comes back.
#[test]
fn pcs_configuration_starts_in_order_and_recovers() -> TestResult {
    let fixture = cluster_plan().with_tool(ConfigurationTool::Pcs).up()?;
    let platform = fixture.wait_until_ready("platform", "n1")?.ready.expect("it is ready");
    for life in fixture.lifetimes()?.iter().filter(|life| life.pico != "platform") {
        assert!(life.began >= platform, "{life}; the Platform was ready at {platform}");
    }
    fixture.kill_pico("platform", "kill -9 of the Platform")?;
    fixture.lab.wait_until_settled()?;
    let status = fixture.lab.status()?;
    assert_eq!(
        status.fail_counts,
        [("mz-platform".to_owned(), "n1".to_owned(), "1".to_owned())],
        "{status}"
    );
    fixture.finish(&[("platform", &["n1"], 2)])
}

/// A disabled resource is stopped and stays stopped until it is enabled. An unmanaged resource that dies is
/// not started until it is managed.
#[test]
fn disabled_or_unmanaged_pico_is_not_started() -> TestResult {
    let fixture = cluster_plan().up()?;
    let (ec, sc) = (fixture.single_process("ec1")?, fixture.single_process("sc1")?);
    fixture.note_fault("ec1 is disabled");
    fixture.node("n1").exec(&["pcs", "resource", "disable", "mz-ec1"])?;
    fixture.wait_until_none_alive("ec1")?;
    fixture.lab.wait_until_settled()?;
    fixture.assert_nothing_failed()?;
    fixture.node("n1").exec(&["pcs", "resource", "enable", "mz-ec1"])?;
    fixture.wait_until_back(&ec)?;
    fixture.node("n1").exec(&["pcs", "resource", "unmanage", "mz-sc1"])?;
    fixture.lab.wait_until_settled()?;
    fixture.note_fault("kill -9 of sc1, which is unmanaged");
    fixture.signal(&sc, "KILL")?;
    fixture.lab.wait_until("the failure of sc1 to be counted", CLUSTER_TIMEOUT, |lab| {
        let status = lab.status()?;
        Ok(if status.fail_count("mz-sc1", "n3") == "1" { Ok(()) } else { Err(status.to_string()) })
    })?;
    fixture.lab.wait_until_settled()?;
    assert!(fixture.lab.watcher().alive("sc1").is_empty(), "it is not managed");
    fixture.node("n1").exec(&["pcs", "resource", "manage", "mz-sc1"])?;
    fixture.wait_until_back(&sc)?;
    fixture.finish(&[("ec1", &["n3"], 2), ("sc1", &["n3"], 2)])
}

/// A cleanup clears a failure and does not touch the running pico.
#[test]
fn cleanup_after_failure_touches_no_pico() -> TestResult {
    let fixture = cluster_plan().up()?;
    fixture.kill_pico("ec2", "kill -9 of ec2")?;
    fixture.lab.wait_until_settled()?;
    let status = fixture.lab.status()?;
    assert_eq!(status.fail_count("mz-ec2", "n2"), "1", "{status}");
    fixture.note_fault("crm_resource --cleanup");
    fixture.node("n1").exec(&["crm_resource", "--cleanup", "--resource", "mz-ec2"])?;
    assert_eq!(fixture.wait_for_probe("mz-ec2", "n2")?, 0);
    fixture.lab.wait_until_settled()?;
    fixture.assert_nothing_failed()?;
    fixture.finish(&[("ec2", &["n2"], 2)])
}

/// Pacemaker's executor is killed, and its controller ends with it: the node's picos live on and are found
/// again. If the controller is not back before the cluster decides again, the node is fenced first, and they
/// run on the other node. Then pacemakerd is killed on the Platform's node and started again: its picos live
/// on, and a killed Platform comes back.
#[test]
fn killed_executor_leaves_picos_running_or_fences_node() -> TestResult {
    let fixture = cluster_plan().up()?;
    fixture.note_fault("kill -9 of pacemaker-execd on n1");
    fixture.node("n1").sh("kill -9 $(pidof pacemaker-execd)")?;
    let probed = fixture.wait_for_probe("mz-platform", "n1")?;
    let fenced = fixture.fencing_count("n1")?;
    let (at, lives) = if fenced == 0 { ("n1", 1) } else { ("n2", 2) };
    assert_eq!((fenced, probed), if fenced == 0 { (0, 0) } else { (1, 7) });
    fixture.wait_until_ready("platform", at)?;
    fixture.wait_until_ready("ui", at)?;
    fixture.lab.wait_until_settled()?;
    let node = fixture.node(at);
    fixture.note_fault(&format!("kill -9 of pacemakerd on {at}"));
    let before = node.sh("pidof pacemakerd")?;
    node.sh(&format!("{KILL_PACEMAKERD}; systemctl start pacemaker"))?;
    fixture.lab.wait_until("pacemakerd to be back", CLUSTER_TIMEOUT, |_| {
        let ran = node.try_exec(&["pidof", "pacemakerd"])?;
        let back = ran.code() == Some(0) && ran.stdout != before;
        Ok(if back { Ok(()) } else { Err(ran.to_string()) })
    })?;
    fixture.wait_until_online(at)?;
    let status = fixture.lab.status()?;
    assert!(status.fail_counts.is_empty() && status.failures.is_empty(), "{status}");
    let all: Result<Vec<usize>, _> =
        ["n1", "n2", "n3"].into_iter().map(|node| fixture.fencing_count(node)).collect();
    assert_eq!(all?, [fenced, 0, 0]);
    fixture.kill_pico("platform", "kill -9 of the Platform")?;
    fixture.finish(&[("platform", &[at], lives + 1), ("ui", &[at], lives)])
}

/// In maintenance mode all Pacemaker daemons of the Platform's node are killed, and started again. The node
/// is not fenced, and its picos live on and are found again. A Platform that is killed afterwards comes back.
#[test]
fn killed_pacemaker_in_maintenance_leaves_picos_running() -> TestResult {
    let fixture = cluster_plan().up()?;
    fixture.set_maintenance_mode(true)?;
    fixture.note_fault("kill -9 of all daemons of Pacemaker on n1");
    fixture.node("n1").sh(&format!("{KILL_PACEMAKER}; systemctl start pacemaker"))?;
    fixture.wait_until_online("n1")?;
    assert_eq!(fixture.wait_for_probe("mz-platform", "n1")?, 0);
    fixture.set_maintenance_mode(false)?;
    fixture.assert_nothing_failed()?;
    fixture.kill_pico("platform", "kill -9 of the Platform")?;
    fixture.finish(&[("platform", &["n1"], 2)])
}

/// In maintenance mode Pacemaker is restarted on all nodes: the picos live on and are found again. A Platform
/// that is killed afterwards comes back.
#[test]
fn restarted_pacemaker_in_maintenance_leaves_picos_running() -> TestResult {
    let fixture = cluster_plan().up()?;
    fixture.set_maintenance_mode(true)?;
    fixture.note_fault("systemctl restart pacemaker on all nodes");
    for node in fixture.lab.nodes() {
        node.exec(&["systemctl", "restart", "pacemaker"])?;
    }
    for (resource, node) in
        [("mz-platform", "n1"), ("mz-ui", "n1"), ("mz-ec2", "n2"), ("mz-sc1", "n3")]
    {
        assert_eq!(fixture.wait_for_probe(resource, node)?, 0, "{resource}");
    }
    for node in ["n1", "n2", "n3"] {
        fixture.wait_until_online(node)?;
    }
    fixture.set_maintenance_mode(false)?;
    fixture.assert_nothing_failed()?;
    fixture.kill_pico("platform", "kill -9 of the Platform")?;
    fixture.finish(&[("platform", &["n1"], 2)])
}

/// All Pacemaker daemons of the Platform's node are killed outside maintenance mode: the cluster cannot know
/// what runs there. It fences the node, and the Platform runs on the other one.
#[test]
fn killed_pacemaker_fences_node_and_moves_platform() -> TestResult {
    let fixture = cluster_plan().up()?;
    fixture.note_fault("kill -9 of all daemons of Pacemaker on n1");
    fixture.node("n1").sh(KILL_PACEMAKER)?;
    fixture.wait_until_ready("platform", "n2")?;
    assert_eq!(fixture.fencing_count("n1")?, 1);
    fixture.wait_until_online("n1")?;
    fixture.finish(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}

/// Like a package manager: writes a new file beside the old one, and renames it over that.
fn replace_agents(node: LabNode<'_>) -> TestResult {
    node.sh(&format!(
        "set -e
        for agent in platform ec sc ui; do
            cp -p {AGENTS_DIRECTORY}/$agent {AGENTS_DIRECTORY}/$agent.new
            mv {AGENTS_DIRECTORY}/$agent.new {AGENTS_DIRECTORY}/$agent
        done"
    ))
    .map(drop)
}

/// Waits until an agent of this type runs on a node from the executable that is installed now; returns its
/// pid.
fn wait_for_agent_process(
    fixture: &ClusterFixture,
    node: &str,
    agent: &str,
) -> Result<u32, TestkitError> {
    fixture.lab.wait_until(&format!("a monitor by the {agent} that {node} has now"), CLUSTER_TIMEOUT, |_| {
        let all = fixture.node(node).sh(&format!(
            "for pid in $(pidof {AGENTS_DIRECTORY}/{agent}); do
                [ /proc/$pid/exe -ef {AGENTS_DIRECTORY}/{agent} ] && echo $pid || readlink /proc/$pid/exe
            done"
        ))?;
        Ok(all.lines().find_map(|line| line.parse().ok()).ok_or(all))
    })
}
