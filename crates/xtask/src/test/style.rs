//! The gate "style": the rules of CONTRIBUTING.md that a program can check.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use devtools::{TaskError, workspace};

/// Words that outsiders do not know, and their replacements (docs/glossary.md). The check matches
/// whole words in any case.
const BANNED: &[(&str, &str)] = &[
    ("can't be told", "unknown"),
    ("cant_be_told", "unknown"),
    ("for want of memory", "OOM-killed"),
    ("go_on", "continues"),
    ("in_words", "describe"),
    ("leaderless", "zombie thread-group leader"),
    ("met_another", "superseded"),
    ("StillThere", "Survivor"),
    ("time-out", "timeout"),
    ("time-outs", "timeouts"),
    ("until_nothing", "stop escalation"),
    ("untold", "unresolved"),
];

/// Files that may use one of these words, or all of them: this file, and files that quote others.
const EXEMPT: &[(&str, Option<&str>)] = &[
    ("crates/xtask/src/test/style.rs", None),
    ("docs/glossary.md", None),
    (CHANGELOG, None),
    // A deprecated value in the output of `mzha health --json`.
    ("crates/mzha/src/health/mod.rs", Some("can't be told")),
    ("docs/other-managers/amazon.md", Some("can't be told")),
    ("tests/commands/health.rs", Some("can't be told")),
];

/// The changelog may name deleted files.
const CHANGELOG: &str = "CHANGELOG.md";

const MAX_FUNCTION_LINES: usize = 80;

const MAX_README_LINES: usize = 200;

/// Fails with a line for each finding.
pub(crate) fn check() -> Result<(), TaskError> {
    let root = workspace::root();
    let mut findings = Vec::new();
    let mut types: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in workspace::tracked_files(&["*.rs", "*.md", "*.sh", "*.xml"])? {
        let path = root.join(&name);
        // The file may be deleted but not committed.
        let Ok(text) = fs::read_to_string(&path) else { continue };
        findings.extend(banned(&name, &text));
        match path.extension().and_then(OsStr::to_str) {
            Some("rs") => {
                findings.extend(long_functions(&name, &text));
                for type_name in type_names(&text) {
                    types.entry(type_name).or_default().push(name.clone());
                }
            }
            Some("md") => findings.extend(page(&root, &name, &text)),
            _ => {}
        }
    }
    let twice = types.iter().filter(|(_, files)| files.len() > 1);
    findings.extend(
        twice.map(|(name, files)| {
            format!("type {name} exists more than once: {}", files.join(", "))
        }),
    );
    if findings.is_empty() { Ok(()) } else { Err(TaskError::InconsistentTable(findings)) }
}

fn page(root: &Path, name: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let lines = text.lines().count();
    if name == "README.md" && lines > MAX_README_LINES {
        findings.push(format!("{name} has {lines} lines, at most {MAX_README_LINES}"));
    }
    if name != CHANGELOG {
        let missing =
            paths(text).into_iter().filter(|path| is_source(path) && !root.join(path).exists());
        findings.extend(
            missing.map(|path| format!("{name} names {}, which does not exist", path.display())),
        );
    }
    findings
}

fn banned(file: &str, text: &str) -> Vec<String> {
    let is_exempt = |word: &str| {
        EXEMPT.iter().any(|(exempt, only)| *exempt == file && only.is_none_or(|only| only == word))
    };
    let here: Vec<_> = BANNED.iter().filter(|(word, _)| !is_exempt(word)).collect();
    let line_findings = |(number, line): (usize, &str)| {
        let lower = line.to_lowercase();
        let hits = here.iter().filter(|(word, _)| has_word(&lower, &word.to_lowercase()));
        hits.map(|(word, instead)| format!("{file}:{}: {word:?}: write {instead:?}", number + 1))
            .collect::<Vec<_>>()
    };
    text.lines().enumerate().flat_map(line_findings).collect()
}

fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, after) =
            (line[..at].chars().next_back(), line[at + word.len()..].chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// The functions above the limit, with their lengths. It relies on formatted code: the body ends at
/// the first closing brace with the indentation of its `fn`.
fn long_functions(file: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let function = |(start, line): (usize, &&str)| {
        let indent = line.len() - line.trim_start().len();
        let name = line.trim_start().split_once("fn ").filter(|(before, _)| {
            before.split(' ').all(|word| {
                matches!(word, "" | "pub" | "const" | "unsafe") || word.starts_with("pub(")
            })
        })?;
        let end = format!("{}}}", &line[..indent]);
        let length = lines[start..].iter().position(|line| *line == end)? + 1;
        let name = name.1.split(['(', '<']).next().unwrap_or_default();
        (length > MAX_FUNCTION_LINES).then(|| {
            format!(
                "{file}:{}: function {name} has {length} lines, at most {MAX_FUNCTION_LINES}",
                start + 1
            )
        })
    };
    lines.iter().enumerate().filter_map(function).collect()
}

/// The names of structs, enums and traits.
fn type_names(text: &str) -> Vec<String> {
    let name = |line: &str| {
        let line = line.trim_start();
        let line = line
            .strip_prefix("pub")
            .map_or(line, |rest| rest.split_once(' ').map_or(rest, |(_, rest)| rest));
        let rest =
            ["struct ", "enum ", "trait "].iter().find_map(|keyword| line.strip_prefix(keyword))?;
        let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        Some(rest[..end].to_owned()).filter(|name| name.starts_with(char::is_uppercase))
    };
    text.lines().filter_map(name).collect()
}

/// True for a path in this repository, false for a path on a node.
fn is_source(path: &Path) -> bool {
    path.starts_with("crates") || path.starts_with("tests")
}

/// The texts between backticks that contain a slash.
fn paths(map: &str) -> Vec<PathBuf> {
    let quoted = map.split('`').skip(1).step_by(2);
    quoted.filter(|text| text.contains('/') && !text.contains(' ')).map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banned_word_is_found_as_a_whole_word_in_any_case() {
        assert_eq!(
            banned("a.rs", "fn x\nlet y = rows.go_on(1);\n"),
            ["a.rs:2: \"go_on\": write \"continues\""]
        );
        assert_eq!(banned("a.md", "Of time-outs"), ["a.md:1: \"time-outs\": write \"timeouts\""]);
        assert!(banned("a.rs", "cargo_on_the_road").is_empty());
        let words = "can't be told, time-out";
        assert_eq!(banned("tests/commands/health.rs", words).len(), 1);
        assert!(banned(CHANGELOG, words).is_empty());
    }

    #[test]
    fn function_is_as_long_as_its_lines_and_types_are_named_once() {
        let long = format!(
            "impl A {{\n    pub(crate) fn long(&self) {{\n{}    }}\n}}\n",
            "        x();\n".repeat(79)
        );
        assert_eq!(
            long_functions("a.rs", &long),
            ["a.rs:2: function long has 81 lines, at most 80"]
        );
        assert!(long_functions("a.rs", &long.replacen("        x();\n", "", 1)).is_empty());
        let text = "pub struct One;\n    pub(crate) enum Two<T> {}\ntrait Three: Four {}\n    type Err = ();\n// struct No\n";
        assert_eq!(type_names(text), ["One", "Two", "Three"]);
    }

    #[test]
    fn map_names_paths_in_backticks() {
        assert_eq!(
            paths("see `crates/a/b.rs`, `fn x`, `a b/c` and `docs/`"),
            ["crates/a/b.rs", "docs/"].map(PathBuf::from)
        );
    }
}
