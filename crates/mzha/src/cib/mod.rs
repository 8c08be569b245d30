//! The parts of the CIB that concern our resources, and stale node states ([`stale_node_states`]).
//!
//! Pacemaker's own tool reads it ([`Cib::query`]), from the running cluster
//! (this node's copy, also without quorum) or from the file that `CIB_file` names. Attributes are resolved
//! as Pacemaker does it: templates, references, sets by score, defaults of operations and resources, meta attributes
//! of groups and clones. Rules are not evaluated, because they depend on node and time; a set with a rule is
//! skipped and named.

mod attributes;
mod constraints;
mod location;
mod membership;
mod node_state;
mod placement;
mod query;
mod resources;
pub mod time;

pub use attributes::{INFINITY, parse_score};
pub use constraints::{Colocation, Order};
pub use location::{active_on, this_node};
pub use membership::{devices_for, fence, has_quorum, members};
pub use node_state::{StaleNodeState, stale_node_states};
pub use placement::Placement;
pub use resources::CHECK_LEVEL;

use crate::resource::Resource;
use roxmltree::{Document, Node};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// Provider of our agents.
pub const PROVIDER: &str = "mediationzone";

#[derive(Debug, thiserror::Error)]
pub enum CibError {
    /// Pacemaker's tools are not installed.
    #[error("/usr/sbin/{0}: not found (install package pacemaker-cli-utils, or pacemaker-cli)")]
    NoTool(&'static str),
    /// No cluster runs.
    #[error("no cluster runs on this node: {tool}: {said}")]
    NoCluster {
        tool: &'static str,
        /// Its output.
        said: String,
    },
    /// The tool failed.
    #[error("{tool}: {why}")]
    Failed { tool: &'static str, why: String },
    /// The tool timed out.
    #[error("{tool} has not answered for {seconds} s{}", if *storage { ": it waits for storage" } else { "" })]
    NoAnswer { tool: &'static str, seconds: u64, storage: bool },
    /// The tool failed on the configuration that the environment names.
    #[error("{variable}={value}: {why}")]
    Named {
        /// `CIB_file` or `CIB_shadow`.
        variable: &'static str,
        /// Its value; a file's absolute path.
        value: String,
        why: String,
    },
    /// The tool's output is not a configuration.
    #[error("the configuration is malformed: {0}")]
    Unreadable(String),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cib {
    /// Resources of our four agents, in configuration order.
    pub resources: Vec<ConfiguredResource>,
    /// Cluster options.
    pub options: BTreeMap<String, String>,
    /// Names of cluster nodes, without remote nodes.
    pub nodes: Vec<String>,
    /// Names of Pacemaker Remote nodes.
    pub remote_nodes: Vec<String>,
    pub fencing: Vec<Fencing>,
    /// File systems that the cluster mounts.
    pub file_systems: Vec<FileSystem>,
    /// Addresses that the cluster moves.
    pub addresses: Vec<Address>,
    /// Resources of the `openstack-*` agents.
    pub cloud_agents: Vec<CloudAgent>,
    pub orders: Vec<Order>,
    pub colocations: Vec<Colocation>,
    pub placement: Placement,
    /// Skipped sets that depend on a rule: place and content.
    pub skipped: Vec<String>,
    /// Durations that Pacemaker reads differently: place and the value that it uses.
    pub misread: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fencing {
    pub name: String,
    /// Agent, such as `fence_openstack`.
    pub agent: String,
    pub parameters: BTreeMap<String, String>,
    /// `target-role=Stopped`.
    pub disabled: bool,
}

impl Fencing {
    /// Pairs of node and machine in `pcmk_host_map`.
    pub fn host_map(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.get("pcmk_host_map").into_iter().flat_map(|map| named_values(map))
    }
}

/// Pairs of `n1:A;n2:B`, as Pacemaker writes values for each node.
pub fn named_values(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = text.split([';', ' ', '\t']);
    pairs
        .filter_map(|pair| pair.split_once([':', '=']))
        .filter(|(name, value)| !name.is_empty() && !value.is_empty())
}

/// A `Filesystem` resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSystem {
    pub name: String,
    /// Mount point.
    pub directory: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredResource {
    pub resource: Resource,
    pub operations: Vec<ConfiguredOperation>,
    /// Meta attributes, with inherited ones.
    pub meta: BTreeMap<String, String>,
    /// Groups, clone or bundle around it, innermost first.
    pub enclosing: Vec<EnclosingResource>,
}

/// An agent that calls the API of OpenStack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudAgent {
    pub name: String,
    /// Such as `openstack-floating-ip`.
    pub agent: String,
    pub parameters: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub name: String,
    /// `None`: its parameters do not name it.
    pub address: Option<String>,
    /// The node itself takes the address, with no call of a cloud's API.
    pub moved_by_node: bool,
    /// Names of the resources around it.
    pub within: Vec<String>,
}

impl Address {
    /// Whether it, or a resource around it, has this name.
    #[must_use]
    pub fn answers_to(&self, name: &str) -> bool {
        self.name == name || self.within.iter().any(|container| container == name)
    }
}

/// A group, clone or bundle around a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnclosingResource {
    pub name: String,
    /// `group`, `clone`, `master` or `bundle`.
    pub kind: String,
    /// The clone's own meta attribute `globally-unique`; Pacemaker ignores that of a resource in it.
    pub globally_unique: bool,
    /// Number of instances of a bundle.
    pub replicas: u32,
}

/// An operation as the cluster would run it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredOperation {
    /// `start`, `stop` or `monitor`.
    pub action: String,
    /// Zero: not recurring.
    pub interval: Duration,
    /// `None`: not set or not readable by Pacemaker, which then uses its default.
    pub timeout: Option<Duration>,
    /// `OCF_CHECK_LEVEL`.
    pub depth: u32,
    /// `on-fail`.
    pub on_fail: Option<String>,
    /// `enabled`.
    pub enabled: bool,
    /// `role`; a monitor of role Stopped runs on nodes where the resource should not run.
    pub role: Option<String>,
}

/// Pacemaker's timeout for an operation without one.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

impl ConfiguredResource {
    #[must_use]
    pub fn name(&self) -> &str {
        self.resource.name.as_deref().unwrap_or_default()
    }

    /// Whether it, or a resource around it, has this name.
    #[must_use]
    pub fn answers_to(&self, name: &str) -> bool {
        self.name() == name || self.enclosing.iter().any(|container| container.name == name)
    }

    /// The clone or the multi-instance bundle around it.
    #[must_use]
    pub fn enclosing_clone(&self) -> Option<&EnclosingResource> {
        let is_clone = |kind: &str| kind == "clone" || kind == "master";
        self.enclosing.iter().find(|container| is_clone(&container.kind) || container.replicas > 1)
    }
}

impl ConfiguredOperation {
    #[must_use]
    pub fn effective_timeout(&self) -> Duration {
        self.timeout.unwrap_or(DEFAULT_TIMEOUT)
    }
}

impl Cib {
    #[must_use]
    pub fn resource(&self, name: &str) -> Option<&ConfiguredResource> {
        self.resources.iter().find(|configured| configured.name() == name)
    }

    /// From output that contains a `configuration` element; the tool's warnings may surround it.
    ///
    /// # Errors
    /// [`CibError::Unreadable`].
    pub fn parse(text: &str) -> Result<Self, CibError> {
        let unreadable = |why: String| CibError::Unreadable(why);
        let inner = extract_element(text, "configuration").map_err(unreadable)?;
        let document = Document::parse(inner).map_err(|e| unreadable(e.to_string()))?;
        Ok(CibXml::new(&document).read())
    }
}

/// The element of this name in a tool's output.
fn extract_element<'t>(text: &'t str, name: &str) -> Result<&'t str, String> {
    let (begins, ends) = (format!("<{name}"), format!("</{name}>"));
    let begin = text.find(&begins).ok_or_else(|| format!("no {begins}>"))?;
    let end = text.rfind(&ends).ok_or_else(|| format!("no {ends}"))? + ends.len();
    text.get(begin..end).ok_or_else(|| format!("{ends} before it begins"))
}

