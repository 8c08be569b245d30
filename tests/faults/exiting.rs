//! A JVM was killed and hangs while exiting: it closes a file on storage that does not answer (state D). Its
//! memory is gone already, and with it the command line and the executable.

use std::time::Duration;

use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fake_process::{FAKE_JAVA, FakeProcess, FakeProcessState};
use testkit::fixture::{AgentKind, Fixture, as_recurring_monitor, fixture};
use testkit::{HungOperation, HungStorage, NodeProcess, TestResult, TestkitError};

use crate::process_cases::{
    CONFIGNAME_OPTION, EXITING, HOME_OPTION, HUNG_ON_CLOSE, MZSH_MAIN_CLASS, PICO_MAIN_CLASS,
};

/// The file whose close hangs.
fn hang_on_close(fixture: &Fixture) -> Result<HungStorage, TestkitError> {
    fixture.sh(&format!("truncate -s 4096 {HUNG_ON_CLOSE} && chmod 666 {HUNG_ON_CLOSE}"))?;
    fixture.node.hang_storage(HUNG_ON_CLOSE, HungOperation::Close)
}

fn fixture_with_hung_close() -> Result<(Fixture, HungStorage), TestkitError> {
    let fixture = fixture(AgentKind::Platform).build()?;
    let hung = hang_on_close(&fixture)?;
    Ok((fixture, hung))
}

/// Waits until the process hangs in that close. The missing executable shows it: a process that waits to open
/// the file is in state D, too.
fn wait_until_exiting(fixture: &Fixture, pid: u32) -> Result<NodeProcess, TestkitError> {
    fixture.wait_until(&format!("pid {pid} to hang in its exit"), |fixture| {
        let now = fixture.process_without_args(pid)?;
        let memory = fixture.node.read(format!("/proc/{pid}/statm")).unwrap_or_default();
        let is = |now: &NodeProcess| now.state == 'D' && memory.starts_with("0 0 ");
        Ok(now.clone().filter(is).ok_or_else(|| format!("{now:?} {memory}")))
    })
}

/// Checks the precondition of these tests.
#[track_caller]
fn assert_no_arguments_or_executable(fixture: &Fixture, process: &NodeProcess) -> TestResult {
    let now = wait_until_exiting(fixture, process.pid)?;
    assert_eq!((now.state, now.comm.as_str()), ('D', "java"));
    let argv = fixture
        .processes()?
        .into_iter()
        .find(|found| found.pid == process.pid)
        .map(|found| found.argv);
    assert_eq!(argv, Some(Vec::new()));
    assert!(fixture.sh(&format!("readlink /proc/{}/exe", process.pid)).is_err());
    Ok(())
}

/// Without a record an exiting java of the owner is never reported as not running: probe, monitor and stop
/// answer 1 and name it. Once the storage is back and the process is gone, the answer is "not running".
#[test]
fn exiting_java_is_never_reported_as_not_running() -> TestResult {
    let (fixture, hung) = fixture_with_hung_close()?;
    // The java starts after a scan that found no pico.
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    let java = FakeProcess::for_java(&["java", CONFIGNAME_OPTION, PICO_MAIN_CLASS])
        .state(EXITING)
        .start(&fixture)?;
    assert_no_arguments_or_executable(&fixture, &java)?;
    let named = format!("pid {} ", java.pid);
    fixture.probe()?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["platform", &named]);
    fixture.monitor(0)?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["platform", &named]);
    let stop = fixture.agent().meta_timeout(Duration::from_secs(8)).run("stop")?;
    stop.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["platform", &named]);
    hung.release();
    fixture.wait_until("its end", |fixture| {
        Ok(if fixture.is_alive(&java)? { Err("it lives".to_owned()) } else { Ok(()) })
    })?;
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    Ok(())
}

