//! Virtual addresses, which move with the pico that uses them.

use testkit::TestResult;
use testkit::assertions::{OCF_ERR_ARGS, OCF_ERR_GENERIC, OCF_SUCCESS};
use testkit::fixture::AgentKind::{Ec, Platform, Sc, Ui};

use crate::address_case::{LOCAL_ADDRESS, REMOTE_ADDRESS, address_case};

#[test]
fn localhost_platform_host_is_valid_for_platform() -> TestResult {
    address_case(Platform).assert_validation(OCF_SUCCESS, &[])?.assert_start_succeeds(&[]).map(drop)
}

#[test]
fn localhost_platform_host_is_valid_for_ui() -> TestResult {
    address_case(Ui).assert_validation(OCF_SUCCESS, &[]).map(drop)
}

#[test]
fn localhost_platform_host_is_a_warning_for_ec() -> TestResult {
    let line = "WARNING: pico.rcp.platform.host: localhost resolves to 127.0.0.1, which is loopback: it finds the Platform only while";
    address_case(Ec)
        .assert_validation(OCF_SUCCESS, &[line])?
        .assert_start_succeeds(&["localhost resolves to 127.0.0.1, which is loopback"])
        .map(drop)
}

#[test]
fn remote_platform_host_is_valid_for_ec() -> TestResult {
    address_case(Ec).platform_host(REMOTE_ADDRESS).assert_validation(OCF_SUCCESS, &[]).map(drop)
}

#[test]
fn local_platform_host_is_valid_for_ec() -> TestResult {
    address_case(Ec)
        .platform_host("mzplat")
        .hosts_line("192.0.2.10 mzplat")
        .local_address(LOCAL_ADDRESS)
        .assert_validation(OCF_SUCCESS, &[])
        .map(drop)
}

#[test]
fn local_address_is_valid_for_platform() -> TestResult {
    let mzplat = address_case(Platform)
        .server_host("mzplat")
        .platform_host("mzplat")
        .hosts_line("192.0.2.10 mzplat");
    mzplat
        .local_address(LOCAL_ADDRESS)
        .assert_validation(OCF_SUCCESS, &[])?
        .assert_start_succeeds(&[])
        .map(drop)
}

#[test]
fn platform_start_is_refused_until_its_address_is_local() -> TestResult {
    let mzplat = address_case(Platform)
        .server_host("mzplat")
        .platform_host("mzplat")
        .hosts_line("192.0.2.10 mzplat");
    let passive = mzplat.assert_validation(
        OCF_SUCCESS,
        &[
            "WARNING: pico.rcp.server.host: mzplat resolves to 192.0.2.10, which is not an address of this node; the Platform could not bind it",
            "WARNING: pico.rcp.platform.host: mzplat resolves to 192.0.2.10, which is not an address of this node; the Platform is looked for there",
        ],
    )?;
    let words = [
        "pico.rcp.server.host: mzplat resolves to 192.0.2.10, which is not an address of this node",
    ];
    let passive = passive.assert_start_refused(OCF_ERR_GENERIC, &words)?;
    passive.fixture.node.add_address(LOCAL_ADDRESS)?;
    passive.assert_start_succeeds(&[]).map(drop)
}

#[test]
fn sc_start_is_refused_without_its_address() -> TestResult {
    let sc = address_case(Sc).server_host(REMOTE_ADDRESS).platform_host(LOCAL_ADDRESS);
    let line = "WARNING: pico.rcp.server.host: 203.0.113.7 is not an address of this node; a Service Context could not bind it";
    sc.assert_validation(OCF_SUCCESS, &[line])?
        .assert_start_refused(
            OCF_ERR_GENERIC,
            &["pico.rcp.server.host", REMOTE_ADDRESS, "not an address"],
        )
        .map(drop)
}

/// In the order of a vendor's guide the Platform starts before its address, because it listens everywhere.
#[test]
fn platform_listening_everywhere_starts_before_its_address() -> TestResult {
    let line = "WARNING: pico.rcp.platform.host: mzplat resolves to 203.0.113.7, which is not an address of this node";
    let guide = address_case(Platform)
        .platform_host("mzplat")
        .hosts_line("203.0.113.7 mzplat")
        .assert_validation(OCF_SUCCESS, &[line])?;
    guide.assert_start_succeeds(&["mzplat resolves to 203.0.113.7"]).map(drop)
}

#[test]
fn platform_host_differing_from_bound_address_is_a_warning() -> TestResult {
    let other = address_case(Platform)
        .server_host(LOCAL_ADDRESS)
        .platform_host("192.0.2.11")
        .local_address(LOCAL_ADDRESS)
        .local_address("192.0.2.11");
    let line = "WARNING: pico.rcp.platform.host: 192.0.2.11 is not what the Platform binds, 192.0.2.10 (pico.rcp.server.host)";
    other
        .assert_validation(OCF_SUCCESS, &[line])?
        .assert_start_succeeds(&["192.0.2.11 is not what the Platform binds"])
        .map(drop)
}

