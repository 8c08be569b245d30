//! What is no name, what no resolver knows, and resolvers that fail.

use testkit::Done;
use testkit::answer::{ARGS, OK};
use testkit::site::Kind::{Ec, Platform, Sc};

use crate::case::{HERE, case};

/// In both properties, of a pico that binds nothing there: it is told, and the product decides.
fn is_no_name(host: &str, why: &str) -> Done {
    let line = |name| format!("ERROR: pico.rcp.{name}.host: {host:?} {why}");
    let odd = case(Sc).server(host).platform(host).finds(ARGS, &[&line("server"), &line("platform")])?;
    odd.starts(&[why]).map(drop)
}

#[test]
fn a_port_does_not_belong_into_a_host_name() -> Done {
    is_no_name("mzplat:6790", "has a port at its end: write mzplat")
}

#[test]
fn a_url_is_no_host_name() -> Done {
    is_no_name("http://mzplat:9000", "is a URL")
}

#[test]
fn blanks_do_not_belong_into_a_host_name() -> Done {
    is_no_name("mzplat ", "has blanks in it")
}

#[test]
fn a_name_has_an_end() -> Done {
    is_no_name(&["a".repeat(50).as_str(); 6].join("."), "is 305 characters long, a host name has 253 at most")
}

#[test]
fn three_numbers_are_no_address() -> Done {
    is_no_name("192.0.2", "looks like an address and is none")
}

#[test]
fn capitals_and_a_dot_at_the_end_are_right() -> Done {
    let right = case(Platform).server("MzPlat.Example.").platform("mzplat.EXAMPLE").here(HERE).build()?;
    let _dns = right.site.node.dns(&["--address=/mzplat.example/192.0.2.10"])?;
    right.finds(OK, &[])?.starts(&[]).map(drop)
}

#[test]
fn a_hosts_file_knows_no_names_with_a_dot_at_the_end() -> Done {
    let dot = case(Ec).platform("mzplat.").hosts("192.0.2.10 mzplat");
    let line = "WARNING: pico.rcp.platform.host: mzplat. does not resolve: ";
    dot.finds(OK, &[line]).map(drop)
}

#[test]
fn a_name_that_nobody_knows_is_a_warning() -> Done {
    let unknown = case(Sc).server("mznode").platform("mzplat");
    let unknown = unknown.finds(
        OK,
        &[
            "WARNING: pico.rcp.server.host: mznode does not resolve: Name or service not known",
            "WARNING: pico.rcp.platform.host: mzplat does not resolve: Name or service not known",
        ],
    )?;
    unknown.starts(&["mznode does not resolve", "mzplat does not resolve"]).map(drop)
}

#[test]
fn a_name_that_a_server_denies_is_a_warning() -> Done {
    let denied = case(Ec).platform("mzplat.example").build()?;
    let _dns = denied.site.node.dns(&["--local=/example/"])?;
    let line = "WARNING: pico.rcp.platform.host: mzplat.example does not resolve: Name or service not known";
    denied.finds(OK, &[line]).map(drop)
}

/// With a mail address and the like alone: the server has something, and no address.
#[test]
fn a_name_without_an_address_is_a_warning() -> Done {
    let bare = case(Ec).platform("mzplat.example").build()?;
    let _dns = bare.site.node.dns(&["--local=/example/", "--txt-record=mzplat.example,none"])?;
    let line = "WARNING: pico.rcp.platform.host: mzplat.example does not resolve: No address associated with hostname";
    bare.finds(OK, &[line]).map(drop)
}

#[test]
fn a_name_server_that_refuses_is_told_from_one_that_denies() -> Done {
    let refused = case(Sc).server("mznode.example").platform(HERE).build()?;
    let _dns = refused.site.node.dns(&[])?;
    let line = "WARNING: pico.rcp.server.host: mznode.example does not resolve now: Temporary failure in name resolution";
    refused.finds(OK, &[line])?.starts(&["mznode.example does not resolve now"]).map(drop)
}

#[test]
fn a_name_server_that_is_gone_is_told() -> Done {
    let gone = case(Ec).platform("mzplat.example").build()?;
    let dns = gone.site.node.dns(&["--address=/mzplat.example/192.0.2.10"])?;
    dns.end()?;
    let line = "WARNING: pico.rcp.platform.host: mzplat.example does not resolve now: Temporary failure in name resolution";
    gone.finds(OK, &[line]).map(drop)
}

/// What is known of the other name and of the installation is not lost by it.
#[test]
fn a_resolver_that_hangs_costs_one_finding_and_no_start() -> Done {
    let hung = case(Sc).server("mznode.example").platform("mzplat").hosts("127.0.1.1 mzplat").build()?;
    hung.site.node.dns(&[])?.hang()?;
    let hung = hung.finds(
        OK,
        &[
            "WARNING: pico.rcp.server.host: mznode.example can't be checked: the resolver has not answered for ",
            "WARNING: pico.rcp.platform.host: mzplat resolves to 127.0.1.1",
        ],
    )?;
    hung.starts(&["mznode.example can't be checked: the resolver has not answered for "]).map(drop)
}

#[test]
fn a_resolver_that_hangs_hides_no_error_of_the_installation() -> Done {
    let hung = case(Ec).server("mznode.example").platform("mzplat.example").build()?;
    hung.site.node.dns(&[])?.hang()?;
    let call = hung.site.agent().param("java_home", "/opt/jdk").level(10);
    let ran = call.run("validate-all")?;
    assert_eq!(ran.code(), Some(testkit::answer::INSTALLED), "{ran}");
    assert!(ran.stderr.contains("ERROR: java_home: /opt/jdk/bin/java does not exist"), "{ran}");
    assert_eq!(ran.stderr.matches("the resolver has not answered").count(), 2, "{ran}");
    Ok(())
}

#[test]
fn explain_shows_both_names_and_what_they_stand_for() -> Done {
    let mzplat = case(Platform).server("mzplat").platform("mzplat").hosts("192.0.2.10 mzplat").build()?;
    let ran = mzplat.site.agent().run("explain")?;
    assert!(
        ran.stdout.contains("mzplat: 192.0.2.10; mzplat resolves to 192.0.2.10, which is not an address"),
        "{ran}"
    );
    mzplat.site.node.address(HERE)?;
    let ran = mzplat.site.agent().run("explain")?;
    assert_eq!(ran.stdout.matches("mzplat: 192.0.2.10; right").count(), 2, "{ran}");
    Ok(())
}
