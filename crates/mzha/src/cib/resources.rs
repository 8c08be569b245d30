//! Primitives: ours, and those that fence.

use super::{Address, Cib, Configured, Container, Operation, PROVIDER, Xml};
use crate::resource::Resource;
use ocf::time;
use pico::PicoType;
use roxmltree::Node;
use std::collections::BTreeMap;
use std::time::Duration;

/// The agents that put an address on a node, and the parameter that has it.
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

/// What a primitive can be in.
const CONTAINERS: [&str; 4] = ["group", "clone", "master", "bundle"];

fn containers<'a>(primitive: Node<'a, 'a>) -> Vec<Node<'a, 'a>> {
    let ancestors = primitive.ancestors().skip(1);
    ancestors.filter(|node| CONTAINERS.contains(&node.tag_name().name())).collect()
}

impl<'a> Xml<'a> {
    pub(super) fn read_resources(&self, cib: &mut Cib) {
        let section = |name| self.children(self.root, name);
        let resource_defaults = self.attributes(&section("rsc_defaults"), "meta_attributes");
        let operation_defaults = self.attributes(&section("op_defaults"), "meta_attributes");
        cib.left_out.extend(resource_defaults.left_out);
        cib.left_out.extend(operation_defaults.left_out);
        let all = section("resources").into_iter().flat_map(|resources| resources.descendants());
        for primitive in all.filter(|node| node.has_tag_name("primitive")) {
            let template = primitive.attribute("template").and_then(|id| self.by_id.get(id).copied());
            let said = |name| primitive.attribute(name).or_else(|| template?.attribute(name));
            let Some(name) = primitive.attribute("id") else { continue };
            // What the primitive itself says outweighs its template.
            let sources: Vec<Node> = template.into_iter().chain([primitive]).collect();
            if said("class") == Some("stonith") {
                let parameters = self.attributes(&sources, "instance_attributes").values;
                cib.fencing.push((name.to_owned(), parameters));
            }
            if (said("class"), said("type")) == (Some("ocf"), Some("Filesystem")) {
                let mut parameters = self.attributes(&sources, "instance_attributes").values;
                let point = parameters.remove("directory");
                cib.file_systems.extend(point.map(|point| (name.to_owned(), point)));
            }
            if let Some((_, parameter)) = ADDRESSES.iter().find(|(agent, _)| said("type") == Some(agent))
                && said("class") == Some("ocf")
            {
                let mut parameters = self.attributes(&sources, "instance_attributes").values;
                let within = containers(primitive).into_iter().filter_map(|c| c.attribute("id"));
                cib.addresses.push(Address {
                    name: name.to_owned(),
                    address: parameters.remove(*parameter),
                    within: within.map(str::to_owned).collect(),
                });
            }
            let kind = said("type").and_then(|word| PicoType::ALL.into_iter().find(|k| k.agent() == word));
            let (Some("ocf"), Some(PROVIDER), Some(kind)) = (said("class"), said("provider"), kind) else {
                continue;
            };
            let parameters = self.attributes(&sources, "instance_attributes");
            let own = self.attributes(&sources, "meta_attributes");
            let mut left_out = [parameters.left_out.as_slice(), own.left_out.as_slice()].concat();
            let containers = containers(primitive);
            let meta = containers.iter().fold(own, |meta, &container| {
                let inherited = self.attributes(&[container], "meta_attributes");
                left_out.extend(inherited.left_out);
                meta.or(&inherited.values)
            });
            let operations = self.operations(primitive, template, &operation_defaults.values, &mut left_out);
            cib.left_out.extend(left_out.into_iter().map(|what| format!("{name}: {what}")));
            cib.resources.push(Configured {
                resource: Resource { name: Some(name.to_owned()), kind, parameters: parameters.values },
                operations,
                meta: meta.or(&resource_defaults.values).values,
                within: containers
                    .iter()
                    .map(|container| self.container(*container, &resource_defaults.values))
                    .collect(),
            });
        }
    }

    /// Its operations, and those of its template with whose name and role it has none.
    fn operations(
        &self,
        primitive: Node<'a, 'a>,
        template: Option<Node<'a, 'a>>,
        defaults: &BTreeMap<String, String>,
        left_out: &mut Vec<String>,
    ) -> Vec<Operation> {
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
        all.into_iter().map(|op| self.operation(op, defaults, left_out)).collect()
    }

    fn operation(
        &self,
        op: Node<'a, 'a>,
        defaults: &BTreeMap<String, String>,
        left_out: &mut Vec<String>,
    ) -> Operation {
        let meta = self.attributes(&[op], "meta_attributes");
        left_out.extend(meta.left_out);
        let meta = meta.values;
        // The attributes of the element itself outweigh its sets, and those the defaults.
        let said = |name: &str| {
            let set = || meta.get(name).or_else(|| defaults.get(name)).map(String::as_str);
            op.attribute(name).or_else(set)
        };
        let action = op.attribute("name").unwrap_or_default().to_owned();
        let mut duration = |name: &str| {
            let text = said(name)?;
            let read = time::read(text);
            if read.is_none() {
                left_out.push(format!("{name}={text} of operation {action} is no time that can be read"));
            }
            read
        };
        let (interval, timeout) = (duration("interval"), duration("timeout"));
        let own = self.attributes(&[op], "instance_attributes");
        left_out.extend(own.left_out);
        Operation {
            interval: interval.unwrap_or(Duration::ZERO),
            timeout,
            depth: own.values.get("OCF_CHECK_LEVEL").and_then(|level| level.parse().ok()).unwrap_or(0),
            on_fail: said("on-fail").map(str::to_owned),
            role: said("role").map(str::to_owned),
            enabled: said("enabled").is_none_or(super::is_true),
            action,
        }
    }

    fn container(&self, node: Node<'a, 'a>, defaults: &BTreeMap<String, String>) -> Container {
        let meta = self.attributes(&[node], "meta_attributes").or(defaults).values;
        Container {
            name: node.attribute("id").unwrap_or_default().to_owned(),
            kind: node.tag_name().name().to_owned(),
            globally_unique: meta.get("globally-unique").is_some_and(|value| super::is_true(value)),
        }
    }
}