struct CibXml<'a> {
    root: Node<'a, 'a>,
    by_id: HashMap<&'a str, Node<'a, 'a>>,
}

impl<'a> CibXml<'a> {
    fn new(document: &'a Document<'a>) -> Self {
        let root = document.root_element();
        // The id of these two is the name of another element.
        let is_one =
            |node: &Node| !node.has_tag_name("resource_ref") && !node.has_tag_name("obj_ref");
        let by_id = root.descendants().filter(is_one);
        let by_id = by_id.filter_map(|node| Some((node.attribute("id")?, node))).collect();
        Self { root, by_id }
    }

    fn read(&self) -> Cib {
        let mut cib = Cib::default();
        let options =
            self.attributes(&self.children(self.root, "crm_config"), "cluster_property_set");
        cib.skipped.extend(options.skipped);
        cib.options = options.values;
        for nodes in self.children(self.root, "nodes") {
            for node in self.children(nodes, "node") {
                let is_remote = node.attribute("type") == Some("remote");
                let list = if is_remote { &mut cib.remote_nodes } else { &mut cib.nodes };
                list.extend(node.attribute("uname").map(str::to_owned));
            }
        }
        self.read_resources(&mut cib);
        self.read_constraints(&mut cib);
        cib
    }

    /// Child elements of this name, with references resolved.
    fn children(&self, node: Node<'a, 'a>, name: &str) -> Vec<Node<'a, 'a>> {
        let children = node.children().filter(|child| child.has_tag_name(name));
        children.filter_map(|child| self.dereference(child)).collect()
    }

    /// Target of `id-ref`, or itself. `None`: dangling reference.
    fn dereference(&self, node: Node<'a, 'a>) -> Option<Node<'a, 'a>> {
        node.attribute("id-ref").map_or(Some(node), |id| self.by_id.get(id).copied())
    }
}

/// A boolean as Pacemaker reads it.
#[must_use]
pub fn is_true(value: &str) -> bool {
    ["true", "on", "yes", "y", "1"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests;
