//! Picos under a real systemd: process 1 of a node of its own, with its own control groups.
//!
//! Pacemaker itself would need Corosync. Its unit is the one of the machine's package, with its settings; only the daemon is another
//! program, and an agent is called in the control group of that unit, as Pacemaker's executor would call it.

use std::time::Duration;

use rustix::process::{Pid, Signal};
use testkit::assertions::{AgentAssertions, OCF_ERR_CONFIGURED, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, fixture};
use testkit::systemd::UNITS;
use testkit::{AgentCall, NodeProcess, TestResult, TestkitError};

/// How long systemd may take for what it does at once on an idle machine.
const SYSTEMD_TIMEOUT: Duration = Duration::from_secs(120);

/// Runs its arguments in the control group of Pacemaker's unit.
const IN_PACEMAKER: &str = r#"
for procs in $(find /sys/fs/cgroup -path '*/system.slice/pacemaker.service/cgroup.procs'); do echo $$ >$procs; done
exec "$@""#;

/// In place of the daemon; at SIGTERM it stops nothing, and writes whether a process is alive a second later. It ends when nothing holds it.
const DAEMON: &str = r"#!/bin/bash
trap 'sleep 1; while [ -e /run/hold ]; do sleep 0.1; done; kill -0 $(cat /run/watched) && echo alive >/run/seen || echo dead >/run/seen; exit' TERM
while :; do sleep 0.1; done
";

/// A node under systemd, with Pacemaker's unit and the packaged drop-in as far as asked for.
fn node_under_systemd(drop_in: bool) -> Result<Fixture, TestkitError> {
    let mut fixture = fixture(AgentKind::Ec).build()?;
    let node = &fixture.node;
    let unit = std::fs::read("/lib/systemd/system/pacemaker.service").map_err(|e| {
        TestkitError::SandboxFailed { said: format!("pacemaker.service: {e}"), hint: "" }
    })?;
    node.write(format!("{UNITS}/pacemaker.service"), unit)?;
    node.write("/run/testkit/daemon", DAEMON)?;
    node.exec(["chmod", "755", "/run/testkit/daemon"])?;
    node.write(
        format!("{UNITS}/pacemaker.service.d/90-test.conf"),
        "[Service]\nExecStart=\nExecStart=/run/testkit/daemon\n",
    )?;
    node.write(format!("{UNITS}/corosync.service"), "[Service]\nExecStart=/bin/sleep infinity\n")?;
    if drop_in {
        let text =
            include_str!("../../packaging/systemd/pacemaker.service.d/50-mediationzone.conf");
        node.write(format!("{UNITS}/pacemaker.service.d/50-mediationzone.conf"), text)?;
    }
    fixture.node.boot_systemd()?;
    fixture.node.exec(["systemctl", "start", "pacemaker.service"])?;
    Ok(fixture)
}