/// The recorded JVM itself, killed and hanging while exiting, is never reported as not running.
#[test]
fn exiting_recorded_jvm_is_never_reported_as_not_running() -> TestResult {
    let (fixture, hung) = fixture_with_hung_close()?;
    let jvm = FakeProcess::for_pico("platform")
        .with_first_steps(&format!("hold {HUNG_ON_CLOSE}\n"))
        .start(&fixture)?;
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.sh(&format!("kill -s KILL {}", jvm.pid))?;
    wait_until_exiting(&fixture, jvm.pid)?;
    let named = format!("pid {} ", jvm.pid);
    for ran in [fixture.monitor(0)?, fixture.probe()?] {
        assert_ne!(ran.code(), Some(OCF_NOT_RUNNING), "{ran}");
    }
    let stop = fixture.agent().meta_timeout(Duration::from_secs(8)).run("stop")?;
    stop.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["platform", &named]);
    hung.release();
    fixture.wait_until("its end", |fixture| {
        Ok(if fixture.is_alive(&jvm)? { Err("it lives".to_owned()) } else { Ok(()) })
    })?;
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    Ok(())
}

/// An exiting process that is no java, or a java of another user, is ignored.
#[test]
fn exiting_other_program_or_foreign_java_is_ignored() -> TestResult {
    let (fixture, hung) = fixture_with_hung_close()?;
    FakeProcess::for_program(
        "/opt/imitated/bin/rsync",
        &["rsync", CONFIGNAME_OPTION, PICO_MAIN_CLASS],
    )
    .state(EXITING)
    .start(&fixture)?;
    if fixture.node.owner() != "root" {
        FakeProcess::for_pico("platform").user(4712).state(EXITING).start(&fixture)?;
    }
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    fixture.monitor(0)?.assert_exit_code(OCF_NOT_RUNNING);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    hung.release();
    Ok(())
}

/// An exiting java that started before the recorded JVM is not ours, whether that JVM is alive or dead. It
/// makes no answer uncertain.
#[test]
fn exiting_java_started_before_recorded_jvm_is_ignored() -> TestResult {
    let (fixture, hung) = fixture_with_hung_close()?;
    let before = FakeProcess::for_java(&["java"])
        .with_first_steps(&format!("hold {HUNG_ON_CLOSE}\n"))
        .start(&fixture)?;
    // No scan has found that nothing runs.
    let jvm = fixture.start_by_mzsh()?;
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.sh(&format!("kill -s KILL {}", before.pid))?;
    wait_until_exiting(&fixture, before.pid)?;
    fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    for level in [0, 10] {
        fixture.monitor(level)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    }
    fixture.sh(&format!("kill -s KILL {}", jvm.pid))?;
    fixture.wait_until("its end", |fixture| {
        Ok(if fixture.is_alive(&jvm)? { Err("it lives".to_owned()) } else { Ok(()) })
    })?;
    for level in [0, 10] {
        fixture
            .monitor(level)?
            .assert_exit_code(OCF_NOT_RUNNING)
            .assert_reason(&[&format!("pid {} ", jvm.pid)]);
    }
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert!(fixture.is_alive(&before)?);
    hung.release();
    Ok(())
}

/// The shell command for a java with this command line that keeps the file open until it is killed.
fn command_holding_hung_file(fixture: &Fixture, argv: &str) -> Result<String, TestkitError> {
    let holder = FakeProcess::for_java(&["java"]).start(fixture)?;
    fixture.signal(holder.pid, "KILL")?;
    fixture.node.write("/opt/imitated/holds", format!("hold {HUNG_ON_CLOSE}\n"))?;
    Ok(format!("exec /run/testkit/bin/imitator /opt/imitated/holds {FAKE_JAVA} {argv}"))
}

/// The java that the agent killed and that has been exiting since.
fn exiting_java(fixture: &Fixture) -> Result<NodeProcess, TestkitError> {
    let all = fixture.processes_without_args()?;
    let found = all.into_iter().find(|process| process.comm == "java" && process.state == 'D');
    wait_until_exiting(fixture, found.expect("a java that was killed").pid)
}

