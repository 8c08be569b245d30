//! The problems of a hostname, from its addresses. All functions are pure.
//!
//! A JVM takes one of several addresses: the first IPv4 address, otherwise the first, unless it is
//! configured otherwise ([`address_taken_by_jvm`]). The others are a problem only if the next JVM
//! may take an unusable one, because resolvers rotate the order.

use super::rule::{AddressRule, with_article};
use super::{HostNameCheck, HostProperty, HostResolution, host_name, join_addresses};
use crate::actions::Severity;
use crate::settings::{Deployment, PicoType};
use host::addresses::{AddressState, Lookup};
use ocf::ErrorCode;
use std::net::IpAddr;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressProblem {
    /// The severity for an administrator.
    pub severity: Severity,
    /// True if a start must fail, because the pico can't bind its address.
    pub blocks_start: bool,
    /// The observation and the remedy.
    pub text: String,
}

impl AddressProblem {
    fn error(text: String) -> Self {
        Self { severity: Severity::Error(ErrorCode::InvalidParameter), blocks_start: false, text }
    }

    fn warning(text: String) -> Self {
        Self { severity: Severity::Warning, blocks_start: false, text }
    }
}

/// The address that a JVM takes for a name.
pub(super) fn address_taken_by_jvm(addresses: &[IpAddr]) -> Option<IpAddr> {
    addresses.iter().find(|a| a.is_ipv4()).or(addresses.first()).copied()
}

/// The problems of one property.
pub(super) fn find_problems(
    deployment: Deployment,
    kind: PicoType,
    row: &HostNameCheck,
    place: &dyn Fn(IpAddr) -> AddressState,
) -> Vec<AddressProblem> {
    let host = row.host.as_deref().unwrap_or_default();
    let case =
        AddressCheck { deployment, kind, property: row.property, rule: row.rule, host, place };
    match &row.resolution {
        HostResolution::Unset => case.check_unset().into_iter().collect(),
        HostResolution::InvalidName(why) => vec![AddressProblem::error(format!("{host:?} {why}"))],
        HostResolution::LookedUp(Lookup::Addresses(all)) => case.check_addresses(all),
        HostResolution::LookedUp(Lookup::NotFound(why)) => {
            let dot = if host.ends_with('.') {
                "; a hosts file knows no names with a dot at the end"
            } else {
                ""
            };
            vec![AddressProblem::warning(format!("{host} does not resolve: {why}{dot}"))]
        }
        HostResolution::LookedUp(Lookup::Failed(why)) => {
            vec![AddressProblem::warning(format!(
                "{host} does not resolve now: {why}; the name servers fail or are silent"
            ))]
        }
        HostResolution::LookedUp(Lookup::TimedOut(waited)) => {
            vec![AddressProblem::warning(format!(
                "{host} can't be checked: the resolver has not answered for {} s",
                waited.as_secs()
            ))]
        }
    }
}

/// The problem of both together: the Platform binds one, but clients connect to the other.
pub(super) fn find_mismatch(kind: PicoType, rows: &[HostNameCheck; 2]) -> Option<AddressProblem> {
    let [server, platform] = rows;
    let all_well = rows.iter().all(|row| !row.addresses().is_empty() && row.problems.is_empty());
    let everywhere = server.addresses().iter().any(IpAddr::is_unspecified);
    if kind != PicoType::Platform || !all_well || everywhere {
        return None;
    }
    let bound = server.addresses();
    if platform.addresses().iter().any(|address| bound.contains(address)) {
        return None;
    }
    Some(AddressProblem::warning(format!(
        "{} is not what the Platform binds, {} (pico.rcp.server.host): not reachable there unless pico.rcp.server.bind_interfaces adds it",
        platform.describe().replacen(": ", " = ", 1),
        join_addresses(bound)
    )))
}

struct AddressCheck<'a> {
    deployment: Deployment,
    kind: PicoType,
    property: HostProperty,
    rule: AddressRule,
    host: &'a str,
    place: &'a dyn Fn(IpAddr) -> AddressState,
}

