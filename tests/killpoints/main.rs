//! Each action, killed at each of its system calls: what comes afterwards tells the truth, and nothing is left.
//!
//! An agent can be killed at any instruction: by Pacemaker's executor at the time-out, by the kernel's out-of-memory killer,
//! by a person. Between two system calls nothing changes that anybody else could see, so to kill it as it enters each
//! one is to kill it everywhere. Only the agent's own process is killed, as the executor does it; what it has started is
//! left to itself.
//!
//! For each point ([`point::Scenario`]): the site is brought to where the action begins, the action is killed, recurring
//! monitors and probes are asked until what it has left has come to rest (never 7 while a startup or a JVM lives, never 0
//! without a JVM; at rest exactly 0 or 7), and a stop answers 0, after which there is no process and no file but the
//! locks and the note of the last look that found nothing.
//! A start afterwards succeeds: before every point that begins with a running pico, and after every tenth of the others.

mod point;

use point::{From, Scenario};
use testkit::Done;
use testkit::site::Kind;

/// A start that has everything to do.
#[test]
fn start() -> Done {
    Scenario::new("start", From::Nothing).each_call()
}

/// One that also asks for the Platform first, and whose JVM stays in the session of mzsh.
#[test]
fn start_of_an_ec_whose_jvm_stays_in_the_session_of_mzsh() -> Done {
    Scenario::new("start", From::Nothing).of(Kind::Ec).set("jvm_detached=false").each_call()
}

/// One that finds a stopped pico, which it ends first. Every look at that takes two seconds, so not at each call.
#[test]
fn start_over_a_hung_pico() -> Done {
    Scenario::new("start", From::Hung).some_calls(30)
}

/// A stop that mzsh does.
#[test]
fn stop() -> Done {
    Scenario::new("stop", From::Running).each_call()
}

/// A stop that has to do it by signals.
#[test]
fn stop_without_mzsh() -> Done {
    Scenario::new("stop", From::WithoutMzsh).each_call()
}

/// The cheapest check, of a pico that the record names.
#[test]
fn monitor_at_depth_0() -> Done {
    Scenario::new("monitor", From::Running).recurring(0).each_call()
}

/// The check that asks the HA Monitor Server, of a pico that no record names.
#[test]
fn monitor_at_depth_10_that_adopts() -> Done {
    Scenario::new("monitor", From::Unknown).recurring(10).each_call()
}

/// A probe, of a pico that no record names.
#[test]
fn probe_that_adopts() -> Done {
    Scenario::new("monitor", From::Unknown).each_call()
}

/// Real JVMs are slower, and end otherwise: a start and a stop at twenty points each.
#[test]
fn start_and_stop_of_a_real_jvm() -> Done {
    Scenario::new("start", From::Nothing).jvm().some_calls(20)?;
    Scenario::new("stop", From::Running).jvm().some_calls(20)
}