fn in_pacemaker(call: AgentCall<'_>) -> AgentCall<'_> {
    call.wrap_with(["bash", "-c", IN_PACEMAKER, "in-pacemaker"])
}

fn start(fixture: &Fixture, parameters: &[(&str, &str)]) -> Result<NodeProcess, TestkitError> {
    let call =
        parameters.iter().fold(fixture.agent(), |call, (name, value)| call.param(name, value));
    in_pacemaker(call).run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.single_pico(fixture.pico())
}

/// The units that the process is in, one for each hierarchy that systemd uses.
fn units_of(fixture: &Fixture, process: &NodeProcess) -> Result<Vec<String>, TestkitError> {
    let groups = fixture.node.read(format!("/proc/{}/cgroup", process.pid))?;
    let mut units: Vec<String> = groups
        .lines()
        .filter_map(|line| Some(line.rsplit_once('/')?.1.to_owned()))
        .filter(|unit| unit.contains('.'))
        .collect();
    units.sort();
    units.dedup();
    Ok(units)
}

fn property(fixture: &Fixture, unit: &str, name: &str) -> Result<String, TestkitError> {
    let shown = fixture.node.exec(["systemctl", "show", "--value", "--property", name, unit])?;
    Ok(shown.stdout.trim().to_owned())
}

fn assert_ends(fixture: &Fixture, process: &NodeProcess) -> TestResult {
    fixture.wait_until("the end of the process", |fixture| {
        Ok(if fixture.is_alive(process)? { Err("alive".to_owned()) } else { Ok(()) })
    })
}

#[test]
fn pico_starts_in_a_scope_with_its_properties_and_the_scope_ends_with_it() -> TestResult {
    let fixture = node_under_systemd(false)?;
    let jvm = start(
        &fixture,
        &[("scope", "auto"), ("systemd_properties", "MemoryMax=900M CPUWeight=50")],
    )?;
    let units = units_of(&fixture, &jvm)?;
    let [scope] = units.as_slice() else { panic!("{units:?}") };
    assert!(scope.starts_with("mediationzone-ec1-"), "{scope}");
    for (name, value) in [
        ("MemoryMax", "943718400"),
        ("CPUWeight", "50"),
        ("TasksMax", "infinity"),
        ("CollectMode", "inactive-or-failed"),
        ("Slice", "system.slice"),
    ] {
        assert_eq!(property(&fixture, scope, name)?, value, "{name}");
    }
    let limit = fixture.sh(&format!(
        "cat $(find /sys/fs/cgroup -path '*/{scope}/memory.limit_in_bytes' -o -path '*/{scope}/memory.max')"
    ))?;
    // Nothing where the machine gives no memory controller.
    assert!(["943718400\n", ""].contains(&limit.as_str()), "{limit}");
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    assert_ends(&fixture, &jvm)?;
    testkit::wait_until("the end of the scope", SYSTEMD_TIMEOUT, || {
        let left = fixture.sh("systemctl list-units --all --plain --no-legend 'mediationzone-*'; find /run/systemd/transient -name 'mediation*'");
        match left {
            Ok(left) if left.is_empty() => Ok(()),
            left => Err(format!("{left:?}")),
        }
    })
}

#[test]
fn pico_without_scope_stays_in_the_group_of_pacemaker() -> TestResult {
    let fixture = node_under_systemd(false)?;
    let jvm = start(&fixture, &[])?;
    assert_eq!(units_of(&fixture, &jvm)?, ["pacemaker.service"]);
    Ok(())
}

#[test]
fn pico_survives_a_restart_of_pacemaker_with_and_without_scope() -> TestResult {
    for scope in ["auto", "no"] {
        let fixture = node_under_systemd(true)?;
        let jvm = start(&fixture, &[("scope", scope)])?;
        fixture.node.write("/run/watched", jvm.pid.to_string())?;
        fixture.node.exec(["systemctl", "restart", "pacemaker.service"])?;
        assert_eq!(fixture.node.read("/run/seen")?, "alive\n");
        assert!(fixture.is_alive(&jvm)?, "scope={scope}");
        fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS);
    }
    Ok(())
}

/// What a shutdown does: it starts shutdown.target, with which all units conflict.
#[test]
fn scope_ends_after_pacemaker_at_shutdown() -> TestResult {
    let fixture = node_under_systemd(true)?;
    let jvm = start(&fixture, &[("scope", "auto")])?;
    fixture.node.write("/run/watched", jvm.pid.to_string())?;
    fixture.node.exec([
        "systemctl",
        "start",
        "--no-block",
        "--job-mode=replace-irreversibly",
        "shutdown.target",
    ])?;
    testkit::wait_until("the end of Pacemaker", SYSTEMD_TIMEOUT, || {
        fixture.node.read("/run/seen").map_err(|e| e.to_string())
    })?;
    assert_eq!(fixture.node.read("/run/seen")?, "alive\n");
    assert_ends(&fixture, &jvm)
}

/// From outside: within its namespace nothing stops process 1.
fn signal_systemd(fixture: &Fixture, signal: Signal) {
    let pid = fixture.node.init_pid().try_into().ok().and_then(Pid::from_raw);
    rustix::process::kill_process(pid.expect("a pid"), signal).expect("systemd takes a signal");
}

#[test]
fn hung_systemd_delays_a_start_by_seconds_and_costs_only_the_scope() -> TestResult {
    let fixture = node_under_systemd(false)?;
    let call = || {
        let call = fixture.agent().meta_timeout(Duration::from_secs(60));
        in_pacemaker(call.param("scope", "auto").param("systemd_properties", "MemoryMax=900M"))
    };
    signal_systemd(&fixture, Signal::STOP);
    let started = call().run("start")?;
    started.clone().assert_exit_code(OCF_SUCCESS).assert_no_output();
    let limits = Duration::from_secs(3)..Duration::from_secs(15);
    assert!(limits.contains(&started.wall_time), "{started}");
    let warning =
        "scope: none was made, the pico runs in Pacemaker's control group: busctl: timed out";
    assert!(fixture.log()?.contains(warning), "{}", fixture.log()?);
    let jvm = fixture.single_pico("ec1")?;
    assert_eq!(units_of(&fixture, &jvm)?, ["pacemaker.service"]);
    call().run("stop")?.assert_exit_code(OCF_SUCCESS);
    assert_ends(&fixture, &jvm)?;
    call().run("start")?.assert_exit_code(OCF_SUCCESS);
    // Now it finds the request for the scope of an mzsh that has ended.
    signal_systemd(&fixture, Signal::CONT);
    assert_eq!(property(&fixture, "pacemaker.service", "ActiveState")?, "active");
    let jvm = fixture.single_pico("ec1")?;
    assert_eq!(units_of(&fixture, &jvm)?, ["pacemaker.service"]);
    Ok(())
}

