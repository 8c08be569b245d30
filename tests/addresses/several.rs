//! Names with several addresses, and addresses of IPv6.

use testkit::Done;
use testkit::answer::{GENERIC, OK};
use testkit::site::Kind::Platform;

use crate::case::{Case, HERE, Laid, case};

const SIX: &str = "2001:db8::10";

/// The Platform at mzplat, which stands for these.
fn mzplat(lines: &[&'static str]) -> Case {
    lines.iter().fold(case(Platform).server("mzplat").platform("mzplat"), |case, line| case.hosts(line))
}

/// The same warning for both properties, and a start all the same.
fn warns_and_starts(case: Case, text: &str) -> Result<Laid, testkit::Error> {
    let line = |name| format!("WARNING: pico.rcp.{name}.host: {text}");
    case.finds(OK, &[&line("server"), &line("platform")])?.starts(&[text])
}

#[test]
fn several_addresses_that_are_all_here_are_right() -> Done {
    mzplat(&["192.0.2.10 mzplat", "192.0.2.11 mzplat"])
        .here(HERE)
        .here("192.0.2.11")
        .finds(OK, &[])?
        .starts(&[])
        .map(drop)
}

#[test]
fn several_of_which_none_is_here_can_t_be_bound() -> Done {
    let away = mzplat(&["192.0.2.10 mzplat", "192.0.2.11 mzplat"]).build()?;
    let words = ["pico.rcp.server.host", "mzplat resolves to", "none of which is an address of this node"];
    away.refuses_to_start(GENERIC, &words).map(drop)
}

/// The resolver puts those first that it can reach, so this is what it does not sort: one of each family.
#[test]
fn one_that_is_here_is_of_no_use_where_a_jvm_takes_the_other() -> Done {
    let other = mzplat(&["192.0.2.10 mzplat", "2001:db8::10 mzplat"]).here(SIX).build()?;
    let ran = other.site.agent().level(10).run("validate-all")?;
    let text = "and of these only 2001:db8::10 is of this node: a JVM takes 192.0.2.10";
    assert_eq!(ran.stderr.matches(text).count(), 2, "{ran}");
    other.starts(&[text]).map(drop)
}

#[test]
fn one_that_is_elsewhere_leaves_it_to_chance() -> Done {
    let mixed = mzplat(&[]).here(HERE).build()?;
    let _dns = mixed.site.node.dns(&["--address=/mzplat/192.0.2.10", "--address=/mzplat/2001:db8::99"])?;
    let ran = mixed.site.agent().level(10).run("validate-all")?;
    let text = "and 2001:db8::99 is not of this node: which of them is taken is left to chance";
    assert_eq!(ran.stderr.matches(text).count(), 2, "{ran}");
    mixed.starts(&[text]).map(drop)
}

#[test]
fn the_same_address_twice_is_one() -> Done {
    let twice =
        mzplat(&["192.0.2.10 mzplat", "192.0.2.11 mzplat", "192.0.2.10 mzplat"]).here(HERE).build()?;
    let ran = twice.site.agent().level(10).run("validate-all")?;
    let line = ran.stderr.lines().find(|line| line.contains("pico.rcp.server.host")).unwrap_or_default();
    assert_eq!(line.matches("192.0.2.10").count(), 1, "{ran}");
    Ok(())
}

#[test]
fn an_address_of_ipv6_alone_is_right() -> Done {
    mzplat(&["2001:db8::10 mzplat"]).here(SIX).finds(OK, &[])?.starts(&[]).map(drop)
}

#[test]
fn a_literal_of_ipv6_is_right() -> Done {
    case(Platform).server(SIX).platform(SIX).here(SIX).finds(OK, &[]).map(drop)
}

#[test]
fn an_address_of_each_family_is_right() -> Done {
    let both = mzplat(&["192.0.2.10 mzplat", "2001:db8::10 mzplat"]).here(HERE).here(SIX);
    both.finds(OK, &[])?.starts(&[]).map(drop)
}

#[test]
fn an_address_of_ipv6_that_is_elsewhere_can_t_be_bound() -> Done {
    let away = mzplat(&["2001:db8::10 mzplat"]).build()?;
    away.refuses_to_start(GENERIC, &["mzplat resolves to 2001:db8::10, which is not an address of this node"])
        .map(drop)
}

#[test]
fn a_name_server_s_addresses_are_judged_like_those_of_the_hosts_file() -> Done {
    let away = mzplat(&[]).build()?;
    let _dns = away.site.node.dns(&["--address=/mzplat/192.0.2.10", "--address=/mzplat/192.0.2.11"])?;
    let away = away.refuses_to_start(GENERIC, &["none of which is an address of this node"])?;
    away.site.node.address(HERE)?;
    away.site.node.address("192.0.2.11")?;
    away.starts(&[]).map(drop)
}

#[test]
fn link_local_addresses_are_of_one_network_only() -> Done {
    let text = "169.254.10.1 is link-local: beyond its own network nobody reaches it";
    let local = case(Platform).server("169.254.10.1").platform("169.254.10.1").here("169.254.10.1");
    warns_and_starts(local, text).map(drop)
}

/// On an interface without a link the check for duplicates never ends: the kernel lets nobody bind it.
#[test]
fn an_address_that_is_still_checked_for_duplicates_is_told() -> Done {
    let tentative = mzplat(&["2001:db8::20 mzplat"]).build()?;
    tentative
        .site
        .sh("ip link add mz0 type bridge && ip link set mz0 up && ip address add 2001:db8::20/64 dev mz0")?;
    let text =
        "mzplat resolves to 2001:db8::20, which mz0 may not use yet: duplicate address detection is not done";
    let line = |name| format!("WARNING: pico.rcp.{name}.host: {text}");
    tentative.finds(OK, &[&line("server"), &line("platform")]).map(drop)
}
