//! The committed outcomes: a file for each generation of Pacemaker in `tests/cluster/simulations`.
//! The suite compares it with Pacemaker's decisions on this machine. `cargo xtask gen` makes the
//! page `docs/design/in-the-cluster.md` from it.
//!
//! A heading in brackets names the resource and the operation. Below it each exit code has a short
//! result. The indented lines are all actions that the scheduler orders at once, so that a diff
//! shows any change.

use std::fmt::Write as _;

use testkit::Generation;

use super::{SimulatedOperation, SimulatedOutcome, SimulatedResource};

/// The path of a generation's file, from the root of the repository.
#[must_use]
pub fn file_path(generation: Generation) -> String {
    let name = match generation {
        Generation::Machine => "decisions",
        Generation::Debian13 => "decisions-debian-13",
    };
    format!("tests/cluster/simulations/{name}.txt")
}

const HEAD: &str = "\
What Pacemaker decides when an agent answers with an exit code. Made by `cargo xtask gen --decisions` with crm_simulate, on the
configuration of the README: see tests/cluster/src/simulation.rs.
";

const STEP_INDENT: &str = "    ";

/// A committed outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedOutcome {
    pub heading: String,
    pub code: u8,
    /// The result as text.
    pub words: String,
    /// Actions that the scheduler orders at once.
    pub steps: Vec<String>,
}

/// The heading of a resource and an operation.
#[must_use]
pub fn heading(subject: SimulatedResource, occasion: SimulatedOperation) -> String {
    format!("{}: {}", subject.resource(), occasion.describe(subject))
}

#[must_use]
pub fn format_outcomes(outcomes: &[SimulatedOutcome]) -> String {
    let mut text = HEAD.to_owned();
    let mut last = String::new();
    for outcome in outcomes {
        let heading = heading(outcome.answer.subject, outcome.answer.occasion);
        if heading != last {
            // Writing to a String can't fail.
            let _ = writeln!(text, "\n[{heading}]");
            last = heading;
        }
        let _ = writeln!(text, "{}: {}", outcome.answer.code, outcome.describe());
        for step in &outcome.steps {
            let _ = writeln!(text, "{STEP_INDENT}{step}");
        }
    }
    text
}

#[must_use]
pub fn parse_outcomes(text: &str) -> Vec<RecordedOutcome> {
    let mut told: Vec<RecordedOutcome> = Vec::new();
    let mut heading = "";
    for line in text.lines() {
        if let Some(inner) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            heading = inner;
        } else if let Some(step) = line.strip_prefix(STEP_INDENT) {
            if let Some(last) = told.last_mut() {
                last.steps.push(step.to_owned());
            }
        } else if let Some((code, words)) = line.split_once(": ")
            && let Ok(code) = code.parse()
        {
            told.push(RecordedOutcome {
                heading: heading.to_owned(),
                code,
                words: words.to_owned(),
                steps: Vec::new(),
            });
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::{SimulatedAnswer, TransitionStep};

    #[test]
    fn formatted_outcomes_are_parsed_unchanged() {
        let answer = |code| SimulatedAnswer {
            subject: SimulatedResource::Ec,
            occasion: SimulatedOperation::Monitor,
            code,
        };
        let well = SimulatedOutcome {
            answer: answer(0),
            steps: Vec::new(),
            stopped: Vec::new(),
            started: Vec::new(),
            runs_on: vec!["n3".to_owned()],
            blocked: false,
            repeated: false,
            listed: false,
            banned: Vec::new(),
        };
        let step = TransitionStep {
            action: "recover".to_owned(),
            target: "mz-ec1".to_owned(),
            nodes: ("n3".to_owned(), "n2".to_owned()),
            reason: None,
            blocked: false,
        };
        let (n2, n3) = (vec!["n2".to_owned()], vec!["n3".to_owned()]);
        let moved = SimulatedOutcome {
            answer: answer(5),
            steps: vec![step],
            stopped: n3.clone(),
            started: n2.clone(),
            runs_on: n2,
            banned: n3,
            listed: true,
            ..well.clone()
        };
        let degraded = SimulatedOutcome { answer: answer(190), listed: true, ..well.clone() };
        let told = parse_outcomes(&format_outcomes(&[well, moved, degraded]));
        let words: Vec<(u8, &str)> =
            told.iter().map(|told| (told.code, told.words.as_str())).collect();
        assert_eq!(
            words,
            [
                (0, "runs on n3"),
                (5, "stopped on n3, started on n2; n3 banned"),
                (190, "runs on n3; listed as failed"),
            ]
        );
        let steps: Vec<usize> = told.iter().map(|told| told.steps.len()).collect();
        assert_eq!(
            (steps, told[1].steps.join("\n")),
            (vec![0, 1, 0], "recover mz-ec1 n3 -> n2".to_owned())
        );
        assert!(told.iter().all(|told| told.heading == "mz-ec1: monitor on n3"));
    }
}
