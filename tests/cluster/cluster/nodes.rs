//! Faults of nodes and of their network. What ran on a node that is lost runs on another one once that was fenced, and nothing else
//! is touched.

use std::thread;

use lab::site::{SOON, Site, site};
use lab::{Done, Error, Lab, Node};

/// The Platform's node gets no network any more: it is fenced before the Platform starts on the other one. While it is still cut off it
/// boots, has no quorum, and starts nothing; when the cable is back, it is a member again, and nothing moves.
#[test]
fn network_cut() -> Done {
    let site = site().up()?;
    site.fault("the network cable of n1 is pulled");
    site.node("n1").cut()?;
    site.until_ready("platform", "n2")?;
    assert_eq!(site.fenced("n1")?, 1);
    until_alone(&site, "n1")?;
    site.node("n1").heal()?;
    site.until_online("n1")?;
    assert_eq!(site.until_probed("mz-platform", "n1")?, 7);
    assert_eq!(site.fenced("n1")?, 1, "it was fenced once");
    site.witnessed(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}

/// Corosync of the Platform's node freezes, while the Platform goes on: the node is fenced, and the Platform runs on the other one.
#[test]
fn corosync_frozen() -> Done {
    let site = site().up()?;
    site.fault("corosync of n1 gets SIGSTOP");
    site.node("n1").freeze()?;
    site.until_ready("platform", "n2")?;
    assert_eq!(site.fenced("n1")?, 1);
    site.until_online("n1")?;
    assert_eq!(site.until_probed("mz-platform", "n1")?, 7);
    site.witnessed(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}

/// A node that comes back after it lost its power is asked for all picos: none is there, so nothing moves back, and nothing is restarted.
#[test]
fn node_returns() -> Done {
    let site = site().up()?;
    site.fault("the power of n3 is cut");
    site.node("n3").kill()?;
    for pico in ["ec1", "sc1"] {
        site.until_ready(pico, "n2")?;
    }
    site.until_online("n3")?;
    for resource in ["mz-platform", "mz-ui", "mz-ec1", "mz-ec2", "mz-sc1"] {
        assert_eq!(site.until_probed(resource, "n3")?, 7, "{resource}");
    }
    let status = site.lab.status()?;
    assert!(status.fail_counts.is_empty() && status.failures.is_empty(), "{status}");
    assert_eq!(site.fenced("n3")?, 1);
    site.witnessed(&[("ec1", &["n2"], 2), ("sc1", &["n2"], 2)])
}

/// All nodes lose their power at once and get it back: everything comes up once, in order, and nothing is taken for alive that was before.
#[test]
fn all_restarted_at_once() -> Done {
    let site = site().up()?;
    let before = site.all()?;
    site.fault("the power of all nodes is cut");
    at_once(&site, Node::kill)?;
    for seen in &before {
        site.until_none(&seen.pico)?;
    }
    at_once(&site, Node::on)?;
    for seen in &before {
        site.until_back(seen)?;
    }
    for node in ["n1", "n2", "n3"] {
        site.until_online(node)?;
    }
    let platform = site.until_back(&before[0])?.ready.expect("it is ready");
    for ec in &before[1..] {
        let began = site.until_back(ec)?.began;
        assert!(began >= platform, "{} began at {began}, the Platform was ready at {platform}", ec.pico);
    }
    let (first, others) = (&["n1", "n2"][..], &["n2", "n3"][..]);
    site.witnessed(&[
        ("platform", first, 2),
        ("ui", first, 2),
        ("ec1", others, 2),
        ("ec2", others, 2),
        ("sc1", others, 2),
    ])
}

/// Two of three nodes lose the network: none has quorum, so each stops what it runs, in an orderly way and without fencing; when the
/// cables are back, everything comes up once.
#[test]
fn quorum_lost() -> Done {
    let site = site().up()?;
    let before = site.all()?;
    site.fault("the network cables of n2 and n3 are pulled");
    site.node("n2").cut()?;
    site.node("n3").cut()?;
    site.lab.until("the end of all picos", SOON, |lab| {
        let alive: Vec<_> = before.iter().flat_map(|seen| lab.watch().alive(&seen.pico)).collect();
        Ok(if alive.is_empty() { Ok(()) } else { Err(format!("{alive:?}")) })
    })?;
    for node in ["n1", "n2", "n3"] {
        assert_eq!(site.fenced(node)?, 0, "{node}");
    }
    // Whoever has quorum first may fence the one that is not there yet.
    at_once(&site, Node::heal)?;
    for seen in &before {
        site.until_back(seen)?;
    }
    for node in ["n1", "n2", "n3"] {
        site.until_online(node)?;
    }
    let status = site.lab.status()?;
    assert!(status.fail_counts.is_empty() && status.failures.is_empty(), "{status}");
    let (first, others) = (&["n1", "n2"][..], &["n2", "n3"][..]);
    site.witnessed(&[
        ("platform", first, 2),
        ("ui", first, 2),
        ("ec1", others, 2),
        ("ec2", others, 2),
        ("sc1", others, 2),
    ])
}

/// The state takes a node that has joined for one that leaves, as a network that was in three parts can leave it. It stays pending until
/// what the doctor says is done, and nothing is restarted or moved by either. Of the README's site as it is, the doctor has no error to
/// tell, on any node.
#[test]
fn taken_for_leaving() -> Done {
    let site = site().up()?;
    for node in ["n1", "n2", "n3"] {
        let rows = site.doctor(node)?;
        assert!(rows.iter().any(|row| row["resource"] == "mz-ec1"), "{node}: {rows:#?}");
        let errors: Vec<_> = rows.iter().filter(|row| row["level"] == "error").collect();
        assert!(errors.is_empty(), "{node}: {errors:#?}");
    }
    site.fault("the state of n3 says expected=down");
    let state = r#"<node_state id="3" uname="n3" expected="down"/>"#;
    site.node("n1").exec(&["cibadmin", "--modify", "--scope", "status", "--xml-text", state])?;
    let online = |lab: &Lab| lab.status().map(|status| status.member("n3").is_some_and(|n3| n3.online));
    site.until_offline("n3")?;
    assert_eq!(site.cure_of_held("n2")?, None);
    let cure = site.cure_of_held("n3")?.expect("the doctor says what to do");
    assert!(!online(&site.lab)?, "it was not healed by being looked at");
    site.node("n1").sh(&cure)?;
    site.lab
        .until("n3 to be online", SOON, |lab| Ok(if online(lab)? { Ok(()) } else { Err(cure.clone()) }))?;
    site.lab.settle()?;
    site.nothing_failed()?;
    site.witnessed(&[])
}

/// Of two nodes, that of the Platform loses its power: the other one fences it and runs everything.
#[test]
fn power_cut_of_two() -> Done {
    let site = site().of_two_nodes().up()?;
    site.fault("the power of n1 is cut");
    site.node("n1").kill()?;
    site.until_ready("platform", "n2")?;
    assert_eq!(site.fenced("n1")?, 1);
    site.until_online("n1")?;
    assert_eq!(site.until_probed("mz-platform", "n1")?, 7);
    site.witnessed(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}

/// Of two nodes, that of the Platform is cut off, also from the power switch: it is fenced and does not fence, and has no quorum until it
/// has seen the other one.
#[test]
fn network_cut_of_two() -> Done {
    let site = site().of_two_nodes().up()?;
    site.fault("the network cable of n1 is pulled");
    site.node("n1").cut()?;
    site.until_ready("platform", "n2")?;
    assert_eq!((site.fenced("n1")?, site.fenced("n2")?), (1, 0));
    until_alone(&site, "n1")?;
    site.node("n1").heal()?;
    site.until_online("n1")?;
    assert_eq!(site.until_probed("mz-platform", "n1")?, 7);
    assert_eq!((site.fenced("n1")?, site.fenced("n2")?), (1, 0));
    site.witnessed(&[("platform", &["n2"], 2), ("ui", &["n2"], 2)])
}

/// Waits until a node has booted, has a DC of its own, and no quorum.
fn until_alone(site: &Site, node: &str) -> Done {
    site.lab.until(&format!("{node} to be up and alone"), SOON, |_| {
        let ran = site.node(node).try_exec(&["timeout", "10", "crm_mon", "-1", "--output-as=xml"])?;
        let alone = ran.stdout.contains("<current_dc present=\"true\"")
            && ran.stdout.contains("with_quorum=\"false\"");
        Ok(if alone { Ok(()) } else { Err(ran.to_string()) })
    })
}

/// The same to all nodes, without waiting for one before the next.
fn at_once<'a>(site: &'a Site, act: impl Fn(Node<'a>) -> Result<(), Error> + Sync) -> Done {
    let act = &act;
    thread::scope(|scope| {
        let all: Vec<_> = site.lab.nodes().map(|node| scope.spawn(move || act(node))).collect();
        all.into_iter().try_for_each(|one| one.join().expect("a thread that calls the lab"))
    })
}
