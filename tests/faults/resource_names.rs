//! Names of resources, which may be any bytes of any length, of picos, and of clone instances.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use testkit::assertions::{
    AgentAssertions, OCF_ERR_CONFIGURED, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS,
};
use testkit::fixture::{AgentKind, Fixture, as_recurring_monitor, fixture};
use testkit::{AgentCall, TestResult};

/// Pairs of names that differ as little as possible.
fn similar_names() -> Vec<(OsString, OsString)> {
    let bytes = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
    let long = |last: &str| OsString::from("x".repeat(250) + last);
    vec![
        ("mz-\u{e4}".into(), "mz-\u{f6}".into()),
        (bytes(b"mz-\xe4"), bytes(b"mz-\xf6")),
        ("mz-\u{e4}".into(), "mz-%C3%A4".into()),
        ("mz-?".into(), "mz-\u{e4}".into()),
        (long("1"), long("2")),
        (("\u{e4}".repeat(100) + "1").into(), ("\u{e4}".repeat(100) + "2").into()),
        ("x".repeat(237).into(), "x".repeat(239).into()),
        ("ec:0".into(), "ec%3A0".into()),
    ]
}

fn agent_for<'a>(fixture: &'a Fixture, resource: &OsStr, pico: &str) -> AgentCall<'a> {
    fixture.agent().env("OCF_RESOURCE_INSTANCE", resource).param("pico_name", pico)
}

/// Resources whose names differ in one non-ASCII letter, in a byte that is not UTF-8, or only beyond the
/// maximum length of a file name, have separate records. Each is started and monitored, and the stop of one
/// leaves the other's pico.
#[test]
fn similar_resource_names_have_separate_records() -> TestResult {
    let fixture = fixture(AgentKind::Ec).pico("ec2:ec").build()?;
    for (one, other) in similar_names() {
        agent_for(&fixture, &one, "ec1").run("start")?.assert_exit_code(OCF_SUCCESS);
        agent_for(&fixture, &other, "ec2").run("start")?.assert_exit_code(OCF_SUCCESS);
        let (ec1, ec2) = (fixture.single_pico("ec1")?, fixture.single_pico("ec2")?);
        assert_eq!(
            fixture.sh("ls /run/mediationzone-ra | grep -c json")?.trim(),
            "2",
            "{one:?} {other:?}"
        );
        agent_for(&fixture, &one, "ec1").run("stop")?.assert_exit_code(OCF_SUCCESS);
        assert!(!fixture.is_alive(&ec1)? && fixture.is_alive(&ec2)?, "{one:?} {other:?}");
        as_recurring_monitor(agent_for(&fixture, &other, "ec2"), 0)
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
        as_recurring_monitor(agent_for(&fixture, &one, "ec1"), 0)
            .run("monitor")?
            .assert_exit_code(OCF_NOT_RUNNING);
        agent_for(&fixture, &other, "ec2").run("stop")?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
        assert_eq!(
            fixture.sh("ls /run/mediationzone-ra | grep json || true")?,
            "",
            "{one:?} {other:?}"
        );
    }
    Ok(())
}

/// A record that names another resource is not used, whatever its file is called. A stop ends the pico of the
/// parameters and leaves the other's; with unreadable parameters it does not succeed.
#[test]
fn record_naming_another_resource_is_not_used() -> TestResult {
    let fixture = fixture(AgentKind::Ec).pico("ec2:ec").build()?;
    fixture.start()?;
    agent_for(&fixture, OsStr::new("mz-ec2"), "ec2").run("start")?.assert_exit_code(OCF_SUCCESS);
    let ec2 = fixture.single_pico("ec2")?;
    let other = fixture.node.read("/run/mediationzone-ra/mz-ec2.json")?;
    fixture.node.write(fixture.record_path(), &other)?;
    fixture
        .agent()
        .param("pico_name", "-f")
        .run("stop")?
        .assert_exit_code(OCF_ERR_GENERIC)
        .assert_reason(&["ec.json can't be read", "pico_name"]);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    assert!(fixture.pico_processes("ec1")?.is_empty() && fixture.is_alive(&ec2)?);
    agent_for(&fixture, OsStr::new("mz-ec2"), "ec2").run("stop")?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}

