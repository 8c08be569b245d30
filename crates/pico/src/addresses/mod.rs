//! The two host names of the product's registry, and whether they stand for the right addresses on this node.
//!
//! `pico.rcp.server.host` is where a pico listens; unset, it listens everywhere. `pico.rcp.platform.host` is where the Platform
//! is looked for; it is one name for the whole cell. Which addresses they must stand for depends on deployment and pico:
//! [`AddressRule`] is the table, [`find_problems`](problems::find_problems) holds an answer of the resolver against it. Both are pure. What they decide by is
//! looked up before: names by a helper, for a resolver may hang, and the addresses of the node by the kernel.
//!
//! The severities follow one thought. What is wrong on this node until somebody changes it is an error, when an
//! administrator asks; what may be different the next moment, because an address moves or a resolver comes back, is a warning. A
//! start refuses only what could not be bound: the product would come up "with errors", which is worse than not at all.

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

/// Most addresses that are written out.
const MAX_SHOWN_ADDRESSES: usize = 4;

/// The two host names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostProperty {
    /// `pico.rcp.server.host`: what the pico binds.
    ServerHost,
    /// `pico.rcp.platform.host`: where the Platform is.
    PlatformHost,
}

impl HostProperty {
    /// As the registry has it.
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

/// What a property came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostResolution {
    /// It is not set.
    Unset,
    /// Its value is no host name; why.
    InvalidName(String),
    /// The resolver's answer.
    LookedUp(Lookup),
}

/// One property: its value, what that stands for, what it must stand for, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostNameCheck {
    /// Which one.
    pub property: HostProperty,
    /// Its value, where set.
    pub host: Option<String>,
    /// What that stands for.
    pub resolution: HostResolution,
    /// What it must stand for.
    pub rule: AddressRule,
    /// What is wrong with it: nothing, if empty.
    pub problems: Vec<AddressProblem>,
}

impl HostNameCheck {
    /// The addresses that the name stands for; none where that is not known.
    #[must_use]
    pub fn addresses(&self) -> &[IpAddr] {
        match &self.resolution {
            HostResolution::LookedUp(Lookup::Addresses(all)) => all,
            _ => &[],
        }
    }

    /// What it stands for, for a table: `mzplat: 10.0.0.1, 10.0.0.2`.
    #[must_use]
    pub fn describe(&self) -> String {
        let host = self.host.as_deref().unwrap_or_default();
        let found = match &self.resolution {
            HostResolution::Unset => return "not set".to_owned(),
            HostResolution::InvalidName(why)
            | HostResolution::LookedUp(Lookup::NotFound(why) | Lookup::Failed(why)) => why.clone(),
            HostResolution::LookedUp(Lookup::Addresses(all)) if host_name::parse_address(host).is_some() => {
                return join_addresses(all);
            }
            HostResolution::LookedUp(Lookup::Addresses(all)) => join_addresses(all),
            HostResolution::LookedUp(Lookup::TimedOut(waited)) => {
                format!("the resolver has not answered for {} s", waited.as_secs())
            }
        };
        format!("{host}: {found}")
    }

    /// What it must stand for, for a table.
    #[must_use]
    pub fn describe_rule(&self, settings: &Settings) -> String {
        self.rule.describe(settings.deployment, settings.pico_type)
    }
}

/// Both properties of a pico, looked up and judged. The resolver is asked by a helper, at most until the given instant. One that
/// the registry's files leave unresolved is left out: it may be set, and that it is unresolved is a problem of the registry.
#[must_use]
pub fn check_host_names(settings: &Settings, facts: &PicoFacts, until: Instant) -> Vec<HostNameCheck> {
    let hosts = [
        (HostProperty::ServerHost, facts.server_host.clone()),
        (HostProperty::PlatformHost, facts.platform.as_ref().map(|platform| platform.host.clone())),
    ];
    let asked = |host: &&String| host_name::name_error(host).is_none();
    let names: Vec<&str> =
        hosts.iter().filter_map(|(_, host)| host.as_ref()).filter(asked).map(String::as_str).collect();
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
    rows.retain(|row| row.resolution != HostResolution::Unset || !facts.is_unresolved(row.property.name()));
    rows
}

/// The pure part.
fn judge_host_names(
    deployment: Deployment,
    kind: PicoType,
    values: [(HostProperty, Option<String>, HostResolution); 2],
    place: &dyn Fn(IpAddr) -> AddressState,
) -> Vec<HostNameCheck> {
    let mut rows = values.map(|(property, host, found)| {
        let rule = AddressRule::for_property(deployment, kind, property);
        let mut row = HostNameCheck { property, host, resolution: found, rule, problems: Vec::new() };
        row.problems = problems::find_problems(deployment, kind, &row, place);
        row
    });
    if let Some(problem) = problems::find_mismatch(kind, &rows) {
        rows[1].problems.push(problem);
    }
    rows.into()
}

/// Addresses for people.
fn join_addresses(addresses: &[IpAddr]) -> String {
    let words: Vec<String> = addresses.iter().take(MAX_SHOWN_ADDRESSES).map(ToString::to_string).collect();
    match addresses.len().saturating_sub(MAX_SHOWN_ADDRESSES) {
        0 => words.join(", "),
        more => format!("{} and {more} more", words.join(", ")),
    }
}
