//! The lab itself.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lab::cluster_fixture::cluster_plan;
use lab::invariants::{self, ExpectedPico};
use lab::{Lab, LabController, LabNode, TestResult, labs_directory};
use testkit::{Programs, wait_until};

/// Longer than the kernel takes to end a namespace.
const END_TIMEOUT: Duration = Duration::from_secs(20);

/// Longer than a cluster takes to detect that a node has left or joined.
const MEMBERSHIP_TIMEOUT: Duration = Duration::from_secs(60);

/// Two labs with the same names and addresses run at the same time, isolated from each other.
#[test]
fn two_labs_are_isolated_from_each_other() -> TestResult {
    let (one, two) = (Lab::up_named("two_labs-one", 1)?, Lab::up_named("two_labs-two", 1)?);
    one.node("n1").sh("echo one >/etc/whose; echo one >/srv/whose")?;
    for file in ["/etc/whose", "/srv/whose"] {
        assert_eq!(one.node("n1").sh(&format!("cat {file}"))?, "one\n");
        let other = two.node("n1").try_exec(&["cat", file])?;
        assert_ne!(other.code(), Some(0), "{other}");
    }
    one.down()?;
    assert!(two.status()?.quorum, "the other still works");
    two.down()
}

/// A lab that is taken down leaves nothing. A lab that is dropped leaves the logs of its nodes.
#[test]
fn dropped_lab_leaves_only_logs() -> TestResult {
    let lab = Lab::up_named("dropped_lab", 1)?;
    let dir = lab.controller().dir().to_owned();
    let machine =
        || (fs::read_to_string("/proc/self/mounts").unwrap_or_default(), network_interfaces());
    let (before, here) = (machine(), dir.display().to_string());
    assert!(!before.0.contains(&here), "no mount of the lab is the machine's: {}", before.0);
    lab.node("n1").sh("setsid sleep 1000000 </dev/null >/dev/null 2>&1 &")?;
    drop(lab);
    wait_until_no_process_of(&here)?;
    assert!(dir.join("logs/n1/var/log/pacemaker/pacemaker.log").is_file(), "logs below {here}");
    assert_eq!(machine(), before, "mounts and network interfaces of the machine");
    fs::remove_dir_all(&dir).expect("what is left of it are files");
    Ok(())
}

/// A lab ends with its owner process, also when that gets SIGKILL. The next lab of the same name comes up.
#[test]
fn lab_ends_with_its_owner_process() -> TestResult {
    let programs = Programs::with_agents()?;
    let control = LabController::new(labs_directory().join("lab_owner"));
    let machine =
        || (fs::read_to_string("/proc/self/mounts").unwrap_or_default(), network_interfaces());
    let before = machine();
    let (leash, ran) = control.up(1, &programs, true)?;
    ran.expect_code(0)?;
    let leash = leash.expect("it was asked for");
    let mut wants = Command::new("sleep").arg("1000000").stdout(leash).spawn().expect("a process");
    assert!(control.init_pid().is_some());
    wants.kill().and_then(|()| wants.wait()).expect("it is ours");
    wait_until_no_process_of(&control.dir().display().to_string())?;
    assert_eq!(machine(), before, "mounts and network interfaces of the machine");
    Lab::up_named("lab_owner", 1)?.down()?;
    assert!(!control.dir().exists(), "{} is left", control.dir().display());
    Ok(())
}

/// A running lab is not taken from its owner: the next lab of the same name is refused. The error says which
/// lab runs and how to end it.
#[test]
fn running_lab_of_same_name_is_refused() -> TestResult {
    let programs = Programs::with_agents()?;
    let control = LabController::new(labs_directory().join("running_lab"));
    let (_leash, ran) = control.up(1, &programs, true)?;
    ran.expect_code(0)?;
    let init = control.init_pid().expect("it is up");
    let said = Lab::up_named("running_lab", 1).expect_err("it is there").to_string();
    assert!(said.contains(&format!("`kill -KILL {init}` ends it")), "{said}");
    assert_eq!(control.init_pid(), Some(init), "it was let be");
    control.down()?;
    assert!(!control.dir().exists(), "{} is left", control.dir().display());
    Lab::up_named("running_lab", 1)?.down()
}

/// A fault of a node, or its end.
type NodeAction<'a> = fn(LabNode<'a>) -> TestResult;