/// An HA client that the agent ran and killed at its timeout hangs while exiting. It is recognized: it makes
/// no probe and no monitor uncertain, and fails no stop.
#[test]
fn exiting_ha_client_is_recognized_as_agent_command() -> TestResult {
    let (fixture, hung) = fixture_with_hung_close()?;
    let jvm = fixture.start()?;
    let holds = command_holding_hung_file(
        &fixture,
        "java -cp /opt/mz/lib/ha.jar com.digitalroute.ha.HAClient 26000",
    )?;
    let java = fixture.install_fake_java(&holds)?;
    let deep =
        as_recurring_monitor(fixture.agent(), 10).param("java_home", java).param("ha_timeout", "1");
    deep.param("monitor_retries", "0").run("monitor")?;
    let client = exiting_java(&fixture)?;
    for _ in 0..2 {
        fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    }
    // That holds without a record, too.
    fixture.sh(&format!("rm -f {}", fixture.record_path()))?;
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    assert!(!fixture.is_alive(&jvm)? && fixture.is_alive(&client)?);
    for _ in 0..2 {
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
        fixture.monitor(0)?.assert_exit_code(OCF_NOT_RUNNING);
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    }
    hung.release();
    Ok(())
}

/// An mzsh that a start ran and killed at its end hangs while exiting. It is recognized: the next stop
/// succeeds, and a probe answers "not running". While that mzsh waits for its storage a start fails and says
/// so; afterwards a start succeeds.
#[test]
fn exiting_mzsh_is_recognized_as_agent_command() -> TestResult {
    let (fixture, hung) = fixture_with_hung_close()?;
    let holds = command_holding_hung_file(
        &fixture,
        &format!("java -Dmz.home=/opt/mz {MZSH_MAIN_CLASS} \"$@\""),
    )?;
    fixture.override_mzsh_verb(
        "startup",
        &format!("[ -e /opt/mz/tmp/once ] || {{ : >/opt/mz/tmp/once\n{holds}\n}}"),
    )?;
    let start = fixture.agent().meta_timeout(Duration::from_secs(10)).run("start")?;
    start.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["platform", "mzsh"]);
    let mzsh = exiting_java(&fixture)?;
    for _ in 0..2 {
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
        fixture.monitor(0)?.assert_exit_code(OCF_NOT_RUNNING);
    }
    // This time the script has to execute the real mzsh.
    fixture.sh("mv /opt/mz/bin/mzsh.true /opt/mz/bin/mzsh")?;
    fixture
        .agent()
        .run("start")?
        .assert_exit_code(OCF_ERR_GENERIC)
        .assert_reason(&["storage", "/opt/mz"]);
    assert!(fixture.is_alive(&mzsh)?);
    hung.release();
    fixture.wait_until("its end", |fixture| {
        Ok(if fixture.is_alive(&mzsh)? { Err("it lives".to_owned()) } else { Ok(()) })
    })?;
    fixture.start()?;
    fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}

/// A java that a probe saw alive, and not as the pico, is not the pico when it hangs while exiting. The pico
/// is not running, and a stop succeeds.
#[test]
fn exiting_java_ruled_out_while_alive_is_ignored() -> TestResult {
    let (fixture, hung) = fixture_with_hung_close()?;
    let java = FakeProcess::for_java(&["java"])
        .with_first_steps(&format!("hold {HUNG_ON_CLOSE}\n"))
        .start(&fixture)?;
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    fixture.sh(&format!("kill -s KILL {}", java.pid))?;
    wait_until_exiting(&fixture, java.pid)?;
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    fixture.monitor(0)?.assert_exit_code(OCF_NOT_RUNNING);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    hung.release();
    Ok(())
}

