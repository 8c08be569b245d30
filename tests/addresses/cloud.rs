//! On OpenStack and Amazon, where the Platform's own node and all others need different addresses for the same name.

use testkit::Done;
use testkit::answer::{ARGS, GENERIC, OK};
use testkit::site::Kind::{Ec, Platform, Sc, Ui};

use crate::case::{AWAY, HERE, case};

const CLOUDS: [(&str, &str, &str); 2] =
    [("openstack", "OpenStack", "floating"), ("aws", "Amazon", "elastic")];

#[test]
fn local_addresses_are_right_for_the_platform() -> Done {
    for (deployment, ..) in CLOUDS {
        let right = case(Platform).on(deployment).server("mzplat").platform("mzplat");
        right.hosts("192.0.2.10 mzplat").here(HERE).finds(OK, &[])?.starts(&[])?;
    }
    Ok(())
}

#[test]
fn the_outer_address_is_wrong_for_the_platform_and_no_reason_not_to_start_what_it_does_not_bind() -> Done {
    for (deployment, cloud, _) in CLOUDS {
        let outer = case(Platform).on(deployment).server(HERE).platform("mzplat");
        let text = format!(
            "mzplat resolves to 203.0.113.7, which is not an address of this node; on {cloud} the Platform needs its local address here"
        );
        let outer = outer.hosts("203.0.113.7 mzplat").here(HERE);
        outer.finds(ARGS, &[&format!("ERROR: pico.rcp.platform.host: {text}")])?.starts(&[&text])?;
    }
    Ok(())
}

#[test]
fn the_outer_address_can_t_be_bound() -> Done {
    for (deployment, cloud, _) in CLOUDS {
        let outer = case(Platform).on(deployment).server("mzplat").platform(HERE);
        let outer = outer.hosts("203.0.113.7 mzplat").here(HERE);
        let server = format!(
            "ERROR: pico.rcp.server.host: mzplat resolves to 203.0.113.7, which is not an address of this node; on {cloud} the Platform"
        );
        let platform = "WARNING: pico.rcp.platform.host: 192.0.2.10 is an address: it can't be the local one";
        outer
            .finds(ARGS, &[&server, platform])?
            .refuses_to_start(GENERIC, &["pico.rcp.server.host: mzplat resolves to 203.0.113.7"])?;
    }
    Ok(())
}

#[test]
fn an_ec_looks_for_the_platform_at_its_outer_address() -> Done {
    for (deployment, ..) in CLOUDS {
        let right = case(Ec).on(deployment).server("mzec").platform("mzplat");
        right.hosts("203.0.113.7 mzplat").hosts("192.0.2.10 mzec").here(HERE).finds(OK, &[])?;
    }
    Ok(())
}

/// It works as long as both are on one node, and the product's manual wants them on two: a warning, and no reason not to start.
#[test]
fn a_platform_at_an_address_of_the_ecs_own_node_is_told() -> Done {
    for (deployment, cloud, outer) in CLOUDS {
        for kind in [Ec, Sc] {
            let own = case(kind)
                .on(deployment)
                .server(HERE)
                .platform("mzplat")
                .hosts("192.0.2.10 mzplat")
                .here(HERE);
            let who = if kind == Ec { "an Execution Context" } else { "a Service Context" };
            let text = format!(
                "mzplat resolves to 192.0.2.10, which is an address of this node; on {cloud} {who} needs the Platform's {outer} address here"
            );
            let own = own.finds(OK, &[&format!("WARNING: pico.rcp.platform.host: {text}")])?;
            own.starts(&[&text])?;
        }
    }
    Ok(())
}

#[test]
fn a_web_ui_may_be_beside_the_platform_or_elsewhere() -> Done {
    for line in ["192.0.2.10 mzplat", "203.0.113.7 mzplat"] {
        case(Ui).on("openstack").server(HERE).platform("mzplat").hosts(line).here(HERE).finds(OK, &[])?;
    }
    Ok(())
}

#[test]
fn what_is_not_set_listens_everywhere_and_should_be_set() -> Done {
    let unset = case(Platform).on("openstack").platform("mzplat").hosts("192.0.2.10 mzplat").here(HERE);
    let line = "WARNING: pico.rcp.server.host: is not set, so it listens at every address; on OpenStack the Platform needs its local";
    unset.finds(OK, &[line])?.starts(&["is not set, so it listens at every address"]).map(drop)
}

#[test]
fn loopback_is_no_local_address() -> Done {
    let trap = case(Platform).on("aws").server("mzplat").platform("localhost").hosts("127.0.1.1 mzplat");
    let server =
        "ERROR: pico.rcp.server.host: mzplat resolves to 127.0.1.1, which is loopback, as an installer";
    let platform = "ERROR: pico.rcp.platform.host: localhost resolves to 127.0.0.1, which is loopback; on Amazon the Platform";
    trap.finds(ARGS, &[server, platform])?.starts(&["which is loopback"]).map(drop)
}

#[test]
fn one_address_can_t_be_right_everywhere() -> Done {
    let line = "WARNING: pico.rcp.platform.host: 203.0.113.7 is an address: it can't be the local one on the Platform's node and the";
    case(Ec).on("openstack").server(HERE).platform(AWAY).here(HERE).finds(OK, &[line]).map(drop)
}
