//! The cluster's configuration, as far as it is about our resources; and of its state, which nodes it holds ([`stale_node_states`]).
//!
//! It is read with Pacemaker's own tool ([`Cib::query`]), so that it is found wherever that finds it: in the running cluster
//! (this node's copy, which is there without quorum, too) or in the file that `CIB_file` names. What a resource gets is put
//! together as Pacemaker does it: templates, references, sets by score, defaults of operations and resources, meta attributes
//! of groups and clones. Rules are not evaluated, for they depend on the node and the time of day; a set with a rule is left
//! out, and named.

mod attributes;
mod constraints;
mod location;
mod node_state;
mod placement;
mod query;
mod resources;
pub mod time;

pub use attributes::{INFINITY, parse_score};
pub use constraints::{Colocation, Order};
pub use location::{active_on, this_node};
pub use node_state::{StaleNodeState, stale_node_states};
pub use placement::Placement;
pub use resources::CHECK_LEVEL;

use crate::resource::Resource;
use roxmltree::{Document, Node};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// Provider of our agents.
pub const PROVIDER: &str = "mediationzone";

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum CibError {
    /// Pacemaker's tools are not on this node.
    #[error("/usr/sbin/{0} is not on this node (package pacemaker-cli-utils, or pacemaker-cli)")]
    NoTool(&'static str),
    /// The tool is there, and no cluster.
    #[error("no cluster runs on this node: {tool}: {said}")]
    NoCluster {
        /// Which tool.
        tool: &'static str,
        /// What it said.
        said: String,
    },
    /// The tool failed.
    #[error("{tool}: {why}")]
    Failed {
        /// Which tool.
        tool: &'static str,
        /// Why.
        why: String,
    },
    /// It did not answer.
    #[error("{tool} has not answered for {seconds} s{}", if *storage { ": it waits for storage" } else { "" })]
    NoAnswer {
        /// Which tool.
        tool: &'static str,
        /// How long it was waited for.
        seconds: u64,
        /// Did it wait for storage?
        storage: bool,
    },
    /// The tool failed, with what the environment names instead of the running cluster.
    #[error("{variable}={value}: {why}")]
    Named {
        /// `CIB_file` or `CIB_shadow`.
        variable: &'static str,
        /// Its value; of a file the absolute path.
        value: String,
        /// What is wrong with it.
        why: String,
    },
    /// What it said is no configuration.
    #[error("the configuration can't be understood: {0}")]
    Unreadable(String),
}

/// The configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cib {
    /// The resources of our four agents, in the order of the configuration.
    pub resources: Vec<ConfiguredResource>,
    /// Cluster options that are set.
    pub options: BTreeMap<String, String>,
    /// Names of the nodes that run the cluster (remote ones are not among them).
    pub nodes: Vec<String>,
    /// Names of Pacemaker Remote nodes.
    pub remote_nodes: Vec<String>,
    /// The fencing resources.
    pub fencing: Vec<Fencing>,
    /// The file systems that the cluster mounts.
    pub file_systems: Vec<FileSystem>,
    /// The addresses that the cluster moves.
    pub addresses: Vec<Address>,
    /// The orders, each as pairs of what comes first and what then.
    pub orders: Vec<Order>,
    /// The colocations, each as pairs.
    pub colocations: Vec<Colocation>,
    /// Groups, and what each primitive is in.
    pub placement: Placement,
    /// What depends on a rule and was left out: where, and what.
    pub skipped: Vec<String>,
    /// Durations that Pacemaker does not take for what they seem to say: where, and what it takes.
    pub misread: Vec<String>,
}

/// A fencing resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fencing {
    /// Its name.
    pub name: String,
    /// Its agent: `fence_openstack`.
    pub agent: String,
    /// Parameters that are set.
    pub parameters: BTreeMap<String, String>,
    /// With `target-role=Stopped` it fences nothing.
    pub disabled: bool,
}

/// A resource that mounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSystem {
    /// Its name.
    pub name: String,
    /// The mount point.
    pub directory: String,
}

/// A resource of ours in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredResource {
    /// Name, type and parameters.
    pub resource: Resource,
    /// Its operations.
    pub operations: Vec<ConfiguredOperation>,
    /// Its meta attributes, those that it inherits among them.
    pub meta: BTreeMap<String, String>,
    /// What it is in, the nearest first: groups, a clone, a bundle.
    pub enclosing: Vec<EnclosingResource>,
}

