//! A JVM that waits for a device or for storage (state D) and takes no signal until that answers.

use std::time::Duration;

use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fake_process::FakeProcess;
use testkit::fixture::{AgentKind, Fixture, WAIT_TIMEOUT, describe_processes, fixture};
use testkit::{
    HungOperation, HungStorage, NodeCommandOutput, NodeProcess, TestResult, TestkitError, wait_until,
};

/// What the stand-ins read from, or write to.
const DEVICE: &str = "/opt/device";

/// A file of which something hangs, whoever asks.
fn hung_device(fixture: &Fixture, held: HungOperation) -> Result<HungStorage, TestkitError> {
    fixture.sh(&format!("truncate -s 4096 {DEVICE} && chmod 666 {DEVICE}"))?;
    fixture.node.hang_storage(DEVICE, held)
}

/// The state of a process, by the one file that can always be read.
fn proc_state(fixture: &Fixture, pid: u32) -> Result<char, TestkitError> {
    let stat = fixture.node.read(format!("/proc/{pid}/stat"))?;
    Ok(stat.rsplit_once(") ").and_then(|(_, fields)| fields.chars().next()).expect("the state is field 3"))
}

fn wait_until_in_state(fixture: &Fixture, pid: u32, wanted: char) -> TestResult {
    wait_until(&format!("{pid} to be in state {wanted}"), WAIT_TIMEOUT, || match proc_state(fixture, pid) {
        Ok(now) if now == wanted => Ok(()),
        Ok(now) => Err(now.to_string()),
        Err(e) => Err(e.to_string()),
    })
}

/// One that will need all the time that it has.
fn stop_with_short_timeout(fixture: &Fixture) -> Result<NodeCommandOutput, TestkitError> {
    fixture.agent().meta_timeout(Duration::from_secs(8)).run("stop")
}

/// What was sent to it before takes effect, once storage is back.
fn wait_until_gone(fixture: &Fixture, jvm: &NodeProcess) -> TestResult {
    fixture.wait_until(&format!("the end of {}", jvm.pid), |fixture| {
        Ok(if fixture.is_alive(jvm)? { Err(describe_processes(&fixture.processes()?)) } else { Ok(()) })
    })
}

/// A JVM in state D runs, for a monitor and a probe; a stop that can't end it says so in time, with its pid and state, and is
/// right at once when the storage is back and the signals have done their work.
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

/// A JVM that waited for storage and got its answer goes on as the same one, and nobody has noticed.
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

/// A real JVM with one thread in state D has lost its main thread after SIGKILL and lives: stop says so, a monitor and a
/// probe never take it for gone, and when the storage is back it is.
#[test]
fn jvm_with_unkillable_thread_is_never_reported_as_not_running() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let jvm = start_jvm_with_reader_thread(&fixture)?;
    let hung = hung_device(&fixture, HungOperation::Read)?;
    fixture.sh("touch /opt/read")?;
    fixture.wait_until("the thread that reads in state D", |fixture| {
        // A JVM has others that wait for a moment while it comes up.
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
            "can't be used or killed",
        ]);
        fixture.probe()?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&[&named]);
    }
    hung.release();
    wait_until_gone(&fixture, &jvm)?;
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.assert_nothing_left()
}

/// A real JVM by the product's main class that reads from the device as soon as it is told to; once it runs.
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

/// Gives up a mapping of the device when it is told to, and holds the lock of its memory until that is written: who asks for its
/// command line or its environment waits with it, as ps does.
fn start_mapping_device(fixture: &Fixture, imitation: FakeProcess) -> Result<NodeProcess, TestkitError> {
    imitation.with_first_steps(&format!("map {DEVICE}\nawait\nunmap")).start(fixture)
}

/// From here on neither the node's processes can be listed nor any command line of them be read.
fn lock_memory(fixture: &Fixture, pid: u32) -> TestResult {
    fixture.signal(pid, "USR1")?;
    wait_until_in_state(fixture, pid, 'D')
}

/// A JVM in that state, named by a record.
fn recorded_jvm_with_locked_memory() -> Result<(Fixture, HungStorage, NodeProcess), TestkitError> {
    let fixture = fixture(AgentKind::Platform).build()?;
    let hung = hung_device(&fixture, HungOperation::Write)?;
    let jvm = start_mapping_device(&fixture, FakeProcess::for_pico("platform"))?;
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    lock_memory(&fixture, jvm.pid)?;
    Ok((fixture, hung, jvm))
}

/// A JVM whose command line can't be read, since its memory is locked, runs as the one that the record names: no monitor hangs with
/// it, and a stop that can't end it says so in time.
#[test]
fn recorded_jvm_with_unreadable_command_line_is_running() -> TestResult {
    let (fixture, hung, jvm) = recorded_jvm_with_locked_memory()?;
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    // It was never seen to listen.
    fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS);
    stop_with_short_timeout(&fixture)?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["platform"]);
    assert_eq!(proc_state(&fixture, jvm.pid)?, 'D');
    hung.release();
    wait_until_gone(&fixture, &jvm)?;
    fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.assert_nothing_left()
}

/// Without a record nobody can tell that it is the pico, and nobody claims that it is not: probe, monitor and stop end in time and
/// answer 1, naming it.
#[test]
fn unrecorded_jvm_with_unreadable_command_line_is_named() -> TestResult {
    let (fixture, hung, jvm) = recorded_jvm_with_locked_memory()?;
    fixture.sh(&format!("rm -f {}", fixture.record_path()))?;
    let named = ["platform", &format!("pid {} ", jvm.pid), "hangs in the kernel", "(D)"];
    fixture.probe()?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&named);
    fixture.monitor(0)?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&named);
    fixture.stop()?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["platform", &jvm.pid.to_string()]);
    hung.release();
    fixture.probe()?.assert_exit_code(OCF_SUCCESS);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert!(!fixture.is_alive(&jvm)?);
    fixture.assert_nothing_left()
}

/// A process of root whose memory is locked, so that ps hangs, is no reason to fail a monitor or a stop of the pico.
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

/// When a java begins whose memory is locked, beside the recorded JVM; a jar that it has open; and what a probe says once that JVM is dead.
const OPEN_JAR_CASES: [(&str, &str, i32); 4] = [
    ("later", "/opt/other/lib/a.jar", OCF_NOT_RUNNING),
    ("later", "/opt/mz/lib/a.jar", OCF_ERR_GENERIC),
    ("later", "/opt/imitated/lib/a.jar", OCF_ERR_GENERIC),
    ("before", "/opt/mz/lib/a.jar", OCF_ERR_GENERIC),
];

/// A java whose memory is locked is told by the jars that it has open: with one of another installation it makes no answer doubtful; with
/// one of ours, even if it began before the recorded JVM, or with none but its own JDK's, it is never taken for none. Only with one of ours it
/// fails a stop of the recorded JVM.
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
        // Which process the pico was is known: one that has nothing of ours open fails no stop of that.
        let stopped = if jar.starts_with("/opt/mz/") { OCF_ERR_GENERIC } else { OCF_SUCCESS };
        assert_eq!(ran.code(), Some(stopped), "{when}, {jar}: {ran}");
        hung.release();
    }
    Ok(())
}
