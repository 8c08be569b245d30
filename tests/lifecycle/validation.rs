//! Defects of a node or an installation: the result of validate-all, and the effect on the other actions.

use std::time::Duration;

use testkit::TestkitError;

use testkit::TestResult;
use testkit::assertions::{
    AgentAssertions, OCF_ERR_ARGS, OCF_ERR_GENERIC, OCF_ERR_INSTALLED, OCF_ERR_PERM,
    OCF_NOT_RUNNING, OCF_SUCCESS,
};
use testkit::fixture::{AgentKind, Fixture, FixtureBuilder, fixture};

/// A defect, and its expected results.
struct ValidationCase {
    /// For the reader of a failure.
    name: &'static str,
    builder: fn() -> FixtureBuilder,
    /// Shell commands that cause the defect.
    setup: &'static str,
    /// Parameters that cause the defect.
    parameters: &'static [(&'static str, &'static str)],
    /// Exit code of validate-all at level 10.
    validate_code: i32,
    /// Beginning of its output line.
    expected_line: &'static str,
    /// Exit code of start.
    start_code: i32,
}

fn platform_builder() -> FixtureBuilder {
    fixture(AgentKind::Platform)
}

const VALID_CASE: ValidationCase = ValidationCase {
    name: "nothing",
    builder: platform_builder,
    setup: "",
    parameters: &[],
    validate_code: OCF_SUCCESS,
    expected_line: "",
    start_code: OCF_SUCCESS,
};

/// The registry file of the Platform.
const PLATFORM_REGISTRY_FILE: &str =
    "/opt/mz/common/config/cell/default/.active/containers/main1/picos/platform.conf";

