//! What is wrong with a host name, by what it stands for. Pure.
//!
//! Of several addresses a JVM takes one: the first, but one of IPv4 before all of IPv6, unless it is told otherwise
//! ([`jvm_takes`]). The others are no error, as long as none of them is what only the next JVM takes: resolvers turn the order.

use super::rule::{Rule, who};
use super::{Found, Property, Row, list, name};
use crate::actions::Severity;
use crate::outcome::Class;
use crate::settings::{Deployment, PicoType};
use host::addresses::{Lookup, Place};
use std::net::IpAddr;

/// One thing that is wrong with a host name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// How bad, when an administrator asks.
    pub severity: Severity,
    /// A start must not go on: what the pico has to bind can't be bound.
    pub stops_start: bool,
    /// What was seen, and what to do.
    pub text: String,
}

impl Problem {
    fn error(text: String) -> Self {
        Self { severity: Severity::Error(Class::InvalidHere), stops_start: false, text }
    }

    fn warning(text: String) -> Self {
        Self { severity: Severity::Warning, stops_start: false, text }
    }
}

/// The address that a JVM takes for a name.
pub(super) fn jvm_takes(addresses: &[IpAddr]) -> Option<IpAddr> {
    addresses.iter().find(|a| a.is_ipv4()).or(addresses.first()).copied()
}

/// What is wrong with one property.
pub(super) fn judge(
    deployment: Deployment,
    kind: PicoType,
    row: &Row,
    place: &dyn Fn(IpAddr) -> Place,
) -> Vec<Problem> {
    let host = row.host.as_deref().unwrap_or_default();
    let case = Case { deployment, kind, property: row.property, rule: row.rule, host, place };
    match &row.found {
        Found::Unset => case.unset().into_iter().collect(),
        Found::NoName(why) => vec![Problem::error(format!("{host:?} {why}"))],
        Found::Lookup(Lookup::Addresses(all)) => case.addresses(all),
        Found::Lookup(Lookup::Nothing(why)) => {
            let dot =
                if host.ends_with('.') { "; a hosts file knows no names with a dot at the end" } else { "" };
            vec![Problem::warning(format!("{host} does not resolve: {why}{dot}"))]
        }
        Found::Lookup(Lookup::Failed(why)) => {
            vec![Problem::warning(format!(
                "{host} does not resolve now: {why}; the name servers fail or are silent"
            ))]
        }
        Found::Lookup(Lookup::Silent(waited)) => vec![Problem::warning(format!(
            "{host} can't be checked: the resolver has not answered for {} s",
            waited.as_secs()
        ))],
    }
}

/// What is wrong with both together: the Platform binds one, and is looked for at the other.
pub(super) fn together(kind: PicoType, rows: &[Row; 2]) -> Option<Problem> {
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
    Some(Problem::warning(format!(
        "{} is not what the Platform binds, {} (pico.rcp.server.host): nobody finds it there, unless pico.rcp.server.bind_interfaces adds it",
        platform.in_words().replacen(": ", " = ", 1),
        list(bound)
    )))
}

struct Case<'a> {
    deployment: Deployment,
    kind: PicoType,
    property: Property,
    rule: Rule,
    host: &'a str,
    place: &'a dyn Fn(IpAddr) -> Place,
}

