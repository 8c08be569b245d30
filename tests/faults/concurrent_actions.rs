//! Two agents act on one pico at the same time.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, as_recurring_monitor, describe_processes, fixture};
use testkit::{NodeExitStatus, TestResult, TestkitError};

/// Two concurrent starts, by two resources that manage the same pico, make one JVM. Both succeed.
#[test]
fn concurrent_starts_make_one_pico() -> TestResult {
    let fixture = fixture(AgentKind::Platform).set("start_time=500ms").build()?;
    let (one, other) = thread::scope(|scope| {
        let one = scope.spawn(|| fixture.agent().run("start"));
        let other = fixture.agent().instance("other").run("start");
        (one.join().expect("the start's thread does not panic"), other)
    });
    one?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    other?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.single_pico("platform")?;
    assert_eq!(fixture.mzsh_call_count("startup")?, 1);
    Ok(())
}

/// A stop during a start of the same pico ends that start, its mzsh and its JVM, and succeeds.
#[test]
fn stop_during_start_ends_mzsh_and_jvm_of_the_start() -> TestResult {
    let fixture = fixture(AgentKind::Platform).set("startup_outcome=slow").build()?;
    let (start, stop) = thread::scope(|scope| {
        let start = scope.spawn(|| fixture.agent().run("start"));
        fixture.wait_until("the JVM of the start", |fixture| {
            let found = fixture.pico_processes("platform")?;
            Ok(if found.is_empty() {
                Err(describe_processes(&fixture.processes()?))
            } else {
                Ok(())
            })
        })?;
        let stop = fixture.stop()?;
        Ok::<_, TestkitError>((start.join().expect("the start's thread does not panic")?, stop))
    })?;
    stop.assert_exit_code(OCF_SUCCESS);
    // The start held the lock of this pico.
    assert_eq!(start.exit_status, NodeExitStatus::Signal(9), "{start}");
    fixture.assert_nothing_left()
}

/// A stop that waits for a start uses the record that the start has written at its end, not the record from
/// when the stop was called.
#[test]
fn stop_waiting_for_start_uses_record_written_by_the_start() -> TestResult {
    // The process is there all the while, and only mzsh knows that it is the pico.
    let fixture = fixture(AgentKind::Platform).set("start_time=2s").build()?;
    let odd = || fixture.agent().param("process_match", "no-such-process");
    let (start, stop) = thread::scope(|scope| {
        let start = scope.spawn(|| odd().meta_timeout(Duration::from_secs(60)).run("start"));
        fixture.wait_until("the JVM of the start", |fixture| {
            let found = fixture.pico_processes("platform")?;
            Ok(if found.is_empty() {
                Err(describe_processes(&fixture.processes()?))
            } else {
                Ok(())
            })
        })?;
        // A tenth of this is more than the start needs.
        let stop = odd().meta_timeout(Duration::from_secs(300)).run("stop")?;
        Ok::<_, TestkitError>((start.join().expect("the start's thread does not panic")?, stop))
    })?;
    start.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["process_match"]);
    stop.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}

/// A start during a stop of the same pico waits for the stop and then brings the pico up again. That holds
/// for the same resource and for another one that manages the same pico.
#[test]
fn start_during_stop_waits_and_then_starts_pico() -> TestResult {
    // Without an HA check only the lock shows that the pico is being stopped.
    for (instance, real, ha_check) in [("platform", true, "auto"), ("other", false, "no")] {
        let fixture = fixture(AgentKind::Platform)
            .real_jvm(real)
            .set("stop_time=1s")
            .set("shutdown_retry=5s")
            .build()?;
        let old = fixture.start()?;
        let (stop, start) = fixture.run_during(
            || fixture.stop(),
            |fixture| {
                fixture.wait_for_mzsh_calls("shutdown", 1)?;
                let start = fixture.agent().instance(instance).param("ha_check", ha_check);
                start.meta_timeout(Duration::from_secs(60)).run("start")
            },
        )?;
        stop.assert_exit_code(OCF_SUCCESS);
        start.assert_exit_code(OCF_SUCCESS).assert_no_output();
        assert_ne!(fixture.single_pico("platform")?.pid, old.pid);
        fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        assert_eq!(fixture.mzsh_call_count("startup")?, 2);
    }
    Ok(())
}