const VALIDATION_CASES: &[ValidationCase] = &[
    ValidationCase {
        name: "mz_home is missing",
        parameters: &[("mz_home", "/opt/none")],
        validate_code: OCF_ERR_ARGS,
        expected_line: "ERROR: mz_home: /opt/none does not exist",
        start_code: OCF_ERR_GENERIC,
        ..VALID_CASE
    },
    ValidationCase {
        name: "mz_home is a mount point without its mount",
        setup: "mkdir /opt/empty",
        parameters: &[("mz_home", "/opt/empty")],
        validate_code: OCF_ERR_ARGS,
        expected_line: "ERROR: mz_home: /opt/empty is empty",
        start_code: OCF_ERR_GENERIC,
        ..VALID_CASE
    },
    ValidationCase {
        name: "mz_home is a file",
        parameters: &[("mz_home", "/opt/mz/bin/mzsh")],
        validate_code: OCF_ERR_ARGS,
        expected_line: "ERROR: mz_home: /opt/mz/bin/mzsh can't be read",
        start_code: OCF_ERR_GENERIC,
        ..VALID_CASE
    },
    ValidationCase {
        name: "mzsh is missing in an installation",
        setup: "rm /opt/mz/bin/mzsh",
        validate_code: OCF_ERR_INSTALLED,
        expected_line: "ERROR: mz_home: /opt/mz/bin/mzsh does not exist",
        start_code: OCF_ERR_INSTALLED,
        ..VALID_CASE
    },
    ValidationCase {
        name: "mzsh can't be executed",
        setup: "chmod a-x /opt/mz/bin/mzsh",
        validate_code: OCF_ERR_PERM,
        expected_line: "ERROR: mz_home: /opt/mz/bin/mzsh is not an executable file",
        start_code: OCF_ERR_PERM,
        ..VALID_CASE
    },
    ValidationCase {
        name: "the user is unknown here",
        parameters: &[("os_user", "mzstranger")],
        validate_code: OCF_ERR_ARGS,
        expected_line: "ERROR: os_user: user mzstranger is unknown",
        start_code: OCF_ERR_GENERIC,
        ..VALID_CASE
    },
    ValidationCase {
        name: "there is no java",
        parameters: &[("java_home", "/opt/jdk")],
        validate_code: OCF_ERR_INSTALLED,
        expected_line: "ERROR: java_home: /opt/jdk/bin/java does not exist",
        start_code: OCF_ERR_GENERIC,
        ..VALID_CASE
    },
    ValidationCase {
        name: "the pico is disabled",
        setup: "sed -i 's/state : enabled/state : disabled/' $REGISTRY",
        validate_code: OCF_ERR_ARGS,
        expected_line: "ERROR: pico_name: it is disabled in container main1",
        start_code: OCF_ERR_GENERIC,
        ..VALID_CASE
    },
    ValidationCase {
        name: "there is no such pico",
        parameters: &[("pico_name", "platfoam")],
        validate_code: OCF_ERR_ARGS,
        expected_line: "ERROR: pico_name: no pico platfoam in the registry (containers: main1)",
        start_code: OCF_ERR_GENERIC,
        ..VALID_CASE
    },
    ValidationCase {
        name: "the registry can't be understood",
        setup: "truncate --size=60 $REGISTRY",
        validate_code: OCF_SUCCESS,
        expected_line: "WARNING: mz_home: the registry can't be read",
        // The response depends on the product: this one reports the defect and fails.
        start_code: OCF_ERR_GENERIC,
        ..VALID_CASE
    },
    ValidationCase {
        name: "the HA Monitor Server has no port",
        builder: || platform_builder().property("platform:mz.ha.port="),
        validate_code: OCF_ERR_ARGS,
        expected_line: "ERROR: mz.ha.port: mz.ha.port is not set",
        ..VALID_CASE
    },
    ValidationCase {
        name: "another pico has the same HA port",
        builder: || platform_builder().pico("ec1:ec:26000"),
        validate_code: OCF_ERR_ARGS,
        expected_line: "ERROR: mz.ha.port: ec1 of the same container has this port, too",
        ..VALID_CASE
    },
    ValidationCase {
        name: "the HA Monitor Server is off, and must not be",
        builder: || platform_builder().property("platform:mz.ha.enabled=false"),
        parameters: &[("ha_check", "yes"), ("monitor_retries", "0")],
        validate_code: OCF_ERR_ARGS,
        expected_line: "ERROR: ha_check: mz.ha.enabled is not true",
        start_code: OCF_ERR_GENERIC,
        ..VALID_CASE
    },
    ValidationCase {
        name: "the HA Monitor Server is off",
        builder: || platform_builder().property("platform:mz.ha.enabled=false"),
        expected_line: "WARNING: mz.ha.enabled: mz.ha.enabled is not true",
        ..VALID_CASE
    },
    VALID_CASE,
];

fn run_case_action(
    wrong: &ValidationCase,
    fixture: &Fixture,
    action: &str,
    level: u32,
) -> Result<testkit::NodeCommandOutput, TestkitError> {
    let call = wrong
        .parameters
        .iter()
        .fold(fixture.agent(), |call, (name, value)| call.param(name, value));
    call.check_level(level).run(action)
}

fn check_case(wrong: &ValidationCase) -> TestResult {
    let fixture = (wrong.builder)().build()?;
    if !wrong.setup.is_empty() {
        fixture.sh(&format!("REGISTRY={PLATFORM_REGISTRY_FILE}; {}", wrong.setup))?;
    }
    // The parameters alone are valid.
    run_case_action(wrong, &fixture, "validate-all", 0)?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();

    let validated =
        run_case_action(wrong, &fixture, "validate-all", 10)?.assert_exit_code(wrong.validate_code);
    let mut lines = validated.stderr.lines().filter(|line| !line.starts_with("ocf-exit-reason:"));
    let found = lines
        .clone()
        .any(|line| !wrong.expected_line.is_empty() && line.starts_with(wrong.expected_line));
    assert!(found || wrong.expected_line.is_empty(), "{}: {validated}", wrong.name);
    assert!(
        lines.all(|line| line.starts_with("ERROR: ") || line.starts_with("WARNING: ")),
        "{}: {validated}",
        wrong.name
    );
    assert_eq!(
        validated.stderr.is_empty(),
        wrong.expected_line.is_empty(),
        "{}: {validated}",
        wrong.name
    );

    // Nothing runs, so the defect affects nothing.
    run_case_action(wrong, &fixture, "monitor", 0)?.assert_exit_code(OCF_NOT_RUNNING);
    run_case_action(wrong, &fixture, "stop", 0)?.assert_exit_code(OCF_SUCCESS);

    let start = run_case_action(wrong, &fixture, "start", 0)?.assert_exit_code(wrong.start_code);
    assert!(start.wall_time < Duration::from_secs(5), "{}: {start}", wrong.name);
    if wrong.start_code == OCF_SUCCESS {
        fixture.single_pico("platform")?;
        run_case_action(wrong, &fixture, "stop", 0)?.assert_exit_code(OCF_SUCCESS);
    }
    fixture.assert_nothing_left()
}

