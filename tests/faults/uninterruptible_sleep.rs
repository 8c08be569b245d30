//! A JVM waits for a device or for storage (state D) and handles no signal until that answers.

use std::time::Duration;

use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fake_process::FakeProcess;
use testkit::fixture::{AgentKind, Fixture, WAIT_TIMEOUT, describe_processes, fixture};
use testkit::{
    HungOperation, HungStorage, NodeCommandOutput, NodeProcess, TestResult, TestkitError,
    wait_until,
};

/// The stand-ins read from it, or write to it.
const DEVICE: &str = "/opt/device";

/// A file on which an operation hangs for every process.
fn hung_device(fixture: &Fixture, held: HungOperation) -> Result<HungStorage, TestkitError> {
    fixture.sh(&format!("truncate -s 4096 {DEVICE} && chmod 666 {DEVICE}"))?;
    fixture.node.hang_storage(DEVICE, held)
}

/// The state of a process, by the one file that can always be read.
fn proc_state(fixture: &Fixture, pid: u32) -> Result<char, TestkitError> {
    let stat = fixture.node.read(format!("/proc/{pid}/stat"))?;
    Ok(stat
        .rsplit_once(") ")
        .and_then(|(_, fields)| fields.chars().next())
        .expect("the state is field 3"))
}

fn wait_until_in_state(fixture: &Fixture, pid: u32, wanted: char) -> TestResult {
    wait_until(&format!("{pid} to be in state {wanted}"), WAIT_TIMEOUT, || {
        match proc_state(fixture, pid) {
            Ok(now) if now == wanted => Ok(()),
            Ok(now) => Err(now.to_string()),
            Err(e) => Err(e.to_string()),
        }
    })
}

/// A stop that will use up its whole timeout.
fn stop_with_short_timeout(fixture: &Fixture) -> Result<NodeCommandOutput, TestkitError> {
    fixture.agent().meta_timeout(Duration::from_secs(8)).run("stop")
}

/// Signals that were sent before take effect once storage is back.
fn wait_until_gone(fixture: &Fixture, jvm: &NodeProcess) -> TestResult {
    fixture.wait_until(&format!("the end of {}", jvm.pid), |fixture| {
        Ok(if fixture.is_alive(jvm)? {
            Err(describe_processes(&fixture.processes()?))
        } else {
            Ok(())
        })
    })
}

/// A JVM in state D is running, for a monitor and a probe. A stop that cannot end it fails in time, with its
/// pid and state. A stop succeeds at once when the storage is back and the signals have taken effect.
#[test]
fn jvm_in_state_d_is_running_and_stop_reports_failure() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let hung = hung_device(&fixture, HungOperation::Read)?;
    let jvm = fixture.start_fake_pico("platform", &format!("read {DEVICE}"))?;
    wait_until_in_state(&fixture, jvm.pid, 'D')?;
    for _ in 0..2 {
        fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        assert_eq!(fixture.recorded_pid()?, Some(jvm.pid));
        fixture.sh(&format!("rm {}", fixture.record_path()))?;
    }
    for _ in 0..2 {
        stop_with_short_timeout(&fixture)?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&[
            "platform",
            &format!("pid {} ", jvm.pid),
            "(D)",
        ]);
        assert_eq!(proc_state(&fixture, jvm.pid)?, 'D');
        fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    }
    hung.release();
    wait_until_gone(&fixture, &jvm)?;
    fixture.monitor(0)?.assert_exit_code(OCF_NOT_RUNNING).assert_reason(&["platform"]);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.assert_nothing_left()
}

/// A JVM that waited for storage and got its answer goes on as the same pico, and no action failed.
#[test]
fn jvm_back_from_state_d_is_the_same_pico() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let hung = hung_device(&fixture, HungOperation::Read)?;
    let jvm = fixture.start_fake_pico("platform", &format!("read {DEVICE}"))?;
    wait_until_in_state(&fixture, jvm.pid, 'D')?;
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    hung.release();
    wait_until_in_state(&fixture, jvm.pid, 'S')?;
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert_eq!(fixture.recorded_pid()?, Some(jvm.pid));
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}

