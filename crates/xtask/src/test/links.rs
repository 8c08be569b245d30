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

/// `module::test` in backticks, with a name of several words; the path of an item of the code is not one.
fn test_names(page: &str) -> Vec<&str> {
    let codes = page.split('`').skip(1).step_by(2);
    let names =
        codes.filter_map(|code| code.rsplit_once("::").filter(|(module, _)| !module.contains(' ')));
    names
        .map(|(_, name)| name)
        .filter(|name| name.matches('_').count() >= 2 || name.contains('*'))
        .collect()
}

#[test]
fn tests_that_the_pages_name_exist() {
    let read =
        |path: &str| fs::read_to_string(workspace::root().join(path)).expect("a page is text");
    let sources = workspace::tracked_files(&["tests/*.rs", "crates/*.rs"]).expect("git");
    let source: String = sources.iter().map(|path| read(path)).collect();
    let pages =
        workspace::tracked_files(&["README.md", "CONTRIBUTING.md", "docs/*.md"]).expect("git");
    let pages: Vec<(String, String)> =
        pages.iter().map(|path| (path.clone(), read(path))).collect();
    let missing: Vec<String> = pages
        .iter()
        .flat_map(|(path, page)| test_names(page).into_iter().map(move |name| (path, name)))
        .filter(|(_, name)| !source.contains(&format!("fn {name}(")))
        .map(|(path, name)| format!("{path}: {name}"))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn anchors_are_those_that_github_makes() {
    let page = "# A `b_c`, d's?\n```sh\n# no heading\n```\n## Twice\n## Twice\n[x](#twice-1)\n";
    assert_eq!(anchors(page), ["a-b_c-ds", "twice", "twice-1"]);
}
