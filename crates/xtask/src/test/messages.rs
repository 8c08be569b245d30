//! docs/operate/messages.md quotes texts that the agents have.

use std::fs;

use devtools::workspace;

/// Shorter fragments stand everywhere.
const MIN_FRAGMENT: usize = 5;

/// The fragments of an exit reason between its placeholders, of all rows of the tables.
fn fragments(page: &str) -> Vec<&str> {
    let reasons = page.lines().filter_map(|line| Some(line.strip_prefix("| `")?.split_once("` |")?.0));
    reasons.flat_map(|reason| reason.split('…')).filter(|part| part.trim().len() >= MIN_FRAGMENT).collect()
}

#[test]
fn each_exit_reason_of_the_page_stands_in_the_source() {
    let root = workspace::root();
    let read = |name: &str| fs::read_to_string(root.join(name)).expect("a text");
    let page = read("docs/operate/messages.md");
    let sources = workspace::tracked_files(&["crates/pico/src/*.rs", "crates/agents/src/*.rs"]).expect("git");
    let source: String = sources.iter().map(|name| read(name)).collect();
    let fragments = fragments(&page);
    assert!(fragments.len() > 40, "{}", fragments.len());
    let unknown: Vec<_> = fragments.into_iter().filter(|part| !source.contains(part)).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
}
