//! Decisions of Pacemaker on which the agents rely. Each line of the contract that says "never answer this
//! there" is one outcome here, decided by Pacemaker's own scheduler on the README's configuration.
//!
//! The outcomes are simulated once for all tests. A test of both resources holds for the Platform in its
//! group and for an EC alone.

mod pacemaker_contract;

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use lab::simulation::{
    SimulatedAnswer, SimulatedOperation, SimulatedOutcome, SimulatedResource, golden, simulate,
};
use testkit::{Generation, Programs};

static OUTCOMES: LazyLock<Result<Vec<SimulatedOutcome>, String>> = LazyLock::new(|| {
    Programs::with_agents().and_then(|programs| simulate(&programs)).map_err(|e| e.to_string())
});

fn all_outcomes() -> &'static [SimulatedOutcome] {
    OUTCOMES.as_deref().unwrap_or_else(|error| panic!("{error}"))
}

/// The outcome of one answer.
#[track_caller]
fn outcome_of(
    subject: SimulatedResource,
    occasion: SimulatedOperation,
    code: u8,
) -> &'static SimulatedOutcome {
    let answer = SimulatedAnswer { subject, occasion, code };
    all_outcomes()
        .iter()
        .find(|outcome| outcome.answer == answer)
        .unwrap_or_else(|| panic!("{answer}: not simulated"))
}

/// Every outcome equals the committed one, from which the table of docs/design/in-the-cluster.md is made.
#[test]
fn simulated_outcomes_equal_committed_ones() {
    let file = golden::file_path(Generation::from_environment());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let committed = fs::read_to_string(root.join(&file)).unwrap_or_default();
    let now = golden::format_outcomes(all_outcomes());
    let difference = committed.lines().zip(now.lines()).find(|(was, is)| was != is);
    assert_eq!(
        (difference, committed.lines().count()),
        (None, now.lines().count()),
        "what Pacemaker decides differs from {file}: is that intended? cargo xtask gen --decisions writes it, with {}={} in its environment",
        testkit::generation::GENERATION_VARIABLE,
        Generation::from_environment().name()
    );
}
