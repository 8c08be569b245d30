//! Values that the registry's files do not contain come from the parameters, or from mzsh where it may be
//! run.

use testkit::assertions::{AgentAssertions, OCF_ERR_ARGS, OCF_ERR_GENERIC, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, fixture};
use testkit::{AgentCall, TestResult, TestkitError};

/// The registry file of the pico under test.
const EC1_REGISTRY_FILE: &str =
    "/opt/mz/common/config/cell/default/.active/containers/main1/picos/ec1.conf";

/// The registry becomes unreadable from the pico's file on, and values that were read before are lost.
fn break_registry(fixture: &Fixture) -> TestResult {
    fixture.node.write(EC1_REGISTRY_FILE, "template : mz.standard-ec\nconfig { properties {\n")?;
    fixture.sh(&format!("rm {}", fixture.record_path()))?;
    Ok(())
}

fn with_all_parameters(call: AgentCall<'_>) -> AgentCall<'_> {
    let parameters = [
        ("container", "main1"),
        ("ha_check", "yes"),
        ("ha_host", "127.0.0.1"),
        ("ha_port", "26001"),
    ];
    parameters.iter().fold(call, |call, (name, value)| call.param(name, value))
}

fn validate_at_level_10(fixture: &Fixture) -> Result<testkit::NodeCommandOutput, TestkitError> {
    fixture.agent().check_level(10).run("validate-all")
}

/// The HA port in the file is a variable that only mzsh's own environment sets.
fn fixture_with_port_from_mzsh_environment(mzsh: &str) -> Result<Fixture, TestkitError> {
    let fixture = fixture(AgentKind::Ec).property("ec1:mz.ha.port=26001").build()?;
    fixture.sh(&format!(
        "sed -i 's/26001/${{SIM_HA_PORT}}/; s/\"${{SIM_HA_PORT}}\"/${{SIM_HA_PORT}}/' {EC1_REGISTRY_FILE}"
    ))?;
    fixture.wrap_mzsh(mzsh)?;
    Ok(fixture)
}

#[test]
fn parameters_suffice_for_ha_check_with_broken_registry() -> TestResult {
    let fixture = fixture(AgentKind::Ec).build()?;
    fixture.start()?;
    break_registry(&fixture)?;
    with_all_parameters(fixture.recurring_monitor(10))
        .run("monitor")?
        .assert_exit_code(OCF_SUCCESS);
    fixture.set(&["ec1.ha_answer=silent"])?;
    let hung = with_all_parameters(
        fixture.recurring_monitor(10).param("ha_timeout", "3s").param("monitor_retries", "0"),
    );
    hung.run("monitor")?.assert_exit_code(OCF_ERR_GENERIC);
    Ok(())
}

#[test]
fn broken_registry_warning_names_file_and_line() -> TestResult {
    let fixture = fixture(AgentKind::Ec).build()?;
    fixture.start()?;
    break_registry(&fixture)?;
    let asked = fixture.mzsh_call_count("topo")?;
    fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS);
    let log = fixture.log()?;
    assert!(
        log.contains("ec1.conf:2: expected '}' for that in line 2, found the end of the file"),
        "{log}"
    );
    fixture.probe()?.assert_exit_code(OCF_SUCCESS);
    assert_eq!(fixture.mzsh_call_count("topo")?, asked, "a monitor and a probe never ask mzsh");
    let validated = validate_at_level_10(&fixture)?.assert_exit_code(OCF_SUCCESS);
    let line = validated
        .stderr
        .lines()
        .find(|line| line.starts_with("WARNING: mz_home: the registry can't be read"));
    let line = line.unwrap_or_else(|| panic!("{validated}"));
    assert!(
        line.contains("ec1.conf:2: expected '}'") && line.contains("; mzsh topo get: "),
        "{line}"
    );
    Ok(())
}

#[test]
fn unresolved_property_is_asked_of_mzsh_once_at_start() -> TestResult {
    let fixture = fixture_with_port_from_mzsh_environment("export SIM_HA_PORT=26001")?;
    let validated = validate_at_level_10(&fixture)?.assert_exit_code(OCF_SUCCESS);
    assert!(
        !validated.stderr.contains("mz.ha") && !validated.stderr.contains("registry"),
        "{validated}"
    );
    fixture.start()?;
    assert_eq!(fixture.read_record()?["ha"]["endpoint"]["port"], 26001);
    let asked = fixture.mzsh_call_count("topo get")?;
    assert!(asked > 0, "{:?}", fixture.history()?);
    fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS);
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS);
    fixture.probe()?.assert_exit_code(OCF_SUCCESS);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    assert_eq!(fixture.mzsh_call_count("topo")?, asked);
    fixture.assert_nothing_left()
}

#[test]
fn unresolved_property_error_names_registry_and_mzsh_reasons() -> TestResult {
    let fixture = fixture_with_port_from_mzsh_environment(
        "case $1 in topo) echo 'mzsh: no contact'; exit 7;; esac",
    )?;
    let validated = validate_at_level_10(&fixture)?.assert_exit_code(OCF_ERR_ARGS);
    let line = validated.stderr.lines().find(|line| line.starts_with("ERROR: mz.ha.port: "));
    let line = line.unwrap_or_else(|| panic!("{validated}"));
    assert!(line.contains("${SIM_HA_PORT} is set nowhere; mzsh topo get: "), "{line}");
    assert!(line.contains("mzsh: no contact"), "{line}");
    Ok(())
}

#[test]
fn hung_mzsh_does_not_delay_validation() -> TestResult {
    let fixture = fixture_with_port_from_mzsh_environment("case $1 in topo) sleep 1000;; esac")?;
    let validated = fixture
        .agent()
        .check_level(10)
        .param("mzsh_timeout", "1s")
        .run("validate-all")?
        .assert_exit_code(OCF_ERR_ARGS);
    assert!(validated.stderr.contains("; mzsh topo get: "), "{validated}");
    fixture.assert_nothing_left()
}

#[test]
fn explain_shows_content_of_installation_files() -> TestResult {
    let fixture = fixture(AgentKind::Ec)
        .property("ec1:pico.pid=/opt/mz/log/own.pid")
        .property("ec1:mz.ha.interval=-5")
        .build()?;
    let said = fixture.agent().run("explain")?.to_string();
    for words in [
        "main1",
        "JAVA_HOME of mzsh",
        "mz.standard-ec",
        "26001 (mz.ha.port)",
        "/opt/mz/log/own.pid",
        "\"-5\" in ",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    Ok(())
}

#[test]
fn corrected_property_counts_from_next_deep_monitor() -> TestResult {
    let fixture = fixture(AgentKind::Ec).property("ec1:mz.ha.port=26001").build()?;
    fixture.start()?;
    fixture.set(&["ec1.ha_answer=FAILED by hand"])?;
    fixture
        .sh(&format!("sed -i s/26001/abc/ {EC1_REGISTRY_FILE}; rm {}", fixture.record_path()))?;
    let deep = || fixture.recurring_monitor(10).param("ha_grace", "0").run("monitor");
    deep()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    let log = fixture.log()?;
    assert!(log.contains("mz.ha.port: \"abc\""), "{log}");
    fixture.sh(&format!("sed -i s/abc/26001/ {EC1_REGISTRY_FILE}"))?;
    deep()?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["ec1", "FAILED", "by hand"]);
    Ok(())
}