/// A real JVM with one thread in state D is a zombie thread-group leader after SIGKILL, and lives. Stop says
/// so, and a monitor and a probe never answer "not running". It is gone when the storage is back.
#[test]
fn jvm_with_unkillable_thread_is_never_reported_as_not_running() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let jvm = start_jvm_with_reader_thread(&fixture)?;
    let hung = hung_device(&fixture, HungOperation::Read)?;
    fixture.sh("touch /opt/read")?;
    fixture.wait_until("the thread that reads in state D", |fixture| {
        // A JVM has other threads that wait briefly while it comes up.
        let states = fixture.sh(&format!("cut -d' ' -f2,3 /proc/{}/task/*/stat", jvm.pid))?;
        Ok(if states.contains("(reader) D") { Ok(()) } else { Err(states) })
    })?;
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    let named = format!("pid {} ", jvm.pid);
    for _ in 0..2 {
        stop_with_short_timeout(&fixture)?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&[
            "platform",
            &named,
            "main thread has ended (Z)",
        ]);
        assert_eq!(proc_state(&fixture, jvm.pid)?, 'Z');
        fixture.monitor(0)?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&[
            "platform",
            &named,
            "zombie thread-group leader (Z): main thread exited",
        ]);
        fixture.probe()?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&[&named]);
    }
    hung.release();
    wait_until_gone(&fixture, &jvm)?;
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.assert_nothing_left()
}

