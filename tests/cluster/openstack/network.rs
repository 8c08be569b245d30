//! The network that Neutron's API describes is the network that packets see.

use std::time::Duration;

use lab::{LabNode, TestResult, TestkitError};

use crate::cloud_of_two;

const CHANGE_TIMEOUT: Duration = Duration::from_secs(30);

const VIRTUAL: &str = "10.99.0.100";

/// A client outside reaches the node that has the virtual address by the floating IP, also after the address
/// has moved, and no node once the floating IP has no port.
#[test]
fn floating_ip_leads_to_the_node_with_the_address() -> TestResult {
    let (lab, cloud, project) = cloud_of_two("floating_ip")?;
    for node in lab.nodes() {
        node.sh("cd /etc && setsid python3 -m http.server 8000 </dev/null >/dev/null 2>&1 &")?;
    }
    let floating = project.id("FLOATING_IP");
    let answer = || {
        cloud.try_outside(&format!("curl --silent --max-time 2 http://{floating}:8000/hostname"))
    };
    for node in lab.nodes() {
        node.sh(&format!(
            "ip addr add {VIRTUAL}/24 dev eth0 && arping -q -c 1 -U -I eth0 {VIRTUAL}"
        ))?;
        lab.wait_until(&format!("{} to answer", node.name()), CHANGE_TIMEOUT, |_| {
            let seen = answer()?;
            Ok(if seen.stdout.trim() == node.name() { Ok(()) } else { Err(seen.to_string()) })
        })?;
        node.sh(&format!("ip addr del {VIRTUAL}/24 dev eth0"))?;
    }
    let seen = answer()?;
    assert_ne!(seen.code(), Some(0), "no node has the address: {seen}");
    lab.node("n1").sh(&format!("ip addr add {VIRTUAL}/24 dev eth0"))?;
    cloud.client(&["floating", "ip", "unset", "--port", floating])?;
    let seen = answer()?;
    assert_ne!(seen.code(), Some(0), "the floating IP has no port: {seen}");
    lab.down()
}

/// A node can't send from an address that its port does not allow. A pair that the API adds takes effect, and
/// ends with its removal.
#[test]
fn port_drops_packets_from_addresses_that_it_does_not_allow() -> TestResult {
    let (lab, cloud, _) = cloud_of_two("address_pairs")?;
    let n1 = lab.node("n1");
    n1.sh(&format!("ip addr add {VIRTUAL}/24 dev eth0; ip addr add 10.99.0.77/24 dev eth0"))?;
    assert!(sends_from(n1, VIRTUAL)?, "the port allows it from the beginning");
    assert!(!sends_from(n1, "10.99.0.77")?);
    cloud.client(&["port", "set", "--allowed-address", "ip-address=10.99.0.77", "n1"])?;
    assert!(sends_from(n1, "10.99.0.77")?);
    let only_virtual = format!("ip-address={VIRTUAL}");
    cloud.client(&[
        "port",
        "set",
        "--no-allowed-address",
        "--allowed-address",
        &only_virtual,
        "n1",
    ])?;
    assert!(!sends_from(n1, "10.99.0.77")?);
    // It is a rule of this port only.
    lab.node("n2").sh("ip addr add 10.99.0.77/24 dev eth0")?;
    assert!(!sends_from(lab.node("n2"), "10.99.0.77")?);
    lab.down()
}

fn sends_from(node: LabNode<'_>, address: &str) -> Result<bool, TestkitError> {
    let ping = ["ping", "-c", "3", "-i", "0.2", "-W", "1", "-I", address, "10.99.0.1"];
    Ok(node.try_exec(&ping)?.code() == Some(0))
}
