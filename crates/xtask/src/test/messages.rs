//! Checks that docs/operate/messages.md quotes texts of the agents.

use std::fs;

use devtools::workspace;

/// A shorter fragment would match anywhere.
const MIN_FRAGMENT: usize = 5;

fn read(name: &str) -> String {
    fs::read_to_string(workspace::root().join(name)).expect("a text")
}

/// The exit reasons in all tables of the page, each as its fragments between the placeholders.
fn reasons(page: &str) -> Vec<Vec<&str>> {
    let reasons =
        page.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once("` |")?.0));
    reasons
        .map(|reason| reason.split('…').filter(|part| part.trim().len() >= MIN_FRAGMENT).collect())
        .collect()
}

#[test]
fn each_exit_reason_of_the_page_stands_in_the_source() {
    let page = read("docs/operate/messages.md");
    let sources = workspace::tracked_files(&[
        "crates/pico/src/*.rs",
        "crates/agents/src/*.rs",
        "crates/host/src/*.rs",
    ])
    .expect("git");
    let source: String = sources.iter().map(|name| read(name)).collect();
    let fragments: Vec<_> = reasons(&page).concat();
    assert!(fragments.len() > 40, "{}", fragments.len());
    let unknown: Vec<_> = fragments.into_iter().filter(|part| !source.contains(part)).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
}

/// `docs/evidence/behaviour.md` is made from what the verdict gives.
#[test]
fn each_exit_reason_of_a_monitor_stands_on_the_page() {
    let page = read("docs/operate/messages.md");
    let reasons = reasons(&page);
    let behaviour = read("docs/evidence/behaviour.md");
    let (_, table) = behaviour.split_once("## Is it running?").expect("a section");
    let (table, _) = table.split_once("\n## ").expect("a section after it");
    let given = table.lines().filter_map(|line| line.strip_suffix("` |")?.rsplit_once("| `"));
    let given: Vec<&str> = given.map(|(_, reason)| reason).collect();
    assert!(given.len() > 20, "{given:?}");
    let explains = |fragments: &Vec<&str>, reason: &str| {
        !fragments.is_empty() && fragments.iter().all(|part| reason.contains(part.trim()))
    };
    let missing: Vec<_> = given
        .into_iter()
        .filter(|reason| !reasons.iter().any(|row| explains(row, reason)))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn each_parameter_that_the_page_names_exists() {
    let page = read("docs/operate/messages.md");
    let named = page
        .split('`')
        .skip(1)
        .step_by(2)
        .map(|code| code.split_once('=').map_or(code, |(name, _)| name));
    let is_name = |word: &&str| {
        word.contains('_') && word.bytes().all(|c| c.is_ascii_lowercase() || c == b'_')
    };
    let metadata = read("ocf-metadata/platform.xml");
    let is_known = |name: &str| metadata.contains(&format!("<parameter name=\"{name}\""));
    let unknown: Vec<_> = named.filter(is_name).filter(|word| !is_known(word)).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
}
