//! What an administrator does to a cluster that is well. Nothing is restarted by it but what was meant.

use lab::site::{SOON, Site, Tool, site};
use lab::{Done, Error, Node};

/// Where the nodes have the agents.
const AGENTS: &str = "/usr/lib/ocf/resource.d/mediationzone";

/// pacemakerd first: it would start the others again. One that goes by itself meanwhile is as well.
const KILL_PACEMAKER: &str = "all='pacemakerd pacemaker-based pacemaker-fenced pacemaker-execd pacemaker-attrd pacemaker-schedulerd pacemaker-controld'; \
    { kill -9 $(pidof pacemakerd) $(pidof $all) || :; }; while pidof $all >/dev/null; do sleep 0.05; done";

/// The same of pacemakerd alone.
const KILL_PACEMAKERD: &str =
    "kill -9 $(pidof pacemakerd); while pidof pacemakerd >/dev/null; do sleep 0.05; done";

/// n3 goes into standby by crm: its EC and SC go to the other node in an orderly way, and don't come back by themselves.
#[test]
fn standby_by_crm() -> Done {
    let site = site().up()?;
    site.fault("n3 goes into standby");
    site.node("n1").exec(&["crm", "node", "standby", "n3"])?;
    for pico in ["ec1", "sc1"] {
        site.until_ready(pico, "n2")?;
    }
    site.node("n1").exec(&["crm", "node", "online", "n3"])?;
    site.until_online("n3")?;
    site.nothing_failed()?;
    site.witnessed(&[("ec1", &["n2"], 2), ("sc1", &["n2"], 2)])
}

