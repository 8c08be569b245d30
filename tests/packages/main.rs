//! The packages that ship, as `cargo xtask dist` made them, on the systems where they are installed.

mod contents;
mod debian;
mod live_upgrade;
mod node;
mod pages;
mod rpm;

/// Where the cluster looks for the agents.
const AGENTS_FOLDER: &str = "/usr/lib/ocf/resource.d/mediationzone";

/// Where the package unpacks them.
const STAGED_FOLDER: &str = "/usr/lib/resource-agents-mediationzone";

/// Made by [`with_older_package`]: an older package, whose agents differ.
const OLDER_PACKAGE: &str = "/tmp/older.deb";

const INSTALL: &str = "dpkg -i --force-unsafe-io /packages/resource-agents-mediationzone_*.deb";

/// A node with an older version of the agents' package, which can still be made newer: it has other bytes, and a lower version.
fn with_older_package(root: testkit::DebianRoot) -> node::PackageNode {
    let node = node::PackageNode::start(root);
    node.ok(&format!(
        "dpkg-deb -R /packages/resource-agents-mediationzone_*.deb /tmp/older
        sed -i 's/^Version: .*/Version: 0.0.1/' /tmp/older/DEBIAN/control
        for agent in platform ec sc ui; do printf older >>/tmp/older{STAGED_FOLDER}/$agent; done
        dpkg-deb -Znone --build /tmp/older {OLDER_PACKAGE}"
    ));
    node
}
