//! What the agents rely on, of all that Pacemaker does with an answer: each line of the contract that says "never answer this there" is one
//! outcome here, decided by Pacemaker's own scheduler on the configuration of the README.
//!
//! The outcomes are simulated once for all tests. Where a test is about both subjects, it holds for the Platform in its group and
//! for an EC alone.

mod promises;

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use lab::simulation::{Answer, Occasion, Outcome, Subject, golden, simulate};
use testkit::{Generation, Programs};

static OUTCOMES: LazyLock<Result<Vec<Outcome>, String>> =
    LazyLock::new(|| Programs::all().and_then(|programs| simulate(&programs)).map_err(|e| e.to_string()));

/// All outcomes.
fn all() -> &'static [Outcome] {
    OUTCOMES.as_deref().unwrap_or_else(|error| panic!("{error}"))
}

/// What comes of one answer.
#[track_caller]
fn outcome(subject: Subject, occasion: Occasion, code: u8) -> &'static Outcome {
    let answer = Answer { subject, occasion, code };
    all().iter().find(|outcome| outcome.answer == answer).unwrap_or_else(|| panic!("{answer}: not simulated"))
}

/// Every outcome is as it is committed, for the table of docs/in-the-cluster.md.
#[test]
fn decisions_are_those_that_are_committed() {
    let file = golden::file(Generation::under_test());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let committed = fs::read_to_string(root.join(&file)).unwrap_or_default();
    let now = golden::text(all());
    let difference = committed.lines().zip(now.lines()).find(|(was, is)| was != is);
    assert_eq!(
        (difference, committed.lines().count()),
        (None, now.lines().count()),
        "what Pacemaker decides differs from {file}: is that intended? cargo xtask gen --decisions writes it, with {}={} in its environment",
        testkit::generation::VARIABLE,
        Generation::under_test().name()
    );
}
