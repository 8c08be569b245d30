//! Checks that the pages name what exists: links lead to files and headings, names of tests to tests.

use std::fs;
use std::path::Path;

use devtools::workspace;

/// The page without its code blocks, in which nothing is a link or a heading.
fn prose(page: &str) -> String {
    let mut in_block = false;
    let lines = page.lines().filter(|line| {
        let is_fence = line.trim_start().starts_with("```");
        in_block ^= is_fence;
        !in_block && !is_fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn links(page: &str) -> Vec<String> {
    let prose = prose(page);
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://")).map(str::to_owned).collect()
}

/// The anchors that GitHub derives from the headings.
fn anchors(page: &str) -> Vec<String> {
    let headings = prose(page);
    let headings = headings.lines().filter(|line| line.starts_with('#'));
    let mut anchors: Vec<String> = Vec::new();
    for heading in headings {
        let text = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        let plain: String =
            text.chars().filter(|c| c.is_alphanumeric() || *c == '-' || *c == '_').collect();
        let again = (1..).map(|n| format!("{plain}-{n}"));
        let anchor =
            std::iter::once(plain.clone()).chain(again).find(|anchor| !anchors.contains(anchor));
        anchors.extend(anchor);
    }
    anchors
}

/// The broken links of one page.
fn broken(page: &Path) -> Vec<String> {
    let read = |path: &Path| fs::read_to_string(path).expect("a page is text");
    let leads_nowhere = |link: &String| {
        let (path, anchor) =
            link.split_once('#').map_or((link.as_str(), None), |(p, a)| (p, Some(a)));
        let target = if path.is_empty() {
            page.to_owned()
        } else {
            page.parent().expect("a folder").join(path)
        };
        !target.exists()
            || anchor.is_some_and(|anchor| !anchors(&read(&target)).contains(&anchor.to_owned()))
    };
    let broken = links(&read(page)).into_iter().filter(leads_nowhere);
    broken.map(|link| format!("{}: {link}", page.display())).collect()
}

#[test]
fn links_of_the_pages_lead_to_what_is_there() {
    let pages =
        workspace::tracked_files(&["README.md", "CONTRIBUTING.md", "docs/*.md"]).expect("git");
    assert!(pages.len() > 15, "{pages:?}");
    let root = workspace::root();
    let broken: Vec<String> = pages.iter().flat_map(|page| broken(&root.join(page))).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

/// Each `module::name` between backticks.
fn paths_in(page: &str) -> Vec<(&str, &str)> {
    let plain = |part: &str| {
        !part.is_empty()
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
    };
    let codes = page.split('`').skip(1).step_by(2).filter_map(|code| code.split_once("::"));
    codes.filter(|(module, name)| plain(module) && plain(name)).collect()
}

/// A source of this module: `tests/faults/clock.rs` and `tests/faults/clock/x.rs` are of `clock`.
fn is_of_module(path: &str, module: &str) -> bool {
    path.trim_end_matches(".rs").split('/').any(|part| part == module)
}

#[test]
fn tests_that_the_pages_name_exist() {
    let read =
        |path: &String| fs::read_to_string(workspace::root().join(path)).expect("a page is text");
    let sources = workspace::tracked_files(&["tests/*.rs", "crates/*.rs"]).expect("git");
    let sources: Vec<(String, String)> =
        sources.into_iter().map(|path| (path.clone(), read(&path))).collect();
    let is_test = |module: &str, name: &str| {
        let mut of_suites = sources.iter().filter(|(path, _)| path.starts_with("tests/"));
        // Else it is the path of an item of the code.
        name.matches('_').count() >= 2 || of_suites.any(|(path, _)| is_of_module(path, module))
    };
    let exists = |module: &str, name: &str| {
        let mut of_module = sources.iter().filter(|(path, _)| is_of_module(path, module));
        of_module.any(|(_, text)| text.contains(&format!("fn {name}(")))
    };
    let pages =
        workspace::tracked_files(&["README.md", "CONTRIBUTING.md", "docs/*.md"]).expect("git");
    let mut missing = Vec::new();
    for page in &pages {
        let text = read(page);
        let named = paths_in(&text).into_iter().filter(|(module, name)| is_test(module, name));
        let unknown = named.filter(|(module, name)| !exists(module, name));
        missing.extend(unknown.map(|(module, name)| format!("{page}: {module}::{name}")));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn names_of_tests_are_found_among_other_code() {
    let text =
        "see `home::other_one` and `crates/host` [`a::B`] home::not_quoted `ha_client::is_1`";
    assert_eq!(paths_in(text), [("home", "other_one"), ("ha_client", "is_1")]);
}

#[test]
fn anchors_are_those_that_github_makes() {
    let page = "# A `b_c`, d's?\n```sh\n# no heading\n```\n## Twice\n## Twice\n[x](#twice-1)\n";
    assert_eq!(anchors(page), ["a-b_c-ds", "twice", "twice-1"]);
}
