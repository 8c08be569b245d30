//! `scope=auto` where systemd does not answer. `tests/systemd` has the same with a real one.

use std::time::Duration;

use testkit::TestResult;
use testkit::assertions::{AgentAssertions, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, fixture};

/// What shows that systemd runs on a node.
const BOOTED: &str = "/run/systemd/system";

fn assert_warned(fixture: &Fixture) -> TestResult {
    let log = fixture.log()?;
    let warning = "ec1: scope: none was made, the pico runs in Pacemaker's control group: busctl: ";
    assert!(log.contains(warning), "{log}");
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    Ok(())
}

/// With `scope=auto`, systemd's bus takes a connection and never answers. The start goes on without a scope after at most 5 s, and
/// leaves no command of systemd behind.
#[test]
fn silent_bus_costs_a_start_seconds_and_the_scope() -> TestResult {
    let fixture = fixture(AgentKind::Ec).build()?;
    fixture.sh(&format!(
        "mkdir -p {BOOTED} /run/dbus; setsid python3 -c '
import socket
s = socket.socket(socket.AF_UNIX)
s.bind(\"/run/dbus/system_bus_socket\")
s.listen(9)
open(\"/run/listens\", \"w\")
held = []
while True: held.append(s.accept())
' >/dev/null 2>&1 & until [ -e /run/listens ]; do sleep 0.01; done"
    ))?;
    let call = fixture.agent().meta_timeout(Duration::from_secs(60)).param("scope", "auto");
    let started = call.run("start")?;
    started.clone().assert_exit_code(OCF_SUCCESS).assert_no_output();
    // Less would mean that the bus has answered.
    assert!(
        (Duration::from_secs(3)..Duration::from_secs(15)).contains(&started.wall_time),
        "{started}"
    );
    let left = fixture.processes()?.into_iter().find(|process| process.comm == "busctl");
    assert!(left.is_none(), "{left:?}");
    assert_warned(&fixture)
}

/// With `scope=auto`, systemd's bus is not there. The start goes on without a scope.
#[test]
fn missing_bus_costs_a_start_the_scope() -> TestResult {
    let fixture = fixture(AgentKind::Ec).build()?;
    fixture.sh(&format!("mkdir -p {BOOTED}"))?;
    let call = fixture.agent().param("scope", "auto").param("systemd_properties", "MemoryMax=8G");
    call.run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert_warned(&fixture)
}