/// The Platform is moved by crm with its storage and address, the UI follows, and once the move is cleared both stay.
#[test]
fn moved_by_crm() -> Done {
    let site = site().up()?;
    site.fault("the Platform's group is moved to n2");
    site.node("n1").exec(&["crm", "resource", "move", "mz", "n2"])?;
    for pico in ["platform", "ui"] {
        site.until_ready(pico, "n2")?;
    }
    site.node("n1").exec(&["crm", "resource", "clear", "mz"])?;
    site.lab.settle()?;
    site.nothing_failed()?;
    site.witnessed(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}

/// An EC is moved by pcs, which clears the move itself once that is done, and stays.
#[test]
fn moved_by_pcs() -> Done {
    let site = site().up()?;
    site.fault("ec1 is moved to n2");
    site.node("n1").exec(&["pcs", "resource", "move", "mz-ec1", "n2"])?;
    site.until_ready("ec1", "n2")?;
    let left = ["cibadmin", "--query", "--xpath", "//constraints/*[starts-with(@id, 'cli-')]"];
    let left = site.node("n1").try_exec(&left)?;
    assert!(!left.stdout.contains("cli-") && left.stderr.contains("No such device or address"), "{left}");
    site.nothing_failed()?;
    site.witnessed(&[("ec1", &["n2"], 2)])
}

/// In maintenance mode an administrator restarts the Platform and an EC by hand. After it both are found again, without a restart or a
/// failure, and watched: the EC is killed then, and comes back.
#[test]
fn restarted_by_hand() -> Done {
    let site = site().up()?;
    let (platform, ec) = (site.one("platform")?, site.one("ec1")?);
    maintenance(&site, true)?;
    site.fault("the Platform and ec1 are restarted by hand");
    for pico in [&platform, &ec] {
        site.restart_by_hand(pico)?;
    }
    maintenance(&site, false)?;
    site.nothing_failed()?;
    let by_hand = site.one("ec1")?;
    site.fault("kill -9 of the ec1 that was started by hand");
    site.signal(&by_hand, "KILL")?;
    site.until_back(&by_hand)?;
    site.witnessed(&[("platform", &["n1"], 2), ("ec1", &["n3"], 3)])
}

/// All resources are refreshed while two nodes lack an installation, one its directory, too: the probes there find nothing, and no healthy
/// pico is touched.
#[test]
fn refreshed_where_mz_home_is_absent() -> Done {
    let site = site().up()?;
    site.node("n2").sh("rmdir /opt/mz")?;
    site.node("n1").sh("mv /opt/ec /opt/away")?;
    site.fault("crm_resource --refresh");
    site.node("n1").exec(&["crm_resource", "--refresh"])?;
    for (resource, node, answer) in [
        ("mz-platform", "n1", 0),
        ("mz-platform", "n2", 7),
        ("mz-platform", "n3", 7),
        ("mz-ec1", "n1", 7),
        ("mz-ec1", "n2", 7),
        ("mz-ec1", "n3", 0),
        ("mz-sc1", "n1", 7),
    ] {
        assert_eq!(site.until_probed(resource, node)?, answer, "{resource} on {node}");
    }
    site.lab.settle()?;
    site.node("n1").sh("mv /opt/away /opt/ec")?;
    site.nothing_failed()?;
    site.witnessed(&[])
}

/// The installation is mounted on all nodes, and mzsh on the others claims that the Platform runs: neither a refresh nor a node that joins has the
/// healthy Platform restarted, for what counts is the process.
#[test]
fn mzsh_lies_where_mz_home_is_shared() -> Done {
    let site = site().shared_by_all().up()?;
    site.node("n1").sh("/opt/mz/bin/mzsh status platform >/srv/said 2>&1 </dev/null")?;
    for node in ["n2", "n3"] {
        site.node(node).sh(
            "printf '#!/bin/sh\\ncat /srv/said\\nexit 0\\n' >/usr/lib/claims && chmod 755 /usr/lib/claims
            mount --bind /usr/lib/claims /opt/mz/bin/mzsh
            /opt/mz/bin/mzsh status platform",
        )?;
    }
    site.fault("crm_resource --refresh");
    site.node("n1").exec(&["crm_resource", "--refresh"])?;
    for (node, answer) in [("n1", 0), ("n2", 7), ("n3", 7)] {
        assert_eq!(site.until_probed("mz-platform", node)?, answer, "{node}");
    }
    site.lab.settle()?;
    site.node("n2").stop()?;
    site.until_ready("ec2", "n3")?;
    site.fault("n2 joins");
    site.node("n2").start()?;
    site.until_online("n2")?;
    for resource in ["mz-platform", "mz-ui"] {
        assert_eq!(site.until_probed(resource, "n2")?, 7, "{resource}");
    }
    site.nothing_failed()?;
    site.witnessed(&[("ec2", &["n3"], 2)])
}

/// The agents are replaced under running picos, one node after the other: nothing is restarted; a monitor that waits at that moment goes on
/// and sees the death of its pico, and what comes after it is the new agent.
#[test]
fn agents_upgraded() -> Done {
    let site = site().up()?;
    // Each node has its own, as a package would leave them.
    for node in site.lab.nodes() {
        node.sh(&format!("cp -a {AGENTS} /usr/lib/own && mount --bind /usr/lib/own {AGENTS}"))?;
    }
    site.fault("the agents are replaced, one node after the other");
    for node in ["n1", "n2"] {
        replace_agents(site.node(node))?;
    }
    let before = site.one("ec1")?;
    let n3 = site.node("n3");
    let waiting = until_at_work(&site, "n3", "ec")?;
    replace_agents(n3)?;
    let exe = n3.sh(&format!("readlink /proc/{waiting}/exe"))?;
    assert!(exe.contains("(deleted)"), "the monitor {waiting} goes on with what was replaced: {exe}");
    site.fault("kill -9 of ec1 under the old monitor");
    site.signal(&before, "KILL")?;
    site.until_back(&before)?;
    let said = format!("ec(mz-ec1)[{waiting}]");
    let log = site.log("n3")?;
    assert!(
        log.lines().any(|line| line.contains(&said) && line.contains("ended")),
        "nothing of {said} in the log"
    );
    for (node, agent) in [("n1", "platform"), ("n1", "ui"), ("n2", "ec"), ("n3", "ec"), ("n3", "sc")] {
        until_at_work(&site, node, agent)?;
    }
    let status = site.lab.status()?;
    assert_eq!(status.fail_counts, [("mz-ec1".to_owned(), "n3".to_owned(), "1".to_owned())], "{status}");
    site.witnessed(&[("ec1", &["n3"], 2)])
}

/// A change of a reloadable parameter is taken over by reload-agent and restarts nothing; that of another restarts that resource, once.
#[test]
fn reloaded_and_restarted() -> Done {
    let site = site().up()?;
    let reload = |resource: &str, node: &str| {
        // Pacemaker 3.0 writes OK.
        let line = format!("result of reload-agent operation for {resource} on {node}: ok");
        site.lab.until(&line, SOON, |_| {
            let log = site.log(node)?;
            let found = log.lines().any(|said| said.to_ascii_lowercase().contains(&line));
            Ok(if found { Ok(()) } else { Err("it is not in the log".to_owned()) })
        })
    };
    site.fault("monitor_retries of the Platform and of ec1 is changed");
    let set = ["--set-parameter", "monitor_retries", "--parameter-value", "2"];
    site.node("n1").exec(&[&["crm_resource", "--resource", "mz-platform"][..], &set].concat())?;
    reload("mz-platform", "n1")?;
    site.node("n1").exec(&["pcs", "resource", "update", "mz-ec1", "monitor_retries=2"])?;
    reload("mz-ec1", "n3")?;
    site.lab.settle()?;
    assert_eq!(site.lives()?.len(), 5, "nothing was restarted");
    let before = site.one("ec1")?;
    site.fault("umask of ec1 is changed");
    site.node("n1").exec(&["pcs", "resource", "update", "mz-ec1", "umask=0027"])?;
    let life = site.until_back(&before)?;
    let status = site.node("n3").sh(&format!("cat /proc/{}/status", life.process.0))?;
    assert!(status.contains("Umask:\t0027"), "{status}");
    site.nothing_failed()?;
    site.witnessed(&[("ec1", &["n3"], 2)])
}

/// After a refresh Pacemaker restarts an EC when a reloadable parameter is changed, once, and reloads it the next time: what a probe has found
/// running counts as a failure to it, of which it does not know what can be reloaded. None other is touched.
#[test]
fn restarted_instead_of_reloaded() -> Done {
    let site = site().up()?;
    site.fault("crm_resource --refresh of ec1");
    site.node("n1").exec(&["crm_resource", "--refresh", "--resource", "mz-ec1"])?;
    assert_eq!(site.until_probed("mz-ec1", "n3")?, 0);
    site.lab.settle()?;
    let before = site.one("ec1")?;
    site.fault("monitor_retries of ec1 is changed");
    let set = |value: &str| {
        let words =
            ["--resource", "mz-ec1", "--set-parameter", "monitor_retries", "--parameter-value", value];
        site.node("n1").exec(&[&["crm_resource"][..], &words].concat())
    };
    set("2")?;
    site.until_back(&before)?;
    site.lab.settle()?;
    site.fault("monitor_retries of ec1 is changed again");
    set("3")?;
    site.until_logged("n3", &["Result of reload-agent operation for mz-ec1 on n3: ok"])?;
    site.nothing_failed()?;
    site.witnessed(&[("ec1", &["n3"], 2)])
}

/// The configuration of the README for pcs: storage and address, the Platform, then the others; and a Platform that is killed comes back.
#[test]
fn configured_by_pcs() -> Done {
    let site = site().by(Tool::Pcs).up()?;
    let platform = site.until_ready("platform", "n1")?.ready.expect("it is ready");
    for life in site.lives()?.iter().filter(|life| life.pico != "platform") {
        assert!(life.began >= platform, "{life}; the Platform was ready at {platform}");
    }
    site.kill("platform", "kill -9 of the Platform")?;
    site.lab.settle()?;
    let status = site.lab.status()?;
    assert_eq!(status.fail_counts, [("mz-platform".to_owned(), "n1".to_owned(), "1".to_owned())], "{status}");
    site.witnessed(&[("platform", &["n1"], 2)])
}

/// A resource that is disabled is stopped and stays so until it is enabled; one that is unmanaged is not started again when it dies, until
/// it is managed.
#[test]
fn disabled_and_unmanaged() -> Done {
    let site = site().up()?;
    let (ec, sc) = (site.one("ec1")?, site.one("sc1")?);
    site.fault("ec1 is disabled");
    site.node("n1").exec(&["pcs", "resource", "disable", "mz-ec1"])?;
    site.until_none("ec1")?;
    site.lab.settle()?;
    site.nothing_failed()?;
    site.node("n1").exec(&["pcs", "resource", "enable", "mz-ec1"])?;
    site.until_back(&ec)?;
    site.node("n1").exec(&["pcs", "resource", "unmanage", "mz-sc1"])?;
    site.lab.settle()?;
    site.fault("kill -9 of sc1, which is unmanaged");
    site.signal(&sc, "KILL")?;
    site.lab.until("the failure of sc1 to be counted", SOON, |lab| {
        let status = lab.status()?;
        Ok(if status.fail_count("mz-sc1", "n3") == "1" { Ok(()) } else { Err(status.to_string()) })
    })?;
    site.lab.settle()?;
    assert!(site.lab.watch().alive("sc1").is_empty(), "it is not managed");
    site.node("n1").exec(&["pcs", "resource", "manage", "mz-sc1"])?;
    site.until_back(&sc)?;
    site.witnessed(&[("ec1", &["n3"], 2), ("sc1", &["n3"], 2)])
}

/// After a failure a cleanup has the cluster forget it, and the pico that runs is not touched.
#[test]
fn cleaned_up() -> Done {
    let site = site().up()?;
    site.kill("ec2", "kill -9 of ec2")?;
    site.lab.settle()?;
    let status = site.lab.status()?;
    assert_eq!(status.fail_count("mz-ec2", "n2"), "1", "{status}");
    site.fault("crm_resource --cleanup");
    site.node("n1").exec(&["crm_resource", "--cleanup", "--resource", "mz-ec2"])?;
    assert_eq!(site.until_probed("mz-ec2", "n2")?, 0);
    site.lab.settle()?;
    site.nothing_failed()?;
    site.witnessed(&[("ec2", &["n2"], 2)])
}

/// Pacemaker's executor is killed, and its controller ends with it: the node's picos live on and are found again. Where the controller is not
/// back before the cluster decides again, which is Pacemaker's affair, the node is fenced first, and they run on the other one. Then
/// pacemakerd is killed on the Platform's node and started again: they live on; the Platform is killed then, and comes back.
#[test]
fn executor_killed() -> Done {
    let site = site().up()?;
    site.fault("kill -9 of pacemaker-execd on n1");
    site.node("n1").sh("kill -9 $(pidof pacemaker-execd)")?;
    let probed = site.until_probed("mz-platform", "n1")?;
    let fenced = site.fenced("n1")?;
    let (at, lives) = if fenced == 0 { ("n1", 1) } else { ("n2", 2) };
    assert_eq!((fenced, probed), if fenced == 0 { (0, 0) } else { (1, 7) });
    site.until_ready("platform", at)?;
    site.until_ready("ui", at)?;
    site.lab.settle()?;
    let node = site.node(at);
    site.fault(&format!("kill -9 of pacemakerd on {at}"));
    let before = node.sh("pidof pacemakerd")?;
    node.sh(&format!("{KILL_PACEMAKERD}; systemctl start pacemaker"))?;
    site.lab.until("pacemakerd to be back", SOON, |_| {
        let ran = node.try_exec(&["pidof", "pacemakerd"])?;
        let back = ran.code() == Some(0) && ran.stdout != before;
        Ok(if back { Ok(()) } else { Err(ran.to_string()) })
    })?;
    site.until_online(at)?;
    let status = site.lab.status()?;
    assert!(status.fail_counts.is_empty() && status.failures.is_empty(), "{status}");
    let all: Result<Vec<usize>, _> = ["n1", "n2", "n3"].into_iter().map(|node| site.fenced(node)).collect();
    assert_eq!(all?, [fenced, 0, 0]);
    site.kill("platform", "kill -9 of the Platform")?;
    site.witnessed(&[("platform", &[at], lives + 1), ("ui", &[at], lives)])
}

/// In maintenance mode all daemons of Pacemaker are killed on the Platform's node, and started again: the node is not fenced, and its
/// picos live on and are found again; the Platform is killed after it, and comes back.
#[test]
fn pacemaker_killed_in_maintenance() -> Done {
    let site = site().up()?;
    maintenance(&site, true)?;
    site.fault("kill -9 of all daemons of Pacemaker on n1");
    site.node("n1").sh(&format!("{KILL_PACEMAKER}; systemctl start pacemaker"))?;
    site.until_online("n1")?;
    assert_eq!(site.until_probed("mz-platform", "n1")?, 0);
    maintenance(&site, false)?;
    site.nothing_failed()?;
    site.kill("platform", "kill -9 of the Platform")?;
    site.witnessed(&[("platform", &["n1"], 2)])
}

/// In maintenance mode Pacemaker is restarted on all nodes: the picos live on and are found again; the Platform is killed after it, and
/// comes back.
#[test]
fn pacemaker_restarted_in_maintenance() -> Done {
    let site = site().up()?;
    maintenance(&site, true)?;
    site.fault("systemctl restart pacemaker on all nodes");
    for node in site.lab.nodes() {
        node.exec(&["systemctl", "restart", "pacemaker"])?;
    }
    for (resource, node) in [("mz-platform", "n1"), ("mz-ui", "n1"), ("mz-ec2", "n2"), ("mz-sc1", "n3")] {
        assert_eq!(site.until_probed(resource, node)?, 0, "{resource}");
    }
    for node in ["n1", "n2", "n3"] {
        site.until_online(node)?;
    }
    maintenance(&site, false)?;
    site.nothing_failed()?;
    site.kill("platform", "kill -9 of the Platform")?;
    site.witnessed(&[("platform", &["n1"], 2)])
}

/// All daemons of Pacemaker are killed on the Platform's node, which is not in maintenance: nobody can say what runs there, so it is
/// fenced, and the Platform runs on the other one.
#[test]
fn pacemaker_killed() -> Done {
    let site = site().up()?;
    site.fault("kill -9 of all daemons of Pacemaker on n1");
    site.node("n1").sh(KILL_PACEMAKER)?;
    site.until_ready("platform", "n2")?;
    assert_eq!(site.fenced("n1")?, 1);
    site.until_online("n1")?;
    site.witnessed(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}

fn maintenance(site: &Site, on: bool) -> Done {
    let value = if on { "true" } else { "false" };
    site.node("n1").exec(&["crm_attribute", "--name", "maintenance-mode", "--update", value])?;
    site.lab.settle()
}

/// As a package manager does it: a new file beside the old one, which is then renamed over it.
fn replace_agents(node: Node<'_>) -> Done {
    node.sh(&format!(
        "set -e
        for agent in platform ec sc ui; do
            cp -p {AGENTS}/$agent {AGENTS}/$agent.new
            mv {AGENTS}/$agent.new {AGENTS}/$agent
        done"
    ))
    .map(drop)
}

/// Waits until an agent of this type is at work on a node whose executable is the one that is there now; its number.
fn until_at_work(site: &Site, node: &str, agent: &str) -> Result<u32, Error> {
    site.lab.until(&format!("a monitor by the {agent} that {node} has now"), SOON, |_| {
        let all = site.node(node).sh(&format!(
            "for pid in $(pidof {AGENTS}/{agent}); do
                [ /proc/$pid/exe -ef {AGENTS}/{agent} ] && echo $pid || readlink /proc/$pid/exe
            done"
        ))?;
        Ok(all.lines().find_map(|line| line.parse().ok()).ok_or(all))
    })
}
