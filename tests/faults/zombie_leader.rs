//! A JVM whose main thread has ended while others live, a zombie thread-group leader: state Z, no command
//! line of its own.

use std::time::Duration;

use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fake_process::{FakeProcess, FakeProcessState};
use testkit::fixture::{AgentKind, Fixture, fixture};
use testkit::{NodeProcess, TestResult, TestkitError};

use crate::process_cases::{
    CONFIGNAME_OPTION, ExpectedRole, HOME_OPTION, PICO_MAIN_CLASS, check_on_shared_node,
    process_case,
};

/// A Platform that was adopted, and became a zombie thread-group leader afterwards.
fn recorded_pico_without_main_thread() -> Result<(Fixture, NodeProcess), TestkitError> {
    let fixture = fixture(AgentKind::Platform).build()?;
    let pico = FakeProcess::for_pico("platform")
        .with_first_steps("await\nzombie_leader\n")
        .start(&fixture)?;
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert_eq!(fixture.recorded_pid()?, Some(pico.pid));
    fixture.signal(pico.pid, "USR1")?;
    fixture.wait_until("its main thread to end", |fixture| {
        let now = fixture.process_without_args(pico.pid)?;
        Ok(if now.as_ref().is_some_and(|now| now.state == 'Z') {
            Ok(())
        } else {
            Err(format!("{now:?}"))
        })
    })?;
    Ok((fixture, pico))
}

/// A recorded pico whose main thread has ended while another lives (a zombie thread-group leader) has failed
/// for every monitor and for a probe. The reason has its pid, and a stop ends it if SIGKILL can.
#[test]
fn recorded_pico_without_main_thread_fails_and_is_ended_by_stop() -> TestResult {
    let (fixture, pico) = recorded_pico_without_main_thread()?;
    for ran in [fixture.monitor(0)?, fixture.monitor(10)?, fixture.probe()?] {
        ran.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&[
            "platform",
            &format!("pid {} ", pico.pid),
            "zombie thread-group leader (Z): main thread exited",
        ]);
    }
    assert!(fixture.is_alive(&pico)?);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()?;
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    Ok(())
}

/// A start replaces a recorded pico that is a zombie thread-group leader.
#[test]
fn start_replaces_recorded_pico_without_main_thread() -> TestResult {
    let (fixture, pico) = recorded_pico_without_main_thread()?;
    fixture
        .agent()
        .meta_timeout(Duration::from_secs(60))
        .run("start")?
        .assert_exit_code(OCF_SUCCESS);
    assert!(!fixture.is_alive(&pico)?);
    fixture.single_pico("platform")?;
    fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    Ok(())
}

/// A node of a test that runs as a normal user has no second user.
fn has_second_user(fixture: &Fixture) -> bool {
    fixture.node.owner() != "root"
}

/// A java, run by this user, that names the Platform but no installation.
fn start_java_without_main_thread(
    fixture: &Fixture,
    user: Option<u32>,
) -> Result<NodeProcess, TestkitError> {
    let java = FakeProcess::for_java(&["java", CONFIGNAME_OPTION, PICO_MAIN_CLASS])
        .state(FakeProcessState::ZombieLeader);
    user.map_or(java.clone(), |uid| java.user(uid)).start(fixture)
}

/// A zombie thread-group leader that is another user's java does not make "not running" uncertain, and is not
/// touched.
#[test]
fn foreign_java_without_main_thread_is_ignored() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    if !has_second_user(&fixture) {
        return Ok(());
    }
    let other = start_java_without_main_thread(&fixture, Some(4712))?;
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    fixture.monitor(0)?.assert_exit_code(OCF_NOT_RUNNING);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.start()?;
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    assert_eq!(
        fixture.processes()?.iter().map(|process| process.pid).collect::<Vec<_>>(),
        [other.pid]
    );
    Ok(())
}

/// A zombie thread-group leader that is a java of the pico's user could be the pico. Probe, monitor and stop
/// name its pid instead of answering "not running" or "stopped", and leave it alone.
#[test]
fn java_of_pico_user_without_main_thread_is_named_and_left_alone() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let pid = start_java_without_main_thread(&fixture, None)?.pid;
    let named = format!("pid {pid} ");
    let stop = || fixture.agent().meta_timeout(Duration::from_secs(4)).run("stop");
    for ran in [fixture.probe()?, fixture.monitor(0)?, stop()?] {
        let ran = ran
            .assert_exit_code(OCF_ERR_GENERIC)
            .assert_reason(&[&named, "its installation is unknown"]);
        assert!(
            ran.wall_time > Duration::from_secs(1),
            "a JVM that ends looks so for a moment: {ran}"
        );
    }
    assert_eq!(fixture.processes()?.iter().map(|process| process.pid).collect::<Vec<_>>(), [pid]);

    fixture.signal(pid, "KILL")?;
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    Ok(())
}

