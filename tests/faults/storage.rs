//! Storage that hangs on access (a dead NFS server), is absent, or belongs to another user: without a pico,
//! and under a live JVM.

use std::thread;
use std::time::{Duration, Instant};

use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fixture::{
    AgentKind, Fixture, MZ_HOME, as_recurring_monitor, describe_processes, fixture,
};
use testkit::{AgentCall, HungOperation, NodeCommandOutput, NodeProcess, TestResult, TestkitError};

/// Longest that an agent's own process may be in state D without a break. Loading a page of a program takes
/// far less; a wait for storage takes the whole timeout of the action.
const MAX_STATE_D_TIME: Duration = Duration::from_secs(1);

/// Runs an action and checks that the process for which Pacemaker waits never waits for storage itself.
#[track_caller]
fn run_never_in_state_d(
    fixture: &Fixture,
    call: AgentCall<'_>,
    action: &str,
) -> Result<NodeCommandOutput, TestkitError> {
    thread::scope(|scope| {
        let at_work = scope.spawn(|| call.run(action));
        let (mut since, mut longest) = (None, Duration::ZERO);
        while !at_work.is_finished() {
            since =
                is_agent_in_state_d(fixture, action)?.then(|| since.unwrap_or_else(Instant::now));
            longest = longest.max(since.map_or(Duration::ZERO, |since: Instant| since.elapsed()));
        }
        assert!(
            longest < MAX_STATE_D_TIME,
            "{action}: the agent itself was in state D for {longest:?}"
        );
        at_work.join().expect("the thread of the agent's call does not panic")
    })
}

/// Whether the agent's own process, the executor's child, is in state D.
fn is_agent_in_state_d(fixture: &Fixture, action: &str) -> Result<bool, TestkitError> {
    let all = fixture.processes()?;
    let executors: Vec<u32> = all
        .iter()
        .filter(|p| p.argv.first().is_some_and(|a| a.ends_with("/executor")))
        .map(|p| p.pid)
        .collect();
    // A process that an agent left behind is a child of process 1.
    let own = |p: &&NodeProcess| {
        executors.contains(&p.ppid) && p.argv.last().is_some_and(|word| word == action)
    };
    Ok(all.iter().filter(own).any(|process| process.state == 'D'))
}

/// Processes in state D, which an agent had to leave behind.
fn processes_in_state_d(fixture: &Fixture) -> Result<Vec<NodeProcess>, TestkitError> {
    Ok(fixture.processes()?.into_iter().filter(|process| process.state == 'D').collect())
}

/// Every waiting process has ended, and only these processes live.
fn wait_until_only(fixture: &Fixture, pids: &[u32]) -> TestResult {
    fixture.wait_until("all that waited for storage to be gone", |fixture| {
        let left = fixture.processes()?;
        Ok(if left.iter().map(|process| process.pid).eq(pids.iter().copied()) {
            Ok(())
        } else {
            Err(describe_processes(&left))
        })
    })
}

/// Storage hangs and nothing runs: probe and monitor of any depth answer "not running", and a stop succeeds
/// at once. A start fails in time and says that storage does not answer.
#[test]
fn hung_storage_without_pico_is_not_running_and_fails_only_start() -> TestResult {
    for kind in [AgentKind::Platform, AgentKind::Ec] {
        let fixture = fixture(kind).without_platform().build()?;
        let hung = fixture.node.hang_storage(MZ_HOME, HungOperation::Everything)?;
        run_never_in_state_d(&fixture, fixture.agent(), "monitor")?
            .assert_exit_code(OCF_NOT_RUNNING)
            .assert_reason(&["not running"]);
        for level in [0, 10, 20] {
            run_never_in_state_d(&fixture, fixture.recurring_monitor(level), "monitor")?
                .assert_exit_code(OCF_NOT_RUNNING)
                .assert_reason(&["not running"]);
        }
        let stop = run_never_in_state_d(&fixture, fixture.agent(), "stop")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
        assert!(stop.wall_time < Duration::from_secs(5), "{stop}");
        assert!(processes_in_state_d(&fixture)?.is_empty(), "none of these needs storage");
        run_never_in_state_d(&fixture, fixture.agent(), "start")?
            .assert_exit_code(OCF_ERR_GENERIC)
            .assert_reason(&[fixture.pico(), "storage", MZ_HOME]);
        let validated =
            run_never_in_state_d(&fixture, fixture.agent().check_level(10), "validate-all")?
                .assert_exit_code(OCF_ERR_GENERIC);
        validated.assert_reason(&["storage", MZ_HOME]);
        run_never_in_state_d(&fixture, fixture.agent(), "stop")?.assert_exit_code(OCF_SUCCESS);
        run_never_in_state_d(&fixture, fixture.agent(), "monitor")?
            .assert_exit_code(OCF_NOT_RUNNING);
        hung.release();
        wait_until_only(&fixture, &[])?;
        assert_eq!(fixture.mzsh_call_count("")?, 0, "mzsh was not executed, then or later");
    }
    Ok(())
}

