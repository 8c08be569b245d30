//! The HA client, a program of the product that may do anything, and the HA Monitor Server that it queries.

use std::time::Duration;

use testkit::assertions::{
    AgentAssertions, OCF_DEGRADED, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS,
};
use testkit::fixture::{AgentKind, Fixture, as_recurring_monitor, describe_processes, fixture};
use testkit::{AgentCall, TestResult, TestkitError};

/// A monitor of depth 10 with that client, past the time in which a FAILED does not count.
fn deep_monitor<'a>(fixture: &'a Fixture, client: &str) -> Result<AgentCall<'a>, TestkitError> {
    let java = fixture.install_fake_java(client)?;
    let deep = as_recurring_monitor(fixture.agent(), 10)
        .param("java_home", java)
        .param("monitor_retries", "0");
    Ok(deep.param("ha_grace", "0").param("ha_timeout", "3").meta_timeout(Duration::from_secs(20)))
}

fn assert_only_pico_runs(fixture: &Fixture) -> TestResult {
    let left = fixture.processes()?;
    assert_eq!(left.len(), 1, "{}", describe_processes(&left));
    Ok(())
}

/// Behaviour of the client, and text of the reason that the monitor fails with.
const CLIENT_FAILURES: [(&str, &[&str]); 7] = [
    ("exec 3<>/dev/tcp/127.0.0.1/26000; exec sleep 1000001", &["hung", "no answer in 3 s"]),
    (
        "trap '' TERM; exec 3<>/dev/tcp/127.0.0.1/26000; sleep 1000001 & wait; sleep 1000001",
        &["hung", "does not answer", "no answer in 3 s"],
    ),
    ("exec 3<>/dev/tcp/127.0.0.1/26000; exec yes FAILED", &["hung", "no answer in 3 s"]),
    ("echo FAILED; exit 100", &["says FAILED", "exit code 100"]),
    ("echo 'FAILED: too many aborts'; exit 1", &["says FAILED: too many aborts"]),
    ("exit 1", &["invalid answer", "exit code 1, no output"]),
    ("echo Connection refused; exit 1", &["does not answer", "Connection refused"]),
];

/// An HA client that fails, dies by a signal, or says FAILED with or without a reason fails the monitor in
/// time. The reason has the client's own text and the JVM's pid, and no process of the client is left.
#[test]
fn ha_client_failure_is_reported_with_its_own_text() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let pid = fixture.start()?.pid;
    for (client, words) in CLIENT_FAILURES {
        let monitor = deep_monitor(&fixture, client)?
            .run("monitor")?
            .assert_exit_code(OCF_ERR_GENERIC)
            .assert_reason(&["platform"])
            .assert_reason(words);
        if words.contains(&"hung") {
            monitor.assert_reason(&[&format!("pid {pid} is alive")]);
        }
        assert_only_pico_runs(&fixture)?;
    }
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    Ok(())
}

/// Fault of the client, and text of the warning.
const CLIENTS_WITHOUT_ANSWER: [(&str, &str); 7] = [
    ("kill -9 $$", "ended by SIGKILL"),
    ("kill -SEGV $$", "ended by SIGSEGV"),
    ("exit 137", "ended by SIGKILL"),
    ("exit 127", "exit code 127"),
    ("echo 'sh: 1: /opt/jdk/bin/java: not found'; exit 127", "java: not found"),
    (
        "echo 'Error occurred during initialization of VM'; echo 'Could not reserve enough space for object heap'; exit 1",
        "Could not reserve",
    ),
    ("echo 'Cannot create VM thread. Out of system resources.'; exit 1", "Cannot create VM thread"),
];

/// An HA client that ends by a signal, or that has no memory, no thread or no java, has made no check. The
/// monitor succeeds with a warning in the log, however often that happens.
#[test]
fn ha_client_ended_by_signal_or_jvm_error_is_a_warning() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.start()?;
    for (client, words) in CLIENTS_WITHOUT_ANSWER {
        for _ in 0..3 {
            deep_monitor(&fixture, client)?
                .run("monitor")?
                .assert_exit_code(OCF_SUCCESS)
                .assert_no_output();
        }
        let log = fixture.log()?;
        let warns = |line: &str| line.contains("could not be asked") && line.contains(words);
        assert!(log.lines().any(warns), "{client}: {log}");
        assert_only_pico_runs(&fixture)?;
    }
    Ok(())
}

