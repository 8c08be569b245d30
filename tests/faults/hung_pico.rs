//! A pico exists and makes no progress: it is stopped (T), or held by a debugger (t).

use std::thread;
use std::time::Duration;

use testkit::TestResult;
use testkit::assertions::{AgentAssertions, OCF_DEGRADED, OCF_ERR_GENERIC, OCF_SUCCESS};
use testkit::fixture::{AgentKind, describe_processes, fixture};

/// A stopped pico (SIGSTOP) fails a recurring monitor of any depth, and the reason has its pid and the time.
/// The reason has no command that would be wrong later. The pico is alive for a probe, and a stop resumes it
/// for SIGTERM and ends it.
#[test]
fn sigstopped_pico_fails_recurring_monitor_and_is_alive_for_probe() -> TestResult {
    for (kind, level) in [(AgentKind::Platform, 0), (AgentKind::Ec, 10)] {
        let fixture = fixture(kind).build()?;
        let pid = fixture.start()?.pid;
        fixture.signal(pid, "STOP")?;
        let reason = [fixture.pico(), "hung", &format!("pid {pid} was stopped (T) at ")];
        let ran = fixture.monitor(level)?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&reason);
        // The reason is shown until a cleanup, when the process may long have been resumed.
        assert!(!ran.reason().unwrap_or_default().contains("kill"), "{ran}");
        fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        let stop = fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        assert!(stop.wall_time < Duration::from_secs(15), "{stop}");
        assert_eq!(
            fixture.last_end_reason(fixture.pico())?.as_deref(),
            Some("signal"),
            "it was woken for SIGTERM"
        );
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// Time since boot in clock ticks (hundredths of a second), the unit of start times in /proc.
fn uptime_ticks(uptime: &str) -> u64 {
    let seconds = uptime.split_ascii_whitespace().next().expect("/proc/uptime has two numbers");
    seconds.replace('.', "").parse().expect("seconds with two decimals")
}

/// A pico that is stopped only briefly, as by a snapshot tool, is no failure.
#[test]
fn brief_sigstop_is_no_failure() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let pid = fixture.start()?.pid;
    fixture.signal(pid, "STOP")?;
    let monitor = thread::scope(|scope| {
        let monitor = scope.spawn(|| fixture.monitor(0));
        // After the first scan, but well before the end of the two seconds.
        let agent = fixture.wait_for_sleeping_agent("monitor")?;
        fixture.wait_until("the monitor to have looked for half a second", |fixture| {
            let uptime = fixture.node.read("/proc/uptime")?;
            let age = uptime_ticks(&uptime).saturating_sub(agent.start_time);
            Ok(if age >= 50 { Ok(()) } else { Err(format!("{age} ticks old")) })
        })?;
        fixture.signal(pid, "CONT")?;
        monitor.join().expect("the monitor's thread does not panic")
    })?;
    monitor.assert_exit_code(OCF_SUCCESS).assert_no_output();
    Ok(())
}

/// A start replaces a stopped pico (SIGSTOP), whatever code mzsh would return for the old instance.
#[test]
fn start_replaces_sigstopped_pico_for_any_mzsh_code() -> TestResult {
    for code in ["255", "1"] {
        let fixture =
            fixture(AgentKind::Platform).set(&format!("old_instance_code={code}")).build()?;
        let hung = fixture.start()?.pid;
        fixture.signal(hung, "STOP")?;
        fixture.agent().run("start")?.assert_exit_code(OCF_SUCCESS);
        assert_ne!(fixture.single_pico("platform")?.pid, hung);
        fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    }
    Ok(())
}

/// A real JVM that is stopped (SIGSTOP), and so cannot dump its threads, has failed. A stop ends it.
#[test]
fn sigstopped_real_jvm_fails_and_is_ended_by_stop() -> TestResult {
    let fixture = fixture(AgentKind::Platform).jvm().build()?;
    let jvm = fixture.start()?;
    assert!(jvm.threads > 5, "a real one: {jvm:?}");
    fixture.signal(jvm.pid, "STOP")?;
    fixture
        .monitor(0)?
        .assert_exit_code(OCF_ERR_GENERIC)
        .assert_reason(&["hung", &format!("pid {} ", jvm.pid)]);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}

/// A real JVM that a debugger holds (t) is alive: a monitor answers 0 with a warning in the log, or
/// "degraded" from the second time on where that is configured. A stop ends the JVM although it makes no
/// progress.
#[test]
fn traced_jvm_is_alive_with_warning_and_ended_by_stop() -> TestResult {
    for real in [true, false] {
        let fixture = fixture(AgentKind::Platform).real_jvm(real).build()?;
        let jvm = fixture.start()?;
        fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        fixture.attach_debugger(&jvm)?;
        for ran in [fixture.monitor(0)?, fixture.monitor(10)?, fixture.probe()?] {
            ran.assert_exit_code(OCF_SUCCESS).assert_no_output();
        }
        let log = fixture.log()?;
        assert!(
            log.contains(&format!("pid {} ", jvm.pid)) && log.contains("traced by a debugger (t)"),
            "{log}"
        );
        let strict = || fixture.recurring_monitor(0).param("degraded", "yes").run("monitor");
        strict()?.assert_exit_code(OCF_DEGRADED).assert_reason(&[
            "platform",
            "debugger",
            &format!("pid {} ", jvm.pid),
        ]);
        assert_eq!(fixture.mzsh_call_count("")?, 1, "nothing was asked of it but its startup");
        fixture
            .agent()
            .meta_timeout(Duration::from_secs(12))
            .run("stop")?
            .assert_exit_code(OCF_SUCCESS);
        assert!(fixture.pico_processes("platform")?.is_empty());
        fixture.wait_until("the debugger to end, which has nothing left to hold", |fixture| {
            let left = fixture.processes()?;
            Ok(if left.is_empty() { Ok(()) } else { Err(describe_processes(&left)) })
        })?;
    }
    Ok(())
}

/// A start replaces a pico under a debugger that does not answer.
#[test]
fn start_replaces_traced_pico() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let held = fixture.start()?;
    fixture.attach_debugger(&held)?;
    let start = fixture
        .agent()
        .param("ha_timeout", "1")
        .param("ha_grace", "0")
        .param("monitor_retries", "0");
    start.meta_timeout(Duration::from_secs(40)).run("start")?.assert_exit_code(OCF_SUCCESS);
    assert_ne!(fixture.single_pico("platform")?.pid, held.pid);
    fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    Ok(())
}