/// A live JVM whose storage hangs is running, for a monitor at depth 0 and a probe, with and without a
/// record.
#[test]
fn hung_storage_under_live_jvm_fails_no_monitor() -> TestResult {
    for real in [false, true] {
        let fixture = fixture(AgentKind::Ec).real_jvm(real).build()?;
        let jvm = fixture.start()?;
        let hung = fixture.node.hang_storage(MZ_HOME, HungOperation::Everything)?;
        for _ in 0..2 {
            run_never_in_state_d(&fixture, fixture.recurring_monitor(0), "monitor")?
                .assert_exit_code(OCF_SUCCESS)
                .assert_no_output();
            run_never_in_state_d(&fixture, fixture.agent(), "monitor")?
                .assert_exit_code(OCF_SUCCESS)
                .assert_no_output();
            assert_eq!(fixture.recorded_pid()?, Some(jvm.pid));
            fixture.sh(&format!("rm {}", fixture.record_path()))?;
        }
        assert!(processes_in_state_d(&fixture)?.is_empty(), "none of these needs storage");
        hung.release();
    }
    Ok(())
}

/// Storage hangs, so that the client of a deep check cannot be run: the monitor warns and does not fail,
/// because the JVM is alive.
#[test]
fn deep_monitor_on_hung_storage_is_a_warning() -> TestResult {
    for recorded in [true, false] {
        let fixture = fixture(AgentKind::Ec).build()?;
        let jvm = if recorded { fixture.start()? } else { fixture.start_by_mzsh()? };
        let hung = fixture.node.hang_storage(MZ_HOME, HungOperation::Everything)?;
        for level in [10, 20] {
            run_never_in_state_d(&fixture, fixture.recurring_monitor(level), "monitor")?
                .assert_exit_code(OCF_SUCCESS);
        }
        let log = fixture.log()?;
        assert!(
            log.contains("could not be asked") && log.contains("storage has not answered"),
            "{log}"
        );
        assert!(fixture.is_alive(&jvm)?);
        hung.release();
    }
    Ok(())
}

/// A stop ends a JVM by signals while its storage hangs, within Pacemaker's shortest default timeout, with
/// and without a record.
#[test]
fn stop_ends_jvm_with_hung_storage() -> TestResult {
    for recorded in [true, false] {
        let fixture = fixture(AgentKind::Platform).build()?;
        let jvm = fixture.start_fake_pico("platform", "")?;
        if recorded {
            fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS);
        }
        let hung = fixture.node.hang_storage(MZ_HOME, HungOperation::Everything)?;
        run_never_in_state_d(&fixture, fixture.agent(), "stop")?.assert_exit_code(OCF_SUCCESS);
        assert!(!fixture.is_alive(&jvm)?);
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
        hung.release();
        wait_until_only(&fixture, &[])?;
    }
    Ok(())
}

/// A JVM that writes its log on SIGTERM, or a thread dump, would wait for hung storage where no signal ends
/// it. A stop sends it SIGKILL alone, and so ends it.
#[test]
fn stop_ends_jvm_about_to_write_to_hung_storage() -> TestResult {
    for (kind, real) in [(AgentKind::Platform, false), (AgentKind::Ec, true)] {
        let fixture = fixture(kind).real_jvm(real).build()?;
        let jvm = fixture.start()?;
        let hung = fixture.node.hang_storage(MZ_HOME, HungOperation::Everything)?;
        run_never_in_state_d(&fixture, fixture.agent(), "stop")?.assert_exit_code(OCF_SUCCESS);
        assert!(!fixture.is_alive(&jvm)?);
        hung.release();
        assert_eq!(
            fixture.last_end_reason(fixture.pico())?,
            None,
            "it had no time to say how it ended"
        );
    }
    Ok(())
}

