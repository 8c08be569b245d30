//! `wait_for`: what must answer before a start. What answers here is a name server, which listens on TCP port 53 as well.

use std::time::Duration;

use testkit::answer::{Answer, GENERIC, OK};
use testkit::site::{Kind, Site, site};
use testkit::{AgentCall, Done, Error, Ran};

use crate::case::HERE;

/// An SC that starts without a Platform, if nothing is waited for.
fn sc() -> Result<Site, Error> {
    site(Kind::Sc).without_platform().set("ec_startup_without_platform=start").build()
}

/// A start that waits for these, and not long.
fn waits<'a>(site: &'a Site, endpoints: &str, seconds: u32) -> AgentCall<'a> {
    site.agent().param("wait_for", endpoints).param("wait_for_timeout", seconds.to_string())
}

/// Nothing was started.
fn nothing_begun(site: &Site) -> Done {
    assert_eq!(site.calls("")?, 0, "mzsh was called");
    site.nothing_left()
}

/// How many connections were tried in the node so far, by its kernel.
fn tries(site: &Site) -> Result<u64, Error> {
    // A line of names and a line of numbers.
    let counters = site.sh("grep '^Tcp:' /proc/net/snmp")?;
    let mut lines = counters.lines().map(str::split_whitespace);
    let (names, numbers) = (lines.next().expect("names"), lines.next().expect("numbers"));
    let opened =
        names.zip(numbers).find(|(name, _)| *name == "ActiveOpens").expect("a counter of connections");
    Ok(opened.1.parse().expect("a number"))
}

/// Starts, and does this once something was tried in vain.
fn meanwhile(site: &Site, endpoints: &str, act: impl FnOnce() -> Done) -> Result<Ran, Error> {
    let before = tries(site)?;
    std::thread::scope(|scope| {
        let start = scope.spawn(|| waits(site, endpoints, 10).run("start"));
        site.until("a try", |site| {
            let now = tries(site)?;
            Ok(if now > before { Ok(()) } else { Err(format!("{now} connections")) })
        })?;
        act()?;
        start.join().expect("the start's thread does not panic")
    })
}

#[test]
fn one_of_several_that_does_not_answer_is_named_and_the_others_are_not() -> Done {
    let site = sc()?;
    site.node.address(HERE)?;
    let _there = site.node.name_server(HERE, &[])?;
    let refused = waits(&site, "192.0.2.10:53 localhost:6790", 1).run("start")?.answers(GENERIC);
    refused.because(&[
        "sc1",
        "needs localhost:6790, which has not answered for 1 s: connection refused (127.0.0.1)",
    ]);
    nothing_begun(&site)
}

#[test]
fn all_that_do_not_answer_are_named_each_with_its_reason() -> Done {
    let site = sc()?;
    site.sh("ip route add unreachable 198.51.100.0/24")?;
    site.node.swallow("203.0.113.0/24")?;
    let refused = waits(&site, "db:1 198.51.100.9:2 203.0.113.9:3", 2).run("start")?.answers(GENERIC);
    refused.because(&[
        "sc1: 3 have not answered for 2 s: db:1: Name or service not known; 198.51.100.9:2: no route to host",
    ]);
    let log = site.log()?;
    assert!(log.contains("203.0.113.9:3: timed out (203.0.113.9)"), "{log}");
    nothing_begun(&site)
}

#[test]
fn one_that_comes_up_late_is_waited_for() -> Done {
    let site = sc()?;
    site.node.address(HERE)?;
    let start = meanwhile(&site, "192.0.2.10:53", || site.node.name_server(HERE, &[]).map(drop))?;
    start.answers(OK).silently();
    site.one("sc1").map(drop)
}

/// A name moves with what it stands for.
#[test]
fn a_name_is_asked_anew_at_each_try() -> Done {
    let site = sc()?;
    site.node.address(HERE)?;
    let _there = site.node.name_server(HERE, &[])?;
    site.node.hosts(&["127.0.0.9 db"])?;
    let start = meanwhile(&site, "db:53", || site.node.hosts(&["192.0.2.10 db"]))?;
    start.answers(OK);
    site.one("sc1").map(drop)
}

