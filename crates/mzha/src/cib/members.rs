//! What the cluster's state, which is beside its configuration in the CIB, says of the nodes.

use roxmltree::{Document, Node};

/// Names and ids of nodes that have joined, and that the state calls expected to leave, though nobody has asked them to.
///
/// Pacemaker brings itself there when the network was in three parts and heals: a controller that was DC of a part sends what it
/// knew of the others (`post_cache_update` writes `expected`), and it arrives after what the new DC has written. Its scheduler then
/// takes the node for one that is shutting down. Seen with 2.1.5; 3.0 has the same lines.
///
/// A state that can't be read holds nobody: it is Pacemaker's own, and what the configuration says stands without it.
pub(super) fn held(text: &str) -> Vec<(String, String)> {
    const END: &str = "</status>";
    let status =
        text.find("<status").zip(text.rfind(END)).and_then(|(begin, end)| text.get(begin..end + END.len()));
    let document = status.and_then(|status| Document::parse(status).ok());
    let nodes = document.iter().flat_map(|document| document.root_element().children());
    let held = nodes.filter(|node| node.has_tag_name("node_state") && is_held(*node));
    held.filter_map(|node| Some((node.attribute("uname")?.to_owned(), node.attribute("id")?.to_owned())))
        .collect()
}

fn is_held(state: Node<'_, '_>) -> bool {
    // Since 3.0 (and late 2.1) in_ccm and crmd are the time of joining, and 0 without.
    let is_there = |name: &str, word: &str| {
        state
            .attribute(name)
            .is_some_and(|value| value == word || value.parse().is_ok_and(|when: u64| when > 0))
    };
    let joined =
        is_there("in_ccm", "true") && is_there("crmd", "online") && state.attribute("join") == Some("member");
    let mut attributes = state.descendants().filter(|node| node.attribute("name") == Some("shutdown"));
    let asked = attributes.any(|node| node.attribute("value").is_some_and(|when| when != "0"));
    joined && state.attribute("expected") == Some("down") && !asked
}
