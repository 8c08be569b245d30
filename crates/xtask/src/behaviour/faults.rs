//! The fault table.

use devtools::cases::{TestCase, TestModule};
use devtools::markdown::table;

use crate::mutants::Mutant;

const HEAD: &str = "\
## Faults

Each case lays out a node of its own with a simulated MediationZone (or real JVMs), runs the agents as Pacemaker runs them, injects \
one fault, and takes its truth from /proc.
";

pub(super) fn section(families: &[TestModule], mutants: &[Mutant]) -> String {
    let heads = ["what it proves", "case", "it was seen to catch"];
    // A module without cases has only helpers.
    let parts = families.iter().filter(|family| !family.cases.is_empty()).map(|family| {
        let rows = family.cases.iter().map(|case| case_row(case, mutants));
        format!("\n### {}\n\n{}", family.title.trim_end_matches('.'), table(&heads, rows))
    });
    std::iter::once(HEAD.to_owned()).chain(parts).collect()
}

fn case_row(case: &TestCase, mutants: &[Mutant]) -> Vec<String> {
    let caught: Vec<&str> = mutants
        .iter()
        .filter(|mutant| mutant.caught_by.contains(&case.name))
        .map(|mutant| mutant.name.as_str())
        .collect();
    let not_run = if case.ignored { " (not run)" } else { "" };
    vec![case.proves.clone(), format!("`{}`{not_run}", case.name), caught.join("; ")]
}