#[test]
fn unset_platform_host_is_a_warning() -> TestResult {
    let line =
        "WARNING: pico.rcp.platform.host: is not set: an Execution Context can't find the Platform";
    address_case(Ec).platform_host("").assert_validation(OCF_SUCCESS, &[line])?;
    let line =
        "WARNING: pico.rcp.platform.host: is not set: picos on other nodes can't find the Platform";
    address_case(Platform).platform_host("").assert_validation(OCF_SUCCESS, &[line]).map(drop)
}

/// Debian's installer gives the machine's own name this address. getifaddrs(3) does not list it, and it can be bound.
#[test]
fn node_name_at_127_0_1_1_is_a_warning_for_platform() -> TestResult {
    let trap = address_case(Platform)
        .server_host("mzplat")
        .platform_host("mzplat")
        .hosts_line("127.0.1.1 mzplat");
    let seen = "mzplat resolves to 127.0.1.1, which is loopback, as an installer writes a node's own name into /etc/hosts";
    let trap = trap.assert_validation(
        OCF_SUCCESS,
        &[
            &format!("WARNING: pico.rcp.server.host: {seen}: no other node can reach it there"),
            &format!("WARNING: pico.rcp.platform.host: {seen}: the Platform's address has to lead to it from every node"),
        ],
    )?;
    trap.assert_start_succeeds(&[seen]).map(drop)
}

#[test]
fn node_name_at_127_0_1_1_is_a_warning_for_ec() -> TestResult {
    let trap = address_case(Ec).platform_host("mzplat").hosts_line("127.0.1.1 mzplat");
    let line = "WARNING: pico.rcp.platform.host: mzplat resolves to 127.0.1.1, which is loopback, as an installer";
    trap.assert_validation(OCF_SUCCESS, &[line]).map(drop)
}

#[test]
fn loopback_server_host_is_a_warning() -> TestResult {
    let line = "WARNING: pico.rcp.server.host: localhost resolves to 127.0.0.1, which is loopback: no other node can reach it";
    address_case(Platform)
        .server_host("localhost")
        .assert_validation(OCF_SUCCESS, &[line])?
        .assert_start_succeeds(&["no other node can reach it"])
        .map(drop)
}

#[test]
fn unspecified_address_is_a_warning_for_server_and_error_for_platform() -> TestResult {
    let line = "WARNING: pico.rcp.server.host: 0.0.0.0 is no address that anybody could connect to: to listen everywhere";
    address_case(Platform)
        .server_host("0.0.0.0")
        .assert_validation(OCF_SUCCESS, &[line])?
        .assert_start_succeeds(&["leave it unset"])?;
    let line = "ERROR: pico.rcp.platform.host: 0.0.0.0 is no address that anybody could connect to";
    address_case(Ec).platform_host("0.0.0.0").assert_validation(OCF_ERR_ARGS, &[line]).map(drop)
}

#[test]
fn multicast_and_broadcast_addresses_are_refused() -> TestResult {
    let line = "ERROR: pico.rcp.server.host: 224.0.0.5 is a multicast address";
    address_case(Platform)
        .server_host("224.0.0.5")
        .assert_validation(OCF_ERR_ARGS, &[line])?
        .assert_start_refused(OCF_ERR_GENERIC, &["224.0.0.5", "multicast"])?;
    let line = "ERROR: pico.rcp.platform.host: 255.255.255.255 is the broadcast address";
    address_case(Ec)
        .platform_host("255.255.255.255")
        .assert_validation(OCF_ERR_ARGS, &[line])
        .map(drop)
}

/// It can be bound, and no host can reach it.
#[test]
fn address_on_interface_without_link_is_a_warning() -> TestResult {
    let down =
        address_case(Platform).server_host("192.0.2.20").platform_host("192.0.2.20").build()?;
    down.fixture.sh("ip link add mz0 type bridge && ip address add 192.0.2.20/24 dev mz0")?;
    let seen = "192.0.2.20, whose interface mz0 is down or has no link: nobody reaches it";
    let line = |name| format!("WARNING: pico.rcp.{name}.host: {seen}");
    down.assert_validation(OCF_SUCCESS, &[&line("server"), &line("platform")])?
        .assert_start_succeeds(&[seen])
        .map(drop)
}

/// Some clouds make a load balancer's address local to the node by a route alone.
#[test]
fn address_local_by_route_alone_counts_as_local() -> TestResult {
    let routed =
        address_case(Platform).server_host(REMOTE_ADDRESS).platform_host(REMOTE_ADDRESS).build()?;
    routed.fixture.sh(&format!("ip route add local {REMOTE_ADDRESS}/32 dev lo"))?;
    routed.assert_validation(OCF_SUCCESS, &[])?.assert_start_succeeds(&[]).map(drop)
}

/// With this setting the kernel lets any address be bound, so a successful bind proves nothing.
#[test]
fn bindable_nonlocal_address_is_not_local() -> TestResult {
    let loose =
        address_case(Platform).server_host(REMOTE_ADDRESS).platform_host(REMOTE_ADDRESS).build()?;
    loose.fixture.sh(
        "mount -t proc proc /opt && echo 1 >/opt/sys/net/ipv4/ip_nonlocal_bind && umount /opt",
    )?;
    loose
        .assert_start_refused(
            OCF_ERR_GENERIC,
            &["pico.rcp.server.host", REMOTE_ADDRESS, "not an address of this node"],
        )
        .map(drop)
}
