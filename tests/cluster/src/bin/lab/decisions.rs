//! docs/design/in-the-cluster.md: Pacemaker's decision on each answer of an agent, and the
//! decisions on which the agents rely.
//!
//! The tables come from the committed outcomes ([`golden`]), so every machine can check the page.
//! Where Pacemaker's tools are installed, the suite `simulations` checks that these are Pacemaker's
//! decisions. The sentences are the doc comments of that suite's tests.

use std::fs;

use devtools::cases::{self, TestCase};
use devtools::markdown::table;
use devtools::workspace::{self, Workspace};
use devtools::{TaskError, packages};
use lab::simulation::golden::RecordedOutcome;
use lab::simulation::{
    EXIT_CODES, SimulatedAnswer, SimulatedOperation, SimulatedResource, golden, simulate,
};
use testkit::prerequisites;
use testkit::{Generation, Programs};

const PROMISES_FILE: &str = "tests/cluster/simulations/pacemaker_contract.rs";

const HEAD: &str = "\
<!-- Made by `cargo xtask gen` from tests/cluster/simulations: change those. -->

# What the cluster makes of an answer

For operators who ask why the cluster restarted, moved or fenced something, and for authors of agents: what Pacemaker does with each exit \
code of an agent, on each occasion.

Pacemaker's own scheduler decided this (`crm_simulate`, 2.1.5 as on Debian 12), on the configuration of the README with fencing. The suite \
`simulations` asks it again. The Platform is on n1, in a group with its storage and its address, and n2 may have it. The EC is alone, on n3, \
and n2 may have it. \"Banned\" means: it does not run there again until a cleanup, or until `failure-timeout`. The stop is that of a \
recovery: a monitor has answered 1. Without fencing, Pacemaker resets the `on-fail=fence` of the README to `stop`. It then only tries the \
same stop once more, and here that fails each time. [`decisions.txt`](../../tests/cluster/simulations/decisions.txt) has what else is \
stopped or moved meanwhile. [behaviour.md](../evidence/behaviour.md) has when the agents give which answer.

## What the agents rely on
";

const DIFFERENCES_HEAD: &str = "\
## What Pacemaker 3.0 makes otherwise

With Debian 13's all else is the same: what comes of an answer, and each step that is wanted at once. Where only steps differ, they stand in brackets.

";

