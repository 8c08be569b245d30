//! Nodes on which a resource is active, by Pacemaker's own tool: the CIB's status section is a history of operations that
//! only its scheduler interprets correctly.

use super::CibError;
use super::query::ask;
use std::time::Instant;

/// Output of the tool for each node.
const ACTIVE: &str = " is running on: ";

/// Nodes where this resource, or a member of it, is active.
///
/// # Errors
/// [`CibError`].
pub fn active_on(resource: &str, until: Instant) -> Result<Vec<String>, CibError> {
    ask("crm_resource", &["--locate", "--resource", resource], until).map(|said| read(&said))
}

/// Name of this node in the cluster; `None` without a running cluster.
#[must_use]
pub fn this_node(until: Instant) -> Option<String> {
    let said = ask("crm_node", &["--name"], until).ok()?;
    said.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
}

fn read(said: &str) -> Vec<String> {
    // A role may follow the name.
    let nodes =
        said.lines().filter_map(|line| line.split_once(ACTIVE)?.1.split_whitespace().next());
    nodes.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_those_that_the_tool_names() {
        assert_eq!(read("resource mz-ec1 is running on: n2 \n"), ["n2"]);
        assert_eq!(
            read("resource ecs is running on: n1\nresource ecs is running on: n2 Promoted\n"),
            ["n1", "n2"]
        );
        assert_eq!(read("resource mz-ec1 is NOT running\n"), Vec::<String>::new());
        assert_eq!(read(""), Vec::<String>::new());
    }
}