/// The JDK of the pico's JVM is gone (an update of its package): the client runs with mzsh's java.
#[test]
fn ha_client_falls_back_to_java_of_mzsh_when_jdk_of_jvm_is_gone() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.sh(
        "cp -a /opt/mz/java /opt/mz/new && sed -i 's|/opt/mz/java|/opt/mz/new|' /opt/mz/bin/mzsh",
    )?;
    fixture.start()?;
    let exe =
        fixture.sh(&format!("readlink /proc/{}/exe", fixture.single_pico("platform")?.pid))?;
    assert!(exe.starts_with("/opt/mz/java/"), "{exe}");
    fixture.sh("rm /opt/mz/java/bin/java")?;
    fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert!(!fixture.log()?.contains("could not be asked"), "{}", fixture.log()?);
    fixture.set(&["ha_answer=silent"])?;
    let deep = || {
        as_recurring_monitor(fixture.agent(), 10)
            .param("monitor_retries", "0")
            .param("ha_timeout", "2s")
    };
    deep()
        .run("monitor")?
        .assert_exit_code(OCF_ERR_GENERIC)
        .assert_reason(&["platform", "no answer in 2 s"]);
    // A configured `java_home` is never replaced by another one.
    let other =
        deep().param("java_home", "/opt/mz/java").run("monitor")?.assert_exit_code(OCF_SUCCESS);
    other.assert_no_output();
    assert!(
        fixture.log()?.contains("could not be asked: /opt/mz/java/bin/java"),
        "{}",
        fixture.log()?
    );
    Ok(())
}

/// An HA client that never connects (an overloaded node, a JVM that does not start) has made no check. The
/// monitor succeeds in time with a warning in the log, and no process of the client is left.
#[test]
fn ha_client_that_never_connects_is_a_warning() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.start()?;
    for client in
        ["sleep 1000001", "trap '' TERM; sleep 1000001 & wait; sleep 1000001", "yes FAILED"]
    {
        deep_monitor(&fixture, client)?
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
        assert_only_pico_runs(&fixture)?;
    }
    let log = fixture.log()?;
    assert_eq!(log.matches("the HA client did not connect").count(), 3, "{log}");
    Ok(())
}

/// A client that waits at a FIFO and then says FAILED, as the product's client does when its connection
/// breaks.
const GATED_CLIENT: &str = "read -r _ </opt/gate; echo 'FAILED: no answer from 127.0.0.1'; exit 1";

/// The JVM dies and the client ends while the agent cannot run, so that the agent sees both at once.
fn end_jvm_and_client_together(fixture: &Fixture) -> TestResult {
    let client = fixture.wait_until("the client", |fixture| {
        let all = fixture.processes()?;
        let found = all
            .iter()
            .find(|process| process.argv.get(1).is_some_and(|word| word == "/opt/jdk/bin/java"));
        Ok(found.cloned().ok_or_else(|| describe_processes(&all)))
    })?;
    fixture.signal(client.ppid, "STOP")?;
    fixture.signal(fixture.single_pico("platform")?.pid, "KILL")?;
    fixture.sh("echo >/opt/gate")?;
    fixture.wait_until("the client to end", |fixture| {
        Ok(if fixture.is_alive(&client)? { Err("it is at the gate".to_owned()) } else { Ok(()) })
    })?;
    fixture.signal(client.ppid, "CONT")
}

/// An HA client says FAILED only because the JVM died during the check: the monitor answers "not running".
#[test]
fn ha_client_failed_by_jvm_death_makes_monitor_answer_7() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.start()?;
    let call = deep_monitor(&fixture, GATED_CLIENT)?
        .param("ha_timeout", "50")
        .meta_timeout(Duration::from_secs(120));
    fixture.sh("mkfifo -m 666 /opt/gate")?;
    let (monitor, ()) = fixture.run_during(|| call.run("monitor"), end_jvm_and_client_together)?;
    monitor.assert_exit_code(OCF_NOT_RUNNING).assert_reason(&["platform", "exited"]);
    fixture.assert_nothing_left()
}

/// An HA client says FAILED only because the JVM died during a start: that is no answer of the pico, and the
/// start fails.
#[test]
fn ha_client_failed_by_jvm_death_fails_start() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let java = fixture.install_fake_java(GATED_CLIENT)?;
    let call = fixture.agent().param("java_home", java).meta_timeout(Duration::from_secs(120));
    fixture.sh("mkfifo -m 666 /opt/gate")?;
    let (start, ()) = fixture.run_during(|| call.run("start"), end_jvm_and_client_together)?;
    start.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["platform", "died"]);
    fixture.assert_nothing_left()
}