/// An exiting java that started after the recorded JVM fails no stop, because the pico's process is known,
/// and the log names that java. The stop found no pico while that java existed, so that later scans answer
/// "not running".
#[test]
fn exiting_java_started_after_recorded_jvm_fails_no_stop() -> TestResult {
    let (fixture, hung) = fixture_with_hung_close()?;
    let jvm = fixture.start()?;
    let java = FakeProcess::for_java(&["java"]).state(EXITING).start(&fixture)?;
    fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    assert!(!fixture.is_alive(&jvm)? && fixture.is_alive(&java)?);
    let log = fixture.log()?;
    assert!(
        log.contains(&format!("pid {} (java, user ", java.pid)) && log.contains("is exiting"),
        "{log}"
    );
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    hung.release();
    Ok(())
}

/// An exiting java that the record of another resource names, or that is in the session of such a process,
/// belongs to that resource. Our pico is not running, and a stop succeeds.
#[test]
fn exiting_java_of_another_resource_is_ignored() -> TestResult {
    for named in ["it", "the leader of its session"] {
        let (fixture, hung) = fixture_with_hung_close()?;
        fixture.start()?;
        let mut record = fixture.read_record()?;
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        // The first process lives and has no marker of a pico; its child hangs.
        let crowd = FakeProcess::for_java(&["java"]).start_group(
            &fixture,
            1,
            &format!("hold {HUNG_ON_CLOSE}\nkill"),
        )?;
        let child = crowd.members(&fixture)?.remove(0);
        crowd.hang_all(&fixture)?;
        let child = wait_until_exiting(&fixture, child.pid)?;
        fixture
            .probe()?
            .assert_exit_code(OCF_ERR_GENERIC)
            .assert_reason(&[&format!("pid {} ", child.pid)]);
        let of = if named == "it" {
            child
        } else {
            fixture.process_without_args(child.ppid)?.expect("it waits")
        };
        record["pico"] = "ec1".into();
        record["resource"] = "ec".into();
        record["jvm"]["pid"] = of.pid.into();
        record["jvm"]["start"] = of.start_time.into();
        fixture.node.write("/run/mediationzone-ra/ec.json", record.to_string())?;
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
        fixture.monitor(0)?.assert_exit_code(OCF_NOT_RUNNING);
        let stop = fixture.stop()?;
        assert_eq!(stop.code(), Some(OCF_SUCCESS), "{named}: {stop}");
        hung.release();
    }
    Ok(())
}

/// Like [`FakeProcess::for_java`], with a second thread that outlives the main thread, and with the file open
/// whose close hangs.
fn java_with_second_thread(argv: &[&str]) -> FakeProcess {
    FakeProcess::for_java(argv)
        .with_first_steps(&format!("hold {HUNG_ON_CLOSE}\n"))
        .state(FakeProcessState::ZombieLeader)
}

/// Waits until it is killed: the main thread is a zombie, and another thread has no memory.
fn kill_and_wait_until_threads_exit(fixture: &Fixture, pid: u32) -> TestResult {
    fixture.sh(&format!("kill -s KILL {pid}"))?;
    fixture.wait_until(&format!("a thread of pid {pid} to hang in its exit"), |fixture| {
        let states = fixture.sh(&format!(
            "grep -h '^State:' /proc/{pid}/task/*/status; cat /proc/{pid}/task/*/statm"
        ))?;
        let is = states.contains("Z (")
            && states.contains("D (")
            && !states.lines().any(|line| {
                line.starts_with(|c: char| c.is_ascii_digit()) && !line.starts_with("0 0 ")
            });
        Ok(if is { Ok(()) } else { Err(states) })
    })
}