/// A hung worker process that cannot be ended keeps no output of the agent open. A caller that reads to
/// end-of-file, as `$(...)` does, gets it when the agent ends.
#[test]
fn caller_reading_output_to_eof_is_not_delayed_by_hung_worker() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let hung = fixture.node.hang_storage(MZ_HOME, HungOperation::Everything)?;
    let (argv, environment) =
        fixture.agent().meta_timeout(Duration::from_secs(8)).argv_and_environment("start");
    let line = format!("said=$({} 2>&1); code=$?; echo \"$said\"; exit $code", argv.join(" "));
    let shell = fixture.node.command("sh").args(["-c", &line]).time_limit(Duration::from_secs(20));
    let shell = environment.into_iter().fold(shell, |call, (name, value)| call.env(name, value));
    let ran = shell.run()?.expect_code(OCF_ERR_GENERIC)?;
    assert!(ran.stdout.contains("ocf-exit-reason:platform: "), "{ran}");
    assert_eq!(processes_in_state_d(&fixture)?.len(), 1);
    hung.release();
    wait_until_only(&fixture, &[])
}

/// A JVM that is killed while its storage hangs is reported as not running, and named.
#[test]
fn jvm_killed_on_hung_storage_is_not_running() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let jvm = fixture.start()?;
    let hung = fixture.node.hang_storage(MZ_HOME, HungOperation::Everything)?;
    fixture.signal(jvm.pid, "KILL")?;
    for level in [0, 10, 20] {
        let monitor = run_never_in_state_d(&fixture, fixture.recurring_monitor(level), "monitor")?
            .assert_exit_code(OCF_NOT_RUNNING);
        monitor.assert_reason(&["platform", &format!("pid {} ", jvm.pid), "exited"]);
    }
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    hung.release();
    wait_until_only(&fixture, &[])
}

