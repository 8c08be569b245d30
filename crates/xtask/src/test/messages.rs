//! docs/operate/messages.md quotes texts that the agents have.

use std::fs;
use std::path::Path;

use devtools::workspace;

/// Shorter fragments stand everywhere.
const MIN_FRAGMENT: usize = 5;

/// All sources below a folder.
fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut all = String::new();
    for path in entries {
        if path.is_dir() {
            all += &sources(&path);
        } else {
            all += &fs::read_to_string(&path).expect("a source is text");
        }
    }
    all
}

/// The exit reasons of the tables, each cut at its placeholders.
fn quoted(page: &str) -> Vec<Vec<&str>> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    rows.map(|(reason, _)| reason.split('…').collect()).collect()
}

#[test]
fn each_exit_reason_of_the_page_stands_in_the_source() {
    let root = workspace::root();
    let page = fs::read_to_string(root.join("docs/operate/messages.md")).expect("the page");
    let source = sources(&root.join("crates/pico/src")) + &sources(&root.join("crates/agents/src"));
    let quoted = quoted(&page);
    assert!(quoted.len() > 40, "{}", quoted.len());
    let unknown: Vec<&str> = quoted
        .into_iter()
        .flatten()
        .filter(|fragment| fragment.trim().len() >= MIN_FRAGMENT && !source.contains(fragment))
        .collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
}
