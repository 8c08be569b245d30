//! Members of the cluster, and fencing, by Pacemaker's own tools.

use super::CibError;
use super::query::ask;
use roxmltree::Document;
use std::time::{Duration, Instant};

/// Names of the nodes that are members of the cluster now.
///
/// # Errors
/// [`CibError`].
pub fn members(until: Instant) -> Result<Vec<String>, CibError> {
    ask("crm_node", &["--list"], until).map(|said| read_members(&said))
}

/// Whether this node is in the part of the cluster that has quorum.
///
/// # Errors
/// [`CibError`].
pub fn has_quorum(until: Instant) -> Result<bool, CibError> {
    ask("crm_node", &["--quorum"], until).map(|said| said.trim() == "1")
}

/// Fencing devices that say that they can fence this node.
///
/// # Errors
/// [`CibError`].
pub fn devices_for(node: &str, until: Instant) -> Result<Vec<String>, CibError> {
    let said = ask("stonith_admin", &["--list", node, "--output-as=xml"], until)?;
    read_items(&said).map_err(CibError::Unreadable)
}

/// Fences a node, and returns when Pacemaker has confirmed it.
///
/// # Errors
/// [`CibError`]: it was not fenced, as far as Pacemaker knows.
pub fn fence(node: &str, timeout: Duration) -> Result<(), CibError> {
    let seconds = timeout.as_secs().to_string();
    // The tool ends by itself a little earlier.
    let until = Instant::now() + timeout + Duration::from_secs(30);
    ask("stonith_admin", &["--reboot", node, "--timeout", &seconds], until).map(drop)
}

/// Lines such as `1 n1 member`; a lost node is `2 n2 lost`.
fn read_members(said: &str) -> Vec<String> {
    let lines = said.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let members = lines.filter_map(|words| match words.as_slice() {
        [_, name, "member"] => Some((*name).to_owned()),
        _ => None,
    });
    members.collect()
}

fn read_items(said: &str) -> Result<Vec<String>, String> {
    let document = Document::parse(said).map_err(|e| e.to_string())?;
    let items = document.descendants().filter(|node| node.has_tag_name("item"));
    Ok(items.filter_map(|item| item.text()).map(|name| name.trim().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_those_that_are_not_lost() {
        assert_eq!(read_members("1 n1 member\n2 n2 lost\n3 n3 member\n4 n4\n"), ["n1", "n3"]);
        assert_eq!(read_members(""), Vec::<String>::new());
    }

    #[test]
    fn devices_are_the_items_of_the_document() {
        let some = r#"<pacemaker-result api-version="2.25"><list name="fence devices" count="2"><item>a</item><item>b</item></list></pacemaker-result>"#;
        assert_eq!(read_items(some).unwrap(), ["a", "b"]);
        let none = r#"<pacemaker-result><list name="fence devices" count="0"/></pacemaker-result>"#;
        assert_eq!(read_items(none).unwrap(), Vec::<String>::new());
        assert!(read_items("0 devices found").is_err());
    }
}