/// Megabytes from an HA client, bytes that are no text, and text that looks like an exit reason are no
/// answer, whatever the exit code. The monitor never succeeds, and gives one reason of one line.
#[test]
fn ha_client_output_is_never_taken_for_an_exit_reason() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.start()?;
    for flood in [
        "yes 'ocf-exit-reason:it is all the client' | head -c 8000000",
        "head -c 8000000 /dev/urandom",
        "head -c 8000000 /dev/zero | tr '\\0' x",
        "printf 'OK\\0FAILED\\r\\nocf-exit-reason:x'",
    ] {
        let told = |code: u32| {
            format!("( {flood} ) 2>/dev/null; ( {flood} ) 2>/dev/null >&2; exit {code}")
        };
        for code in [0, 1] {
            let failed = deep_monitor(&fixture, &told(code))?
                .param("ha_timeout", "8")
                .run("monitor")?
                .assert_exit_code(OCF_ERR_GENERIC);
            assert_eq!(failed.stderr.matches("ocf-exit-reason:").count(), 1, "{failed}");
            let ended = format!("exit code {code}, output is not text");
            failed.assert_reason(&[
                "platform",
                "invalid answer from its HA Monitor Server",
                &ended,
            ]);
            assert_only_pico_runs(&fixture)?;
        }
    }
    assert!(fixture.log()?.len() < 100_000);
    Ok(())
}

