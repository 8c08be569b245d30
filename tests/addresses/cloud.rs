//! OpenStack and Amazon, where the Platform's own node and all others need different addresses for the same
//! name.

use testkit::TestResult;
use testkit::assertions::{OCF_ERR_ARGS, OCF_ERR_GENERIC, OCF_SUCCESS};
use testkit::fixture::AgentKind::{Ec, Platform, Sc, Ui};

use crate::address_case::{LOCAL_ADDRESS, REMOTE_ADDRESS, address_case};

const CLOUDS: [(&str, &str, &str); 2] =
    [("openstack", "OpenStack", "floating"), ("aws", "Amazon", "elastic")];

#[test]
fn local_address_is_valid_for_platform() -> TestResult {
    for (deployment, ..) in CLOUDS {
        let right = address_case(Platform)
            .with_deployment(deployment)
            .server_host("mzplat")
            .platform_host("mzplat");
        right
            .hosts_line("192.0.2.10 mzplat")
            .local_address(LOCAL_ADDRESS)
            .assert_validation(OCF_SUCCESS, &[])?
            .assert_start_succeeds(&[])?;
    }
    Ok(())
}

#[test]
fn public_platform_address_is_an_error_but_does_not_block_start() -> TestResult {
    for (deployment, cloud, _) in CLOUDS {
        let outer = address_case(Platform)
            .with_deployment(deployment)
            .server_host(LOCAL_ADDRESS)
            .platform_host("mzplat");
        let text = format!(
            "mzplat resolves to 203.0.113.7, which is not an address of this node; on {cloud} the Platform needs its local address here"
        );
        let outer = outer.hosts_line("203.0.113.7 mzplat").local_address(LOCAL_ADDRESS);
        outer
            .assert_validation(OCF_ERR_ARGS, &[&format!("ERROR: pico.rcp.platform.host: {text}")])?
            .assert_start_succeeds(&[&text])?;
    }
    Ok(())
}

#[test]
fn public_server_address_cannot_be_bound_and_blocks_start() -> TestResult {
    for (deployment, cloud, _) in CLOUDS {
        let outer = address_case(Platform)
            .with_deployment(deployment)
            .server_host("mzplat")
            .platform_host(LOCAL_ADDRESS);
        let outer = outer.hosts_line("203.0.113.7 mzplat").local_address(LOCAL_ADDRESS);
        let server = format!(
            "ERROR: pico.rcp.server.host: mzplat resolves to 203.0.113.7, which is not an address of this node; on {cloud} the Platform"
        );
        let platform =
            "WARNING: pico.rcp.platform.host: 192.0.2.10 is an address: it can't be the local one";
        outer.assert_validation(OCF_ERR_ARGS, &[&server, platform])?.assert_start_refused(
            OCF_ERR_GENERIC,
            &["pico.rcp.server.host: mzplat resolves to 203.0.113.7"],
        )?;
    }
    Ok(())
}

#[test]
fn ec_uses_public_address_of_platform() -> TestResult {
    for (deployment, ..) in CLOUDS {
        let right = address_case(Ec)
            .with_deployment(deployment)
            .server_host("mzec")
            .platform_host("mzplat");
        right
            .hosts_line("203.0.113.7 mzplat")
            .hosts_line("192.0.2.10 mzec")
            .local_address(LOCAL_ADDRESS)
            .assert_validation(OCF_SUCCESS, &[])?;
    }
    Ok(())
}

/// It works while both are on one node, and the product's manual requires two: a warning, and no reason to
/// refuse a start.
#[test]
fn platform_at_local_address_of_ec_is_a_warning() -> TestResult {
    for (deployment, cloud, outer) in CLOUDS {
        for kind in [Ec, Sc] {
            let own = address_case(kind)
                .with_deployment(deployment)
                .server_host(LOCAL_ADDRESS)
                .platform_host("mzplat")
                .hosts_line("192.0.2.10 mzplat")
                .local_address(LOCAL_ADDRESS);
            let who = if kind == Ec { "an Execution Context" } else { "a Service Context" };
            let text = format!(
                "mzplat resolves to 192.0.2.10, which is an address of this node; on {cloud} {who} needs the Platform's {outer} address here"
            );
            let own = own.assert_validation(
                OCF_SUCCESS,
                &[&format!("WARNING: pico.rcp.platform.host: {text}")],
            )?;
            own.assert_start_succeeds(&[&text])?;
        }
    }
    Ok(())
}

#[test]
fn ui_may_run_beside_platform_or_elsewhere() -> TestResult {
    for line in ["192.0.2.10 mzplat", "203.0.113.7 mzplat"] {
        address_case(Ui)
            .with_deployment("openstack")
            .server_host(LOCAL_ADDRESS)
            .platform_host("mzplat")
            .hosts_line(line)
            .local_address(LOCAL_ADDRESS)
            .assert_validation(OCF_SUCCESS, &[])?;
    }
    Ok(())
}

#[test]
fn unset_server_host_is_a_warning() -> TestResult {
    let unset = address_case(Platform)
        .with_deployment("openstack")
        .platform_host("mzplat")
        .hosts_line("192.0.2.10 mzplat")
        .local_address(LOCAL_ADDRESS);
    let line = "WARNING: pico.rcp.server.host: is not set, so it listens at every address; on OpenStack the Platform needs its local";
    unset
        .assert_validation(OCF_SUCCESS, &[line])?
        .assert_start_succeeds(&["is not set, so it listens at every address"])
        .map(drop)
}

#[test]
fn loopback_is_not_accepted_as_local_address() -> TestResult {
    let trap = address_case(Platform)
        .with_deployment("aws")
        .server_host("mzplat")
        .platform_host("localhost")
        .hosts_line("127.0.1.1 mzplat");
    let server = "ERROR: pico.rcp.server.host: mzplat resolves to 127.0.1.1, which is loopback, as an installer";
    let platform = "ERROR: pico.rcp.platform.host: localhost resolves to 127.0.0.1, which is loopback; on Amazon the Platform";
    trap.assert_validation(OCF_ERR_ARGS, &[server, platform])?
        .assert_start_succeeds(&["which is loopback"])
        .map(drop)
}

#[test]
fn literal_platform_address_is_a_warning() -> TestResult {
    let line = "WARNING: pico.rcp.platform.host: 203.0.113.7 is an address: it can't be the local one on the Platform's node and the";
    address_case(Ec)
        .with_deployment("openstack")
        .server_host(LOCAL_ADDRESS)
        .platform_host(REMOTE_ADDRESS)
        .local_address(LOCAL_ADDRESS)
        .assert_validation(OCF_SUCCESS, &[line])
        .map(drop)
}
