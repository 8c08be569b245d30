//! The cloud itself.

use std::fs;

use lab::openstack::OpenStack;
use lab::{Lab, TestResult};

/// All nodes are active servers, each on a hypervisor of its own. The metadata service knows each
/// node. The end of the services leaves neither a process nor a file on a node, and the machine's own
/// configuration of OpenStack is as it was.
#[test]
fn cloud_has_a_server_for_each_node_and_leaves_nothing() -> TestResult {
    let machine = || fs::read_dir("/etc/openstack").map(Iterator::count).ok();
    let before = machine();
    let lab = Lab::up_with_openstack_root("cloud", 3)?;
    let cloud = OpenStack::new(lab.controller());
    let project = cloud.up()?;
    let servers = cloud.client(&[
        "server",
        "list",
        "-f",
        "value",
        "-c",
        "Name",
        "-c",
        "Status",
        "--sort-column",
        "Name",
    ])?;
    assert_eq!(servers, "n1 ACTIVE\nn2 ACTIVE\nn3 ACTIVE");
    let hosts = cloud.exec(
        "admin",
        &["openstack", "server", "list", "--all-projects", "--long", "-f", "value", "-c", "Host"],
    )?;
    // "Host" also selects the column of the hypervisor's host name.
    let mut hosts: Vec<&str> =
        hosts.stdout.lines().filter_map(|line| line.split(' ').next()).collect();
    hosts.sort_unstable();
    assert_eq!(hosts, ["hypervisor-n1", "hypervisor-n2", "hypervisor-n3"]);
    for node in lab.nodes() {
        let name = node.name();
        let metadata =
            node.sh("curl --silent http://169.254.169.254/openstack/latest/meta_data.json")?;
        assert!(
            metadata.contains(&format!("\"uuid\": \"{}\"", project.server(name))),
            "{metadata}"
        );
        // As the agents ask.
        let seen = node.sh(&format!(
            "OS_CLOUD=mz openstack port show -f value -c status {}",
            project.port(name)
        ))?;
        assert_eq!(seen.trim(), "ACTIVE");
    }
    cloud.down()?;
    for node in lab.nodes() {
        node.sh("test ! -e /etc/openstack && test ! -e /etc/lab-boot")?;
    }
    let left = lab.node("host").sh(
        "ip -brief link; for process in /proc/[0-9]*; do tr '\\0' ' ' <$process/cmdline; echo; done",
    )?;
    assert!(!left.contains("vcloud") && !left.contains("serve.py"), "{left}");
    assert_eq!(machine(), before);
    lab.down()
}