impl Case<'_> {
    /// Where a pico without a server.host listens is not documented; what that means for an address of the cluster, only who knows the
    /// cluster can say.
    fn unset(&self) -> Option<Problem> {
        let text = match (self.property, self.rule) {
            (Property::ServerHost, Rule::Local) => {
                format!("is not set, so it listens at every address; {}", self.demand())
            }
            (Property::ServerHost, _) => return None,
            (Property::PlatformHost, _) if self.kind == PicoType::Platform => {
                "is not set: picos on other nodes can't find the Platform".to_owned()
            }
            (Property::PlatformHost, _) => {
                format!(
                    "is not set: {} can't find the Platform, and a start does not wait for it",
                    who(self.kind)
                )
            }
        };
        Some(Problem::warning(text))
    }

    fn addresses(&self, all: &[IpAddr]) -> Vec<Problem> {
        let Some(taken) = jvm_takes(all) else { return Vec::new() };
        if let Some(problem) = self.no_address_of_a_node(taken) {
            return vec![problem];
        }
        if taken.is_loopback() {
            return self.loopback(taken).into_iter().collect();
        }
        let mut problems = Vec::new();
        if is_link_local(taken) {
            let text = "link-local: beyond its own network nobody reaches it";
            problems.push(Problem::warning(self.is(&[taken], text)));
        }
        match self.rule {
            Rule::HereWhenItRuns | Rule::Local => problems.extend(self.not_here(all, taken)),
            Rule::OutsidePlatform => problems.extend(self.here_after_all(all)),
            Rule::LeadsToPlatform => {}
        }
        let splits = self.deployment != Deployment::Virtual && self.property == Property::PlatformHost;
        if splits && name::literal(self.host).is_some() {
            problems.push(Problem::warning(format!(
                "{} is an address: it can't be the local one on the Platform's node and the outer one elsewhere; set a name",
                self.host
            )));
        }
        problems
    }

    /// Addresses that no interface has.
    fn no_address_of_a_node(&self, taken: IpAddr) -> Option<Problem> {
        let what = match taken {
            _ if taken.is_unspecified() => "no address that anybody could connect to",
            _ if taken.is_multicast() => "a multicast address",
            IpAddr::V4(v4) if v4.is_broadcast() => "the broadcast address",
            _ => return None,
        };
        let text = self.is(&[taken], what);
        Some(match self.property {
            // It can be bound: it is what being unset means.
            Property::ServerHost if taken.is_unspecified() => {
                Problem::warning(format!("{text}: to listen everywhere, leave it unset"))
            }
            Property::ServerHost => Problem { stops_start: true, ..Problem::error(text) },
            Property::PlatformHost => Problem::error(text),
        })
    }

    fn loopback(&self, taken: IpAddr) -> Option<Problem> {
        let meant = self.host.trim_end_matches('.').eq_ignore_ascii_case("localhost")
            || name::literal(self.host).is_some();
        // A Web UI stands beside the Platform as a rule, and the Platform is always beside itself.
        let beside = matches!(self.kind, PicoType::Platform | PicoType::Ui) && self.rule != Rule::Local;
        if self.property == Property::PlatformHost && meant && beside {
            return None;
        }
        let trap = if taken == IpAddr::from([127, 0, 1, 1]) {
            ", as an installer writes a node's own name into /etc/hosts"
        } else {
            ""
        };
        let seen = self.is(&[taken], &format!("loopback{trap}"));
        Some(match (self.rule, self.property) {
            (Rule::Local, _) => Problem::error(format!("{seen}; {}", self.demand())),
            (_, Property::ServerHost) => {
                Problem::warning(format!("{seen}: no other node can reach it there"))
            }
            (Rule::HereWhenItRuns, Property::PlatformHost) => {
                Problem::warning(format!("{seen}: the Platform's address has to lead to it from every node"))
            }
            (_, Property::PlatformHost) => {
                Problem::warning(format!("{seen}: it finds the Platform only while both are on one node"))
            }
        })
    }

    /// It must be here, and is not; or is not fit to be used.
    fn not_here(&self, all: &[IpAddr], taken: IpAddr) -> Vec<Problem> {
        let bound = self.property == Property::ServerHost;
        let is_here = |a: &IpAddr| !matches!((self.place)(*a), Place::Elsewhere | Place::Duplicate(_));
        let (here, away): (Vec<IpAddr>, Vec<IpAddr>) = all.iter().partition(|a| is_here(a));
        if here.is_empty() {
            let seen = if let Place::Duplicate(interface) = (self.place)(taken) {
                format!(
                    "{}, which somebody else on the network of {interface} has, too, so that it can't be used",
                    self.resolves_to(&[taken])
                )
            } else {
                self.is_none_of_this_node(all)
            };
            let problem = match self.rule {
                Rule::Local => Problem::error(format!("{seen}; {}", self.demand())),
                _ if bound => Problem::warning(format!("{seen}; {} could not bind it", who(self.kind))),
                _ => Problem::warning(format!(
                    "{seen}; the Platform is looked for there, so it must be here when it runs"
                )),
            };
            return vec![Problem { stops_start: bound, ..problem }];
        }
        let mut problems = Vec::new();
        if !here.contains(&taken) {
            problems.push(Problem::warning(format!(
                "{}, and of these only {} is of this node: a JVM takes {taken}",
                self.resolves_to(all),
                list(&here)
            )));
        } else if !away.is_empty() {
            problems.push(Problem::warning(format!(
                "{}, and {} is not of this node: which of them is taken is left to chance",
                self.resolves_to(all),
                list(&away)
            )));
        }
        let fit = match (self.place)(taken) {
            Place::Unlinked(interface) => {
                format!("whose interface {interface} is down or has no link: nobody reaches it")
            }
            Place::Tentative(interface) => {
                format!("which {interface} may not use yet: duplicate address detection is not done")
            }
            _ => return problems,
        };
        problems.push(Problem::warning(format!("{}, {fit}", self.resolves_to(&[taken]))));
        problems
    }

    /// It must be an outer address of the Platform's node, and is one of this node. It works as long as the Platform is here, too, so
    /// a warning; the product's manual wants the two on different hosts.
    fn here_after_all(&self, all: &[IpAddr]) -> Option<Problem> {
        let here: Vec<IpAddr> =
            all.iter().copied().filter(|&a| (self.place)(a) != Place::Elsewhere).collect();
        if here.is_empty() {
            return None;
        }
        Some(Problem::warning(format!("{}; {}", self.is(&here, "an address of this node"), self.demand())))
    }

    fn demand(&self) -> String {
        self.rule.in_words(self.deployment, self.kind)
    }

    /// `mzplat resolves to 10.0.0.1`, or of an address: `10.0.0.1`.
    fn resolves_to(&self, addresses: &[IpAddr]) -> String {
        match name::literal(self.host) {
            Some(_) => self.host.to_owned(),
            None => format!("{} resolves to {}", self.host, list(addresses)),
        }
    }

    /// `mzplat resolves to 127.0.0.1, which is loopback`, or of an address: `127.0.0.1 is loopback`.
    fn is(&self, addresses: &[IpAddr], what: &str) -> String {
        let which = if name::literal(self.host).is_some() { "" } else { ", which" };
        format!("{}{which} is {what}", self.resolves_to(addresses))
    }

    fn is_none_of_this_node(&self, all: &[IpAddr]) -> String {
        match all {
            [_] => self.is(all, "not an address of this node"),
            _ => format!("{}, none of which is an address of this node", self.resolves_to(all)),
        }
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}
