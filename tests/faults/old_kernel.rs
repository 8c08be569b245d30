//! A kernel without pidfds: RHEL 8 has version 4.18, and a container's system call filter may be older than
//! these calls.

use std::time::Duration;

use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, as_recurring_monitor, fixture};
use testkit::{AgentCall, TestResult};

use crate::jvm_death::assert_death_during_ha_check_is_reported;

/// The refusal of the kernel, and of a filter.
const REFUSAL_ERRNOS: [&str; 2] = ["ENOSYS", "EPERM"];

/// The interval of a schedule entry whose next monitor comes as soon as the last one has ended.
const SHORT_INTERVAL: Duration = Duration::from_millis(100);

fn agent_without_pidfds<'a>(fixture: &'a Fixture, refusal: &str) -> AgentCall<'a> {
    fixture.agent().on_old_kernel(refusal)
}

/// On a kernel without pidfds each action answers as on another: a start, an adopting start, monitors of each
/// depth, a probe and a stop. That holds for an absent pico, too.
#[test]
fn actions_without_pidfds_answer_as_with_pidfds() -> TestResult {
    for (kind, real) in [(AgentKind::Platform, true), (AgentKind::Ec, false)] {
        for refusal in REFUSAL_ERRNOS {
            let fixture = fixture(kind).real_jvm(real).build()?;
            agent_without_pidfds(&fixture, refusal)
                .run("monitor")?
                .assert_exit_code(OCF_NOT_RUNNING);
            agent_without_pidfds(&fixture, refusal).run("start")?.assert_exit_code(OCF_SUCCESS);
            let jvm = fixture.single_pico(fixture.pico())?;
            for level in [0, 10, 20] {
                as_recurring_monitor(agent_without_pidfds(&fixture, refusal), level)
                    .run("monitor")?
                    .assert_exit_code(OCF_SUCCESS)
                    .assert_no_output();
            }
            agent_without_pidfds(&fixture, refusal)
                .run("monitor")?
                .assert_exit_code(OCF_SUCCESS)
                .assert_no_output();
            fixture.sh(&format!("rm {}", fixture.record_path()))?;
            agent_without_pidfds(&fixture, refusal).run("start")?.assert_exit_code(OCF_SUCCESS);
            assert_eq!(fixture.single_pico(fixture.pico())?.pid, jvm.pid, "it was adopted");
            agent_without_pidfds(&fixture, refusal).run("stop")?.assert_exit_code(OCF_SUCCESS);
            assert_eq!(fixture.last_end_reason(fixture.pico())?.as_deref(), Some("shutdown"));
            fixture.assert_nothing_left()?;
            as_recurring_monitor(agent_without_pidfds(&fixture, refusal), 0)
                .run("monitor")?
                .assert_exit_code(OCF_NOT_RUNNING);
            agent_without_pidfds(&fixture, refusal)
                .run("stop")?
                .assert_exit_code(OCF_SUCCESS)
                .assert_no_output();
        }
    }
    Ok(())
}

