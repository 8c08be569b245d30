//! A JVM that was started before the registry said where its HA Monitor Server listens.

use std::time::Duration;

use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, FixtureBuilder, fixture};
use testkit::{AgentCall, TestResult};

/// A call with short timeouts, past the grace of a young JVM.
fn quick(call: AgentCall<'_>) -> AgentCall<'_> {
    call.param("ha_timeout", "3").param("monitor_retries", "0").param("ha_grace", "0")
}

/// A monitor of this depth succeeds, with a warning that the pico never listened at that address.
#[track_caller]
fn warns(fixture: &Fixture, depth: u32, endpoint: &str) -> TestResult {
    let pid = fixture.single_pico(fixture.pico())?.pid;
    let before = fixture.log().unwrap_or_default().len();
    quick(fixture.recurring_monitor(depth))
        .run("monitor")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    let log = fixture.log()?.split_off(before);
    let words = format!("pid {pid} was never seen to listen on {endpoint}");
    let is_it = |line: &str| {
        line.contains(&words) && line.contains("restart the pico to make it effective")
    };
    assert!(log.lines().any(is_it), "{words}: {log}");
    Ok(())
}

/// A monitor of depth 10 fails and reports the pico as hung, with this reason.
#[track_caller]
fn hangs(fixture: &Fixture, why: &str) -> TestResult {
    let pid = fixture.single_pico(fixture.pico())?.pid;
    let hangs = format!("hung: pid {pid} is alive");
    quick(fixture.recurring_monitor(10))
        .run("monitor")?
        .assert_exit_code(OCF_ERR_GENERIC)
        .assert_reason(&[fixture.pico(), &hangs, why]);
    Ok(())
}

/// A start adopts the pico and leaves it running.
#[track_caller]
fn start_adopts(fixture: &Fixture) -> TestResult {
    let (jvm, calls) = (
        fixture.single_pico(fixture.pico())?,
        (fixture.mzsh_call_count("startup")?, fixture.mzsh_call_count("shutdown")?),
    );
    quick(fixture.agent()).run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert!(fixture.is_alive(&jvm)?);
    assert_eq!(fixture.single_pico(fixture.pico())?.pid, jvm.pid);
    assert_eq!((fixture.mzsh_call_count("startup")?, fixture.mzsh_call_count("shutdown")?), calls);
    assert_eq!(fixture.recorded_pid()?, Some(jvm.pid));
    Ok(())
}

/// The registry's value when the JVM started, its later change, and the address that a monitor then queries.
const CHANGES: [(&str, &str, (&str, &str), &str); 6] = [
    ("enabled", "false", ("enabled : false", "enabled : true"), "127.0.0.1:26000"),
    ("port", "26000", (": 26000", ": 26007"), "127.0.0.1:26007"),
    ("host", "127.0.0.1", ("\"127.0.0.1\"", "\"127.0.0.9\""), "127.0.0.9:26000"),
    ("host", "127.0.0.1", ("\"127.0.0.1\"", "\"192.0.2.7\""), "192.0.2.7:26000"),
    // Another host's address, which a socket for all addresses does not include.
    ("host", "0.0.0.0", ("\"0.0.0.0\"", "\"192.0.2.7\""), "192.0.2.7:26000"),
    ("host", "127.0.0.1", ("\"127.0.0.1\"", "\"elsewhere\""), "elsewhere:26000"),
];

fn changed(property: &str, before: &str) -> FixtureBuilder {
    let port = "platform:mz.ha.port=26000";
    fixture(AgentKind::Platform)
        .property(port)
        .property(&format!("platform:mz.ha.{property}={before}"))
}

/// An HA Monitor Server that was enabled, or whose port or host was changed, while the JVM runs cannot be
/// queried before a restart. Each deep monitor succeeds with a warning that says so, and a start adopts the
/// pico and ends nothing. After a restart the server is queried.
#[test]
fn registry_changed_since_the_start_is_no_failure_and_ends_nothing() -> TestResult {
    for (property, before, (from, to), endpoint) in CHANGES {
        let fixture = changed(property, before).build()?;
        fixture.node.set_hosts(&["127.0.0.9 elsewhere"])?;
        fixture.start_by_mzsh()?;
        fixture.change_registry(from, to)?;
        fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        for depth in [10, 20, 10] {
            warns(&fixture, depth, endpoint)?;
        }
        start_adopts(&fixture)?;
        warns(&fixture, 10, endpoint)?;
        fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        if to.contains("192.0.2.7") {
            fixture.node.add_address("192.0.2.7")?;
        }
        fixture.mzsh(&["restart", "platform"])?.expect_code(0)?;
        let before = fixture.log().unwrap_or_default().len();
        quick(fixture.recurring_monitor(10))
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
        assert!(!fixture.log()?.split_off(before).contains("never seen"), "{endpoint}");
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// The registry was changed while the JVM, simulated or real, runs. While there is a record, the pico is queried
/// where it listens. After the record is lost, the changed address is queried: deep monitors succeed with a
/// warning, and a start adopts the pico.
#[test]
fn registry_changed_since_the_start_counts_once_the_record_is_lost_and_is_no_failure() -> TestResult
{
    for jvm in [false, true] {
        let fixture = fixture(AgentKind::Ec).real_jvm(jvm).build()?;
        fixture.start()?;
        fixture.change_registry("26001", "26007")?;
        quick(fixture.recurring_monitor(10))
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
        assert!(!fixture.log()?.contains("never seen"), "{}", fixture.log()?);
        fixture.sh(&format!("rm {}", fixture.record_path()))?;
        warns(&fixture, 10, "127.0.0.1:26007")?;
        start_adopts(&fixture)?;
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// The action that has seen the server listen before it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SeenBy {
    Start,
    Adoption,
    Monitor,
    /// A monitor that could not query the server.
    Witness,
}

/// An HA Monitor Server that was seen once and is gone is a failure, whether a start, an adoption or a
/// monitor saw it, even one that could not query it. If the record is lost, the server counts as never seen.
#[test]
fn server_that_was_seen_and_is_gone_is_a_failure() -> TestResult {
    for by in [SeenBy::Start, SeenBy::Adoption, SeenBy::Monitor, SeenBy::Witness] {
        let fixture = fixture(AgentKind::Platform).build()?;
        if by != SeenBy::Start {
            fixture.start_by_mzsh()?;
        }
        match by {
            SeenBy::Start | SeenBy::Adoption => quick(fixture.agent()).run("start")?,
            SeenBy::Monitor => quick(fixture.recurring_monitor(10)).run("monitor")?,
            SeenBy::Witness => {
                fixture.sh("mv /opt/mz/lib/ha.jar /opt/mz/lib/away.jar")?;
                let ran = quick(fixture.recurring_monitor(10)).run("monitor")?;
                fixture.sh("mv /opt/mz/lib/away.jar /opt/mz/lib/ha.jar")?;
                ran
            }
        }
        .assert_exit_code(OCF_SUCCESS);
        let gone = fixture.single_pico("platform")?;
        fixture.close_ha("127.0.0.1", 26000)?;
        for _ in 0..2 {
            hangs(&fixture, "nothing listens on 127.0.0.1:26000")?;
        }
        fixture.sh(&format!("cp -p {} /opt/known", fixture.record_path()))?;
        fixture.sh(&format!("rm {}", fixture.record_path()))?;
        warns(&fixture, 10, "127.0.0.1:26000")?;
        fixture.sh(&format!("cp -p /opt/known {}", fixture.record_path()))?;
        hangs(&fixture, "nothing listens on 127.0.0.1:26000")?;
        // The start replaces it, as any hung JVM.
        quick(fixture.agent()).run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        assert!(!fixture.is_alive(&gone)?, "{by:?}");
        quick(fixture.recurring_monitor(10))
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// A hung JVM still listens, because the kernel accepts connections for it. An agent that sees it for the
/// first time reports it as hung, also at an address that is given by a name.
#[test]
fn hung_jvm_that_nobody_has_seen_well_is_a_failure() -> TestResult {
    for host in ["127.0.0.1", "0.0.0.0", "mzha"] {
        let fixture = fixture(AgentKind::Platform).build()?;
        fixture.node.set_hosts(&["127.0.0.1 mzha"])?;
        fixture.change_registry("\"127.0.0.1\"", &format!("{host:?}"))?;
        fixture.set(&["ha_answer=silent"])?;
        fixture.start_by_mzsh()?;
        hangs(&fixture, "no answer in 3 s")?;
        fixture.sh(&format!("rm {}", fixture.record_path()))?;
        hangs(&fixture, "no answer in 3 s")?;
        let pid = fixture.single_pico("platform")?.pid;
        fixture.signal(pid, "STOP")?;
        fixture.sh(&format!("rm {}", fixture.record_path()))?;
        quick(fixture.recurring_monitor(10))
            .run("monitor")?
            .assert_exit_code(OCF_ERR_GENERIC)
            .assert_reason(&["hung", "(T)"]);
        fixture.signal(pid, "CONT")?;
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// The registry gives the pico the port of another pico's HA Monitor Server. Nothing that server says is an
/// answer of the pico, and the warning names that process. If the pico's own server was seen and is gone, it
/// is a failure.
#[test]
fn another_picos_server_at_the_port_is_not_taken_for_its_own() -> TestResult {
    let fixture = fixture(AgentKind::Ec).pico("ec2:ec:26007").build()?;
    fixture.mzsh(&["startup", "ec2"])?.expect_code(0)?;
    let other = fixture.single_pico("ec2")?.pid;
    fixture.start_by_mzsh()?;
    fixture.change_registry("26001", "26007")?;
    let holder = format!("port 26007 is held by pid {other} ");
    for _ in 0..2 {
        let before = fixture.log().unwrap_or_default().len();
        warns(&fixture, 10, "127.0.0.1:26007")?;
        assert!(fixture.log()?.split_off(before).contains(&holder), "{}", fixture.log()?);
    }
    start_adopts(&fixture)?;
    // The other pico answers and is healthy by its own port.
    let ask = |port: &'static str| quick(fixture.recurring_monitor(10)).param("ha_port", port);
    ask("26001").run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.close_ha("127.0.0.1", 26001)?;
    ask("26001")
        .run("monitor")?
        .assert_exit_code(OCF_ERR_GENERIC)
        .assert_reason(&["nothing listens on 127.0.0.1:26001"]);
    warns(&fixture, 10, "127.0.0.1:26007")?;
    Ok(())
}

/// A start knows the settings of its own JVM: if that JVM is never seen to listen, the start fails and leaves
/// no process.
#[test]
fn start_whose_own_jvm_never_listens_fails() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let start = fixture
        .agent()
        .param("ha_port", "25999")
        .meta_timeout(Duration::from_secs(16))
        .run("start")?;
    start
        .assert_exit_code(OCF_ERR_GENERIC)
        .assert_reason(&["platform", "HA Monitor Server does not answer"]);
    fixture.assert_nothing_left()?;
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    Ok(())
}