/// With the installation's storage not mounted, its mount point belongs to root. That does not make a java
/// that is a zombie thread-group leader another user's: it is still named.
#[test]
fn java_without_main_thread_is_named_when_storage_is_unmounted() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let pid = start_java_without_main_thread(&fixture, None)?.pid;
    fixture.sh("mount -t tmpfs tmpfs /opt/mz")?;
    let named = format!("pid {pid} ");
    let stop = || fixture.agent().meta_timeout(Duration::from_secs(4)).run("stop");
    for ran in [fixture.probe()?, fixture.monitor(0)?, stop()?] {
        ran.assert_exit_code(OCF_ERR_GENERIC)
            .assert_reason(&[&named, "its installation is unknown"]);
    }
    assert_eq!(fixture.processes()?.iter().map(|process| process.pid).collect::<Vec<_>>(), [pid]);
    Ok(())
}

/// A zombie thread-group leader that another resource's record names belongs to that resource, and is neither
/// reported nor touched.
#[test]
fn java_without_main_thread_of_another_resource_is_ignored() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.start()?;
    let mut record = fixture.read_record()?;
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    let other = start_java_without_main_thread(&fixture, None)?;
    record["pico"] = "ec1".into();
    record["jvm"]["pid"] = other.pid.into();
    record["jvm"]["start"] = other.start_time.into();
    fixture.node.write("/run/mediationzone-ra/ec.json", record.to_string())?;
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    fixture.monitor(0)?.assert_exit_code(OCF_NOT_RUNNING);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    assert_eq!(
        fixture.processes()?.iter().map(|process| process.pid).collect::<Vec<_>>(),
        [other.pid]
    );
    Ok(())
}

/// A zombie thread-group leader is identified by its other threads: their command line, environment,
/// executable and directory. Another pico, the Platform of another installation and a java that is no pico
/// are ignored. The Platform has failed and is ended.
#[test]
fn java_without_main_thread_is_identified_by_other_threads() -> TestResult {
    let java = |argv: &[&str]| FakeProcess::for_java(argv).state(FakeProcessState::ZombieLeader);
    let of = |program: &str, argv: &[&str]| {
        FakeProcess::for_program(program, argv).state(FakeProcessState::ZombieLeader)
    };
    check_on_shared_node(vec![
        process_case("a java that says nothing", ExpectedRole::Ignored, java(&["java"])),
        process_case(
            "a java of another program",
            ExpectedRole::Ignored,
            java(&["java", "-jar", "/opt/x.jar", CONFIGNAME_OPTION, HOME_OPTION]),
        ),
        process_case(
            "another pico",
            ExpectedRole::Ignored,
            FakeProcess::for_pico("ec1").state(FakeProcessState::ZombieLeader),
        ),
        process_case(
            "another installation's",
            ExpectedRole::Ignored,
            java(&["java", "-Dmz.home=/opt/imitated", CONFIGNAME_OPTION, PICO_MAIN_CLASS]),
        ),
        process_case(
            "another installation's, by MZ_HOME",
            ExpectedRole::Ignored,
            java(&["java", CONFIGNAME_OPTION, PICO_MAIN_CLASS]).env("MZ_HOME", "/opt/imitated"),
        ),
        process_case(
            "a program that is only called java",
            ExpectedRole::Ignored,
            of(
                "/opt/imitated/bin/perl",
                &["java", HOME_OPTION, CONFIGNAME_OPTION, PICO_MAIN_CLASS],
            ),
        ),
        process_case(
            "the Platform",
            ExpectedRole::FailedPico,
            FakeProcess::for_pico("platform").state(FakeProcessState::ZombieLeader),
        ),
        process_case(
            "the Platform, by MZ_HOME",
            ExpectedRole::FailedPico,
            java(&["java", CONFIGNAME_OPTION, PICO_MAIN_CLASS]).env("MZ_HOME", "/opt/mz"),
        ),
        process_case(
            "the Platform, by a relative home",
            ExpectedRole::FailedPico,
            java(&["java", "-Dmz.home=.", PICO_MAIN_CLASS, "platform"]).directory("/opt/mz"),
        ),
    ])
}