/// An address that the cluster moves from node to node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Name of the resource.
    pub name: String,
    /// The address, where its parameters tell it.
    pub address: Option<String>,
    /// Names of what it is in.
    pub within: Vec<String>,
}

impl Address {
    /// Is it, or what it is in, called so?
    #[must_use]
    pub fn answers_to(&self, name: &str) -> bool {
        self.name == name || self.within.iter().any(|container| container == name)
    }
}

/// What a resource is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnclosingResource {
    /// Its name in the cluster.
    pub name: String,
    /// What it is: `group`, `clone`, `master` or `bundle`.
    pub kind: String,
    /// Of a clone: its meta attribute `globally-unique`. What a resource in it says of that does not count.
    pub globally_unique: bool,
    /// Of a bundle: how many instances it has.
    pub replicas: u32,
}

/// An operation of a resource, as the cluster would run it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredOperation {
    /// `start`, `stop`, `monitor` ...
    pub action: String,
    /// How often; zero: not by itself.
    pub interval: Duration,
    /// Its timeout; `None`: none is set that Pacemaker can read, and its own default counts.
    pub timeout: Option<Duration>,
    /// `OCF_CHECK_LEVEL`.
    pub depth: u32,
    /// `on-fail`.
    pub on_fail: Option<String>,
    /// `enabled`.
    pub enabled: bool,
    /// `role`; a monitor of role Stopped looks where the resource should not run.
    pub role: Option<String>,
}

/// The time-out of an operation that has none, nor a default: Pacemaker's.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(20);

impl ConfiguredResource {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.resource.name.as_deref().unwrap_or_default()
    }

    /// Is it, or what it is in, called so?
    #[must_use]
    pub fn answers_to(&self, name: &str) -> bool {
        self.name() == name || self.enclosing.iter().any(|container| container.name == name)
    }

    /// The clone that it is in, or the bundle of several instances.
    #[must_use]
    pub fn enclosing_clone(&self) -> Option<&EnclosingResource> {
        let is_clone = |kind: &str| kind == "clone" || kind == "master";
        self.enclosing.iter().find(|container| is_clone(&container.kind) || container.replicas > 1)
    }
}

impl ConfiguredOperation {
    /// The time that Pacemaker gives it.
    #[must_use]
    pub fn effective_timeout(&self) -> Duration {
        self.timeout.unwrap_or(DEFAULT_TIMEOUT)
    }
}

impl Cib {
    /// The resource of this name.
    #[must_use]
    pub fn resource(&self, name: &str) -> Option<&ConfiguredResource> {
        self.resources.iter().find(|configured| configured.name() == name)
    }

    /// From XML with a `configuration` in it, and whatever the tool said besides.
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

/// The element of this name, out of what a tool said; or what is missing.
fn extract_element<'t>(text: &'t str, name: &str) -> Result<&'t str, String> {
    let (begins, ends) = (format!("<{name}"), format!("</{name}>"));
    let begin = text.find(&begins).ok_or_else(|| format!("no {begins}>"))?;
    let end = text.rfind(&ends).ok_or_else(|| format!("no {ends}"))? + ends.len();
    text.get(begin..end).ok_or_else(|| format!("{ends} before it begins"))
}

/// The document, and its elements by name.
struct CibXml<'a> {
    root: Node<'a, 'a>,
    by_id: HashMap<&'a str, Node<'a, 'a>>,
}

impl<'a> CibXml<'a> {
    fn new(document: &'a Document<'a>) -> Self {
        let root = document.root_element();
        // The id of these two is the name of another element.
        let is_one = |node: &Node| !node.has_tag_name("resource_ref") && !node.has_tag_name("obj_ref");
        let by_id = root.descendants().filter(is_one);
        let by_id = by_id.filter_map(|node| Some((node.attribute("id")?, node))).collect();
        Self { root, by_id }
    }

    fn read(&self) -> Cib {
        let mut cib = Cib::default();
        let options = self.attributes(&self.children(self.root, "crm_config"), "cluster_property_set");
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

    /// The child elements of this name, each what it refers to where it is a reference.
    fn children(&self, node: Node<'a, 'a>, name: &str) -> Vec<Node<'a, 'a>> {
        let children = node.children().filter(|child| child.has_tag_name(name));
        children.filter_map(|child| self.dereference(child)).collect()
    }

    /// What it refers to by `id-ref`, or itself. `None`: to nothing that is there.
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
