//! The table of mutants, `tests/faults/mutants.toml`, and the check against code and suite.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use devtools::cases::{FAULT_SUITE, TestCase, TestModule};
use devtools::{TaskError, workspace};
use serde::Deserialize;

/// One change to the agents that the suite must notice.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mutant {
    /// The mistake of the agents.
    pub(crate) name: String,
    /// The changed file, as a path in the repository.
    pub(crate) file: PathBuf,
    /// The text to replace; the file contains it exactly once.
    find: String,
    /// The replacement.
    replace: String,
    /// The cases that must fail, all of them.
    pub(crate) caught_by: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MutantTable {
    mutant: Vec<Mutant>,
}

pub(crate) fn read() -> Result<Vec<Mutant>, TaskError> {
    let path = workspace::root().join(FAULT_SUITE).join("mutants.toml");
    let text = fs::read_to_string(&path).map_err(TaskError::file("read", &path))?;
    let table: MutantTable = toml::from_str(&text).map_err(|e| TaskError::Unreadable {
        what: path.display().to_string(),
        said: e.to_string(),
    })?;
    Ok(table.mutant)
}

impl Mutant {
    /// The new text of the changed file below `root`, or the reason why there is none.
    pub(crate) fn mutated_text(&self, root: &Path) -> Result<String, String> {
        let text = fs::read_to_string(root.join(&self.file))
            .map_err(|e| format!("{}: {e}", self.file.display()))?;
        self.mutate(&text).map_err(|times| {
            format!(
                "its text stands {times} times in {}, not once: {}",
                self.file.display(),
                self.find
            )
        })
    }

    fn mutate(&self, text: &str) -> Result<String, usize> {
        match text.matches(&self.find).count() {
            1 => Ok(text.replacen(&self.find, &self.replace, 1)),
            times => Err(times),
        }
    }

    /// The problems of the cases that it names.
    pub(crate) fn case_errors(&self, suite: &[TestModule]) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.caught_by.is_empty() {
            wrong.push("names no case".to_owned());
        }
        for name in &self.caught_by {
            match cases(suite).find(|case| case.name == *name) {
                None => wrong.push(format!("unknown case {name}")),
                Some(case) if case.ignored => {
                    wrong.push(format!("{name} is ignored and catches nothing"));
                }
                Some(_) => {}
            }
        }
        wrong
    }
}

/// The cases that no mutant names, so nobody has shown that they can fail. Ignored cases are
/// exempt.
pub(crate) fn cases_without_mutant<'a>(
    mutants: &[Mutant],
    suite: &'a [TestModule],
) -> Vec<&'a str> {
    let named: BTreeSet<&String> = mutants.iter().flat_map(|mutant| &mutant.caught_by).collect();
    let not_named = cases(suite).filter(|case| !case.ignored && !named.contains(&case.name));
    not_named.map(|case| case.name.as_str()).collect()
}

fn cases(suite: &[TestModule]) -> impl Iterator<Item = &TestCase> {
    suite.iter().flat_map(|family| &family.cases)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mutant(find: &str, caught_by: &[&str]) -> Mutant {
        let caught_by = caught_by.iter().map(|&case| case.to_owned()).collect();
        let (name, find, replace) = ("x".to_owned(), find.to_owned(), "y".to_owned());
        Mutant { name, file: PathBuf::from("a.rs"), find, replace, caught_by }
    }

    #[test]
    fn text_that_is_not_unique_is_not_replaced() {
        assert_eq!(mutant("b", &[]).mutate("abc"), Ok("ayc".to_owned()));
        assert_eq!(mutant("b", &[]).mutate("abcb"), Err(2));
        assert_eq!(mutant("b", &[]).mutate(""), Err(0));
    }

    #[test]
    fn case_without_mutant_and_unknown_case_are_reported() {
        let case = |name: &str, ignored| TestCase {
            name: name.to_owned(),
            proves: "Something.".to_owned(),
            ignored,
        };
        let suite = [TestModule {
            module: "m".to_owned(),
            title: "M.".to_owned(),
            cases: vec![
                case("m::named", false),
                case("m::forgotten", false),
                case("m::later", true),
            ],
        }];
        let mutants = [mutant("b", &["m::named"])];
        assert_eq!(cases_without_mutant(&mutants, &suite), ["m::forgotten"]);
        assert_eq!(mutants[0].case_errors(&suite), Vec::<String>::new());
        assert_eq!(mutant("b", &["m::gone", "m::later"]).case_errors(&suite).len(), 2);
        assert_eq!(mutant("b", &[]).case_errors(&suite).len(), 1);
    }
}