/// The execution of mzsh hangs, or already the access to its file: a start fails by itself with its own
/// reason. Nothing comes up later when the storage is back.
#[test]
fn mzsh_hung_in_exec_fails_start_and_starts_nothing_later() -> TestResult {
    for (held, words) in
        [(HungOperation::Execution, "mzsh"), (HungOperation::Open, "storage has not answered")]
    {
        let fixture = fixture(AgentKind::Platform).build()?;
        let hung = fixture.node.hang_storage("/opt/mz/bin/mzsh", held)?;
        run_never_in_state_d(&fixture, fixture.agent(), "start")?
            .assert_exit_code(OCF_ERR_GENERIC)
            .assert_reason(&["platform", words]);
        let left = fixture.processes()?;
        assert!(
            left.len() <= 1 && left.iter().all(|process| process.state == 'D'),
            "{}",
            describe_processes(&left)
        );
        hung.release();
        wait_until_only(&fixture, &[])?;
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
        assert_eq!(fixture.mzsh_call_count("")?, 0, "mzsh was not executed, then or later");
        fixture.start()?;
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// The execution of mzsh hangs: a stop ends the JVM by signals within Pacemaker's shortest default timeout.
#[test]
fn mzsh_hung_in_exec_does_not_keep_stop_from_ending_jvm() -> TestResult {
    for held in [HungOperation::Execution, HungOperation::Open, HungOperation::Read] {
        let fixture = fixture(AgentKind::Platform).build()?;
        let jvm = fixture.start()?;
        let hung = fixture.node.hang_storage("/opt/mz/bin/mzsh", held)?;
        for level in [0, 10] {
            run_never_in_state_d(&fixture, fixture.recurring_monitor(level), "monitor")?
                .assert_exit_code(OCF_SUCCESS)
                .assert_no_output();
        }
        run_never_in_state_d(
            &fixture,
            fixture.recurring_monitor(20).param("mzsh_timeout", "2"),
            "monitor",
        )?
        .assert_exit_code(OCF_SUCCESS);
        run_never_in_state_d(&fixture, fixture.agent(), "stop")?.assert_exit_code(OCF_SUCCESS);
        assert!(!fixture.is_alive(&jvm)?);
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
        hung.release();
        wait_until_only(&fixture, &[])?;
    }
    Ok(())
}

/// However often a deep monitor accesses hung storage, it leaves at most one process that cannot be ended.
/// The reason says for how long storage has not answered.
#[test]
fn ten_monitors_on_hung_storage_leave_at_most_one_process() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let jvm = fixture.start_by_mzsh()?;
    let hung = fixture.node.hang_storage(MZ_HOME, HungOperation::Everything)?;
    for _ in 0..10 {
        let call = as_recurring_monitor(fixture.agent(), 10)
            .param("ha_check", "yes")
            .meta_timeout(Duration::from_secs(8));
        run_never_in_state_d(&fixture, call, "monitor")?.assert_exit_code(OCF_SUCCESS);
        let left = processes_in_state_d(&fixture)?;
        assert!(left.len() <= 1, "{}", describe_processes(&left));
    }
    let said = fixture
        .agent()
        .meta_timeout(Duration::from_secs(8))
        .check_level(10)
        .run("validate-all")?
        .assert_exit_code(OCF_ERR_GENERIC);
    said.assert_reason(&["storage has not answered for ", MZ_HOME]);
    assert!(processes_in_state_d(&fixture)?.len() <= 1);
    hung.release();
    wait_until_only(&fixture, &[jvm.pid])?;
    fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    Ok(())
}

/// Storage that hangs for a while and comes back restarts nothing: the same JVM is healthy at each depth, and
/// no waiting process is left.
#[test]
fn recovered_storage_restarts_nothing() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let jvm = fixture.start()?;
    for _ in 0..2 {
        let hung = fixture.node.hang_storage(MZ_HOME, HungOperation::Everything)?;
        for level in [0, 10, 20] {
            run_never_in_state_d(&fixture, fixture.recurring_monitor(level), "monitor")?;
        }
        hung.release();
        wait_until_only(&fixture, &[jvm.pid])?;
        for level in [0, 10, 20] {
            fixture.monitor(level)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        }
        assert_eq!(
            (fixture.single_pico("platform")?.pid, fixture.recorded_pid()?),
            (jvm.pid, Some(jvm.pid))
        );
    }
    assert_eq!((fixture.mzsh_call_count("startup")?, fixture.mzsh_call_count("shutdown")?), (1, 0));
    Ok(())
}

/// Ways in which an installation disappears.
const MISSING_INSTALLATIONS: [(&str, &str); 4] = [
    ("moved away", "mv /opt/mz /opt/away"),
    ("an empty directory of root's", "mv /opt/mz /opt/away && mkdir /opt/mz"),
    ("covered by an empty file system of root's", "mount -t tmpfs -o mode=755 tmpfs /opt/mz"),
    (
        "covered by somebody else's files",
        "mount -t tmpfs tmpfs /opt/mz && echo x >/opt/mz/notes && chown -R 1:1 /opt/mz",
    ),
];

/// A JVM whose installation is gone, or covered by an empty mount point of any owner, is running for a
/// monitor and a probe, and a stop ends it. That holds with and without a record: the owner of a directory
/// never makes a process "not ours".
#[test]
fn missing_installation_hides_no_live_jvm() -> TestResult {
    for (what, how) in MISSING_INSTALLATIONS {
        for recorded in [true, false] {
            let fixture = fixture(AgentKind::Platform).build()?;
            let jvm = fixture.start()?;
            fixture.sh(how)?;
            let forget = || {
                if recorded {
                    Ok(())
                } else {
                    fixture.sh(&format!("rm -f {}", fixture.record_path())).map(drop)
                }
            };
            forget()?;
            fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
            forget()?;
            fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
            forget()?;
            fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS);
            assert_eq!(fixture.recorded_pid()?, Some(jvm.pid), "{what}");
            forget()?;
            fixture.stop()?.assert_exit_code(OCF_SUCCESS);
            assert!(!fixture.is_alive(&jvm)?, "{what}");
            fixture.assert_nothing_left()?;
            fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
            fixture.agent().run("start")?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&[
                "mz_home",
                MZ_HOME,
                "is its storage mounted?",
            ]);
        }
    }
    Ok(())
}