/// A record of an older agent, without a resource name, is used as before.
#[test]
fn record_without_resource_name_is_used() -> TestResult {
    let fixture = fixture(AgentKind::Ec).pico("ec2:ec").build()?;
    let jvm = fixture.start()?;
    let mut record = fixture.read_record()?;
    record.as_object_mut().expect("an object").remove("resource");
    fixture.node.write(fixture.record_path(), record.to_string())?;
    as_recurring_monitor(fixture.agent().param("pico_name", "-f"), 0)
        .run("monitor")?
        .assert_exit_code(OCF_SUCCESS);
    fixture.agent().param("pico_name", "-f").run("stop")?.assert_exit_code(OCF_SUCCESS);
    assert!(!fixture.is_alive(&jvm)?);
    fixture.assert_nothing_left()
}

/// A pico with the longest name that the product's files allow is started, monitored and stopped, and each
/// reason still states the result. A longer name is refused.
#[test]
fn pico_with_longest_name_is_managed_and_longer_name_is_refused() -> TestResult {
    let name = "EC".to_owned() + &"long_".repeat(45) + "end";
    let fixture = fixture(AgentKind::Ec).pico(&format!("{name}:ec")).build()?;
    let call = || fixture.agent().param("pico_name", &name);
    call().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING).assert_reason(&["not running"]);
    call().run("start")?.assert_exit_code(OCF_SUCCESS);
    let jvm = fixture.single_pico(&name)?;
    for level in [0, 10, 20] {
        as_recurring_monitor(call(), level)
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
    }
    call().run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.signal(jvm.pid, "STOP")?;
    as_recurring_monitor(call(), 10)
        .run("monitor")?
        .assert_exit_code(OCF_ERR_GENERIC)
        .assert_reason(&["EClong_", "stopped"]);
    fixture.signal(jvm.pid, "KILL")?;
    let died = as_recurring_monitor(call(), 0).run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    died.assert_reason(&["EClong_", "not running", &format!("pid {}", jvm.pid)]);
    call().run("stop")?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()?;
    let too_long = || fixture.agent().param("pico_name", "x".repeat(251));
    too_long()
        .run("start")?
        .assert_exit_code(OCF_ERR_CONFIGURED)
        .assert_reason(&["pico_name: ", "250"]);
    Ok(())
}

/// The call for one instance of a clone of `ec`.
fn clone_instance(fixture: &Fixture, number: u32, globally_unique: bool) -> AgentCall<'_> {
    let name = if globally_unique { format!("ec:{number}") } else { "ec".to_owned() };
    fixture
        .agent()
        .instance(&name)
        .param("CRM_meta_clone", number.to_string())
        .param("CRM_meta_clone_max", "4")
        .param("CRM_meta_clone_node_max", "2")
        .param("CRM_meta_globally_unique", globally_unique.to_string())
}

/// Start and validation refuse an instance of a globally-unique clone with 6, because all instances would be
/// one pico. Nothing is started, and probe, monitor and stop of each instance say so.
#[test]
fn globally_unique_clone_is_refused_by_start_and_validation() -> TestResult {
    let fixture = fixture(AgentKind::Ec).build()?;
    for number in [0, 1] {
        let call = || clone_instance(&fixture, number, true);
        call()
            .run("start")?
            .assert_exit_code(OCF_ERR_CONFIGURED)
            .assert_reason(&["globally-unique", "ec1"]);
        for level in [0, 10] {
            let validated =
                call().check_level(level).run("validate-all")?.assert_exit_code(OCF_ERR_CONFIGURED);
            assert!(validated.stderr.starts_with("ERROR: clone: "), "{validated}");
        }
        call().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
        as_recurring_monitor(call(), 0).run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
        call().run("stop")?.assert_exit_code(OCF_SUCCESS);
    }
    assert_eq!(
        fixture.mzsh_call_count("startup ec1")? + fixture.mzsh_call_count("startup -f ec1")?,
        0
    );
    fixture.assert_nothing_left()
}

/// An instance of an anonymous clone is started and stopped as any resource. Validation warns that each node
/// runs the same pico.
#[test]
fn anonymous_clone_is_started_with_warning() -> TestResult {
    let fixture = fixture(AgentKind::Ec).build()?;
    let call = || clone_instance(&fixture, 0, false);
    let validated = call().run("validate-all")?.expect_code(OCF_SUCCESS)?;
    assert!(validated.stderr.contains("WARNING: clone: "), "{validated}");
    call().run("start")?.assert_exit_code(OCF_SUCCESS);
    as_recurring_monitor(call(), 0)
        .run("monitor")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    call().run("stop")?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}
