//! `wait_for`: endpoints that must answer before a start. Here a name server answers, which listens on TCP
//! port 53 as well.

use std::time::Duration;

use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, fixture};
use testkit::{AgentCall, NodeCommandOutput, TestResult, TestkitError};

use crate::address_case::LOCAL_ADDRESS;

/// An SC that starts without a Platform, if it waits for no endpoint.
fn sc_fixture() -> Result<Fixture, TestkitError> {
    fixture(AgentKind::Sc).without_platform().set("ec_startup_without_platform=start").build()
}

/// A start that waits briefly for these endpoints.
fn start_waiting_for<'a>(fixture: &'a Fixture, endpoints: &str, seconds: u32) -> AgentCall<'a> {
    fixture.agent().param("wait_for", endpoints).param("wait_for_timeout", seconds.to_string())
}

/// Nothing was started.
fn assert_nothing_started(fixture: &Fixture) -> TestResult {
    assert_eq!(fixture.mzsh_call_count("")?, 0, "mzsh was called");
    fixture.assert_nothing_left()
}

/// Number of attempted connections in the node so far, by its kernel.
fn connection_attempts(fixture: &Fixture) -> Result<u64, TestkitError> {
    // A line of names and a line of numbers.
    let counters = fixture.sh("grep '^Tcp:' /proc/net/snmp")?;
    let mut lines = counters.lines().map(str::split_whitespace);
    let (names, numbers) = (lines.next().expect("names"), lines.next().expect("numbers"));
    let opened = names
        .zip(numbers)
        .find(|(name, _)| *name == "ActiveOpens")
        .expect("a counter of connections");
    Ok(opened.1.parse().expect("a number"))
}

/// Runs a start, and does this after a failed attempt.
fn act_during_start(
    fixture: &Fixture,
    endpoints: &str,
    act: impl FnOnce() -> TestResult,
) -> Result<NodeCommandOutput, TestkitError> {
    let before = connection_attempts(fixture)?;
    std::thread::scope(|scope| {
        let start = scope.spawn(|| start_waiting_for(fixture, endpoints, 10).run("start"));
        fixture.wait_until("a try", |fixture| {
            let now = connection_attempts(fixture)?;
            Ok(if now > before { Ok(()) } else { Err(format!("{now} connections")) })
        })?;
        act()?;
        start.join().expect("the start's thread does not panic")
    })
}

#[test]
fn only_unanswering_endpoint_is_named() -> TestResult {
    let fixture = sc_fixture()?;
    fixture.node.add_address(LOCAL_ADDRESS)?;
    let _there = fixture.node.start_name_server(LOCAL_ADDRESS, &[])?;
    let refused = start_waiting_for(&fixture, "192.0.2.10:53 localhost:6790", 1)
        .run("start")?
        .assert_exit_code(OCF_ERR_GENERIC);
    refused.assert_reason(&[
        "sc1",
        "needs localhost:6790, which has not answered for 1 s: connection refused (127.0.0.1)",
    ]);
    assert_nothing_started(&fixture)
}

#[test]
fn each_unanswering_endpoint_is_named_with_reason() -> TestResult {
    let fixture = sc_fixture()?;
    fixture.sh("ip route add unreachable 198.51.100.0/24")?;
    fixture.node.blackhole_network("203.0.113.0/24")?;
    let refused = start_waiting_for(&fixture, "db:1 198.51.100.9:2 203.0.113.9:3", 2)
        .run("start")?
        .assert_exit_code(OCF_ERR_GENERIC);
    refused.assert_reason(&[
        "sc1: 3 have not answered for 2 s: db:1: Name or service not known; 198.51.100.9:2: no route to host",
    ]);
    let log = fixture.log()?;
    assert!(log.contains("203.0.113.9:3: timed out (203.0.113.9)"), "{log}");
    assert_nothing_started(&fixture)
}

#[test]
fn late_endpoint_is_waited_for() -> TestResult {
    let fixture = sc_fixture()?;
    fixture.node.add_address(LOCAL_ADDRESS)?;
    let start = act_during_start(&fixture, "192.0.2.10:53", || {
        fixture.node.start_name_server(LOCAL_ADDRESS, &[]).map(drop)
    })?;
    start.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.single_pico("sc1").map(drop)
}

/// A name may get another address meanwhile.
#[test]
fn host_name_is_resolved_anew_at_each_attempt() -> TestResult {
    let fixture = sc_fixture()?;
    fixture.node.add_address(LOCAL_ADDRESS)?;
    let _there = fixture.node.start_name_server(LOCAL_ADDRESS, &[])?;
    fixture.node.set_hosts(&["127.0.0.9 db"])?;
    let start = act_during_start(&fixture, "db:53", || fixture.node.set_hosts(&["192.0.2.10 db"]))?;
    start.assert_exit_code(OCF_SUCCESS);
    fixture.single_pico("sc1").map(drop)
}

