//! Invalid names, names that no resolver knows, and resolvers that fail.

use testkit::TestResult;
use testkit::assertions::{OCF_ERR_ARGS, OCF_SUCCESS};
use testkit::fixture::AgentKind::{Ec, Platform, Sc};

use crate::address_case::{LOCAL_ADDRESS, address_case};

/// In both properties, of a pico that binds nothing there: a warning, and the product decides.
fn assert_invalid_host_name(host: &str, why: &str) -> TestResult {
    let line = |name| format!("ERROR: pico.rcp.{name}.host: {host:?} {why}");
    let odd = address_case(Sc)
        .server_host(host)
        .platform_host(host)
        .assert_validation(OCF_ERR_ARGS, &[&line("server"), &line("platform")])?;
    odd.assert_start_succeeds(&[why]).map(drop)
}

#[test]
fn host_name_with_port_is_an_error() -> TestResult {
    assert_invalid_host_name("mzplat:6790", "has a port at its end: write mzplat")
}

#[test]
fn url_as_host_name_is_an_error() -> TestResult {
    assert_invalid_host_name("http://mzplat:9000", "is a URL")
}

#[test]
fn host_name_with_blanks_is_an_error() -> TestResult {
    assert_invalid_host_name("mzplat ", "has blanks in it")
}

#[test]
fn overlong_host_name_is_an_error() -> TestResult {
    assert_invalid_host_name(
        &["a".repeat(50).as_str(); 6].join("."),
        "is 305 characters long, a host name has 253 at most",
    )
}

#[test]
fn incomplete_ipv4_address_is_an_error() -> TestResult {
    assert_invalid_host_name("192.0.2", "looks like an address and is none")
}

#[test]
fn host_name_with_capitals_and_trailing_dot_is_valid() -> TestResult {
    let right = address_case(Platform)
        .server_host("MzPlat.Example.")
        .platform_host("mzplat.EXAMPLE")
        .local_address(LOCAL_ADDRESS)
        .build()?;
    let _dns = right.fixture.node.use_name_server(&["--address=/mzplat.example/192.0.2.10"])?;
    right.assert_validation(OCF_SUCCESS, &[])?.assert_start_succeeds(&[]).map(drop)
}

#[test]
fn trailing_dot_does_not_resolve_by_hosts_file() -> TestResult {
    let dot = address_case(Ec).platform_host("mzplat.").hosts_line("192.0.2.10 mzplat");
    let line = "WARNING: pico.rcp.platform.host: mzplat. does not resolve: ";
    dot.assert_validation(OCF_SUCCESS, &[line]).map(drop)
}

#[test]
fn unknown_host_name_is_a_warning() -> TestResult {
    let unknown = address_case(Sc).server_host("mznode").platform_host("mzplat");
    let unknown = unknown.assert_validation(
        OCF_SUCCESS,
        &[
            "WARNING: pico.rcp.server.host: mznode does not resolve: Name or service not known",
            "WARNING: pico.rcp.platform.host: mzplat does not resolve: Name or service not known",
        ],
    )?;
    unknown.assert_start_succeeds(&["mznode does not resolve", "mzplat does not resolve"]).map(drop)
}

#[test]
fn host_name_denied_by_name_server_is_a_warning() -> TestResult {
    let denied = address_case(Ec).platform_host("mzplat.example").build()?;
    let _dns = denied.fixture.node.use_name_server(&["--local=/example/"])?;
    let line = "WARNING: pico.rcp.platform.host: mzplat.example does not resolve: Name or service not known";
    denied.assert_validation(OCF_SUCCESS, &[line]).map(drop)
}

/// The server has only a mail record or the like for the name, and no address.
#[test]
fn host_name_without_address_record_is_a_warning() -> TestResult {
    let bare = address_case(Ec).platform_host("mzplat.example").build()?;
    let _dns = bare
        .fixture
        .node
        .use_name_server(&["--local=/example/", "--txt-record=mzplat.example,none"])?;
    let line = "WARNING: pico.rcp.platform.host: mzplat.example does not resolve: No address associated with hostname";
    bare.assert_validation(OCF_SUCCESS, &[line]).map(drop)
}

#[test]
fn refusing_name_server_is_a_temporary_failure() -> TestResult {
    let refused =
        address_case(Sc).server_host("mznode.example").platform_host(LOCAL_ADDRESS).build()?;
    let _dns = refused.fixture.node.use_name_server(&[])?;
    let line = "WARNING: pico.rcp.server.host: mznode.example does not resolve now: Temporary failure in name resolution";
    refused
        .assert_validation(OCF_SUCCESS, &[line])?
        .assert_start_succeeds(&["mznode.example does not resolve now"])
        .map(drop)
}

#[test]
fn absent_name_server_is_a_temporary_failure() -> TestResult {
    let gone = address_case(Ec).platform_host("mzplat.example").build()?;
    let dns = gone.fixture.node.use_name_server(&["--address=/mzplat.example/192.0.2.10"])?;
    dns.stop()?;
    let line = "WARNING: pico.rcp.platform.host: mzplat.example does not resolve now: Temporary failure in name resolution";
    gone.assert_validation(OCF_SUCCESS, &[line]).map(drop)
}

/// Findings about the other name and the installation are still reported.
#[test]
fn hung_resolver_costs_one_finding_and_does_not_block_start() -> TestResult {
    let hung = address_case(Sc)
        .server_host("mznode.example")
        .platform_host("mzplat")
        .hosts_line("127.0.1.1 mzplat")
        .build()?;
    hung.fixture.node.use_name_server(&[])?.hang()?;
    let hung = hung.assert_validation(
        OCF_SUCCESS,
        &[
            "WARNING: pico.rcp.server.host: mznode.example can't be checked: the resolver has not answered for ",
            "WARNING: pico.rcp.platform.host: mzplat resolves to 127.0.1.1",
        ],
    )?;
    hung.assert_start_succeeds(&[
        "mznode.example can't be checked: the resolver has not answered for ",
    ])
    .map(drop)
}

#[test]
fn hung_resolver_hides_no_installation_error() -> TestResult {
    let hung =
        address_case(Ec).server_host("mznode.example").platform_host("mzplat.example").build()?;
    hung.fixture.node.use_name_server(&[])?.hang()?;
    let call = hung.fixture.agent().param("java_home", "/opt/jdk").check_level(10);
    let ran = call.run("validate-all")?;
    assert_eq!(ran.code(), Some(testkit::assertions::OCF_ERR_INSTALLED), "{ran}");
    assert!(ran.stderr.contains("ERROR: java_home: /opt/jdk/bin/java does not exist"), "{ran}");
    assert_eq!(ran.stderr.matches("the resolver has not answered").count(), 2, "{ran}");
    Ok(())
}

#[test]
fn explain_shows_both_host_names_and_addresses() -> TestResult {
    let mzplat = address_case(Platform)
        .server_host("mzplat")
        .platform_host("mzplat")
        .hosts_line("192.0.2.10 mzplat")
        .build()?;
    let ran = mzplat.fixture.agent().run("explain")?;
    assert!(
        ran.stdout
            .contains("mzplat: 192.0.2.10; mzplat resolves to 192.0.2.10, which is not an address"),
        "{ran}"
    );
    mzplat.fixture.node.add_address(LOCAL_ADDRESS)?;
    let ran = mzplat.fixture.agent().run("explain")?;
    assert_eq!(ran.stdout.matches("mzplat: 192.0.2.10; right").count(), 2, "{ran}");
    Ok(())
}
