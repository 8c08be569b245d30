//! The packages that ship, as `cargo xtask dist` made them, on the systems where they are installed.

mod contents;
mod debian;
mod live_upgrade;
mod node;
mod pages;
mod rpm;

use testkit::{STAGED_FOLDER, repack_agents};

/// Where the cluster looks for the agents.
const AGENTS_FOLDER: &str = "/usr/lib/ocf/resource.d/mediationzone";

/// Made by [`with_older_package`]: an older package, whose agents differ.
const OLDER_PACKAGE: &str = "/tmp/older.deb";

const INSTALL: &str = "dpkg -i --force-unsafe-io /packages/resource-agents-mediationzone_*.deb";

/// A node with an older version of the agents' package, which can still be made newer: it has other bytes, and a lower version.
fn with_older_package(root: testkit::DebianRoot) -> node::PackageNode {
    let node = node::PackageNode::start(root);
    node.ok(&repack_agents("0.0.1", "older", OLDER_PACKAGE));
    node
}
