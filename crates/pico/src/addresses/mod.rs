//! The two hostnames of the product's registry, and whether they resolve to the right addresses on
//! this node.
//!
//! A pico listens on `pico.rcp.server.host`, or everywhere if it is unset. `pico.rcp.platform.host`
//! is the address of the Platform, one name for the whole cell. Deployment and pico type determine
//! the required addresses. [`AddressRule`] is the table, and
//! [`find_problems`](problems::find_problems) compares a resolver's answer with it. Both are pure.
//! Their inputs come first: the names from a worker process, because a resolver may hang, and the
//! node's addresses from the kernel.
//!
//! The severities follow one principle. A problem that persists on this node until somebody changes
//! something is an error for an administrator. A problem that may vanish, because an address moves
//! or a resolver recovers, is a warning. A start fails only for an address that the pico could not
//! bind: the product would start "with errors", which is worse than no start.

mod host_name;
mod problems;
mod rule;
#[cfg(test)]
mod tests;

pub use problems::AddressProblem;
pub use rule::AddressRule;

use crate::product::PicoFacts;
use crate::settings::{Deployment, PicoType, Settings};
use host::addresses::{AddressState, LocalAddresses, Lookup};
use std::fmt;
use std::net::IpAddr;
use std::time::Instant;

/// Maximum number of addresses in a message.
const MAX_SHOWN_ADDRESSES: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostProperty {
    /// `pico.rcp.server.host`: the address that the pico binds.
    ServerHost,
    /// `pico.rcp.platform.host`: the address of the Platform.
    PlatformHost,
}

impl HostProperty {
    /// The name in the registry.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ServerHost => "pico.rcp.server.host",
            Self::PlatformHost => "pico.rcp.platform.host",
        }
    }
}

impl fmt::Display for HostProperty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The result of resolving a property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostResolution {
    /// The property is not set.
    Unset,
    /// Its value is no hostname, for this reason.
    InvalidName(String),
    LookedUp(Lookup),
}

/// The check of one property: its value, its addresses, the required addresses and the problems.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostNameCheck {
    pub property: HostProperty,
    /// Its value, if set.
    pub host: Option<String>,
    pub resolution: HostResolution,
    /// The requirement on its addresses.
    pub rule: AddressRule,
    pub problems: Vec<AddressProblem>,
}

impl HostNameCheck {
    /// The addresses of the name; empty if they are unknown.
    #[must_use]
    pub fn addresses(&self) -> &[IpAddr] {
        match &self.resolution {
            HostResolution::LookedUp(Lookup::Addresses(all)) => all,
            _ => &[],
        }
    }

    /// The value and its addresses, for a table: `mzplat: 10.0.0.1, 10.0.0.2`.
    #[must_use]
    pub fn describe(&self) -> String {
        let host = self.host.as_deref().unwrap_or_default();
        let found = match &self.resolution {
            HostResolution::Unset => return "not set".to_owned(),
            HostResolution::InvalidName(why)
            | HostResolution::LookedUp(Lookup::NotFound(why) | Lookup::Failed(why)) => why.clone(),
            HostResolution::LookedUp(Lookup::Addresses(all))
                if host_name::parse_address(host).is_some() =>
            {
                return join_addresses(all);
            }
            HostResolution::LookedUp(Lookup::Addresses(all)) => join_addresses(all),
            HostResolution::LookedUp(Lookup::TimedOut(waited)) => {
                format!("the resolver has not answered for {} s", waited.as_secs())
            }
        };
        format!("{host}: {found}")
    }

    /// The requirement, for a table.
    #[must_use]
    pub fn describe_rule(&self, settings: &Settings) -> String {
        self.rule.describe(settings.deployment, settings.pico_type)
    }
}

/// Resolves and checks both properties of a pico. A worker process queries the resolver, at most
/// until `until`. A property that the registry's files leave unresolved is omitted: it may be set,
/// and the registry reports that problem.
#[must_use]
pub fn check_host_names(
    settings: &Settings,
    facts: &PicoFacts,
    until: Instant,
) -> Vec<HostNameCheck> {
    let hosts = [
        (HostProperty::ServerHost, facts.server_host.clone()),
        (HostProperty::PlatformHost, facts.platform.as_ref().map(|platform| platform.host.clone())),
    ];
    let asked = |host: &&String| host_name::name_error(host).is_none();
    let names: Vec<&str> = hosts
        .iter()
        .filter_map(|(_, host)| host.as_ref())
        .filter(asked)
        .map(String::as_str)
        .collect();
    let mut answers = host::addresses::look_up(&names, until).into_iter();
    let values = hosts.clone().map(|(property, host)| {
        let found = match host.as_deref() {
            None => HostResolution::Unset,
            Some(host) => match host_name::name_error(host) {
                Some(why) => HostResolution::InvalidName(why),
                None => HostResolution::LookedUp(
                    answers.next().unwrap_or_else(|| Lookup::Failed("not asked".to_owned())),
                ),
            },
        };
        (property, host, found)
    });
    let node = LocalAddresses::read();
    if let Err(e) = &node {
        tracing::warn!("addresses of this node unknown: {e}; not checked");
    }
    let place = |address| node.as_ref().map_or(AddressState::Local, |node| node.state_of(address));
    let mut rows = judge_host_names(settings.deployment, settings.pico_type, values, &place);
    rows.retain(|row| {
        row.resolution != HostResolution::Unset || !facts.is_unresolved(row.property.name())
    });
    rows
}

/// The pure part of the check.
fn judge_host_names(
    deployment: Deployment,
    kind: PicoType,
    values: [(HostProperty, Option<String>, HostResolution); 2],
    place: &dyn Fn(IpAddr) -> AddressState,
) -> Vec<HostNameCheck> {
    let mut rows = values.map(|(property, host, found)| {
        let rule = AddressRule::for_property(deployment, kind, property);
        let mut row =
            HostNameCheck { property, host, resolution: found, rule, problems: Vec::new() };
        row.problems = problems::find_problems(deployment, kind, &row, place);
        row
    });
    if let Some(problem) = problems::find_mismatch(kind, &rows) {
        rows[1].problems.push(problem);
    }
    rows.into()
}

/// Joins addresses for a message.
fn join_addresses(addresses: &[IpAddr]) -> String {
    let words: Vec<String> =
        addresses.iter().take(MAX_SHOWN_ADDRESSES).map(ToString::to_string).collect();
    match addresses.len().saturating_sub(MAX_SHOWN_ADDRESSES) {
        0 => words.join(", "),
        more => format!("{} and {more} more", words.join(", ")),
    }
}