/// Two concurrent stops both succeed, and neither does before the pico is gone.
#[test]
fn concurrent_stops_succeed_only_after_pico_is_gone() -> TestResult {
    for (instance, orderly) in [("platform", true), ("other", true), ("other", false)] {
        let fixture = fixture(AgentKind::Platform)
            .set("stop_time=700ms")
            .set(&format!("sigterm_orderly={orderly}"))
            .build()?;
        fixture.start()?;
        let stop = |instance| {
            let stop =
                fixture.agent().instance(instance).run("stop")?.assert_exit_code(OCF_SUCCESS);
            assert!(fixture.pico_processes("platform")?.is_empty(), "{stop}");
            Ok::<_, TestkitError>(stop)
        };
        fixture.run_during(
            || stop("platform"),
            |fixture| {
                fixture.wait_for_mzsh_calls("shutdown", 1)?;
                stop(instance).map(drop)
            },
        )?;
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// A stop by another resource that manages the same pico ends a start in progress, as a stop by the same
/// resource does.
#[test]
fn stop_by_another_resource_ends_start_of_same_pico() -> TestResult {
    for detached in [true, false] {
        let fixture = fixture(AgentKind::Platform).jvm().set("startup_outcome=slow");
        let fixture = fixture.set(&format!("jvm_detached={detached}")).build()?;
        let (start, stop) = fixture.run_during(
            || fixture.agent().run("start"),
            |fixture| {
                fixture.wait_for_pico()?;
                fixture.agent().instance("other").run("stop")
            },
        )?;
        stop.assert_exit_code(OCF_SUCCESS);
        assert_eq!(
            start.exit_status,
            NodeExitStatus::Signal(9),
            "it held the lock of this pico: {start}"
        );
        fixture.assert_nothing_left()?;
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    }
    Ok(())
}

/// Runs monitors and probes, of this resource and of another one for the same pico, until `over`. None
/// answers "not running" while a JVM or its startup lives, or "running" while there is neither.
fn check_monitors_until(fixture: &Fixture, over: impl Fn() -> bool) -> TestResult {
    let alive = || -> Result<(Vec<u32>, bool), TestkitError> {
        let jvms: Vec<u32> =
            fixture.pico_processes("platform")?.iter().map(|process| process.pid).collect();
        let any = !jvms.is_empty() || fixture.startup_process_count()? > 0;
        Ok((jvms, any))
    };
    let mut round = 0;
    // At least six rounds: a slow machine may have no time for them before the end.
    while !over() || round < 6 {
        let before = alive()?;
        let instance = ["platform", "other"][round / 3 % 2];
        let ran = match round % 3 {
            0 => as_recurring_monitor(fixture.agent().instance(instance), 0).run("monitor")?,
            1 => as_recurring_monitor(fixture.agent().instance(instance), 10).run("monitor")?,
            _ => fixture.agent().instance(instance).run("monitor")?,
        };
        round += 1;
        let after = alive()?;
        // If the state has changed meanwhile, both answers are correct.
        if before == after {
            // A start reports itself as under way from the moment that it has forked the future mzsh.
            let begins = ran.reason().is_some_and(|reason| reason.contains("start in progress"));
            let absent = ran.code() == Some(OCF_NOT_RUNNING);
            assert!(if before.1 { !absent } else { absent || begins }, "{before:?}: {ran}");
            assert!(ran.code() != Some(OCF_SUCCESS) || !before.0.is_empty(), "{before:?}: {ran}");
        }
    }
    Ok(())
}

/// Monitors of every kind during a start and a stop, by the same resource and by another one for the same
/// pico, always answer correctly. They disturb neither.
#[test]
fn monitors_during_start_and_stop_answer_correctly() -> TestResult {
    for detached in [true, false] {
        let fixture = fixture(AgentKind::Platform)
            .set("start_time=1200ms")
            .set("stop_time=800ms")
            .set("shutdown_retry=5s");
        let fixture = fixture.set(&format!("jvm_detached={detached}")).build()?;
        for action in ["start", "stop"] {
            let over = AtomicBool::new(false);
            let (ran, ()) = fixture.run_during(
                || {
                    let ran = fixture.agent().meta_timeout(Duration::from_secs(60)).run(action);
                    over.store(true, Relaxed);
                    ran
                },
                |fixture| check_monitors_until(fixture, || over.load(Relaxed)),
            )?;
            ran.assert_exit_code(OCF_SUCCESS).assert_no_output();
            assert_eq!(fixture.pico_processes("platform")?.len(), usize::from(action == "start"));
        }
        assert_eq!(
            (fixture.mzsh_call_count("startup")?, fixture.mzsh_call_count("shutdown")?),
            (1, 1)
        );
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// Neither a monitor nor a probe waits for a start that makes no progress. Each reports the start as under
/// way, and the start goes on.
#[test]
fn monitor_and_probe_do_not_wait_for_start() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.sh("mkfifo -m 666 /opt/gate")?;
    fixture
        .override_mzsh_verb("startup", "read _ </opt/gate; exec /opt/mz/bin/mzsh.true \"$@\"")?;
    let (start, ()) = fixture.run_during(
        || fixture.agent().meta_timeout(Duration::from_secs(120)).run("start"),
        |fixture| {
            fixture.wait_for_process(&[
                "/bin/sh",
                "/opt/mz/bin/mzsh",
                "startup",
                "-f",
                "platform",
            ])?;
            for ran in [fixture.monitor(0)?, fixture.monitor(10)?, fixture.probe()?] {
                ran.assert_exit_code(OCF_ERR_GENERIC)
                    .assert_reason(&["platform", "start in progress"]);
            }
            fixture.sh("echo >/opt/gate").map(drop)
        },
    )?;
    start.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    Ok(())
}

/// The start of one pico does not delay the start, the stop and the monitor of another pico of the same
/// installation.
#[test]
fn start_of_another_pico_delays_no_action() -> TestResult {
    let fixture = fixture(AgentKind::Ec).pico("ec2:ec").set("ec2.start_time=10m").build()?;
    let ec2 = || fixture.agent().param("pico_name", "ec2").instance("ec2");
    let (start, ()) = fixture.run_during(
        || ec2().meta_timeout(Duration::from_secs(60)).run("start"),
        |fixture| {
            fixture.wait_until("the JVM of ec2", |fixture| {
                let found = fixture.pico_processes("ec2")?;
                Ok(if found.is_empty() { Err("none".to_owned()) } else { Ok(()) })
            })?;
            fixture.start()?;
            fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
            fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
            assert_eq!(fixture.pico_processes("ec2")?.len(), 1, "it is still starting");
            ec2().run("stop")?.assert_exit_code(OCF_SUCCESS);
            Ok(())
        },
    )?;
    assert_eq!(start.exit_status, NodeExitStatus::Signal(9), "{start}");
    fixture.assert_nothing_left()
}
