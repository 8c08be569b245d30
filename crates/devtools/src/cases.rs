//! Families and cases of a test suite, parsed from its source.
//!
//! The parser reads line by line, which suffices for sources formatted by rustfmt. It does not find
//! tests from macros.

use std::fs;
use std::path::Path;

use crate::{TaskError, workspace};

pub const FAULT_SUITE: &str = "tests/faults";

/// A module of the suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestModule {
    pub module: String,
    /// The first sentence or line of its module doc.
    pub title: String,
    pub cases: Vec<TestCase>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestCase {
    /// The name in libtest: `module::function`.
    pub name: String,
    /// Its doc comment.
    pub proves: String,
    pub ignored: bool,
}

pub fn read_file(module: &str, path: &Path) -> Result<TestModule, TaskError> {
    Ok(parse_module(module, &read_text(path)?))
}

/// Reads a suite, in the module order of its main file.
pub fn read_suite(suite: &str) -> Result<Vec<TestModule>, TaskError> {
    let folder = workspace::root().join(suite);
    let main = read_text(&folder.join("main.rs"))?;
    let modules = main.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';'));
    modules
        .map(|module| {
            Ok(parse_module(module, &read_text(&folder.join(module).with_extension("rs"))?))
        })
        .collect()
}

fn read_text(path: &Path) -> Result<String, TaskError> {
    fs::read_to_string(path).map_err(TaskError::file("read", path))
}

fn parse_module(module: &str, source: &str) -> TestModule {
    let title = source.lines().find_map(|line| line.strip_prefix("//! ")).unwrap_or_default();
    TestModule {
        module: module.to_owned(),
        title: title.to_owned(),
        cases: parse_cases(module, source),
    }
}

/// The doc comment and the attributes above a function.
#[derive(Default)]
struct PrecedingLines<'a> {
    docs: Vec<&'a str>,
    test: bool,
    ignored: bool,
}

fn parse_cases(module: &str, source: &str) -> Vec<TestCase> {
    let mut cases = Vec::new();
    let mut above = PrecedingLines::default();
    let mut in_attribute = false;
    for line in source.lines().map(str::trim) {
        if in_attribute || line.starts_with("#[") {
            above.test |= line == "#[test]";
            above.ignored |= line.starts_with("#[ignore");
            in_attribute = !line.ends_with(']');
        } else if let Some(doc) = line.strip_prefix("///") {
            above.docs.push(doc.trim());
        } else {
            let PrecedingLines { docs, test, ignored } = std::mem::take(&mut above);
            let function = line.strip_prefix("fn ").and_then(|rest| rest.split('(').next());
            if let (true, Some(function)) = (test, function) {
                let name = format!("{module}::{function}");
                cases.push(TestCase { name, proves: docs.join(" "), ignored });
            }
        }
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_cases_are_parsed_with_doc_comment_and_ignore_attribute() {
        let source = "//! Pid files.\n//!\n//! Theory.\n\n/// Not a case.\nfn helper() -> Done {\n    Ok(())\n}\n\n\
            /// An empty one\n/// is no matter.\n#[test]\n#[ignore = \"until tomorrow\"]\nfn empty() -> Done {\n}\n\n\
            #[test]\n#[expect(\n    clippy::x,\n    reason = \"y\"\n)]\nfn silent() {\n}\n";
        let family = parse_module("pid_file", source);
        assert_eq!(family.title, "Pid files.");
        let case = |name: &str, proves: &str, ignored| TestCase {
            name: format!("pid_file::{name}"),
            proves: proves.to_owned(),
            ignored,
        };
        assert_eq!(
            family.cases,
            [case("empty", "An empty one is no matter.", true), case("silent", "", false)]
        );
    }
}
