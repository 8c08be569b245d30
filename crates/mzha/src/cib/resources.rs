//! Primitives: ours, fencing devices, file systems and addresses.

use super::attributes::Attributes;
use super::{
    Address, Cib, CibXml, CloudAgent, ConfiguredOperation, ConfiguredResource, EnclosingResource,
    Fencing, FileSystem, PROVIDER, time,
};
use crate::resource::Resource;
use pico::PicoType;
use roxmltree::Node;
use std::collections::BTreeMap;
use std::time::Duration;

/// Agents that configure an address, and their parameter for it.
const ADDRESSES: [(&str, &str); 11] = [
    ("IPaddr2", "ip"),
    ("IPaddr", "ip"),
    ("IPv6addr", "ipv6addr"),
    ("openstack-virtual-ip", "ip"),
    ("aws-vpc-move-ip", "ip"),
    ("awsvip", "secondary_private_ip"),
    ("gcp-vpc-move-ip", "ip"),
    ("gcp-vpc-move-vip", "alias_ip"),
    ("gcp-vpc-move-route", "ip"),
    ("aliyun-vpc-move-ip", "address"),
    ("ocivip", "secondary_private_ip"),
];

/// Those that call no API of a cloud.
const BY_NODE: [&str; 3] = ["IPaddr2", "IPaddr", "IPv6addr"];

const ENCLOSING_TAGS: [&str; 4] = ["group", "clone", "master", "bundle"];

/// Pacemaker gives an agent this one attribute, of an operation or of the resource, without the prefix of a parameter.
pub const CHECK_LEVEL: &str = "OCF_CHECK_LEVEL";

/// A primitive, its template and the resources around it.
struct Primitive<'a> {
    name: &'a str,
    node: Node<'a, 'a>,
    template: Option<Node<'a, 'a>>,
    containers: Vec<Node<'a, 'a>>,
}

impl<'a> Primitive<'a> {
    /// An attribute of the primitive, else of its template.
    fn attribute(&self, name: &str) -> Option<&'a str> {
        self.node.attribute(name).or_else(|| self.template?.attribute(name))
    }

    /// Its agent is `ocf:mediationzone:TYPE`.
    fn pico_type(&self) -> Option<PicoType> {
        let of_ours =
            self.attribute("class") == Some("ocf") && self.attribute("provider") == Some(PROVIDER);
        let agent = self.attribute("type").filter(|_| of_ours)?;
        PicoType::ALL.into_iter().find(|kind| kind.agent_name() == agent)
    }
}

impl<'a> CibXml<'a> {
    pub(super) fn read_resources(&self, cib: &mut Cib) {
        let section = |name| self.children(self.root, name);
        let resource_defaults = self.attributes(&section("rsc_defaults"), "meta_attributes");
        let operation_defaults = self.attributes(&section("op_defaults"), "meta_attributes");
        cib.skipped.extend(resource_defaults.skipped);
        cib.skipped.extend(operation_defaults.skipped);
        let (resource_defaults, operation_defaults) =
            (resource_defaults.values, operation_defaults.values);
        let all = section("resources").into_iter().flat_map(|resources| resources.descendants());
        for node in all.filter(|node| node.has_tag_name("primitive")) {
            let Some(name) = node.attribute("id") else { continue };
            let template = node.attribute("template").and_then(|id| self.by_id.get(id).copied());
            let ancestors = node.ancestors().skip(1);
            let containers =
                ancestors.filter(|node| ENCLOSING_TAGS.contains(&node.tag_name().name())).collect();
            let primitive = Primitive { name, node, template, containers };
            self.place(&mut cib.placement, name, &primitive.containers);
            self.read_other_agent(cib, &primitive, &resource_defaults);
            if let Some(kind) = primitive.pico_type() {
                self.read_pico(cib, &primitive, kind, &resource_defaults, &operation_defaults);
            }
        }
    }

    fn parameters(&self, primitive: &Primitive<'a>) -> Attributes {
        self.inherited(primitive, "instance_attributes")
    }

    fn meta(&self, primitive: &Primitive<'a>, defaults: &BTreeMap<String, String>) -> Attributes {
        self.inherited(primitive, "meta_attributes").with_defaults(defaults)
    }

    /// Fencing, remote nodes, file systems and addresses.
    fn read_other_agent(
        &self,
        cib: &mut Cib,
        primitive: &Primitive<'a>,
        defaults: &BTreeMap<String, String>,
    ) {
        let name = primitive.name.to_owned();
        let [class, provider, agent] =
            ["class", "provider", "type"].map(|attribute| primitive.attribute(attribute));
        let meta = self.meta(primitive, defaults).values;
        match (class, provider, agent.unwrap_or_default()) {
            (Some("stonith"), _, agent) => cib.fencing.push(Fencing {
                name: name.clone(),
                agent: agent.to_owned(),
                parameters: self.parameters(primitive).values,
                disabled: meta
                    .get("target-role")
                    .is_some_and(|role| role.eq_ignore_ascii_case("Stopped")),
            }),
            (Some("ocf"), Some("pacemaker"), "remote") => cib.remote_nodes.push(name.clone()),
            (Some("ocf"), _, "Filesystem") => {
                let directory = self.parameters(primitive).values.remove("directory");
                let file_system = |directory| FileSystem { name: name.clone(), directory };
                cib.file_systems.extend(directory.map(file_system));
            }
            (Some("ocf"), _, agent) if agent.starts_with("openstack-") => {
                cib.cloud_agents.push(CloudAgent {
                    name: name.clone(),
                    agent: agent.to_owned(),
                    parameters: self.parameters(primitive).values,
                });
            }
            _ => {}
        }
        cib.remote_nodes.extend(meta.get("remote-node").cloned());
        let address = ADDRESSES.iter().find(|(of, _)| agent == Some(of) && class == Some("ocf"));
        if let Some((_, parameter)) = address {
            let within =
                primitive.containers.iter().filter_map(|container| container.attribute("id"));
            cib.addresses.push(Address {
                name,
                address: self.parameters(primitive).values.remove(*parameter),
                moved_by_node: agent.is_some_and(|agent| BY_NODE.contains(&agent)),
                within: within.map(str::to_owned).collect(),
            });
        }
    }

