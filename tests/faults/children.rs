//! Processes that a pico has started: ended with it, not mistaken for it, and not forgotten when the pico
//! dies first.

use std::time::Duration;

use testkit::assertions::{AgentAssertions, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, describe_processes, fixture};
use testkit::{NodeProcess, TestResult, TestkitError};

/// Processes that sleep for this many seconds.
fn sleep_processes(fixture: &Fixture, seconds: &str) -> Result<Vec<NodeProcess>, TestkitError> {
    let mut all = fixture.processes()?;
    all.retain(|process| process.argv == ["sleep", seconds]);
    Ok(all)
}

/// A stop ends every descendant of a live pico, including those in sessions of their own and those that
/// ignore SIGTERM.
#[test]
fn stop_ends_children_of_pico() -> TestResult {
    for ignored in ["", "ignore TERM HUP INT\n"] {
        let fixture = fixture(AgentKind::Platform).build()?;
        let script = format!(
            "{ignored}run exec sleep 1000001\nrun exec setsid sleep 1000001\nrun sleep 1000001; true\ndefault TERM HUP INT"
        );
        fixture.start_fake_pico("platform", &script)?;
        fixture.wait_until("three children", |fixture| {
            let found = sleep_processes(fixture, "1000001")?;
            Ok(if found.len() == 3 { Ok(()) } else { Err(describe_processes(&found)) })
        })?;
        fixture
            .agent()
            .meta_timeout(Duration::from_secs(20))
            .run("stop")?
            .assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// A forked child that still has the JVM's command line is a child, not a second pico: neither monitor nor
/// probe reports a duplicate. A stop ends both.
#[test]
fn forked_child_with_jvm_command_line_is_no_second_pico() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let jvm = fixture.start_fake_pico("platform", "fork 1\nfork 2")?;
    fixture.wait_until("three forks", |fixture| {
        let found = fixture.pico_processes("platform")?;
        Ok(if found.len() == 4 { Ok(()) } else { Err(describe_processes(&found)) })
    })?;
    let call = || fixture.recurring_monitor(10).param("ha_check", "no");
    call().run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert_eq!(fixture.recorded_pid()?, Some(jvm.pid));
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.sh(&format!("rm {}", fixture.record_path()))?;
    fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert_eq!(fixture.recorded_pid()?, Some(jvm.pid));
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}

/// A fork with the JVM's command line that outlives the JVM could be the pico. While it lives nothing answers
/// "not running", and a stop ends it.
#[test]
fn fork_outliving_jvm_is_never_reported_as_not_running() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let jvm = fixture.start_fake_pico("platform", "fork 1")?;
    fixture.wait_until("a fork", |fixture| {
        let found = fixture.pico_processes("platform")?;
        Ok(if found.len() == 2 { Ok(()) } else { Err(describe_processes(&found)) })
    })?;
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.signal(jvm.pid, "KILL")?;
    let fork = fixture.single_pico("platform")?;
    for ran in [fixture.monitor(0)?, fixture.probe()?, fixture.monitor(10)?] {
        assert_ne!(ran.code(), Some(OCF_NOT_RUNNING), "{ran}");
    }
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    assert!(!fixture.is_alive(&fork)?);
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    fixture.assert_nothing_left()
}

/// Processes that a killed JVM left behind in its session do not hide its death from a monitor. The next stop
/// ends them.
#[test]
fn stop_ends_orphans_in_session_of_killed_jvm() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let jvm =
        fixture.start_fake_pico("platform", "run exec sleep 1000001\nrun sleep 1000001; true")?;
    fixture.wait_until("two children", |fixture| {
        let found = sleep_processes(fixture, "1000001")?;
        Ok(if found.len() == 2 { Ok(()) } else { Err(describe_processes(&found)) })
    })?;
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    let stranger = fixture.start_unrelated_process()?;
    fixture.signal(jvm.pid, "KILL")?;
    fixture
        .monitor(0)?
        .assert_exit_code(OCF_NOT_RUNNING)
        .assert_reason(&[&format!("pid {} ", jvm.pid)]);
    fixture.monitor(10)?.assert_exit_code(OCF_NOT_RUNNING);
    assert_eq!(sleep_processes(&fixture, "1000001")?.len(), 2, "a monitor ends nothing");
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    assert_eq!(fixture.pids()?, [stranger.pid], "{}", describe_processes(&fixture.processes()?));
    Ok(())
}

/// Orphans of a real JVM that stayed in the session of the mzsh that started it: a stop ends them, too.
#[test]
fn stop_ends_orphans_in_session_of_mzsh() -> TestResult {
    let fixture = fixture(AgentKind::Platform).jvm().set("jvm_detached=false").build()?;
    fixture.override_mzsh_verb("startup", "sleep 1000001 >/dev/null 2>&1 &")?;
    let jvm = fixture.start()?;
    let orphan = fixture.wait_for_process(&["sleep", "1000001"])?;
    assert_eq!(orphan.session, jvm.session);
    fixture.signal(jvm.pid, "KILL")?;
    fixture
        .monitor(0)?
        .assert_exit_code(OCF_NOT_RUNNING)
        .assert_reason(&[&format!("pid {} ", jvm.pid)]);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}
