//! `scope` and `systemd_properties` on a node without systemd.

use testkit::TestResult;
use testkit::assertions::{AgentAssertions, OCF_ERR_CONFIGURED, OCF_SUCCESS};
use testkit::fixture::{AgentKind, fixture};

#[test]
fn scope_changes_nothing_where_systemd_does_not_run() -> TestResult {
    let fixture = fixture(AgentKind::Ec).build()?;
    let call = || {
        fixture
            .agent()
            .param("scope", "auto")
            .param("systemd_properties", "MemoryMax=8G CPUWeight=50")
    };
    call().run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert!(!fixture.log()?.contains("scope"), "{}", fixture.log()?);
    call().run("stop")?.assert_exit_code(OCF_SUCCESS);
    let validated = call().check_level(10).run("validate-all")?;
    assert!(
        validated.stderr.contains("systemd_properties: no effect on this node, where systemd"),
        "{validated}"
    );
    Ok(())
}

#[test]
fn properties_without_scope_or_name_are_reported() -> TestResult {
    let fixture = fixture(AgentKind::Ec).build()?;
    let call = |properties: &str| fixture.agent().param("systemd_properties", properties);
    let validated = call("MemoryMax=8G").check_level(10).run("validate-all")?;
    assert!(
        validated.stderr.contains("systemd_properties: no effect with scope=no"),
        "{validated}"
    );
    for wrong in ["MemoryMax", "MemoryMax=", "=8G", "--no-block=1", "MemoryMax=8G\tCPUWeight=50"] {
        call(wrong).run("validate-all")?.assert_exit_code(OCF_ERR_CONFIGURED);
    }
    Ok(())
}