impl AddressCheck<'_> {
    /// The address of a pico without `server.host` is not documented. Only the administrator knows
    /// its effect on an address of the cluster.
    fn check_unset(&self) -> Option<AddressProblem> {
        let text = match (self.property, self.rule) {
            (HostProperty::ServerHost, AddressRule::LocalAddress) => {
                format!("is not set, so it listens at every address; {}", self.describe_rule())
            }
            (HostProperty::ServerHost, _) => return None,
            (HostProperty::PlatformHost, _) if self.kind == PicoType::Platform => {
                "is not set: picos on other nodes can't find the Platform".to_owned()
            }
            (HostProperty::PlatformHost, _) => {
                format!(
                    "is not set: {} can't find the Platform, and a start does not wait for it",
                    with_article(self.kind)
                )
            }
        };
        Some(AddressProblem::warning(text))
    }

    fn check_addresses(&self, all: &[IpAddr]) -> Vec<AddressProblem> {
        let Some(taken) = address_taken_by_jvm(all) else { return Vec::new() };
        if let Some(problem) = self.check_unusable(taken) {
            return vec![problem];
        }
        if taken.is_loopback() {
            return self.check_loopback(taken).into_iter().collect();
        }
        let mut problems = Vec::new();
        if is_link_local(taken) {
            let text = "link-local: beyond its own network nobody reaches it";
            problems.push(AddressProblem::warning(self.describe_as(&[taken], text)));
        }
        match self.rule {
            AddressRule::OnThisNode | AddressRule::LocalAddress => {
                problems.extend(self.check_on_this_node(all, taken));
            }
            AddressRule::PlatformExternal => problems.extend(self.check_not_on_this_node(all)),
            AddressRule::LeadsToPlatform => {}
        }
        let splits =
            self.deployment != Deployment::Virtual && self.property == HostProperty::PlatformHost;
        if splits && host_name::parse_address(self.host).is_some() {
            problems.push(AddressProblem::warning(format!(
                "{} is an address: it can't be the local one on the Platform's node and the outer one elsewhere; set a name",
                self.host
            )));
        }
        problems
    }

    /// Handles addresses that no interface has.
    fn check_unusable(&self, taken: IpAddr) -> Option<AddressProblem> {
        let what = match taken {
            _ if taken.is_unspecified() => "no address that anybody could connect to",
            _ if taken.is_multicast() => "a multicast address",
            IpAddr::V4(v4) if v4.is_broadcast() => "the broadcast address",
            _ => return None,
        };
        let text = self.describe_as(&[taken], what);
        Some(match self.property {
            // The pico can bind it, with the same effect as an unset property.
            HostProperty::ServerHost if taken.is_unspecified() => {
                AddressProblem::warning(format!("{text}: to listen everywhere, leave it unset"))
            }
            HostProperty::ServerHost => {
                AddressProblem { blocks_start: true, ..AddressProblem::error(text) }
            }
            HostProperty::PlatformHost => AddressProblem::error(text),
        })
    }

    fn check_loopback(&self, taken: IpAddr) -> Option<AddressProblem> {
        let meant = self.host.trim_end_matches('.').eq_ignore_ascii_case("localhost")
            || host_name::parse_address(self.host).is_some();
        // A web UI usually runs next to the Platform, and the Platform always runs next to itself.
        let beside = matches!(self.kind, PicoType::Platform | PicoType::Ui)
            && self.rule != AddressRule::LocalAddress;
        if self.property == HostProperty::PlatformHost && meant && beside {
            return None;
        }
        let trap = if taken == IpAddr::from([127, 0, 1, 1]) {
            ", as an installer writes a node's own name into /etc/hosts"
        } else {
            ""
        };
        let seen = self.describe_as(&[taken], &format!("loopback{trap}"));
        Some(match (self.rule, self.property) {
            (AddressRule::LocalAddress, _) => {
                AddressProblem::error(format!("{seen}; {}", self.describe_rule()))
            }
            (_, HostProperty::ServerHost) => {
                AddressProblem::warning(format!("{seen}: no other node can reach it there"))
            }
            (AddressRule::OnThisNode, HostProperty::PlatformHost) => AddressProblem::warning(
                format!("{seen}: the Platform's address has to lead to it from every node"),
            ),
            (_, HostProperty::PlatformHost) => AddressProblem::warning(format!(
                "{seen}: it finds the Platform only while both are on one node"
            )),
        })
    }

    /// The address must be on this node but is not, or is unusable.
    fn check_on_this_node(&self, all: &[IpAddr], taken: IpAddr) -> Vec<AddressProblem> {
        let bound = self.property == HostProperty::ServerHost;
        let is_here = |a: &IpAddr| {
            !matches!((self.place)(*a), AddressState::NotLocal | AddressState::Duplicate(_))
        };
        let (here, away): (Vec<IpAddr>, Vec<IpAddr>) = all.iter().partition(|a| is_here(a));
        if here.is_empty() {
            let seen = if let AddressState::Duplicate(interface) = (self.place)(taken) {
                format!(
                    "{}, which somebody else on the network of {interface} has, too, so that it can't be used",
                    self.describe_resolution(&[taken])
                )
            } else {
                self.describe_as_elsewhere(all)
            };
            let problem = match self.rule {
                AddressRule::LocalAddress => {
                    AddressProblem::error(format!("{seen}; {}", self.describe_rule()))
                }
                _ if bound => AddressProblem::warning(format!(
                    "{seen}; {} could not bind it",
                    with_article(self.kind)
                )),
                _ => AddressProblem::warning(format!(
                    "{seen}; the Platform is looked for there, so it must be here when it runs"
                )),
            };
            return vec![AddressProblem { blocks_start: bound, ..problem }];
        }
        let mut problems = Vec::new();
        if !here.contains(&taken) {
            problems.push(AddressProblem::warning(format!(
                "{}, and of these only {} is of this node: a JVM takes {taken}",
                self.describe_resolution(all),
                join_addresses(&here)
            )));
        } else if !away.is_empty() {
            problems.push(AddressProblem::warning(format!(
                "{}, and {} is not of this node: which of them is taken is left to chance",
                self.describe_resolution(all),
                join_addresses(&away)
            )));
        }
        let fit = match (self.place)(taken) {
            AddressState::LinkDown(interface) => {
                format!("whose interface {interface} is down or has no link: nobody reaches it")
            }
            AddressState::Tentative(interface) => {
                format!(
                    "which {interface} may not use yet: duplicate address detection is not done"
                )
            }
            _ => return problems,
        };
        problems.push(AddressProblem::warning(format!(
            "{}, {fit}",
            self.describe_resolution(&[taken])
        )));
        problems
    }

    /// The address must be an external one of the Platform's node but is on this node. It works
    /// while the Platform is here, too, so this is a warning. The product's manual requires
    /// different hosts.
    fn check_not_on_this_node(&self, all: &[IpAddr]) -> Option<AddressProblem> {
        let here: Vec<IpAddr> =
            all.iter().copied().filter(|&a| (self.place)(a) != AddressState::NotLocal).collect();
        if here.is_empty() {
            return None;
        }
        Some(AddressProblem::warning(format!(
            "{}; {}",
            self.describe_as(&here, "an address of this node"),
            self.describe_rule()
        )))
    }

    fn describe_rule(&self) -> String {
        self.rule.describe(self.deployment, self.kind)
    }

    /// For example `mzplat resolves to 10.0.0.1`, or `10.0.0.1` for an address.
    fn describe_resolution(&self, addresses: &[IpAddr]) -> String {
        match host_name::parse_address(self.host) {
            Some(_) => self.host.to_owned(),
            None => format!("{} resolves to {}", self.host, join_addresses(addresses)),
        }
    }

    /// For example `mzplat resolves to 127.0.0.1, which is loopback`, or `127.0.0.1 is loopback`
    /// for an address.
    fn describe_as(&self, addresses: &[IpAddr], what: &str) -> String {
        let which = if host_name::parse_address(self.host).is_some() { "" } else { ", which" };
        format!("{}{which} is {what}", self.describe_resolution(addresses))
    }

    fn describe_as_elsewhere(&self, all: &[IpAddr]) -> String {
        match all {
            [_] => self.describe_as(all, "not an address of this node"),
            _ => format!(
                "{}, none of which is an address of this node",
                self.describe_resolution(all)
            ),
        }
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}
