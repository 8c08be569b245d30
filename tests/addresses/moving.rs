//! With virtual addresses, which move with what uses them.

use testkit::Done;
use testkit::answer::{ARGS, GENERIC, OK};
use testkit::site::Kind::{Ec, Platform, Sc, Ui};

use crate::case::{AWAY, HERE, case};

#[test]
fn nothing_set_but_the_platform_at_localhost_is_right_for_the_platform() -> Done {
    case(Platform).finds(OK, &[])?.starts(&[]).map(drop)
}

#[test]
fn localhost_is_right_for_a_web_ui_beside_the_platform() -> Done {
    case(Ui).finds(OK, &[]).map(drop)
}

#[test]
fn localhost_leads_an_ec_to_its_own_node_only() -> Done {
    let line = "WARNING: pico.rcp.platform.host: localhost resolves to 127.0.0.1, which is loopback: it finds the Platform only while";
    case(Ec).finds(OK, &[line])?.starts(&["localhost resolves to 127.0.0.1, which is loopback"]).map(drop)
}

#[test]
fn an_ec_may_look_for_the_platform_at_an_address_that_is_elsewhere() -> Done {
    case(Ec).platform(AWAY).finds(OK, &[]).map(drop)
}

#[test]
fn an_ec_may_look_for_the_platform_on_its_own_node() -> Done {
    case(Ec).platform("mzplat").hosts("192.0.2.10 mzplat").here(HERE).finds(OK, &[]).map(drop)
}

#[test]
fn the_address_of_the_platform_here_is_right() -> Done {
    let mzplat = case(Platform).server("mzplat").platform("mzplat").hosts("192.0.2.10 mzplat");
    mzplat.here(HERE).finds(OK, &[])?.starts(&[]).map(drop)
}

#[test]
fn without_the_address_that_it_must_bind_the_platform_is_not_started_until_that_is_here() -> Done {
    let mzplat = case(Platform).server("mzplat").platform("mzplat").hosts("192.0.2.10 mzplat");
    let passive = mzplat.finds(
        OK,
        &[
            "WARNING: pico.rcp.server.host: mzplat resolves to 192.0.2.10, which is not an address of this node; the Platform could not bind it",
            "WARNING: pico.rcp.platform.host: mzplat resolves to 192.0.2.10, which is not an address of this node; the Platform is looked for there",
        ],
    )?;
    let words = ["pico.rcp.server.host: mzplat resolves to 192.0.2.10, which is not an address of this node"];
    let passive = passive.refuses_to_start(GENERIC, &words)?;
    passive.site.node.address(HERE)?;
    passive.starts(&[]).map(drop)
}

#[test]
fn an_sc_is_not_started_without_its_own_address() -> Done {
    let sc = case(Sc).server(AWAY).platform(HERE);
    let line = "WARNING: pico.rcp.server.host: 203.0.113.7 is not an address of this node; a Service Context could not bind it";
    sc.finds(OK, &[line])?
        .refuses_to_start(GENERIC, &["pico.rcp.server.host", AWAY, "not an address"])
        .map(drop)
}

/// In the order that a vendor's guide has, the Platform is started before its address: it listens everywhere.
#[test]
fn a_platform_that_listens_everywhere_starts_before_its_address() -> Done {
    let line = "WARNING: pico.rcp.platform.host: mzplat resolves to 203.0.113.7, which is not an address of this node";
    let guide = case(Platform).platform("mzplat").hosts("203.0.113.7 mzplat").finds(OK, &[line])?;
    guide.starts(&["mzplat resolves to 203.0.113.7"]).map(drop)
}

#[test]
fn a_platform_that_is_looked_for_where_it_does_not_listen_is_told() -> Done {
    let other = case(Platform).server(HERE).platform("192.0.2.11").here(HERE).here("192.0.2.11");
    let line = "WARNING: pico.rcp.platform.host: 192.0.2.11 is not what the Platform binds, 192.0.2.10 (pico.rcp.server.host)";
    other.finds(OK, &[line])?.starts(&["192.0.2.11 is not what the Platform binds"]).map(drop)
}

#[test]
fn where_the_platform_is_should_be_set() -> Done {
    let line = "WARNING: pico.rcp.platform.host: is not set: an Execution Context can't find the Platform";
    case(Ec).platform("").finds(OK, &[line])?;
    let line = "WARNING: pico.rcp.platform.host: is not set: picos on other nodes can't find the Platform";
    case(Platform).platform("").finds(OK, &[line]).map(drop)
}