/// The first address of a name takes no more than its share of the time, and the second one answers.
#[test]
fn blackholed_address_leaves_time_for_next_one() -> TestResult {
    let fixture = sc_fixture()?;
    fixture.node.add_address(LOCAL_ADDRESS)?;
    // IPv6 on a network that is down: packets there are lost, and the resolver puts it first all the same.
    fixture.sh(
        "ip link add mz0 type bridge && ip link set mz0 up && ip address add 2001:db8:1::1/64 dev mz0 nodad && \
         ip neighbour add 2001:db8:1::9 lladdr 02:00:00:00:00:09 dev mz0",
    )?;
    let _there = fixture.node.start_name_server(LOCAL_ADDRESS, &[])?;
    fixture.node.set_hosts(&["2001:db8:1::9 db", "192.0.2.10 db"])?;
    assert!(fixture.sh("getent ahosts db")?.starts_with("2001:db8:1::9 "), "the resolver's first");
    start_waiting_for(&fixture, "db:53", 8).run("start")?.assert_exit_code(OCF_SUCCESS);
    fixture.single_pico("sc1").map(drop)
}

#[test]
fn blackholed_connection_is_reported_as_timed_out() -> TestResult {
    let fixture = sc_fixture()?;
    fixture.node.blackhole_network("203.0.113.0/24")?;
    let refused = start_waiting_for(&fixture, "203.0.113.9:1521", 1)
        .run("start")?
        .assert_exit_code(OCF_ERR_GENERIC);
    refused.assert_reason(&[
        "needs 203.0.113.9:1521, which has not answered for 1 s: timed out (203.0.113.9)",
    ]);
    assert_nothing_started(&fixture)
}

#[test]
fn ipv6_endpoint_answers_by_address_and_name() -> TestResult {
    let fixture = sc_fixture()?;
    fixture.node.add_address("2001:db8::10")?;
    let _there = fixture.node.start_name_server("2001:db8::10", &[])?;
    fixture.node.set_hosts(&["2001:db8::10 db"])?;
    start_waiting_for(&fixture, "[2001:db8::10]:53,db:53", 10)
        .run("start")?
        .assert_exit_code(OCF_SUCCESS);
    fixture.single_pico("sc1").map(drop)
}

#[test]
fn hung_resolver_is_reported_for_its_endpoint() -> TestResult {
    let fixture = sc_fixture()?;
    fixture.node.use_name_server(&[])?.hang()?;
    let refused = start_waiting_for(&fixture, "db.example:1521 localhost:6790", 2)
        .run("start")?
        .assert_exit_code(OCF_ERR_GENERIC);
    refused.assert_reason(&[
        "2 have not answered",
        "db.example:1521: the resolver has not answered for",
        "localhost:6790",
    ]);
    assert_nothing_started(&fixture)
}

/// Frequent at first, rare later: a service that comes up is noticed at once, and a missing one is not
/// flooded.
#[test]
fn connection_attempts_become_rarer() -> TestResult {
    let fixture = sc_fixture()?;
    let before = connection_attempts(&fixture)?;
    start_waiting_for(&fixture, "localhost:6790", 6)
        .run("start")?
        .assert_exit_code(OCF_ERR_GENERIC);
    let made = connection_attempts(&fixture)? - before;
    // Twelve on an idle machine; every 50 ms would be 120, every 250 ms 24.
    assert!((3..18).contains(&made), "{made} tries in 6 s");
    Ok(())
}

#[test]
fn platform_unknown_to_registry_is_not_waited_for() -> TestResult {
    let fixture = fixture(AgentKind::Sc).without_platform().common("pico.rcp.platform.host=");
    let fixture = fixture.set("ec_startup_without_platform=start").build()?;
    fixture.agent().run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    let log = fixture.log()?;
    assert!(
        log.contains("the registry does not tell where the Platform is, so it is not waited for"),
        "{log}"
    );
    fixture.single_pico("sc1").map(drop)
}

/// The operation's timeout is the limit where it is shorter than the parameter.
#[test]
fn wait_ends_with_operation_timeout() -> TestResult {
    let fixture = sc_fixture()?;
    let start = start_waiting_for(&fixture, "localhost:6790", 600)
        .meta_timeout(Duration::from_secs(5))
        .run("start")?;
    start
        .assert_exit_code(OCF_ERR_GENERIC)
        .assert_reason(&["needs localhost:6790", "connection refused"]);
    assert_nothing_started(&fixture)
}
