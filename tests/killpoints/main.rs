//! Each action, killed at each of its system calls: what comes afterwards tells the truth, and nothing is left.
//!
//! An agent can be killed at any instruction: by Pacemaker's executor at the time-out, by the kernel's out-of-memory killer,
//! by a person. Between two system calls nothing changes that anybody else could see, so to kill it as it enters each
//! one is to kill it everywhere. Only the agent's own process is killed, as the executor does it; what it has started is
//! left to itself.
//!
//! For each point ([`kill_scenario::KillScenario`]): the fixture is brought to where the action begins, the action is killed, recurring
//! monitors and probes are asked until what it has left has come to rest (never 7 while a startup or a JVM lives, never 0
//! without a JVM; at rest exactly 0 or 7), and a stop answers 0, after which there is no process and no file but the
//! locks and the note of the last look that found nothing.
//! A start afterwards succeeds: before every point that begins with a running pico, and after every tenth of the others.

mod kill_scenario;

use kill_scenario::{InitialState, KillScenario};
use testkit::TestResult;
use testkit::fixture::AgentKind;

/// A start that has everything to do.
#[test]
fn start_killed_at_each_syscall() -> TestResult {
    KillScenario::new("start", InitialState::NotRunning).kill_at_each_call()
}

/// One that also asks for the Platform first, and whose JVM stays in the session of mzsh.
#[test]
fn start_of_ec_in_mzsh_session_killed_at_each_syscall() -> TestResult {
    KillScenario::new("start", InitialState::NotRunning)
        .with_kind(AgentKind::Ec)
        .with_setting("jvm_detached=false")
        .kill_at_each_call()
}

/// One that finds a stopped pico, which it ends first. Every look at that takes two seconds, so not at each call.
#[test]
fn start_over_sigstopped_pico_killed_at_30_syscalls() -> TestResult {
    KillScenario::new("start", InitialState::Sigstopped).kill_at_some_calls(30)
}

/// A stop that mzsh does.
#[test]
fn stop_killed_at_each_syscall() -> TestResult {
    KillScenario::new("stop", InitialState::Running).kill_at_each_call()
}

/// A stop that has to do it by signals.
#[test]
fn stop_without_mzsh_killed_at_each_syscall() -> TestResult {
    KillScenario::new("stop", InitialState::RunningWithoutMzsh).kill_at_each_call()
}

/// The cheapest check, of a pico that the record names.
#[test]
fn monitor_depth_0_killed_at_each_syscall() -> TestResult {
    KillScenario::new("monitor", InitialState::Running).recurring_monitor(0).kill_at_each_call()
}

/// The check that asks the HA Monitor Server, of a pico that no record names.
#[test]
fn adopting_monitor_depth_10_killed_at_each_syscall() -> TestResult {
    KillScenario::new("monitor", InitialState::RunningUnrecorded).recurring_monitor(10).kill_at_each_call()
}

/// A probe, of a pico that no record names.
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
