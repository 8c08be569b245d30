//! The death of the JVM: whatever causes it, and whenever, the next answers are right.

use std::time::Duration;

use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, as_recurring_monitor, fixture};
use testkit::{AgentCall, NodeProcess, TestResult};

/// A killed JVM (SIGKILL) is not running for a probe and for a monitor of any depth, which names it. A stop
/// needs no mzsh for it, and a start starts another one.
#[test]
fn killed_jvm_is_not_running_and_can_be_restarted() -> TestResult {
    for (kind, real) in [
        (AgentKind::Platform, true),
        (AgentKind::Ec, true),
        (AgentKind::Sc, false),
        (AgentKind::Ui, false),
    ] {
        let fixture = fixture(kind).real_jvm(real).build()?;
        let mut pid = fixture.start()?.pid;
        for stop_first in [true, false] {
            fixture.signal(pid, "KILL")?;
            for level in [0, 10, 20] {
                let monitor = fixture.monitor(level)?.assert_exit_code(OCF_NOT_RUNNING);
                monitor.assert_reason(&[
                    fixture.pico(),
                    "not running",
                    &format!("pid {pid} "),
                    "exited",
                ]);
            }
            fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING).assert_reason(&["not running"]);
            if stop_first {
                fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
                assert_eq!(fixture.mzsh_call_count("shutdown")?, 0, "{kind:?}");
            }
            let next = fixture.start()?.pid;
            assert_ne!(next, pid);
            fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
            pid = next;
        }
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// Kills the JVM while the HA client of this agent waits for its answer.
pub(crate) fn assert_death_during_ha_check_is_reported(
    fixture: &Fixture,
    jvm: &NodeProcess,
    agent: AgentCall<'_>,
) -> TestResult {
    let java = fixture.install_fake_java("exec sleep 1000001")?;
    let deep = as_recurring_monitor(agent, 10).param("java_home", java).param("ha_timeout", "50");
    let deep = deep.meta_timeout(Duration::from_secs(120));
    let (monitor, ()) = fixture.run_during(
        || deep.run("monitor"),
        |fixture| {
            fixture.wait_for_process(&["sleep", "1000001"])?;
            fixture.signal(jvm.pid, "KILL")
        },
    )?;
    let monitor = monitor
        .assert_exit_code(OCF_NOT_RUNNING)
        .assert_reason(&["platform", &format!("pid {} ", jvm.pid)]);
    assert!(
        monitor.wall_time < Duration::from_secs(30),
        "it did not wait for the client: {monitor}"
    );
    Ok(())
}

/// A JVM that is killed while the HA client waits for its answer is reported as not running at once. The
/// client is ended.
#[test]
fn jvm_killed_during_ha_check_is_not_running() -> TestResult {
    for real in [false, true] {
        let fixture = fixture(AgentKind::Platform).real_jvm(real).build()?;
        let jvm = fixture.start()?;
        assert_death_during_ha_check_is_reported(&fixture, &jvm, fixture.agent())?;
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// A JVM that is killed during an `mzsh status` that hangs is reported as not running, in time.
#[test]
fn jvm_killed_during_mzsh_status_is_not_running() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let jvm = fixture.start()?;
    fixture.override_mzsh_verb("status", "exec sleep 1000001")?;
    let deep = fixture.recurring_monitor(20).meta_timeout(Duration::from_secs(6));
    let (monitor, ()) = fixture.run_during(
        || deep.run("monitor"),
        |fixture| {
            fixture.wait_for_process(&["sleep", "1000001"])?;
            fixture.signal(jvm.pid, "KILL")
        },
    )?;
    monitor
        .assert_exit_code(OCF_NOT_RUNNING)
        .assert_reason(&["platform", &format!("pid {} ", jvm.pid)]);
    fixture.assert_nothing_left()
}

/// A real JVM that is killed during its start ends the start at once, although mzsh would have waited.
#[test]
fn jvm_killed_during_start_ends_start_at_once() -> TestResult {
    for detached in [true, false] {
        let fixture = fixture(AgentKind::Ec).jvm().set("ec1.start_time=10m");
        let fixture = fixture.set(&format!("jvm_detached={detached}")).build()?;
        let start = || fixture.agent().meta_timeout(Duration::from_secs(120)).run("start");
        let (start, ()) = fixture.run_during(start, |fixture| {
            let jvm = fixture.wait_for_pico()?;
            fixture.wait_until_recorded(&jvm)?;
            fixture.signal(jvm.pid, "KILL")
        })?;
        // Either the agent sees the death first and names the JVM, or mzsh does.
        let start = start
            .assert_exit_code(OCF_ERR_GENERIC)
            .assert_reason(&["ec1", "mzsh startup: 1, the JVM failed"]);
        assert!(start.wall_time < Duration::from_secs(60), "{start}");
        fixture.assert_nothing_left()?;
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    }
    Ok(())
}

/// A JVM that dies after mzsh reported success, but before its HA Monitor Server answers, fails the start.
/// The record names it all that time, however quick mzsh was.
#[test]
fn jvm_dead_before_first_ha_answer_fails_start() -> TestResult {
    for real in [false, true] {
        let fixture = fixture(AgentKind::Platform).real_jvm(real).build()?;
        // Nothing listens at that port, so the start goes on asking.
        let start = || {
            fixture
                .agent()
                .param("ha_port", "25999")
                .meta_timeout(Duration::from_secs(120))
                .run("start")
        };
        let (start, jvm) = fixture.run_during(start, |fixture| {
            let jvm = fixture.wait_for_pico()?;
            fixture.wait_until("mzsh to be done", |fixture| {
                let ready = fixture
                    .history()?
                    .iter()
                    .any(|event| event.event == "ready" && event.pico == "platform");
                let startups = fixture.startup_process_count()?;
                Ok(if ready && startups == 0 {
                    Ok(())
                } else {
                    Err(format!("{startups} startups, ready: {ready}"))
                })
            })?;
            fixture.wait_until_recorded(&jvm)?;
            fixture.signal(jvm.pid, "KILL")?;
            Ok(jvm)
        })?;
        let start = start.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&[
            "platform",
            &format!("pid {} ", jvm.pid),
            "died",
        ]);
        assert!(start.wall_time < Duration::from_secs(60), "{start}");
        fixture.assert_nothing_left()?;
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    }
    Ok(())
}

/// A JVM that is killed while a stop waits for its orderly shutdown is stopped. The stop detects that and
/// succeeds, also where mzsh does not notice.
#[test]
fn jvm_killed_during_stop_is_stopped() -> TestResult {
    for mzsh_notices in [true, false] {
        let fixture = fixture(AgentKind::Platform)
            .jvm()
            .set("stop_time=10m")
            .set("shutdown_retry=10s")
            .build()?;
        let jvm = fixture.start()?;
        if !mzsh_notices {
            fixture.override_mzsh_verb("shutdown", "exec sleep 1000001")?;
        }
        let stop = || fixture.agent().meta_timeout(Duration::from_secs(120)).run("stop");
        let (stop, ()) = fixture.run_during(stop, |fixture| {
            if mzsh_notices {
                fixture.wait_for_mzsh_calls("shutdown", 1)?;
            } else {
                fixture.wait_for_process(&["sleep", "1000001"])?;
            }
            fixture.signal(jvm.pid, "KILL")
        })?;
        let stop = stop.assert_exit_code(OCF_SUCCESS);
        assert!(stop.wall_time < Duration::from_secs(60), "{stop}");
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// A killed real JVM that its parent does not reap (a zombie with one thread) is dead. Monitor and probe say
/// so, a stop succeeds, and a start starts another one.
#[test]
fn unreaped_zombie_jvm_is_dead() -> TestResult {
    for real in [true, false] {
        let fixture = fixture(AgentKind::Platform).real_jvm(real).build()?;
        let jvm = fixture.start_under_non_reaping_parent()?;
        fixture.agent().run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        assert_eq!(fixture.recorded_pid()?, Some(jvm.pid));
        fixture.signal(jvm.pid, "KILL")?;
        let all = fixture.node.processes()?;
        assert!(
            all.iter().any(|p| p.pid == jvm.pid && p.state == 'Z' && p.threads == 1),
            "{all:?}"
        );

        fixture
            .monitor(0)?
            .assert_exit_code(OCF_NOT_RUNNING)
            .assert_reason(&[&format!("pid {} ", jvm.pid), "exited"]);
        for level in [10, 20] {
            fixture.monitor(level)?.assert_exit_code(OCF_NOT_RUNNING);
        }
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
        fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        let next = fixture.start()?;
        fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        fixture.signal(next.pid, "KILL")?;
        fixture.sh(&format!("rm {}", fixture.record_path()))?;
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
        fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    }
    Ok(())
}

/// A pico that ignores SIGTERM is killed within the operation's timeout, and the stop succeeds only then.
#[test]
fn pico_ignoring_sigterm_is_killed_in_time() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let jvm = fixture.start_fake_pico("platform", "ignore TERM INT HUP QUIT")?;
    let stop = fixture
        .agent()
        .meta_timeout(Duration::from_secs(10))
        .run("stop")?
        .assert_exit_code(OCF_SUCCESS);
    assert!(!fixture.is_alive(&jvm)?, "{stop}");
    let log = fixture.log()?;
    assert!(log.contains(&format!("SIGKILL to pid {}", jvm.pid)), "{log}");
    fixture.assert_nothing_left()
}

/// A real JVM whose orderly shutdown hangs, and on which mzsh gives up (code 4), is killed within the
/// operation's timeout.
#[test]
fn jvm_hung_in_orderly_shutdown_is_killed_in_time() -> TestResult {
    for detached in [true, false] {
        let fixture =
            fixture(AgentKind::Sc).jvm().set("sc1.stop_time=10m").set("shutdown_failed=code-4");
        let fixture =
            fixture.set("shutdown_retry=20ms").set(&format!("jvm_detached={detached}")).build()?;
        let jvm = fixture.start()?;
        fixture
            .agent()
            .meta_timeout(Duration::from_secs(12))
            .run("stop")?
            .assert_exit_code(OCF_SUCCESS);
        let log = fixture.log()?;
        assert!(log.contains(&format!("SIGKILL to pid {}", jvm.pid)), "{log}");
        assert_eq!(fixture.last_end_reason("sc1")?, None, "it did not end in order");
        fixture.assert_nothing_left()?;
    }
    Ok(())
}