/// A killed java with several threads looks like a zombie thread-group leader without memory, as real JVMs do
/// while exiting. It is treated like an exiting java with a single thread. If it was seen before by a scan
/// that found no pico, it is not the pico. If it started after the recorded JVM, it fails no stop of that
/// JVM.
#[test]
fn exiting_java_with_threads_is_treated_like_single_threaded_one() -> TestResult {
    let (fixture, hung) = fixture_with_hung_close()?;
    let tool = java_with_second_thread(&["java", "-jar", "/opt/tool.jar"]).start(&fixture)?;
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    let jvm = fixture.start()?;
    kill_and_wait_until_threads_exit(&fixture, tool.pid)?;
    for level in [0, 10] {
        fixture.monitor(level)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    }
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    assert!(!fixture.is_alive(&jvm)?);
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    hung.release();

    let (fixture, hung) = fixture_with_hung_close()?;
    let jvm = fixture.start()?;
    let tool = java_with_second_thread(&["java", "-jar", "/opt/tool.jar"]).start(&fixture)?;
    kill_and_wait_until_threads_exit(&fixture, tool.pid)?;
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    assert!(!fixture.is_alive(&jvm)? && fixture.is_alive(&tool)?);
    hung.release();
    Ok(())
}

/// An exiting mzsh of a start is recognized with several threads, too: the next stop succeeds, and the pico
/// is not running.
#[test]
fn exiting_mzsh_with_threads_is_recognized_as_agent_command() -> TestResult {
    let (fixture, hung) = fixture_with_hung_close()?;
    command_holding_hung_file(&fixture, "")?;
    fixture.node.write("/opt/imitated/holds", format!("hold {HUNG_ON_CLOSE}\nzombie_leader\n"))?;
    let holds = format!(
        "exec /run/testkit/bin/imitator /opt/imitated/holds {FAKE_JAVA} java -Dmz.home=/opt/mz {MZSH_MAIN_CLASS} \"$@\""
    );
    fixture.override_mzsh_verb("startup", &holds)?;
    let start = fixture.agent().meta_timeout(Duration::from_secs(10)).run("start")?;
    start.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["platform", "mzsh"]);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    hung.release();
    Ok(())
}

/// A process that was another program when a scan found no pico, and that has executed the pico since, is
/// never reported as not running while exiting.
#[test]
fn exiting_pico_executed_after_scan_is_never_reported_as_not_running() -> TestResult {
    let (fixture, hung) = fixture_with_hung_close()?;
    command_holding_hung_file(&fixture, "")?;
    fixture.node.write("/opt/imitated/became", format!("hold {HUNG_ON_CLOSE}\nawait\nkill\n"))?;
    let line = format!(
        "mkfifo -m 666 /opt/go; setsid setpriv --reuid 4711 --regid 4711 --clear-groups sh -c 'read -r _ </opt/go; \
            exec /run/testkit/bin/imitator /opt/imitated/became {FAKE_JAVA} java {HOME_OPTION} {CONFIGNAME_OPTION} {PICO_MAIN_CLASS} platform' </dev/null >/dev/null 2>&1 & echo $!"
    );
    let pid: u32 = fixture.sh(&line)?.trim().parse().expect("a number");
    fixture.wait_until("the script to wait", |fixture| {
        let seen = fixture.process_without_args(pid)?;
        Ok(seen
            .filter(|seen| seen.comm == "sh" && seen.state == 'S')
            .map(drop)
            .ok_or_else(|| "not yet".to_owned()))
    })?;
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    fixture.sh("echo >/opt/go")?;
    let java = fixture.wait_until("the pico", |fixture| {
        Ok(fixture
            .process_without_args(pid)?
            .filter(|p| p.comm == "java" && p.state == 'S')
            .ok_or_else(|| "not yet".to_owned()))
    })?;
    fixture.signal(java.pid, "USR1")?;
    wait_until_exiting(&fixture, java.pid)?;
    let named = format!("pid {} ", java.pid);
    for ran in [fixture.probe()?, fixture.monitor(0)?, fixture.monitor(10)?] {
        ran.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["platform", &named]);
    }
    let stop = fixture.agent().meta_timeout(Duration::from_secs(8)).run("stop")?;
    stop.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["platform", &named]);
    hung.release();
    Ok(())
}
