//! A start was killed at its timeout, and processes of it go on.

use std::thread;
use std::time::Duration;

use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, describe_processes, fixture};
use testkit::{NodeExitStatus, TestResult, TestkitError};

/// Kills a start, as Pacemaker's executor does at the timeout, once it has come as far as `so_far` says.
fn kill_start_when(
    fixture: &Fixture,
    what: &str,
    so_far: impl Fn(&Fixture) -> Result<bool, TestkitError>,
) -> TestResult {
    let ran = thread::scope(|scope| {
        let start = scope.spawn(|| fixture.agent().run("start"));
        fixture.wait_until(what, |fixture| {
            Ok(if so_far(fixture)? {
                Ok(())
            } else {
                Err(describe_processes(&fixture.processes()?))
            })
        })?;
        let agent = fixture.wait_for_sleeping_agent("start")?;
        fixture.signal(agent.pid, "KILL")?;
        start.join().expect("the start's thread does not panic")
    })?;
    assert_eq!(ran.exit_status, NodeExitStatus::Signal(9), "{ran}");
    Ok(())
}

/// A stop after a killed start ends both the mzsh and the JVM that went on without the agent.
#[test]
fn stop_ends_mzsh_and_jvm_of_killed_start() -> TestResult {
    for detached in [true, false] {
        let fixture = fixture(AgentKind::Platform).set("startup_outcome=slow");
        let fixture = fixture.set(&format!("jvm_detached={detached}")).build()?;
        kill_start_when(&fixture, "the JVM of the start", |fixture| {
            Ok(!fixture.pico_processes("platform")?.is_empty())
        })?;
        // Both went on, because they are not in the agent's process group.
        assert_eq!(
            fixture.startup_process_count()?,
            1,
            "{}",
            describe_processes(&fixture.processes()?)
        );
        fixture.single_pico("platform")?;
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    }
    Ok(())
}

/// While the mzsh of a killed start still works, monitor and probe report a start under way and never "not
/// running". That holds with and without the record.
#[test]
fn mzsh_of_killed_start_is_reported_as_start_under_way() -> TestResult {
    let fixture = fixture(AgentKind::Platform).set("mzsh_time=10m").build()?;
    kill_start_when(&fixture, "the mzsh of the start", |fixture| {
        Ok(fixture.startup_process_count()? == 1)
    })?;
    assert_eq!(
        (fixture.startup_process_count()?, fixture.pico_processes("platform")?.len()),
        (1, 0)
    );
    // Without the record the command line of the process identifies it.
    for _ in 0..2 {
        fixture.monitor(0)?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&[
            "platform",
            "start in progress",
            "mzsh",
        ]);
        fixture.probe()?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["start in progress"]);
        fixture.sh(&format!("rm -f {}", fixture.record_path()))?;
    }
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}

/// The next start after a killed start and a stop succeeds.
#[test]
fn start_after_killed_start_and_stop_succeeds() -> TestResult {
    let fixture = fixture(AgentKind::Platform).set("startup_outcome=slow").build()?;
    kill_start_when(&fixture, "the JVM of the start", |fixture| {
        Ok(!fixture.pico_processes("platform")?.is_empty())
    })?;
    let first = fixture.single_pico("platform")?.pid;
    fixture.set(&["startup_outcome=ok"])?;
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()?;
    assert_ne!(fixture.start()?.pid, first);
    Ok(())
}

/// Replaces mzsh by a script whose child becomes the real mzsh once the gate is open. Until then the script
/// is the only process in the start's session that looks like one of the product.
fn install_gated_mzsh(fixture: &Fixture) -> TestResult {
    fixture.sh("mkfifo -m 666 /opt/gate")?;
    fixture.wrap_mzsh(
        "[ \"$1\" != startup ] || {
            sh -c 'read _ </opt/gate; exec /opt/mz/bin/mzsh.true \"$@\"' sh \"$@\"
            exit
        }",
    )
}

/// The script, which is the session leader, and its child.
fn wait_for_gated_mzsh(fixture: &Fixture) -> Result<[u32; 2], TestkitError> {
    fixture.wait_until("a child of mzsh at the gate", |fixture| {
        let all = fixture.processes()?;
        let child = all.iter().find(|process| {
            process.command_line().contains("read _ </opt/gate") && process.session == process.ppid
        });
        Ok(child.map(|child| [child.session, child.pid]).ok_or_else(|| describe_processes(&all)))
    })
}

