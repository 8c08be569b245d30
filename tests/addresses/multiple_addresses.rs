//! Names with several addresses, and IPv6 addresses.

use testkit::TestResult;
use testkit::assertions::{OCF_ERR_GENERIC, OCF_SUCCESS};
use testkit::fixture::AgentKind::Platform;

use crate::address_case::{AddressCase, BuiltAddressCase, LOCAL_ADDRESS, address_case};

const IPV6_ADDRESS: &str = "2001:db8::10";

/// The Platform at mzplat, which has these addresses.
fn mzplat_case(lines: &[&'static str]) -> AddressCase {
    lines
        .iter()
        .fold(address_case(Platform).server_host("mzplat").platform_host("mzplat"), |case, line| {
            case.hosts_line(line)
        })
}

/// The same warning for both properties, and a successful start.
fn assert_warning_and_start(
    case: AddressCase,
    text: &str,
) -> Result<BuiltAddressCase, testkit::TestkitError> {
    let line = |name| format!("WARNING: pico.rcp.{name}.host: {text}");
    case.assert_validation(OCF_SUCCESS, &[&line("server"), &line("platform")])?
        .assert_start_succeeds(&[text])
}

#[test]
fn several_local_addresses_are_valid() -> TestResult {
    mzplat_case(&["192.0.2.10 mzplat", "192.0.2.11 mzplat"])
        .local_address(LOCAL_ADDRESS)
        .local_address("192.0.2.11")
        .assert_validation(OCF_SUCCESS, &[])?
        .assert_start_succeeds(&[])
        .map(drop)
}

#[test]
fn several_remote_addresses_block_start() -> TestResult {
    let away = mzplat_case(&["192.0.2.10 mzplat", "192.0.2.11 mzplat"]).build()?;
    let words =
        ["pico.rcp.server.host", "mzplat resolves to", "none of which is an address of this node"];
    away.assert_start_refused(OCF_ERR_GENERIC, &words).map(drop)
}

/// The resolver puts reachable addresses first, so this case has addresses that it does not sort: one of each
/// family.
#[test]
fn remote_address_preferred_by_jvm_is_a_warning() -> TestResult {
    let other = mzplat_case(&["192.0.2.10 mzplat", "2001:db8::10 mzplat"])
        .local_address(IPV6_ADDRESS)
        .build()?;
    let ran = other.fixture.agent().check_level(10).run("validate-all")?;
    let text = "and of these only 2001:db8::10 is of this node: a JVM takes 192.0.2.10";
    assert_eq!(ran.stderr.matches(text).count(), 2, "{ran}");
    other.assert_start_succeeds(&[text]).map(drop)
}

#[test]
fn one_remote_of_several_addresses_is_a_warning() -> TestResult {
    let mixed = mzplat_case(&[]).local_address(LOCAL_ADDRESS).build()?;
    let _dns = mixed
        .fixture
        .node
        .use_name_server(&["--address=/mzplat/192.0.2.10", "--address=/mzplat/2001:db8::99"])?;
    let ran = mixed.fixture.agent().check_level(10).run("validate-all")?;
    let text = "and 2001:db8::99 is not of this node: which of them is taken is left to chance";
    assert_eq!(ran.stderr.matches(text).count(), 2, "{ran}");
    mixed.assert_start_succeeds(&[text]).map(drop)
}

#[test]
fn repeated_address_is_shown_once() -> TestResult {
    let twice = mzplat_case(&["192.0.2.10 mzplat", "192.0.2.11 mzplat", "192.0.2.10 mzplat"])
        .local_address(LOCAL_ADDRESS)
        .build()?;
    let ran = twice.fixture.agent().check_level(10).run("validate-all")?;
    let line =
        ran.stderr.lines().find(|line| line.contains("pico.rcp.server.host")).unwrap_or_default();
    assert_eq!(line.matches("192.0.2.10").count(), 1, "{ran}");
    Ok(())
}

#[test]
fn ipv6_only_host_name_is_valid() -> TestResult {
    mzplat_case(&["2001:db8::10 mzplat"])
        .local_address(IPV6_ADDRESS)
        .assert_validation(OCF_SUCCESS, &[])?
        .assert_start_succeeds(&[])
        .map(drop)
}

#[test]
fn ipv6_literal_is_valid() -> TestResult {
    address_case(Platform)
        .server_host(IPV6_ADDRESS)
        .platform_host(IPV6_ADDRESS)
        .local_address(IPV6_ADDRESS)
        .assert_validation(OCF_SUCCESS, &[])
        .map(drop)
}

#[test]
fn one_address_per_family_is_valid() -> TestResult {
    let both = mzplat_case(&["192.0.2.10 mzplat", "2001:db8::10 mzplat"])
        .local_address(LOCAL_ADDRESS)
        .local_address(IPV6_ADDRESS);
    both.assert_validation(OCF_SUCCESS, &[])?.assert_start_succeeds(&[]).map(drop)
}

#[test]
fn remote_ipv6_address_blocks_start() -> TestResult {
    let away = mzplat_case(&["2001:db8::10 mzplat"]).build()?;
    away.assert_start_refused(
        OCF_ERR_GENERIC,
        &["mzplat resolves to 2001:db8::10, which is not an address of this node"],
    )
    .map(drop)
}

#[test]
fn addresses_from_name_server_are_judged_like_hosts_file() -> TestResult {
    let away = mzplat_case(&[]).build()?;
    let _dns = away
        .fixture
        .node
        .use_name_server(&["--address=/mzplat/192.0.2.10", "--address=/mzplat/192.0.2.11"])?;
    let away =
        away.assert_start_refused(OCF_ERR_GENERIC, &["none of which is an address of this node"])?;
    away.fixture.node.add_address(LOCAL_ADDRESS)?;
    away.fixture.node.add_address("192.0.2.11")?;
    away.assert_start_succeeds(&[]).map(drop)
}

#[test]
fn link_local_address_is_a_warning() -> TestResult {
    let text = "169.254.10.1 is link-local: beyond its own network nobody reaches it";
    let local = address_case(Platform)
        .server_host("169.254.10.1")
        .platform_host("169.254.10.1")
        .local_address("169.254.10.1");
    assert_warning_and_start(local, text).map(drop)
}

/// On an interface without a link the check for duplicates never ends, and the kernel refuses to bind the
/// address.
#[test]
fn tentative_address_is_a_warning() -> TestResult {
    let tentative = mzplat_case(&["2001:db8::20 mzplat"]).build()?;
    tentative
        .fixture
        .sh("ip link add mz0 type bridge && ip link set mz0 up && ip address add 2001:db8::20/64 dev mz0")?;
    let text = "mzplat resolves to 2001:db8::20, which mz0 may not use yet: duplicate address detection is not done";
    let line = |name| format!("WARNING: pico.rcp.{name}.host: {text}");
    tentative.assert_validation(OCF_SUCCESS, &[&line("server"), &line("platform")]).map(drop)
}
