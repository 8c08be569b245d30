//! reload-agent applies new values of reloadable parameters and does not touch the JVM.

use testkit::TestResult;
use testkit::assertions::{AgentAssertions, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fixture::{AgentKind, fixture};

#[test]
fn reload_changes_recorded_parameters_but_not_process() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let pid = fixture.start()?.pid;
    assert_eq!(fixture.read_record()?["parameters"]["mzsh_timeout"], "90s");
    let changed = || fixture.agent().param("mzsh_timeout", "45s");
    changed().run("reload-agent")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert_eq!(fixture.read_record()?["parameters"]["mzsh_timeout"], "45s");
    assert_eq!(fixture.single_pico("platform")?.pid, pid);
    assert_eq!(fixture.mzsh_call_count("")?, 1, "mzsh was called for the start only");
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    Ok(())
}

#[test]
fn reload_starts_nothing() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture
        .agent()
        .run("reload-agent")?
        .assert_exit_code(OCF_NOT_RUNNING)
        .assert_reason(&["platform"]);
    let pid = fixture.start()?.pid;
    fixture.signal(pid, "KILL")?;
    fixture
        .agent()
        .run("reload-agent")?
        .assert_exit_code(OCF_NOT_RUNNING)
        .assert_reason(&[&format!("pid {pid} ")]);
    fixture.assert_nothing_left()
}

/// Pacemaker treats a failed reload as a failed resource, and would restart the JVM for a typing mistake.
#[test]
fn invalid_reloadable_parameter_is_a_warning_of_reload() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let pid = fixture.start()?.pid;
    fixture
        .agent()
        .param("mzsh_timeout", "45s")
        .run("reload-agent")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    fixture
        .agent()
        .param("mzsh_timeout", "4 5s")
        .run("reload-agent")?
        .assert_exit_code(OCF_SUCCESS);
    let log = fixture.log()?;
    let warned = |line: &str| line.contains("WARNING") && line.contains("mzsh_timeout");
    assert!(log.lines().any(warned), "{log}");
    assert_ne!(
        fixture.read_record()?["parameters"]["mzsh_timeout"],
        "45s",
        "that is in force no more"
    );
    assert_eq!(fixture.single_pico("platform")?.pid, pid);
    Ok(())
}