/// The first address of a name takes no more than its share where the second one answers.
#[test]
fn an_address_that_swallows_connections_leaves_time_for_the_next() -> Done {
    let site = sc()?;
    site.node.address(HERE)?;
    // IPv6 on a network that is down: what goes there is lost, and the resolver puts it first all the same.
    site.sh(
        "ip link add mz0 type bridge && ip link set mz0 up && ip address add 2001:db8:1::1/64 dev mz0 nodad && \
         ip neighbour add 2001:db8:1::9 lladdr 02:00:00:00:00:09 dev mz0",
    )?;
    let _there = site.node.name_server(HERE, &[])?;
    site.node.hosts(&["2001:db8:1::9 db", "192.0.2.10 db"])?;
    assert!(site.sh("getent ahosts db")?.starts_with("2001:db8:1::9 "), "the resolver's first");
    waits(&site, "db:53", 8).run("start")?.answers(OK);
    site.one("sc1").map(drop)
}

#[test]
fn connections_that_are_swallowed_have_timed_out() -> Done {
    let site = sc()?;
    site.node.swallow("203.0.113.0/24")?;
    let refused = waits(&site, "203.0.113.9:1521", 1).run("start")?.answers(GENERIC);
    refused.because(&["needs 203.0.113.9:1521, which has not answered for 1 s: timed out (203.0.113.9)"]);
    nothing_begun(&site)
}

#[test]
fn endpoints_of_ipv6_answer_by_their_address_and_by_name() -> Done {
    let site = sc()?;
    site.node.address("2001:db8::10")?;
    let _there = site.node.name_server("2001:db8::10", &[])?;
    site.node.hosts(&["2001:db8::10 db"])?;
    waits(&site, "[2001:db8::10]:53,db:53", 10).run("start")?.answers(OK);
    site.one("sc1").map(drop)
}

#[test]
fn a_resolver_that_hangs_for_one_is_told_of_that_one() -> Done {
    let site = sc()?;
    site.node.dns(&[])?.hang()?;
    let refused = waits(&site, "db.example:1521 localhost:6790", 2).run("start")?.answers(GENERIC);
    refused.because(&[
        "2 have not answered",
        "db.example:1521: the resolver has not answered for",
        "localhost:6790",
    ]);
    nothing_begun(&site)
}

/// Fast at first, rare later: a service that comes up is noticed at once, and one that does not is not hammered.
#[test]
fn tries_become_rarer() -> Done {
    let site = sc()?;
    let before = tries(&site)?;
    waits(&site, "localhost:6790", 6).run("start")?.answers(GENERIC);
    let made = tries(&site)? - before;
    // Twelve on an idle machine; every 50 ms would be 120, every 250 ms 24.
    assert!((3..18).contains(&made), "{made} tries in 6 s");
    Ok(())
}

#[test]
fn where_the_registry_does_not_tell_the_platform_it_is_not_waited_for() -> Done {
    let site = site(Kind::Sc).without_platform().common("pico.rcp.platform.host=");
    let site = site.set("ec_startup_without_platform=start").build()?;
    site.agent().run("start")?.answers(OK).silently();
    let log = site.log()?;
    assert!(
        log.contains("the registry does not tell where the Platform is, so it is not waited for"),
        "{log}"
    );
    site.one("sc1").map(drop)
}

/// The bound is the operation's, not the parameter's, where that is shorter.
#[test]
fn a_wait_ends_with_the_operation() -> Done {
    let site = sc()?;
    let start = waits(&site, "localhost:6790", 600).meta_timeout(Duration::from_secs(5)).run("start")?;
    start.answers(GENERIC).because(&["needs localhost:6790", "connection refused"]);
    nothing_begun(&site)
}