const FOOT: &str = "
Next: [when each agent gives which code](../evidence/behaviour.md#exit-codes), and [what to do then](../operate/troubleshooting.md).
";

/// Runs Pacemaker's scheduler, writes the outcomes to a file, and returns the file's name.
pub(crate) fn record_decisions() -> Result<String, TaskError> {
    packages::require(
        "a simulation",
        &[prerequisites::SANDBOX, prerequisites::SIMULATIONS].concat(),
    )?;
    let outcomes =
        simulate(&Programs::with_simulator()?.add_agents(&Workspace::read()?.release_dir())?)?;
    let name = golden::file_path(Generation::from_environment());
    let path = workspace::root().join(&name);
    fs::write(&path, golden::format_outcomes(&outcomes))
        .map_err(TaskError::file("write", &path))?;
    Ok(name)
}

pub(crate) fn page() -> Result<String, TaskError> {
    let promises = cases::read_file("pacemaker_contract", &workspace::root().join(PROMISES_FILE))?;
    let promises = promises.cases.iter().map(|case| {
        let TestCase { name, proves, .. } = case;
        format!("- {} (`{name}`)", proves.trim_end_matches('.'))
    });
    let promises = promises.collect::<Vec<_>>().join("\n");
    let (told, told_by_3) =
        (read_recorded(Generation::Machine)?, read_recorded(Generation::Debian13)?);
    // The order is that of all answers: by resource, then operation, then code.
    let of_subject = told.chunks(SimulatedOperation::ALL.len() * EXIT_CODES.len());
    let tables: Vec<String> = SimulatedResource::ALL
        .iter()
        .zip(of_subject)
        .map(|(subject, told)| section(*subject, told))
        .collect();
    Ok(format!(
        "{HEAD}\n{promises}\n\n{}\n{}{FOOT}",
        tables.join("\n"),
        differences(&told, &told_by_3)
    ))
}

/// The committed outcomes of a generation: every answer, in the order of all answers.
fn read_recorded(generation: Generation) -> Result<Vec<RecordedOutcome>, TaskError> {
    let path = workspace::root().join(golden::file_path(generation));
    let told =
        golden::parse_outcomes(&fs::read_to_string(&path).map_err(TaskError::file("read", &path))?);
    let complete = check_complete(told, &SimulatedAnswer::all());
    complete.map_err(|said| TaskError::Unreadable { what: path.display().to_string(), said })
}

/// Fails unless the outcomes are those of exactly these answers.
fn check_complete(
    told: Vec<RecordedOutcome>,
    answers: &[SimulatedAnswer],
) -> Result<Vec<RecordedOutcome>, String> {
    let mut rows = told.iter();
    for answer in answers {
        let heading = golden::heading(answer.subject, answer.occasion);
        if rows.next().is_none_or(|row| (&row.heading, row.code) != (&heading, answer.code)) {
            return Err(format!("[{heading}] {} is missing, or not in its place", answer.code));
        }
    }
    match rows.next() {
        Some(row) => {
            Err(format!("[{}] {} is there, and nobody asks for it", row.heading, row.code))
        }
        None => Ok(told),
    }
}

/// The differences of another Pacemaker. Both lists have the same answers in the same order.
fn differences(told: &[RecordedOutcome], by_3: &[RecordedOutcome]) -> String {
    let rows = told.iter().zip(by_3).filter(|(one, other)| one != other).map(|(one, other)| {
        vec![
            one.heading.clone(),
            one.code.to_string(),
            describe_difference(one, other),
            describe_difference(other, one),
        ]
    });
    DIFFERENCES_HEAD.to_owned() + &table(&["when", "code", "Pacemaker 2.1", "Pacemaker 3.0"], rows)
}

/// Describes an outcome in contrast to another. If their texts are equal, it shows the steps that
/// the other lacks.
fn describe_difference(one: &RecordedOutcome, other: &RecordedOutcome) -> String {
    if one.words != other.words {
        return one.words.clone();
    }
    let own: Vec<&str> =
        one.steps.iter().filter(|step| !other.steps.contains(step)).map(String::as_str).collect();
    format!(
        "{} ({})",
        one.words,
        if own.is_empty() { "no step of its own".to_owned() } else { own.join("; ") }
    )
}

/// The outcomes of one resource's answers: a row for each code, a column for each operation.
fn section(subject: SimulatedResource, told: &[RecordedOutcome]) -> String {
    let title = match subject {
        SimulatedResource::Platform => "The Platform, in its group",
        SimulatedResource::Ec => "An EC, alone",
    };
    let occasions = SimulatedOperation::ALL.map(|occasion| occasion.describe(subject));
    let heads: Vec<&str> =
        std::iter::once("code").chain(occasions.iter().map(String::as_str)).collect();
    let rows = EXIT_CODES.iter().enumerate().map(|(at, code)| {
        let cells = told.iter().skip(at).step_by(EXIT_CODES.len()).map(|told| told.words.clone());
        std::iter::once(code.to_string()).chain(cells).collect()
    });
    format!("## {title}\n\n{}", table(&heads, rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODES_HERE: [u8; 2] = [0, 1];

    fn answers() -> Vec<SimulatedAnswer> {
        let (subject, occasion) = (SimulatedResource::Ec, SimulatedOperation::Monitor);
        CODES_HERE.map(|code| SimulatedAnswer { subject, occasion, code }).to_vec()
    }

    fn rows() -> Vec<RecordedOutcome> {
        let heading = golden::heading(SimulatedResource::Ec, SimulatedOperation::Monitor);
        let row = |code| RecordedOutcome {
            heading: heading.clone(),
            code,
            words: "moved".to_owned(),
            steps: Vec::new(),
        };
        CODES_HERE.map(row).to_vec()
    }

    #[test]
    fn missing_or_unknown_row_is_an_error() {
        assert_eq!(check_complete(rows(), &answers()).as_ref(), Ok(&rows()));
        let missing = check_complete(rows()[..1].to_vec(), &answers());
        assert_eq!(
            missing,
            Err("[mz-ec1: monitor on n3] 1 is missing, or not in its place".to_owned())
        );
        let more = check_complete(rows(), &answers()[..1]);
        assert_eq!(
            more,
            Err("[mz-ec1: monitor on n3] 1 is there, and nobody asks for it".to_owned())
        );
        let elsewhere = RecordedOutcome { heading: "another".to_owned(), ..rows().remove(0) };
        assert!(check_complete(vec![elsewhere, rows().remove(1)], &answers()).is_err());
    }

    #[test]
    fn difference_in_text_or_only_in_steps_is_shown() {
        let same = differences(&rows(), &rows());
        assert!(!same.contains("mz-ec1"), "{same}");
        let (mut words, mut steps) = (rows(), rows());
        words[0].words = "blocked".to_owned();
        steps[1].steps = vec!["recover mz-ec1 n3 -> n2".to_owned()];
        let told = differences(&rows(), &words);
        assert!(told.ends_with("| mz-ec1: monitor on n3 | 0 | moved | blocked |\n"), "{told}");
        let told = differences(&rows(), &steps);
        let row = "| mz-ec1: monitor on n3 | 1 | moved (no step of its own) | moved (recover mz-ec1 n3 -> n2) |\n";
        assert!(told.ends_with(row), "{told}");
    }
}
