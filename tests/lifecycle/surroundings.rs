//! Ports and addresses: what is in the way of a start before mzsh is asked.

use testkit::Done;
use testkit::answer::{Answer, GENERIC, OK};
use testkit::site::{Kind, site};

#[test]
fn a_port_that_another_process_holds_is_named_with_that_process() -> Done {
    // The web interface alone is the same; everything else of the second one is free.
    for (property, port) in [("mz.webserver.port", 9000), ("mz.ha.port", 26000)] {
        let site = site(Kind::Platform).build()?;
        let pico = format!("platform:{property}={port}");
        let other = ["--free-ports", "--pico", "platform:platform", "--property", &pico];
        site.second("/opt/mz2", &other)?;
        site.mzsh_of("/opt/mz2", &["startup", "platform"])?.expect(0)?;
        let holder = site.one_of("/opt/mz2", "platform")?.pid;
        let (port, holder) = (format!("port {port} ({property})"), format!("pid {holder}"));
        site.agent().run("start")?.answers(GENERIC).because(&["platform", &port, &holder]);
        assert_eq!(site.calls("")?, 0, "mzsh was not asked");
        assert!(site.picos("platform")?.is_empty());

        site.mzsh_of("/opt/mz2", &["shutdown", "platform"])?.expect(0)?;
        site.agent().run("start")?.answers(OK).silently();
    }
    Ok(())
}

#[test]
fn an_address_that_is_not_on_this_node_is_in_the_way_of_a_start() -> Done {
    for kind in [Kind::Platform, Kind::Sc] {
        let site = site(kind).without_platform().common("pico.rcp.server.host=192.0.2.7").build()?;
        let start = || site.agent().param("wait_for", ",").run("start");
        let refused = start()?.answers(GENERIC);
        refused.because(&["pico.rcp.server.host", "192.0.2.7", "no address of this node"]);
        assert_eq!(site.calls("")?, 0, "mzsh was not asked");
        site.nothing_left()?;
        // A node that it may move to: for validation a warning.
        let validated = site.agent().level(10).run("validate-all")?.answers(OK);
        assert!(validated.stderr.starts_with("WARNING: pico.rcp.server.host: "), "{validated}");

        if kind == Kind::Platform {
            site.sh("ip address add 192.0.2.7/32 dev lo")?;
            start()?.answers(OK).silently();
        }
    }
    Ok(())
}

#[test]
fn a_name_that_does_not_resolve_is_a_warning_and_mzsh_decides() -> Done {
    // An SC binds nothing there, so it comes up.
    let site =
        site(Kind::Sc).common("pico.rcp.server.host=no-such-host.invalid").pico("ec1:ec").without_platform();
    let site = site.set("ec_startup_without_platform=start").build()?;
    site.agent().param("wait_for", ",").run("start")?.answers(OK).silently();
    let log = site.log()?;
    assert!(log.contains("no-such-host.invalid does not resolve"), "{log}");
    Ok(())
}

/// Debian gives the machine's own name this address. getifaddrs(3) does not list it, and it can be bound.
#[test]
fn a_name_that_is_127_0_1_1_is_on_every_node() -> Done {
    let site = site(Kind::Platform).common("pico.rcp.server.host=mz-node").build()?;
    site.sh("cp /etc/hosts /run/hosts && echo '127.0.1.1 mz-node' >>/run/hosts && mount --bind /run/hosts /etc/hosts")?;
    assert!(site.sh("getent hosts mz-node")?.starts_with("127.0.1.1 "));
    site.start()?;
    site.monitor(10)?.answers(OK).silently();
    Ok(())
}
