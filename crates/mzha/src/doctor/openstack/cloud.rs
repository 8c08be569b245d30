//! What the cloud says: servers, the hosts that they are on, ports and floating addresses.

use super::{AREA, FENCE_AGENT, cloud_name, fence_devices};
use crate::cib::{Cib, Fencing};
use crate::doctor::check_result::CheckResult;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// The document of `cloud_facts.py`.
#[derive(Debug, Deserialize)]
pub(super) struct CloudReport {
    /// UUID of the server that this node is, by the metadata service.
    this_server: Option<String>,
    #[serde(flatten)]
    answer: CloudAnswer,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum CloudAnswer {
    Cloud(CloudFacts),
    Failure(CloudFailure),
}

/// An exception of the client library.
#[derive(Debug, Deserialize)]
struct CloudFailure {
    kind: String,
    text: String,
}

#[derive(Debug, Deserialize)]
struct CloudFacts {
    servers: Vec<Server>,
    groups: Vec<ServerGroup>,
    ports: Vec<Port>,
    floating: Vec<FloatingAddress>,
    /// Regions of the catalogue.
    regions: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Server {
    id: String,
    name: String,
    status: String,
    /// An opaque name of the hypervisor, the same for all servers of the project on it.
    host: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ServerGroup {
    name: String,
    policies: Vec<String>,
    members: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Port {
    id: String,
    server: Option<String>,
    fixed: Vec<String>,
    /// `allowed_address_pairs`: addresses or networks.
    allowed: Vec<String>,
    /// Port security: only then do pairs count.
    secured: bool,
}

#[derive(Debug, Deserialize)]
struct FloatingAddress {
    address: String,
    port: Option<String>,
    /// The address of the port that it leads to.
    fixed: Option<String>,
}

pub(super) fn not_asked(name: &str, why: &str) -> CheckResult {
    let seen = format!("not asked about servers, ports and floating addresses: {why}");
    let todo = "correct that, then run it again; a healthy pico needs no API";
    CheckResult::warning(AREA, format!("cloud {name}"), seen, todo)
}

pub(super) fn check(
    report: &CloudReport,
    name: &str,
    this_node: &str,
    cib: &Cib,
    platform_hosts: &BTreeSet<IpAddr>,
) -> Vec<CheckResult> {
    let facts = match &report.answer {
        CloudAnswer::Cloud(facts) => facts,
        CloudAnswer::Failure(failure) => return vec![failure.row(name)],
    };
    let nodes = node_servers(cib, name);
    let mut rows = Vec::new();
    rows.extend(facts.check_region(name, &nodes));
    rows.extend(facts.check_servers(&nodes, name));
    rows.extend(check_this_server(&nodes, this_node, report.this_server.as_deref(), facts));
    rows.extend(facts.check_hypervisors(&nodes));
    rows.extend(facts.check_addresses(&nodes, cib));
    rows.extend(facts.check_floating(cib, platform_hosts));
    rows
}

/// Node and server of each entry of `pcmk_host_map`.
fn node_servers<'a>(cib: &'a Cib, cloud: &str) -> BTreeMap<&'a str, &'a str> {
    let devices = fence_devices(cib);
    let devices = devices.filter(|device| cloud_name(&device.parameters) == Some(cloud));
    devices.flat_map(Fencing::host_map).collect()
}

impl CloudFailure {
    /// The remedy names the key of clouds.yaml.
    fn row(&self, name: &str) -> CheckResult {
        let kind = self.kind.as_str();
        let has = |text: &str| self.text.contains(text);
        let key = |keys: &str| format!("{keys} of cloud {name} in clouds.yaml");
        if kind == "ModuleNotFoundError" {
            let todo = "install python3-openstackclient, then run it again";
            return CheckResult::warning(AREA, format!("cloud {name}"), self.seen(), todo);
        }
        let todo = match kind {
            "Unauthorized" | "HttpException" if has("401") => format!(
                "correct {}; the user may have been disabled, its password may have expired or its role may have been revoked",
                key("username, password, project_name or the domains")
            ),
            "SSLError" | "SSLFailure" => format!(
                "add the cloud's CA to the system's (update-ca-certificates, update-ca-trust), or correct {}",
                key("cacert or verify")
            ),
            "ConnectFailure" | "ConnectTimeout" | "ConnectionError" | "UnknownConnectionError" => {
                format!("correct {}, or open the way to it: fencing needs it", key("auth_url"))
            }
            "EndpointNotFound" | "CatalogException" => {
                format!("correct {}", key("region_name"))
            }
            "ConfigException"
            | "OpenStackConfigException"
            | "MissingRequiredOptions"
            | "NoMatchingPlugin" => {
                format!("correct {}", key("the named key"))
            }
            _ if has("region") => format!("correct {}", key("region_name")),
            _ => format!(
                "check {} (something else than the API may answer there), then run it again",
                key("auth_url")
            ),
        };
        CheckResult::error(AREA, format!("cloud {name}"), self.seen(), todo)
    }

    fn seen(&self) -> String {
        let text: String = self.text.chars().take(300).collect();
        format!("not asked: {}: {text}", self.kind)
    }
}

fn check_this_server(
    nodes: &BTreeMap<&str, &str>,
    this_node: &str,
    this_server: Option<&str>,
    facts: &CloudFacts,
) -> Option<CheckResult> {
    const CHECK: &str = "this server";
    let mapped = nodes.get(this_node)?;
    let Some(own) = this_server else {
        let seen = format!(
            "the metadata service does not say which server this is: whether {this_node} is {mapped} was not checked"
        );
        let todo = format!(
            "compare by hand: dmidecode -s system-uuid, and openstack server show {mapped}"
        );
        return Some(CheckResult::warning(AREA, CHECK, seen, todo));
    };
    if own.eq_ignore_ascii_case(mapped) {
        return Some(CheckResult::ok(AREA, CHECK, format!("{this_node} is {own}")));
    }
    let other = facts.servers.iter().find(|server| server.id.eq_ignore_ascii_case(mapped));
    let other = other.map_or_else(String::new, |server| format!(" ({})", server.name));
    let seen = format!(
        "{this_node} is server {own}, but pcmk_host_map says {mapped}{other}: fencing would end another server and leave this one running"
    );
    let todo = format!("pcmk_host_map: {this_node}:{own}");
    Some(CheckResult::error(AREA, CHECK, seen, todo))
}

impl CloudFacts {
    /// The fence agent takes the first endpoint of the catalogue, whatever its region.
    fn check_region(&self, name: &str, nodes: &BTreeMap<&str, &str>) -> Option<CheckResult> {
        if self.regions.len() < 2 || nodes.is_empty() {
            return None;
        }
        let seen = format!(
            "the cloud has several ({}), and {FENCE_AGENT} ignores region_name: it may look for the servers in another one",
            self.regions.join(", ")
        );
        let todo = format!("try it on every node: {FENCE_AGENT} --cloud={name} -o list");
        Some(CheckResult::warning(AREA, "region", seen, todo))
    }

    fn server(&self, id: &str) -> Option<&Server> {
        self.servers.iter().find(|server| server.id.eq_ignore_ascii_case(id))
    }

    fn check_servers(&self, nodes: &BTreeMap<&str, &str>, cloud: &str) -> Vec<CheckResult> {
        const CHECK: &str = "servers";
        let mut rows = Vec::new();
        for (node, id) in nodes {
            let Some(server) = self.server(id) else {
                let named = self.servers.iter().find(|server| server.name == *node);
                let (hint, id_of_name) = match named {
                    Some(server) => (
                        format!("; a server named {node} has the id {}", server.id),
                        server.id.as_str(),
                    ),
                    None => (String::new(), "ID"),
                };
                let seen = format!(
                    "{node}: no server {id} in the project of cloud {cloud}{hint}: {node} can't be fenced"
                );
                let todo = format!(
                    "pcmk_host_map: {node}:{id_of_name} (rebuilt as another server?), or correct project_name in clouds.yaml"
                );
                rows.push(CheckResult::error(AREA, CHECK, seen, todo));
                continue;
            };
            if !["ACTIVE", "SHUTOFF"].contains(&server.status.as_str()) {
                let seen = format!(
                    "{node} ({id}) is {}: {FENCE_AGENT} can't fence a server in this state",
                    server.status
                );
                let todo = format!(
                    "bring it back (openstack server show {id}; an administrator of the cloud: openstack server set --state active {id})"
                );
                rows.push(CheckResult::error(AREA, CHECK, seen, todo));
            }
        }
        if rows.is_empty() && !nodes.is_empty() {
            let names: Vec<&str> = nodes.keys().copied().collect();
            let seen = format!("{}: each is a server of the project", names.join(", "));
            rows.push(CheckResult::ok(AREA, CHECK, seen));
        }
        rows
    }

    /// One hypervisor's loss must not take two nodes.
    fn check_hypervisors(&self, nodes: &BTreeMap<&str, &str>) -> Option<CheckResult> {
        const CHECK: &str = "hypervisors";
        if nodes.len() < 2 {
            return None;
        }
        let mut by_host: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (node, id) in nodes {
            if let Some(host) = self.server(id).and_then(|server| server.host.as_deref()) {
                by_host.entry(host).or_default().push(node);
            }
        }
        if let Some(together) = by_host.values().find(|nodes| nodes.len() > 1) {
            let seen =
                format!("{} are on one hypervisor: its loss takes them all", together.join(", "));
            let todo = "a server group with policy anti-affinity, and a new server in it for one of them (the group counts only when a server is made)";
            return Some(CheckResult::warning(AREA, CHECK, seen, todo));
        }
        let apart = |group: &&ServerGroup| {
            let is_in = |id: &str| group.members.iter().any(|member| member == id);
            group.policies.iter().any(|policy| policy == "anti-affinity")
                && nodes.values().all(|id| is_in(id))
        };
        if let Some(group) = self.groups.iter().find(apart) {
            let seen = format!("apart, and server group {} keeps them apart", group.name);
            return Some(CheckResult::ok(AREA, CHECK, seen));
        }
        let seen = "apart now, but no server group with policy anti-affinity has all nodes: a migration may bring two together";
        let todo = "make the servers in a server group with policy anti-affinity";
        Some(CheckResult::warning(AREA, CHECK, seen, todo))
    }

    /// Neutron drops packets from an address that the port does not allow.
    fn check_addresses(&self, nodes: &BTreeMap<&str, &str>, cib: &Cib) -> Vec<CheckResult> {
        const CHECK: &str = "allowed_address_pairs";
        let mut rows = Vec::new();
        for address in cib.addresses.iter().filter(|address| address.moved_by_node) {
            let Some(ip) = address.address.as_deref().and_then(|text| text.parse().ok()) else {
                continue;
            };
            let refused: Vec<(&str, &Port)> = nodes
                .iter()
                .filter_map(|(node, id)| Some((*node, self.refusing_port(id, ip)?)))
                .collect();
            if let Some((_, port)) = refused.first() {
                let names: Vec<&str> = refused.iter().map(|(node, _)| *node).collect();
                let seen = format!(
                    "{} ({ip}) is allowed at no port of {}: there, Neutron drops its packets after a fail-over",
                    address.name,
                    names.join(", ")
                );
                let todo = format!(
                    "for each of them: openstack port set --allowed-address ip-address={ip} {}",
                    port.id
                );
                rows.push(CheckResult::error(AREA, CHECK, seen, todo));
            } else if self.reserving_port(ip).is_none() {
                let seen = format!(
                    "{} ({ip}): no port has it: Neutron may give it to another server",
                    address.name
                );
                let todo = format!(
                    "reserve it: openstack port create --network NETWORK --fixed-ip ip-address={ip} NAME"
                );
                rows.push(CheckResult::warning(AREA, CHECK, seen, todo));
            } else {
                let seen = format!("{} ({ip}): allowed at each node's port", address.name);
                rows.push(CheckResult::ok(AREA, CHECK, seen));
            }
        }
        rows
    }

    /// A port of this server, if none of its ports lets the address through.
    fn refusing_port(&self, server: &str, ip: IpAddr) -> Option<&Port> {
        let of_server = |port: &&Port| port.server.as_deref() == Some(server);
        let allows = |port: &Port| {
            !port.secured
                || port.fixed.iter().chain(&port.allowed).any(|allowed| covers(allowed, ip))
        };
        let mut ports = self.ports.iter().filter(of_server);
        let first = ports.next()?;
        (!allows(first) && !ports.any(allows)).then_some(first)
    }

    /// The port whose own address it is.
    fn reserving_port(&self, ip: IpAddr) -> Option<&Port> {
        self.ports.iter().find(|port| port.fixed.iter().any(|fixed| covers(fixed, ip)))
    }

    /// A floating address that the picos use must lead to the address that moves with the Platform.
    fn check_floating(&self, cib: &Cib, platform_hosts: &BTreeSet<IpAddr>) -> Vec<CheckResult> {
        const CHECK: &str = "floating address";
        let moved: BTreeSet<IpAddr> = cib
            .addresses
            .iter()
            .filter_map(|address| address.address.as_deref()?.parse().ok())
            .collect();
        let by_agent = cib.cloud_agents.iter().any(|agent| agent.agent == "openstack-floating-ip");
        let parse = |text: &str| text.parse::<IpAddr>().ok();
        let used = self.floating.iter().filter(|floating| {
            parse(&floating.address).is_some_and(|ip| platform_hosts.contains(&ip))
        });
        used.filter_map(|floating| {
            let leads_to = floating.fixed.as_deref().and_then(parse);
            let address = &floating.address;
            match leads_to {
                Some(ip) if moved.contains(&ip) => {
                    let seen = format!("{address} leads to {ip}, which the cluster moves");
                    Some(CheckResult::ok(AREA, CHECK, seen))
                }
                _ if by_agent || moved.is_empty() => None,
                _ => {
                    let port = moved.iter().find_map(|ip| self.reserving_port(*ip));
                    let seen = format!(
                        "pico.rcp.platform.host is {address}, which leads to {}, not to an address that the cluster moves: after a fail-over nobody reaches the Platform there",
                        leads_to.map_or_else(
                            || floating.port.clone().unwrap_or_else(|| "nothing".to_owned()),
                            |ip| ip.to_string()
                        )
                    );
                    let todo = format!(
                        "openstack floating ip set --port {} {address}",
                        port.map_or("PORT-OF-THE-ADDRESS", |port| &port.id)
                    );
                    Some(CheckResult::error(AREA, CHECK, seen, todo))
                }
            }
        })
        .collect()
    }
}

/// Whether an address, or a network such as `192.0.2.0/24`, covers this address.
fn covers(allowed: &str, ip: IpAddr) -> bool {
    let (network, length) = match allowed.split_once('/') {
        Some((network, length)) => (network, length.parse().ok()),
        None => (allowed, Some(128)),
    };
    let (Ok(network), Some(length)) = (network.parse::<IpAddr>(), length) else { return false };
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => (u128::from(u32::from(ip)) << 96, 32),
        IpAddr::V6(ip) => (u128::from(ip), 128),
    };
    let ((network, all), (ip, own)) = (bits(network), bits(ip));
    let shift = 128 - u32::min(length, all);
    all == own && network.checked_shr(shift).unwrap_or(0) == ip.checked_shr(shift).unwrap_or(0)
}

#[cfg(test)]
mod tests;