/// systemd holds the start of a scope back until the unit has stopped that the scope is ordered before.
#[test]
fn start_while_pacemaker_stops_goes_on_and_withdraws_its_scope() -> TestResult {
    let fixture = node_under_systemd(true)?;
    fixture.node.write("/run/hold", "")?;
    fixture.node.exec(["systemctl", "stop", "--no-block", "pacemaker.service"])?;
    let call = fixture.agent().meta_timeout(Duration::from_secs(60)).param("scope", "auto");
    in_pacemaker(call).run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    let jobs = fixture.sh("systemctl list-jobs --no-legend")?;
    assert!(jobs.contains("pacemaker.service") && !jobs.contains("mediationzone"), "{jobs}");
    assert!(fixture.log()?.contains("systemd did not start mediationzone-ec1-"));
    let jvm = fixture.single_pico("ec1")?;
    fixture.node.write("/run/watched", jvm.pid.to_string())?;
    fixture.node.exec(["rm", "/run/hold"])?;
    testkit::wait_until("the end of Pacemaker", SYSTEMD_TIMEOUT, || {
        let state = property(&fixture, "pacemaker.service", "ActiveState");
        if matches!(state.as_deref(), Ok("inactive")) { Ok(()) } else { Err(format!("{state:?}")) }
    })?;
    assert_eq!(fixture.node.read("/run/seen")?, "alive\n");
    assert_eq!(units_of(&fixture, &jvm)?, ["pacemaker.service"]);
    Ok(())
}

#[test]
fn oom_kill_in_a_scope_ends_that_jvm_only() -> TestResult {
    let fixture = node_under_systemd(false)?;
    let jvm = start(&fixture, &[("scope", "auto"), ("systemd_properties", "MemoryMax=64M")])?;
    let [scope] = units_of(&fixture, &jvm)?.try_into().unwrap();
    let controlled = fixture.sh(&format!("find /sys/fs/cgroup -path '*/{scope}/memory.*max*'"))?;
    if controlled.is_empty() {
        eprintln!("not tried: this machine gives no memory controller");
        return Ok(());
    }
    // A child of the JVM, as far as systemd and the kernel are concerned. It alone is killed.
    let eats =
        "for procs in $(find /sys/fs/cgroup -path \"*/$0/cgroup.procs\"); do echo $$ >$procs; done
        exec python3 -c 'x = bytearray(256 << 20)'";
    let killed = fixture.node.command("bash").args(["-c", eats, &scope]).run()?;
    assert!(killed.to_string().contains("ignal"), "{killed}");
    assert_eq!(property(&fixture, "pacemaker.service", "ActiveState")?, "active");
    assert!(fixture.is_alive(&jvm)?);
    // The JVM itself: its scope ends as failed, and is forgotten.
    fixture.signal(jvm.pid, "KILL")?;
    assert_ends(&fixture, &jvm)?;
    assert_eq!(property(&fixture, "pacemaker.service", "ActiveState")?, "active");
    Ok(())
}

#[test]
fn refused_property_is_an_error_of_validate_all_and_a_warning_of_start() -> TestResult {
    let fixture = node_under_systemd(false)?;
    for (properties, why) in [
        ("MemoryMax=8Q", "Failed to parse MemoryMax=8Q"),
        ("CPUWeight=50 Memorymax=8G", "Unknown assignment: Memorymax=8G"),
        ("User=root", "User"),
    ] {
        let call =
            || fixture.agent().param("scope", "auto").param("systemd_properties", properties);
        let validated = call().check_level(10).run("validate-all")?;
        assert!(validated.stderr.contains("systemd_properties: not set: systemctl"), "{validated}");
        assert!(validated.stderr.contains(why), "{validated}");
        assert!(validated.code() != Some(OCF_SUCCESS), "{validated}");
        in_pacemaker(call()).run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        assert!(fixture.log()?.contains(why), "{}", fixture.log()?);
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    }
    let syntax = fixture.agent().param("scope", "auto").param("systemd_properties", "MemoryMax");
    syntax.run("validate-all")?.assert_exit_code(OCF_ERR_CONFIGURED);
    let good = fixture.agent().param("scope", "auto").param("systemd_properties", "MemoryMax=50%");
    let validated = good.check_level(10).run("validate-all")?;
    assert!(
        !validated.stderr.contains("scope") && !validated.stderr.contains("systemd"),
        "{validated}"
    );
    Ok(())
}