/// A stop ends every process in the session of a killed start, whatever its command line. It does so even
/// when mzsh itself has died, so that nothing comes up afterwards.
#[test]
fn stop_ends_whole_session_of_killed_start() -> TestResult {
    for leader_ends_first in [false, true] {
        let fixture = fixture(AgentKind::Platform).build()?;
        install_gated_mzsh(&fixture)?;
        kill_start_when(&fixture, "the mzsh at the gate", |fixture| {
            Ok(wait_for_gated_mzsh(fixture).is_ok())
        })?;
        let [leader, child] = wait_for_gated_mzsh(&fixture)?;
        if leader_ends_first {
            fixture.signal(leader, "KILL")?;
        }
        fixture.monitor(0)?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["start in progress"]);
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        let left: Vec<_> =
            fixture.processes()?.into_iter().filter(|process| process.session == leader).collect();
        assert!(
            left.is_empty(),
            "of the session of {leader}, with {child}: {}",
            describe_processes(&left)
        );
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// A start that times out ends every process that it has started, also those that do not look like the
/// product.
#[test]
fn timed_out_start_ends_all_processes_of_its_session() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    install_gated_mzsh(&fixture)?;
    let start = fixture.agent().meta_timeout(Duration::from_secs(10)).run("start")?;
    start.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["platform", "mzsh startup"]);
    fixture.assert_nothing_left()
}

/// A start was killed at its timeout while its mzsh lived on. Until that mzsh has brought the JVM up, monitor
/// and probe never answer "not running". Then they report it as running, and a stop ends it.
#[test]
fn jvm_ready_after_killed_start_is_found_and_ended_by_stop() -> TestResult {
    for (real, detached) in [(true, true), (true, false), (false, true)] {
        let fixture = fixture(AgentKind::Platform)
            .real_jvm(real)
            .set(&format!("jvm_detached={detached}"))
            .build()?;
        install_gated_mzsh(&fixture)?;
        let killed = fixture.agent().meta_timeout(Duration::from_secs(60));
        let (start, ()) = fixture.run_during(
            || killed.run("start"),
            |fixture| {
                wait_for_gated_mzsh(fixture)?;
                let agent = fixture.wait_for_sleeping_agent("start")?;
                fixture.signal(agent.pid, "KILL")
            },
        )?;
        assert_eq!(start.exit_status, NodeExitStatus::Signal(9), "{start}");
        for ran in [fixture.monitor(0)?, fixture.monitor(10)?, fixture.probe()?] {
            ran.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["platform", "start in progress"]);
        }
        fixture.sh("echo >/opt/gate")?;
        fixture.wait_until("the pico to be ready", |fixture| {
            let ran = fixture.monitor(0).unwrap_or_else(|error| panic!("{error}"));
            assert_ne!(ran.code(), Some(OCF_NOT_RUNNING), "{ran}");
            let ready = fixture.history()?.iter().any(|event| event.event == "ready");
            Ok(if ready && fixture.startup_process_count()? == 0 {
                Ok(())
            } else {
                Err(ran.to_string())
            })
        })?;
        for level in [0, 10, 20] {
            fixture.monitor(level)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        }
        assert_eq!(fixture.recorded_pid()?, Some(fixture.single_pico("platform")?.pid));
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// The executor's SIGKILL to the process group of a timed out start ends neither mzsh nor the JVM, in any
/// session. The next start of the same pico ends or adopts them, and one JVM results.
#[test]
fn start_after_killed_start_makes_one_pico() -> TestResult {
    for detached in [true, false] {
        let fixture = fixture(AgentKind::Sc)
            .jvm()
            .set("sc1.start_time=2s")
            .set(&format!("jvm_detached={detached}"))
            .build()?;
        kill_start_when(&fixture, "the JVM of the start", |fixture| {
            Ok(!fixture.pico_processes("sc1")?.is_empty())
        })?;
        fixture
            .agent()
            .meta_timeout(Duration::from_secs(60))
            .run("start")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
        let jvm = fixture.single_pico("sc1")?;
        assert_eq!(fixture.recorded_pid()?, Some(jvm.pid));
        fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        assert_eq!(fixture.startup_process_count()?, 0);
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}