/// Each fault of a node is visible to the other nodes, and can be undone: power, network, Corosync frozen,
/// cluster software stopped.
#[test]
fn node_faults_are_visible_and_reversible() -> TestResult {
    let lab = Lab::up_named("node_faults", 3)?;
    let n3 = lab.node("n3");
    let seen = |online: bool| {
        lab.wait_until(
            if online { "n3 to be online" } else { "n3 to be offline" },
            MEMBERSHIP_TIMEOUT,
            |lab| {
                let status = lab.status()?;
                let is = status.member("n3").is_some_and(|member| member.online);
                Ok(if is == online { Ok(()) } else { Err(status.to_string()) })
            },
        )
    };
    let faults: [(NodeAction<'_>, NodeAction<'_>); 4] = [
        (LabNode::freeze_corosync, LabNode::thaw_corosync),
        (LabNode::cut_network, LabNode::restore_network),
        (LabNode::stop_cluster, LabNode::start_cluster),
        (LabNode::cut_power, LabNode::power_on),
    ];
    for (fault, end) in faults {
        fault(n3)?;
        seen(false)?;
        end(n3)?;
        seen(true)?;
    }
    lab.down()
}

/// In a two-node lab one node has quorum alone, once it has seen the other. The logs and the CIB of both are
/// kept, also of the one without power.
#[test]
fn two_node_lab_has_quorum_and_keeps_logs() -> TestResult {
    let lab = Lab::up_named("two_node_lab", 2)?;
    lab.node("n1").sh("corosync-quorumtool -s | grep -q '^Flags:.*2Node.*WaitForAll'")?;
    lab.node("n1").cut_power()?;
    lab.wait_until("n2 to be alone, with quorum", MEMBERSHIP_TIMEOUT, |lab| {
        let status = lab.status()?;
        let alone =
            status.quorum && status.members.iter().filter(|member| member.online).count() == 1;
        Ok(if alone { Ok(()) } else { Err(status.to_string()) })
    })?;
    let dir = lab.controller().dir().to_owned();
    drop(lab);
    for node in ["n1", "n2"] {
        for file in [
            "log/pacemaker/pacemaker.log",
            "log/corosync/corosync.log",
            "lib/pacemaker/cib/cib.xml",
        ] {
            let file = dir.join("logs").join(node).join("var").join(file);
            assert!(file.is_file(), "{}", file.display());
        }
    }
    let power = fs::read_to_string(dir.join("logs/power.log")).unwrap_or_default();
    assert!(power.contains(" off n1 0"), "{power}");
    fs::remove_dir_all(&dir).expect("what is left of it are files");
    Ok(())
}

/// Without fencing and quorum a pulled cable makes two Platforms live at once. The invariant checker detects
/// them, so that its silence in every other scenario means something.
#[test]
fn invariant_checker_detects_two_platforms() -> TestResult {
    let fixture = cluster_plan().up()?;
    fixture.node("n1").sh("crm_attribute --name stonith-enabled --update false
        crm_attribute --name no-quorum-policy --update ignore")?;
    fixture.lab.wait_until_settled()?;
    fixture.node("n1").cut_network()?;
    fixture.wait_until_ready("platform", "n2")?;
    let expected = [("platform", &["n2"][..], 2), ("ec1", &["n3"], 1), ("ec2", &["n2"], 1)];
    let expected =
        expected.map(|(pico, on, lives)| ExpectedPico { pico, nodes: on, lifetimes: lives });
    let broken = invariants::check_lifetimes(&fixture.lifetimes()?, &expected);
    let said = broken
        .iter()
        .any(|broken| broken.0.starts_with("platform is alive twice at once: platform on n1"));
    assert!(said, "{broken:?}");
    fixture.lab.down()
}

fn network_interfaces() -> Vec<String> {
    let links = fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    let mut names: Vec<String> =
        links.map(|link| link.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Waits until no process is in a node of this lab, or is one of its scripts.
fn wait_until_no_process_of(lab: &str) -> TestResult {
    wait_until("the end of all processes of the lab", END_TIMEOUT, || {
        let mut left = Vec::new();
        for entry in fs::read_dir("/proc").map_err(|e| e.to_string())?.flatten() {
            let proc = entry.path();
            let in_node =
                fs::read_to_string(proc.join("root/etc/lab")).is_ok_and(|at| at.trim_end() == lab);
            let words = fs::read(proc.join("cmdline")).unwrap_or_default();
            let words = String::from_utf8_lossy(&words).replace('\0', " ");
            if in_node || words.contains(&format!("{lab}/script")) {
                left.push(format!(
                    "{} {words}",
                    proc.file_name().map_or(Path::new(""), Path::new).display()
                ));
            }
        }
        if left.is_empty() { Ok(()) } else { Err(left.join("\n")) }
    })
}