#[test]
fn each_problem_is_named_by_validation_and_blocks_only_start() {
    let failed: Vec<String> = VALIDATION_CASES
        .iter()
        .filter_map(|wrong| {
            let story =
                std::panic::catch_unwind(|| check_case(wrong).map_err(|error| error.to_string()));
            let story = story.unwrap_or_else(|_| Err("see above".to_owned()));
            story.err().map(|story| format!("{}: {story}", wrong.name))
        })
        .collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn wait_above_limit_is_a_warning() -> TestResult {
    let fixture = platform_builder().build()?;
    let of = |wait: &str| {
        fixture.agent().param("wait", wait).check_level(0).run("validate-all")?.expect_code(0)
    };
    assert!(!of("30s")?.stderr.contains("WARNING: wait"));
    assert!(of("31s")?.stderr.contains("WARNING: wait: 31s: "));
    Ok(())
}

#[test]
fn validation_at_level_0_checks_parameters_only() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let call = || fixture.agent().param("mz_home", "/opt/none").param("os_user", "mzstranger");
    call().run("validate-all")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    call().check_level(9).run("validate-all")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    call().check_level(11).run("validate-all")?.assert_exit_code(OCF_ERR_ARGS);
    Ok(())
}

#[test]
fn vanished_installation_fails_no_monitor_or_stop() -> TestResult {
    for record in [true, false] {
        let fixture = fixture(AgentKind::Platform).build()?;
        fixture.start()?;
        fixture.sh("mv /opt/mz /opt/away")?;
        if !record {
            fixture.sh(&format!("rm {}", fixture.record_path()))?;
        }
        // Depth 10 has no client to run: a warning.
        for level in [0, 10] {
            fixture.monitor(level)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        }
        fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    }
    Ok(())
}

#[test]
fn removed_user_fails_no_monitor_or_stop() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture
        .agent()
        .param("os_user", fixture.node.owner())
        .run("start")?
        .assert_exit_code(OCF_SUCCESS);
    let gone = || fixture.agent().param("os_user", "mzstranger");
    testkit::fixture::as_recurring_monitor(gone(), 0)
        .run("monitor")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    gone().run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    gone().run("stop")?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}

/// Root edits the file to set `JAVA_HOME` and the like, and so owns it afterwards. mzsh still runs as the
/// owner of the installation.
#[test]
fn mzsh_owned_by_root_is_run_as_owner() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.sh("chown 0:0 /opt/mz/bin/mzsh")?;
    fixture.agent().run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.single_pico("platform").map(drop)
}

#[test]
fn ocf_tester_variable_pretends_missing_installation() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let pretend = || fixture.agent().env("OCF_TESTER_FAIL_HAVE_BINARY", "1");
    pretend().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    pretend().run("start")?.assert_exit_code(OCF_ERR_INSTALLED);
    pretend().check_level(10).run("validate-all")?.assert_exit_code(OCF_ERR_INSTALLED);
    fixture.assert_nothing_left()
}
