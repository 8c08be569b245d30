//! The program that runs after a successful start, and cannot fail it.

use testkit::TestResult;
use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, fixture};

const POST_START_PROGRAM: &str = "/opt/after";

/// A program that records its user, arguments and environment.
fn install_post_start_program(fixture: &Fixture) -> TestResult {
    fixture.node.write(
        POST_START_PROGRAM,
        "#!/bin/sh\necho \"$(id -un) $MZ_HOME $PICO_NAME\" >>/tmp/after\nexit 3\n",
    )?;
    fixture.sh(&format!("chmod 755 {POST_START_PROGRAM}")).map(drop)
}

#[test]
fn post_start_runs_as_owner_with_pico_in_environment() -> TestResult {
    for kind in [AgentKind::Platform, AgentKind::Ec] {
        let fixture = fixture(kind).build()?;
        install_post_start_program(&fixture)?;
        let call = || fixture.agent().param("post_start", POST_START_PROGRAM);
        // Its failure does not fail the start.
        call().run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        let ran = format!("{} /opt/mz {}\n", fixture.node.owner(), fixture.pico());
        assert_eq!(fixture.node.read("/tmp/after")?, ran);
        let log = fixture.log()?;
        assert!(log.contains(POST_START_PROGRAM) && log.contains("exit code 3"), "{log}");
        fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    }
    Ok(())
}

#[test]
fn missing_post_start_is_a_warning() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture
        .agent()
        .param("post_start", "/opt/none")
        .run("start")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    let log = fixture.log()?;
    assert!(log.contains("post_start /opt/none: "), "{log}");
    Ok(())
}

#[test]
fn post_start_is_not_run_after_failed_start() -> TestResult {
    let fixture = fixture(AgentKind::Platform).set("startup_outcome=code:1").build()?;
    install_post_start_program(&fixture)?;
    let call =
        fixture.agent().param("post_start", POST_START_PROGRAM).param("republish_services", "yes");
    call.run("start")?.assert_exit_code(OCF_ERR_GENERIC);
    assert_eq!(fixture.sh("ls /tmp")?, "");
    assert_eq!(fixture.mzsh_call_count("service")?, 0);
    Ok(())
}

#[test]
fn services_are_republished_only_by_platform_on_request() -> TestResult {
    for (kind, wanted, published) in
        [(AgentKind::Platform, "yes", 1), (AgentKind::Platform, "no", 0), (AgentKind::Sc, "yes", 0)]
    {
        let fixture = fixture(kind).build()?;
        fixture
            .agent()
            .param("republish_services", wanted)
            .run("start")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
        let history = fixture.history()?;
        let times = history.iter().filter(|event| event.event == "publish").count();
        assert_eq!(times, published, "{kind:?} {wanted}");
        assert_eq!(fixture.mzsh_call_count("service restart --publish-only")?, published);
    }
    Ok(())
}

#[test]
fn failed_republishing_is_a_warning() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.wrap_mzsh("[ \"$1\" != service ] || exit 1")?;
    fixture
        .agent()
        .param("republish_services", "yes")
        .run("start")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    let log = fixture.log()?;
    assert!(log.contains("--publish-only: exit code 1"), "{log}");
    Ok(())
}