/// On a kernel without pidfds a stop resumes a stopped pico (SIGSTOP) for its SIGTERM. It ends a pico that
/// ignores that by SIGKILL, in time, with its descendants.
#[test]
fn stop_without_pidfds_ends_sigstopped_and_signal_ignoring_pico() -> TestResult {
    for refusal in REFUSAL_ERRNOS {
        let fixture = fixture(AgentKind::Platform).build()?;
        let pid = fixture.start()?.pid;
        fixture.signal(pid, "STOP")?;
        as_recurring_monitor(agent_without_pidfds(&fixture, refusal), 0)
            .run("monitor")?
            .assert_exit_code(OCF_ERR_GENERIC)
            .assert_reason(&["hung"]);
        agent_without_pidfds(&fixture, refusal).run("stop")?.assert_exit_code(OCF_SUCCESS);
        assert_eq!(fixture.last_end_reason("platform")?.as_deref(), Some("signal"));
        fixture.assert_nothing_left()?;

        let steps = "ignore TERM HUP INT\nrun exec sleep 1000001\nrun exec setsid sleep 1000001";
        fixture.start_fake_pico("platform", steps)?;
        fixture.wait_for_process(&["sleep", "1000001"])?;
        let stop = agent_without_pidfds(&fixture, refusal)
            .meta_timeout(Duration::from_secs(12))
            .run("stop")?
            .assert_exit_code(OCF_SUCCESS);
        assert!(stop.wall_time < Duration::from_secs(11), "{stop}");
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// On a kernel without pidfds an mzsh that hangs in startup, status or shutdown is ended in time with its
/// descendants.
#[test]
fn hung_mzsh_without_pidfds_is_ended_in_time() -> TestResult {
    let hangs = "sleep 1000001 & exec sleep 1000001";
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.override_mzsh_verb("startup", hangs)?;
    let timeout = Duration::from_secs(8);
    let start = agent_without_pidfds(&fixture, "ENOSYS")
        .meta_timeout(timeout)
        .run("start")?
        .assert_exit_code(OCF_ERR_GENERIC);
    assert!(start.assert_reason(&["mzsh startup timed out"]).wall_time < timeout);
    fixture.assert_nothing_left()?;
    let fixture = testkit::fixture::fixture(AgentKind::Platform).build()?;
    let jvm = fixture.start()?;
    fixture.override_mzsh_verb("status", hangs)?;
    let deep = as_recurring_monitor(agent_without_pidfds(&fixture, "ENOSYS"), 20)
        .param("mzsh_timeout", "1")
        .meta_timeout(timeout);
    assert!(deep.run("monitor")?.assert_exit_code(OCF_SUCCESS).wall_time < timeout);
    assert!(fixture.is_alive(&jvm)?);
    fixture.override_mzsh_verb("shutdown", hangs)?;
    let stop = agent_without_pidfds(&fixture, "ENOSYS")
        .meta_timeout(timeout)
        .run("stop")?
        .assert_exit_code(OCF_SUCCESS);
    assert!(stop.wall_time < timeout, "{stop}");
    assert_eq!(
        fixture.last_end_reason("platform")?.as_deref(),
        Some("signal"),
        "SIGTERM had its time, too"
    );
    fixture.assert_nothing_left()
}

/// On a kernel without pidfds a monitor that may wait for a death answers at once, and the next one detects
/// the death.
#[test]
fn monitor_without_pidfds_answers_at_once_and_next_finds_death() -> TestResult {
    for refusal in REFUSAL_ERRNOS {
        let fixture = fixture(AgentKind::Platform).build()?;
        let pid = fixture.start()?.pid;
        let monitor = || {
            let row = agent_without_pidfds(&fixture, refusal)
                .param("wait", "25s")
                .interval(SHORT_INTERVAL)
                .check_level(0);
            row.meta_timeout(Duration::from_secs(60)).run("monitor")
        };
        for _ in 0..3 {
            let ran = monitor()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
            assert!(ran.wall_time < Duration::from_secs(10), "{ran}");
        }
        fixture.signal(pid, "KILL")?;
        monitor()?
            .assert_exit_code(OCF_NOT_RUNNING)
            .assert_reason(&["platform", &format!("pid {pid} ")]);
    }
    Ok(())
}

/// On a kernel without pidfds a JVM that dies during mzsh startup ends the start at once. One that dies while
/// its HA client waits for an answer is reported as not running at once.
#[test]
fn jvm_death_without_pidfds_ends_start_and_deep_monitor_at_once() -> TestResult {
    let fixture = fixture(AgentKind::Platform)
        .set("startup_timeout=40s")
        .set("platform.startup_outcome=dies")
        .build()?;
    let start = agent_without_pidfds(&fixture, "ENOSYS")
        .meta_timeout(Duration::from_secs(60))
        .run("start")?
        .assert_exit_code(OCF_ERR_GENERIC);
    assert!(start.wall_time < Duration::from_secs(30), "{start}");
    fixture.assert_nothing_left()?;
    fixture.set(&["platform.startup_outcome=ok"])?;
    let jvm = fixture.start()?;
    let agent = agent_without_pidfds(&fixture, "ENOSYS");
    assert_death_during_ha_check_is_reported(&fixture, &jvm, agent)?;
    fixture.assert_nothing_left()
}

/// On a kernel without pidfds validate-all at level 10 warns and does not fail, and the log of a start has
/// the warning. On another kernel there is no such warning.
#[test]
fn missing_pidfds_are_reported_by_validate_all_and_start_log() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    for refusal in REFUSAL_ERRNOS {
        let ran = agent_without_pidfds(&fixture, refusal)
            .check_level(10)
            .run("validate-all")?
            .expect_code(OCF_SUCCESS)?;
        let line = ran
            .stderr
            .lines()
            .find(|line| line.starts_with("WARNING: kernel: no pidfd_open (Linux "));
        assert!(line.is_some_and(|line| line.contains("not at once")), "{ran}");
        agent_without_pidfds(&fixture, refusal).run("start")?.assert_exit_code(OCF_SUCCESS);
        assert!(fixture.log()?.contains("kernel: no pidfd_open"), "{}", fixture.log()?);
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    }
    let ran = fixture.agent().check_level(10).run("validate-all")?.expect_code(OCF_SUCCESS)?;
    assert!(!ran.stderr.contains("kernel"), "{ran}");
    Ok(())
}