    fn read_pico(
        &self,
        cib: &mut Cib,
        primitive: &Primitive<'a>,
        kind: PicoType,
        resource_defaults: &BTreeMap<String, String>,
        operation_defaults: &BTreeMap<String, String>,
    ) {
        let name = primitive.name;
        let (parameters, meta) =
            (self.parameters(primitive), self.meta(primitive, resource_defaults));
        let mut left_out = [parameters.skipped, meta.skipped].concat();
        let mut misread = Vec::new();
        let level = parameters.values.get(CHECK_LEVEL).map(String::as_str);
        let operations = self
            .ops(primitive.node, primitive.template)
            .into_iter()
            .map(|op| self.operation(op, operation_defaults, level, &mut left_out, &mut misread))
            .collect();
        let of_it = |what: Vec<String>| what.into_iter().map(move |what| format!("{name}: {what}"));
        cib.skipped.extend(of_it(left_out));
        cib.misread.extend(of_it(misread));
        let enclosing = primitive
            .containers
            .iter()
            .map(|container| self.enclosing_resource(*container, resource_defaults));
        cib.resources.push(ConfiguredResource {
            resource: Resource { name: Some(name.to_owned()), kind, parameters: parameters.values },
            operations,
            meta: meta.values,
            enclosing: enclosing.collect(),
        });
    }

    /// Attributes of a primitive, with those inherited from the resources around it.
    fn inherited(&self, primitive: &Primitive<'a>, tag: &str) -> Attributes {
        // The later ones win.
        let sources: Vec<Node> = primitive.template.into_iter().chain([primitive.node]).collect();
        let own = self.attributes(&sources, tag);
        primitive.containers.iter().fold(own, |mut all, &container| {
            let inherited = self.attributes(&[container], tag);
            all.skipped.extend(inherited.skipped);
            all.with_defaults(&inherited.values)
        })
    }

    /// Its operations, and those of its template with another name or role.
    fn ops(&self, primitive: Node<'a, 'a>, template: Option<Node<'a, 'a>>) -> Vec<Node<'a, 'a>> {
        let of = |element: Node<'a, 'a>| -> Vec<Node<'a, 'a>> {
            let blocks = self.children(element, "operations");
            blocks.into_iter().flat_map(|block| self.children(block, "op")).collect()
        };
        let key = |op: &Node<'a, 'a>| (op.attribute("name"), op.attribute("role"));
        let mut all = of(primitive);
        let inherited = template.map(of).unwrap_or_default();
        let inherited: Vec<Node> =
            inherited.into_iter().filter(|op| !all.iter().any(|own| key(own) == key(op))).collect();
        all.extend(inherited);
        all
    }

    /// `level`: the parameter `OCF_CHECK_LEVEL` of the resource.
    fn operation(
        &self,
        op: Node<'a, 'a>,
        defaults: &BTreeMap<String, String>,
        level: Option<&str>,
        left_out: &mut Vec<String>,
        misread: &mut Vec<String>,
    ) -> ConfiguredOperation {
        let meta = self.attributes(&[op], "meta_attributes");
        left_out.extend(meta.skipped);
        let meta = meta.values;
        // The attributes of the element itself outweigh its sets, and those the defaults.
        let said = |name: &str| {
            let set = || meta.get(name).or_else(|| defaults.get(name)).map(String::as_str);
            op.attribute(name).or_else(set)
        };
        let action = op.attribute("name").unwrap_or_default().to_owned();
        let mut duration = |name: &str, read: fn(&str) -> Result<Duration, String>| {
            let text = said(name)?;
            let time = read(text);
            misread.extend(
                time.as_ref()
                    .err()
                    .map(|why| format!("{name}={text} of operation {action}: {why}")),
            );
            time.ok()
        };
        let (interval, timeout) =
            (duration("interval", time::interval), duration("timeout", time::timeout));
        let own = self.attributes(&[op], "instance_attributes");
        left_out.extend(own.skipped);
        ConfiguredOperation {
            interval: interval.unwrap_or(Duration::ZERO),
            timeout,
            depth: own
                .values
                .get(CHECK_LEVEL)
                .map_or(level, |own| Some(own))
                .and_then(|text| text.parse().ok())
                .unwrap_or(0),
            on_fail: said("on-fail").map(str::to_owned),
            role: said("role").map(str::to_owned),
            enabled: said("enabled").is_none_or(super::is_true),
            action,
        }
    }

    fn enclosing_resource(
        &self,
        node: Node<'a, 'a>,
        defaults: &BTreeMap<String, String>,
    ) -> EnclosingResource {
        let meta = self.attributes(&[node], "meta_attributes").with_defaults(defaults).values;
        EnclosingResource {
            name: node.attribute("id").unwrap_or_default().to_owned(),
            kind: node.tag_name().name().to_owned(),
            globally_unique: meta.get("globally-unique").is_some_and(|value| super::is_true(value)),
            // On the element that names the container's technology; a promotable bundle has one for each promoted instance.
            replicas: ["replicas", "promoted-max", "masters"]
                .iter()
                .find_map(|name| node.children().find_map(|child| child.attribute(*name)))
                .and_then(|number| number.parse().ok())
                .unwrap_or(1),
        }
    }
}