/// Debian's installer gives the machine's own name this address. getifaddrs(3) does not list it, and it can be bound.
#[test]
fn the_nodes_own_name_as_an_installer_writes_it_is_a_trap() -> Done {
    let trap = case(Platform).server("mzplat").platform("mzplat").hosts("127.0.1.1 mzplat");
    let seen = "mzplat resolves to 127.0.1.1, which is loopback, as an installer writes a node's own name into /etc/hosts";
    let trap = trap.finds(
        OK,
        &[
            &format!("WARNING: pico.rcp.server.host: {seen}: no other node can reach it there"),
            &format!("WARNING: pico.rcp.platform.host: {seen}: the Platform's address has to lead to it from every node"),
        ],
    )?;
    trap.starts(&[seen]).map(drop)
}

#[test]
fn the_trap_leads_an_ec_to_its_own_node() -> Done {
    let trap = case(Ec).platform("mzplat").hosts("127.0.1.1 mzplat");
    let line =
        "WARNING: pico.rcp.platform.host: mzplat resolves to 127.0.1.1, which is loopback, as an installer";
    trap.finds(OK, &[line]).map(drop)
}

#[test]
fn a_platform_at_loopback_is_reached_by_nobody() -> Done {
    let line = "WARNING: pico.rcp.server.host: localhost resolves to 127.0.0.1, which is loopback: no other node can reach it";
    case(Platform).server("localhost").finds(OK, &[line])?.starts(&["no other node can reach it"]).map(drop)
}

#[test]
fn to_listen_everywhere_needs_no_address() -> Done {
    let line = "WARNING: pico.rcp.server.host: 0.0.0.0 is no address that anybody could connect to: to listen everywhere";
    case(Platform).server("0.0.0.0").finds(OK, &[line])?.starts(&["leave it unset"])?;
    let line = "ERROR: pico.rcp.platform.host: 0.0.0.0 is no address that anybody could connect to";
    case(Ec).platform("0.0.0.0").finds(ARGS, &[line]).map(drop)
}

#[test]
fn addresses_that_no_interface_has_are_refused() -> Done {
    let line = "ERROR: pico.rcp.server.host: 224.0.0.5 is a multicast address";
    case(Platform)
        .server("224.0.0.5")
        .finds(ARGS, &[line])?
        .refuses_to_start(GENERIC, &["224.0.0.5", "multicast"])?;
    let line = "ERROR: pico.rcp.platform.host: 255.255.255.255 is the broadcast address";
    case(Ec).platform("255.255.255.255").finds(ARGS, &[line]).map(drop)
}

/// It can be bound, and nobody reaches it.
#[test]
fn an_address_on_an_interface_without_a_link_is_told() -> Done {
    let down = case(Platform).server("192.0.2.20").platform("192.0.2.20").build()?;
    down.site.sh("ip link add mz0 type bridge && ip address add 192.0.2.20/24 dev mz0")?;
    let seen = "192.0.2.20, whose interface mz0 is down or has no link: nobody reaches it";
    let line = |name| format!("WARNING: pico.rcp.{name}.host: {seen}");
    down.finds(OK, &[&line("server"), &line("platform")])?.starts(&[seen]).map(drop)
}

/// Some clouds make the address of a load balancer the node's by a route alone.
#[test]
fn an_address_that_is_here_by_a_route_alone_is_here() -> Done {
    let routed = case(Platform).server(AWAY).platform(AWAY).build()?;
    routed.site.sh(&format!("ip route add local {AWAY}/32 dev lo"))?;
    routed.finds(OK, &[])?.starts(&[]).map(drop)
}

/// With this setting the kernel lets anything be bound, and a bind that succeeds proves nothing.
#[test]
fn that_it_could_be_bound_does_not_make_an_address_one_of_this_node() -> Done {
    let loose = case(Platform).server(AWAY).platform(AWAY).build()?;
    loose.site.sh("mount -t proc proc /opt && echo 1 >/opt/sys/net/ipv4/ip_nonlocal_bind && umount /opt")?;
    loose.refuses_to_start(GENERIC, &["pico.rcp.server.host", AWAY, "not an address of this node"]).map(drop)
}
