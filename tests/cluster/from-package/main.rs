//! The lab with the packages that ship, as `cargo xtask dist` made them.

mod installation;
mod quick_start;
mod upgrade;

/// Where the cluster looks for the agents.
const AGENTS_FOLDER: &str = "/usr/lib/ocf/resource.d/mediationzone";

/// The packages in each node.
const PACKAGES: &str = "/packages";
