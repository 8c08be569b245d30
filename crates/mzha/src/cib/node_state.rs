//! Node states in the CIB's status section.

use super::query::query_section;
use super::{CibError, extract_element};
use roxmltree::{Document, Node};
use std::time::Instant;

/// A joined node with a stale `expected=down`.
///
/// Pacemaker causes this when a network of three partitions heals: a controller that was DC of one partition sends its
/// view of the others (`post_cache_update` writes `expected`) after the new DC has written its own. The scheduler then
/// treats the node as shutting down. Seen with 2.1.5; 3.0 has the same code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaleNodeState {
    pub name: String,
    /// Cluster node ID.
    pub id: String,
}

/// Stale node states in this node's copy of the CIB.
///
/// # Errors
/// [`CibError`].
pub fn stale_node_states(until: Instant) -> Result<Vec<StaleNodeState>, CibError> {
    query_section("status", until).map(|text| parse_stale_states(&text))
}

/// An empty or malformed status section has none: doctor's other checks do not depend on it.
pub(super) fn parse_stale_states(text: &str) -> Vec<StaleNodeState> {
    let document =
        extract_element(text, "status").ok().and_then(|status| Document::parse(status).ok());
    let nodes = document.iter().flat_map(|document| document.root_element().children());
    let held = nodes.filter(|node| node.has_tag_name("node_state") && is_stale(*node));
    held.filter_map(|node| {
        Some(StaleNodeState {
            name: node.attribute("uname")?.to_owned(),
            id: node.attribute("id")?.to_owned(),
        })
    })
    .collect()
}

fn is_stale(state: Node<'_, '_>) -> bool {
    // Since 3.0 (and late 2.1) in_ccm and crmd are the time of joining, and 0 without.
    let is_there = |name: &str, word: &str| {
        state
            .attribute(name)
            .is_some_and(|value| value == word || value.parse().is_ok_and(|when: u64| when > 0))
    };
    let joined = is_there("in_ccm", "true")
        && is_there("crmd", "online")
        && state.attribute("join") == Some("member");
    let mut attributes =
        state.descendants().filter(|node| node.attribute("name") == Some("shutdown"));
    let asked = attributes.any(|node| node.attribute("value").is_some_and(|when| when != "0"));
    joined && state.attribute("expected") == Some("down") && !asked
}