/// A missing HA client, or a missing jar of it, says nothing about the pico. A monitor and a start succeed
/// with a warning that names the file.
#[test]
fn missing_ha_client_is_a_warning_with_file_name() -> TestResult {
    for (line, file) in [
        ("rm /opt/mz/lib/ha.jar", "/opt/mz/lib/ha.jar"),
        ("mv /opt/mz/lib /opt/mz/away", "/opt/mz/lib/ha.jar"),
        ("rm /opt/jdk/bin/java", "/opt/jdk/bin/java"),
        ("chmod 644 /opt/jdk/bin/java", "/opt/jdk/bin/java"),
        ("printf '#!/opt/no/shell\\n' >/opt/jdk/bin/java", "/opt/jdk/bin/java"),
        (": >/opt/jdk/bin/java", "/opt/jdk/bin/java"),
    ] {
        let fixture = fixture(AgentKind::Ec).build()?;
        fixture.start()?;
        let asks = deep_monitor(&fixture, "echo FAILED; exit 1")?;
        fixture.sh(line)?;
        asks.clone().run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        let log = fixture.log()?;
        assert!(
            log.contains("its HA Monitor Server could not be asked: ") && log.contains(file),
            "{line}: {log}"
        );
        let told = asks
            .param("degraded", "yes")
            .param("unchecked_limit", "2")
            .run("monitor")?
            .expect_code(190)?;
        told.assert_reason(&["its HA Monitor Server could not be asked: ", file]);
        assert!(fixture.log()?.contains("; not checked since "), "{line}: {}", fixture.log()?);
        fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// A damaged or empty ha.jar of a real JVM makes the check impossible. The monitor warns with the client's
/// own text and does not fail.
#[test]
fn damaged_ha_jar_is_a_warning() -> TestResult {
    let fixture = fixture(AgentKind::Platform).jvm().build()?;
    fixture.start()?;
    fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    for damage in ["truncate -s 100 $jar", ": >$jar", "head -c 4096 /dev/zero >$jar"] {
        fixture.sh(&damage.replace("$jar", "/opt/mz/lib/ha.jar"))?;
        let before = fixture.log()?.len();
        fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        let log = fixture.log()?.split_off(before);
        assert!(log.contains("the HA client did not start: "), "{damage}: {log}");
    }
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}

/// By the product's manual an HA client that ends with an error and no output says FAILED. A start succeeds,
/// FAILED does not count within the grace of a young JVM, and `on_ha_failed` decides what it means
/// afterwards.
#[test]
fn ha_client_failing_without_output_counts_as_failed() -> TestResult {
    let fixture = fixture(AgentKind::Ec).build()?;
    let java = fixture.install_fake_java("exit 1")?;
    fixture
        .agent()
        .param("java_home", java)
        .run("start")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    let pid = fixture.single_pico("ec1")?.pid;
    fixture
        .recurring_monitor(10)
        .param("java_home", java)
        .run("monitor")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    for (means, code) in [
        ("ignore", OCF_SUCCESS),
        ("degrade", OCF_SUCCESS),
        ("degrade", OCF_DEGRADED),
        ("fail", OCF_ERR_GENERIC),
    ] {
        let asked = deep_monitor(&fixture, "exit 1")?
            .param("on_ha_failed", means)
            .run("monitor")?
            .assert_exit_code(code);
        if code != OCF_SUCCESS {
            asked.assert_reason(&["ec1", "invalid answer", "exit code 1, no output"]);
        }
    }
    // A start does not restart a running pico for this.
    fixture
        .agent()
        .param("java_home", java)
        .run("start")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    assert_eq!(fixture.single_pico("ec1")?.pid, pid);
    Ok(())
}

/// A call that queries another port.
fn on_other_port(call: AgentCall<'_>) -> AgentCall<'_> {
    call.param("ha_port", "25998").param("ha_timeout", "3").param("monitor_retries", "0")
}

/// Another process holds the port of the HA Monitor Server after the pico's own server is gone. Nothing that
/// it says is an answer of the pico: a deep monitor fails and names that process, or warns where the pico was
/// never seen to listen. A probe and depth 0 report the pico as alive.
#[test]
fn other_process_on_ha_port_is_named_by_deep_monitor() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let pico = fixture.start()?;
    fixture.close_ha("127.0.0.1", 26000)?;
    let server = "import socket, threading
servers = [socket.create_server(('127.0.0.1', port)) for port in (25998, 26000)]
open('/opt/other.up', 'w')
for server in servers:
    threading.Thread(target=lambda of=server: [of.accept()[0].sendall(b'OK\\n') for _ in iter(int, 1)]).start()
";
    fixture.node.write("/opt/other.py", server)?;
    fixture.sh("setsid python3 /opt/other.py </dev/null >/dev/null 2>&1 & until [ -e /opt/other.up ]; do sleep 0.01; done")?;
    let all = fixture.node.processes()?;
    let other = all
        .iter()
        .find(|p| p.argv.iter().any(|word| word == "/opt/other.py"))
        .expect("it is up")
        .pid;
    let holder =
        |port: u16| format!("port {port} is held by pid {other} (python3), not by the pico");
    let monitor = fixture
        .recurring_monitor(10)
        .param("monitor_retries", "0")
        .run("monitor")?
        .assert_exit_code(OCF_ERR_GENERIC);
    monitor.assert_reason(&["platform", &format!("pid {} is alive", pico.pid), &holder(26000)]);
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    on_other_port(fixture.recurring_monitor(10))
        .run("monitor")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    let log = fixture.log()?;
    assert!(log.contains(&holder(25998)) && log.contains("was never seen to listen on"), "{log}");
    Ok(())
}

/// A call with short timeouts.
fn with_short_timeouts(call: AgentCall<'_>) -> AgentCall<'_> {
    call.param("ha_timeout", "3").param("monitor_retries", "0").param("ha_grace", "0")
}

/// A live pico whose HA Monitor Server accepts connections and answers none is hung: a deep monitor says so,
/// while a probe and depth 0 report it as alive. A start replaces it, and a stop ends it.
#[test]
fn pico_with_silent_ha_monitor_server_is_hung() -> TestResult {
    for jvm in [true, false] {
        let fixture =
            if jvm { fixture(AgentKind::Platform).jvm() } else { fixture(AgentKind::Platform) }
                .build()?;
        let hung = fixture.start()?;
        fixture.set(&["ha_answer=silent"])?;
        let monitor = with_short_timeouts(fixture.recurring_monitor(10))
            .run("monitor")?
            .assert_exit_code(OCF_ERR_GENERIC);
        monitor.assert_reason(&[
            "platform: hung",
            &format!("pid {} is alive", hung.pid),
            "no answer in 3 s",
        ]);
        fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        with_short_timeouts(fixture.agent())
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();

        if jvm {
            continue;
        }
        // Past its grace the pico is replaced. The new one does not answer either, and no process of both is
        // left.
        let start = || {
            with_short_timeouts(fixture.agent()).meta_timeout(Duration::from_secs(16)).run("start")
        };
        start()?
            .assert_exit_code(OCF_ERR_GENERIC)
            .assert_reason(&["platform", "HA Monitor Server does not answer"]);
        assert!(fixture.pico_processes("platform")?.is_empty(), "neither the old nor the new one");
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
        fixture.set(&["ha_answer=OK"])?;
        start()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}
