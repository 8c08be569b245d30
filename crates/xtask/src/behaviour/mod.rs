//! docs/evidence/behaviour.md: the agents' answers, from the code that decides them, and the fault
//! suite's evidence.
//!
//! The page has one source for each fact. The verdicts are those of `pico::verdict::judge`. The
//! faults are the doc comments of the cases. Beside each case stand the mutants of the agents that
//! it caught.

mod faults;

use devtools::TaskError;
use devtools::cases::{self, TestModule};

use crate::r#gen::example_output;
use crate::mutants;

const HEAD: &str = "\
<!-- Made by `cargo xtask gen` from the code and the tests: change those. -->

# How the agents behave

For operators who want to know what a line in `pcs status` means, and for whoever decides whether to trust it: what an agent answers in \
every situation, and how that was shown.

- [Is it running?](#is-it-running) One table: what is seen on the node, and what a monitor answers to it.
- [Exit codes](#exit-codes) What each action means by its answer.
- [Faults](#faults) Each fault that the suite in `tests/faults` injects, and what it proves. The last column names changes to the \
agents (`tests/faults/mutants.toml`) that the case was seen to catch: `cargo xtask mutants` makes each of them and wants the case \
to fail.
";

const FOOT: &str = "\
Next: [scenarios on real clusters](reliability.md), and [what Pacemaker makes of each answer](../design/in-the-cluster.md).
";

pub(crate) fn page() -> Result<String, TaskError> {
    let families = cases::read_suite(cases::FAULT_SUITE)?;
    let mutants = mutants::read()?;
    check_documented(&families)?;
    Ok([HEAD, &example_output("verdicts")?, &faults::section(&families, &mutants), FOOT].join("\n"))
}

/// Every module and every case must have a doc comment.
fn check_documented(families: &[TestModule]) -> Result<(), TaskError> {
    let silent = families.iter().filter(|family| family.title.is_empty());
    let mut missing: Vec<String> =
        silent.map(|family| format!("module {} has no head (//!)", family.module)).collect();
    let cases = families.iter().flat_map(|family| &family.cases);
    let silent = cases.filter(|case| case.proves.is_empty());
    missing.extend(silent.map(|case| format!("{} does not say what it proves (///)", case.name)));
    if missing.is_empty() { Ok(()) } else { Err(TaskError::InconsistentTable(missing)) }
}