/// A real JVM with the product's main class that reads from the device once it is signalled to; returns when
/// it runs.
fn start_jvm_with_reader_thread(fixture: &Fixture) -> Result<NodeProcess, TestkitError> {
    let class = "package com.digitalroute.picostart;
        import java.nio.file.*;
        public class PicoStart {
            public static void main(String[] arguments) throws Exception {
                Thread reader = new Thread(() -> {
                    try {
                        while (!Files.exists(Path.of(\"/opt/read\"))) Thread.sleep(20);
                        Files.readAllBytes(Path.of(\"/opt/device\"));
                    } catch (Exception e) { }
                }, \"reader\");
                reader.start();
                Thread.sleep(Long.MAX_VALUE);
            }
        }";
    fixture.node.write("/opt/stuck/PicoStart.java", class)?;
    fixture
        .sh("javac -J-XX:-UsePerfData -d /opt/stuck /opt/stuck/PicoStart.java && chmod -R a+rX /opt/stuck")?;
    let line = "setsid java -XX:-UsePerfData -cp /opt/stuck -Dmz.home=/opt/mz -Dpico.configname=platform \
        com.digitalroute.picostart.PicoStart platform </dev/null >/dev/null 2>&1 &";
    fixture.as_owner("sh").args(["-c", line]).run()?.expect_code(0)?;
    fixture.wait_for_pico()
}

/// Unmaps the device when it is signalled to, and holds its memory lock until that is written. A process that
/// reads its command line or environment waits for it, as ps does.
fn start_mapping_device(
    fixture: &Fixture,
    imitation: FakeProcess,
) -> Result<NodeProcess, TestkitError> {
    imitation.with_first_steps(&format!("map {DEVICE}\nawait\nunmap")).start(fixture)
}

/// From here on listing the node's processes hangs, and no command line of them can be read.
fn lock_memory(fixture: &Fixture, pid: u32) -> TestResult {
    fixture.signal(pid, "USR1")?;
    wait_until_in_state(fixture, pid, 'D')
}

/// A recorded JVM in that state.
fn recorded_jvm_with_locked_memory() -> Result<(Fixture, HungStorage, NodeProcess), TestkitError> {
    let fixture = fixture(AgentKind::Platform).build()?;
    let hung = hung_device(&fixture, HungOperation::Write)?;
    let jvm = start_mapping_device(&fixture, FakeProcess::for_pico("platform"))?;
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    lock_memory(&fixture, jvm.pid)?;
    Ok((fixture, hung, jvm))
}

/// A recorded JVM whose command line cannot be read, because its memory is locked, is running. No monitor
/// hangs with it, and a stop that cannot end it fails in time.
#[test]
fn recorded_jvm_with_unreadable_command_line_is_running() -> TestResult {
    let (fixture, hung, jvm) = recorded_jvm_with_locked_memory()?;
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    // It was never seen to listen.
    fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS);
    stop_with_short_timeout(&fixture)?
        .assert_exit_code(OCF_ERR_GENERIC)
        .assert_reason(&["platform"]);
    assert_eq!(proc_state(&fixture, jvm.pid)?, 'D');
    hung.release();
    wait_until_gone(&fixture, &jvm)?;
    fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.assert_nothing_left()
}

/// A JVM without a record whose command line cannot be read may be the pico or not. Probe, monitor and stop
/// end in time, answer 1 and name it.
#[test]
fn unrecorded_jvm_with_unreadable_command_line_is_named() -> TestResult {
    let (fixture, hung, jvm) = recorded_jvm_with_locked_memory()?;
    fixture.sh(&format!("rm -f {}", fixture.record_path()))?;
    let named = ["platform", &format!("pid {} ", jvm.pid), "hangs in the kernel", "(D)"];
    fixture.probe()?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&named);
    fixture.monitor(0)?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&named);
    fixture
        .stop()?
        .assert_exit_code(OCF_ERR_GENERIC)
        .assert_reason(&["platform", &jvm.pid.to_string()]);
    hung.release();
    fixture.probe()?.assert_exit_code(OCF_SUCCESS);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert!(!fixture.is_alive(&jvm)?);
    fixture.assert_nothing_left()
}

/// A process of root with locked memory, on which ps hangs, fails no monitor and no stop of the pico.
#[test]
fn foreign_process_with_unreadable_command_line_delays_no_action() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let jvm = fixture.start()?;
    let hung = hung_device(&fixture, HungOperation::Write)?;
    let stranger = start_mapping_device(
        &fixture,
        FakeProcess::for_program("/opt/imitated/bin/rsync", &["rsync"]).user(0),
    )?;
    lock_memory(&fixture, stranger.pid)?;
    for level in [0, 10] {
        fixture.monitor(level)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    }
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.monitor(0)?.assert_exit_code(OCF_NOT_RUNNING);
    let probe = fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    assert!(probe.wall_time < Duration::from_secs(2), "its command line is not asked for: {probe}");
    assert_eq!(proc_state(&fixture, stranger.pid)?, 'D');
    hung.release();
    fixture.signal(stranger.pid, "KILL")?;
    assert!(!fixture.is_alive(&jvm)?);
    fixture.assert_nothing_left()
}

/// When a java with locked memory starts, relative to the recorded JVM; a jar that it has open; and a probe's
/// answer once that JVM is dead.
const OPEN_JAR_CASES: [(&str, &str, i32); 4] = [
    ("later", "/opt/other/lib/a.jar", OCF_NOT_RUNNING),
    ("later", "/opt/mz/lib/a.jar", OCF_ERR_GENERIC),
    ("later", "/opt/imitated/lib/a.jar", OCF_ERR_GENERIC),
    ("before", "/opt/mz/lib/a.jar", OCF_ERR_GENERIC),
];

/// A java with locked memory is identified by the jars that it has open. With a jar of another installation
/// it makes no answer uncertain. With a jar of ours, even if it started before the recorded JVM, or with none
/// but its JDK's, it is never reported as not running. Only with a jar of ours does it fail a stop of the
/// recorded JVM.
#[test]
fn java_with_unreadable_command_line_is_identified_by_open_jars() -> TestResult {
    for (when, jar, code) in OPEN_JAR_CASES {
        let fixture = fixture(AgentKind::Platform).build()?;
        fixture.sh(&format!("mkdir -p $(dirname {jar}) && : >{jar} && chmod 666 {jar}"))?;
        let hung = hung_device(&fixture, HungOperation::Write)?;
        let java = || {
            start_mapping_device(
                &fixture,
                FakeProcess::for_java(&["java"]).with_first_steps(&format!("hold {jar}\n")),
            )
        };
        let (java, jvm) = if when == "before" {
            (java()?, fixture.start()?)
        } else {
            let jvm = fixture.start()?;
            (java()?, jvm)
        };
        lock_memory(&fixture, java.pid)?;
        fixture.signal(jvm.pid, "KILL")?;
        for ran in [fixture.probe()?, fixture.monitor(0)?] {
            assert_eq!(ran.code(), Some(code), "{when}, {jar}: {ran}");
        }
        let ran = stop_with_short_timeout(&fixture)?;
        // The pico's process is known: a java without an open file of ours fails no stop of it.
        let stopped = if jar.starts_with("/opt/mz/") { OCF_ERR_GENERIC } else { OCF_SUCCESS };
        assert_eq!(ran.code(), Some(stopped), "{when}, {jar}: {ran}");
        hung.release();
    }
    Ok(())
}
