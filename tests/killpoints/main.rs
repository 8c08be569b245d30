//! Each action, killed at each of its system calls: all later answers are right, and nothing is left.
//!
//! An agent can be killed at any instruction: by Pacemaker's executor at the timeout, by the kernel's
//! out-of-memory killer, by a person. Between two system calls no visible state changes, so a kill at the
//! entry of each call covers every instruction. Only the agent's own process is killed, as the executor does
//! it; its descendants go on.
//!
//! For each point ([`kill_scenario::KillScenario`]) the fixture gets its initial state, and the action is
//! killed. Recurring monitors and probes run until the remaining processes have settled (never 7 while a
//! startup or a JVM lives, never 0 without a JVM; when settled exactly 0 or 7). A stop answers 0, after which
//! there is no process and no file but the locks and the note of the last scan that found nothing. A start
//! afterwards succeeds: before every point that begins with a running pico, and after every tenth of the
//! others.

mod kill_scenario;

use kill_scenario::{InitialState, KillScenario};
use testkit::TestResult;
use testkit::fixture::AgentKind;

/// A start with all its steps.
#[test]
fn start_killed_at_each_syscall() -> TestResult {
    KillScenario::new("start", InitialState::NotRunning).kill_at_each_call()
}

/// A start that also waits for the Platform first, and whose JVM stays in the session of mzsh.
#[test]
fn start_of_ec_in_mzsh_session_killed_at_each_syscall() -> TestResult {
    KillScenario::new("start", InitialState::NotRunning)
        .with_kind(AgentKind::Ec)
        .with_setting("jvm_detached=false")
        .kill_at_each_call()
}

/// A start that first ends a stopped pico. Every check of that takes two seconds, so not at each call.
#[test]
fn start_over_sigstopped_pico_killed_at_30_syscalls() -> TestResult {
    KillScenario::new("start", InitialState::Sigstopped).kill_at_some_calls(30)
}

/// A stop by mzsh.
#[test]
fn stop_killed_at_each_syscall() -> TestResult {
    KillScenario::new("stop", InitialState::Running).kill_at_each_call()
}

/// A stop by signals.
#[test]
fn stop_without_mzsh_killed_at_each_syscall() -> TestResult {
    KillScenario::new("stop", InitialState::RunningWithoutMzsh).kill_at_each_call()
}

/// The cheapest check, of a recorded pico.
#[test]
fn monitor_depth_0_killed_at_each_syscall() -> TestResult {
    KillScenario::new("monitor", InitialState::Running).recurring_monitor(0).kill_at_each_call()
}

/// A monitor that queries the HA Monitor Server of an unrecorded pico.
#[test]
fn adopting_monitor_depth_10_killed_at_each_syscall() -> TestResult {
    KillScenario::new("monitor", InitialState::RunningUnrecorded)
        .recurring_monitor(10)
        .kill_at_each_call()
}

/// A probe of an unrecorded pico.
#[test]
fn adopting_probe_killed_at_each_syscall() -> TestResult {
    KillScenario::new("monitor", InitialState::RunningUnrecorded).kill_at_each_call()
}

/// Real JVMs are slower, and end otherwise: a start and a stop at twenty points each.
#[test]
fn start_and_stop_of_real_jvm_killed_at_20_syscalls() -> TestResult {
    KillScenario::new("start", InitialState::NotRunning).with_real_jvm().kill_at_some_calls(20)?;
    KillScenario::new("stop", InitialState::Running).with_real_jvm().kill_at_some_calls(20)
}
