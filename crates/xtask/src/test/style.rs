//! The gate "style": what CONTRIBUTING.md asks for and a program can check.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use devtools::{TaskError, workspace};

/// Words that readers from outside do not know, and what to write instead (docs/glossary.md). As whole words, in any case.
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

/// Files that may have them: this one, and those that quote others.
const EXEMPT: &[&str] = &[
    "crates/xtask/src/test/style.rs",
    "docs/glossary.md",
    "CHANGELOG.md",
    // A deprecated value in the output of `mzha health --json`.
    "crates/mzha/src/health/mod.rs",
    "docs/other-managers/amazon.md",
    "tests/commands/health.rs",
];

/// Lines of the longest function. Tables of data are no functions.
const LONGEST_FUNCTION: usize = 80;

/// Lines of the README.
const LONGEST_README: usize = 200;

/// Fails with a line for each finding.
pub(crate) fn check() -> Result<(), TaskError> {
    let root = workspace::root();
    let files = tracked(&root)?;
    let mut findings = Vec::new();
    let mut types: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for name in &files {
        let Ok(text) = fs::read_to_string(root.join(name)) else { continue };
        if !EXEMPT.contains(&name.as_str()) {
            findings.extend(banned(name, &text));
        }
        if Path::new(name).extension().is_some_and(|ext| ext == "rs") {
            findings.extend(long_functions(name, &text));
            for type_name in type_names(&text) {
                types.entry(type_name).or_default().push(name.clone());
            }
        }
    }
    let twice = types.iter().filter(|(_, files)| files.len() > 1);
    findings.extend(
        twice.map(|(name, files)| format!("type {name} exists more than once: {}", files.join(", "))),
    );
    let readme = read(&root.join("README.md"))?;
    if readme.lines().count() > LONGEST_README {
        findings.push(format!("README.md has {} lines, at most {LONGEST_README}", readme.lines().count()));
    }
    let is_page = |name: &&String| Path::new(name).extension().is_some_and(|ext| ext == "md");
    for name in files.iter().filter(is_page).filter(|name| *name != "CHANGELOG.md") {
        let named = paths(&read(&root.join(name))?);
        let missing = named.into_iter().filter(|path| is_source(path) && !root.join(path).exists());
        findings.extend(missing.map(|path| format!("{name} names {}, which does not exist", path.display())));
    }
    if findings.is_empty() { Ok(()) } else { Err(TaskError::InconsistentTable(findings)) }
}

fn read(path: &Path) -> Result<String, TaskError> {
    fs::read_to_string(path).map_err(TaskError::file("read", path))
}

/// The texts that git knows.
fn tracked(root: &Path) -> Result<Vec<String>, TaskError> {
    let mut git = Command::new("git");
    git.arg("-C").arg(root).args(["ls-files", "*.rs", "*.md", "*.sh", "*.xml"]);
    let listed = workspace::run_checked(&mut git)?.stdout;
    Ok(String::from_utf8_lossy(&listed).lines().map(str::to_owned).collect())
}

fn banned(file: &str, text: &str) -> Vec<String> {
    let line_findings = |(number, line): (usize, &str)| {
        let lower = line.to_lowercase();
        let hits = BANNED.iter().filter(|(word, _)| has_word(&lower, &word.to_lowercase()));
        hits.map(|(word, instead)| format!("{file}:{}: {word:?}: write {instead:?}", number + 1))
            .collect::<Vec<_>>()
    };
    text.lines().enumerate().flat_map(line_findings).collect()
}

fn has_word(line: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let (before, after) = (line[..at].chars().next_back(), line[at + word.len()..].chars().next());
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

/// Named with their lengths. Functions of formatted code: the body ends at the first closing brace as deep as its `fn`.
fn long_functions(file: &str, text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let function = |(start, line): (usize, &&str)| {
        let indent = line.len() - line.trim_start().len();
        let name = line.trim_start().split_once("fn ").filter(|(before, _)| {
            before
                .split(' ')
                .all(|word| matches!(word, "" | "pub" | "const" | "unsafe") || word.starts_with("pub("))
        })?;
        let end = format!("{}}}", &line[..indent]);
        let length = lines[start..].iter().position(|line| *line == end)? + 1;
        let name = name.1.split(['(', '<']).next().unwrap_or_default();
        (length > LONGEST_FUNCTION).then(|| {
            format!("{file}:{}: function {name} has {length} lines, at most {LONGEST_FUNCTION}", start + 1)
        })
    };
    lines.iter().enumerate().filter_map(function).collect()
}

/// Structs, enums, traits and type aliases, but for associated types.
fn type_names(text: &str) -> Vec<String> {
    let name = |line: &str| {
        let line = line.trim_start();
        let line =
            line.strip_prefix("pub").map_or(line, |rest| rest.split_once(' ').map_or(rest, |(_, rest)| rest));
        let rest = ["struct ", "enum ", "trait "].iter().find_map(|keyword| line.strip_prefix(keyword))?;
        let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        Some(rest[..end].to_owned()).filter(|name| name.starts_with(char::is_uppercase))
    };
    text.lines().filter_map(name).collect()
}

/// Of the code of this repository, not of a node.
fn is_source(path: &Path) -> bool {
    path.starts_with("crates") || path.starts_with("tests")
}

/// What stands between backticks and has a slash.
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
    }

    #[test]
    fn function_is_as_long_as_its_lines_and_types_are_named_once() {
        let long = format!(
            "impl A {{\n    pub(crate) fn long(&self) {{\n{}    }}\n}}\n",
            "        x();\n".repeat(79)
        );
        assert_eq!(long_functions("a.rs", &long), ["a.rs:2: function long has 81 lines, at most 80"]);
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
