//! The two host names of the product's registry, and whether they stand for the right addresses on this node.
//!
//! `pico.rcp.server.host` is where a pico listens; unset, it listens everywhere. `pico.rcp.platform.host` is where the Platform
//! is looked for; it is one name for the whole cell. Which addresses they must stand for depends on deployment and pico:
//! [`Rule`] is the table, [`judge`](judge::judge) holds an answer of the resolver against it. Both are pure. What they decide by is
//! looked up before: names by a helper, for a resolver may hang, and the addresses of the node by the kernel.
//!
//! The severities follow one thought. What is wrong on this node until somebody changes it is an error, when an
//! administrator asks; what may be different the next moment, because an address moves or a resolver comes back, is a warning. A
//! start refuses only what could not be bound: the product would come up "with errors", which is worse than not at all.

mod judge;
mod name;
mod rule;
#[cfg(test)]
mod tests;

pub use judge::Problem;
pub use rule::Rule;

use crate::product::PicoFacts;
use crate::settings::{Deployment, PicoType, Settings};
use host::addresses::{Lookup, Node, Place};
use std::fmt;
use std::net::IpAddr;
use std::time::Instant;

/// Most addresses that are written out.
const SHOWN: usize = 4;

/// The two host names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Property {
    /// `pico.rcp.server.host`: what the pico binds.
    ServerHost,
    /// `pico.rcp.platform.host`: where the Platform is.
    PlatformHost,
}

impl Property {
    /// As the registry has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ServerHost => "pico.rcp.server.host",
            Self::PlatformHost => "pico.rcp.platform.host",
        }
    }
}

impl fmt::Display for Property {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a property came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is not set.
    Unset,
    /// Its value is no host name; why.
    NoName(String),
    /// The resolver's answer.
    Lookup(Lookup),
}

/// One property: its value, what that stands for, what it must stand for, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which one.
    pub property: Property,
    /// Its value, where set.
    pub host: Option<String>,
    /// What that stands for.
    pub found: Found,
    /// What it must stand for.
    pub rule: Rule,
    /// What is wrong with it: nothing, if empty.
    pub problems: Vec<Problem>,
}

impl Row {
    /// The addresses that the name stands for; none where that is not known.
    #[must_use]
    pub fn addresses(&self) -> &[IpAddr] {
        match &self.found {
            Found::Lookup(Lookup::Addresses(all)) => all,
            _ => &[],
        }
    }

    /// What it stands for, for a table: `mzplat: 10.0.0.1, 10.0.0.2`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let host = self.host.as_deref().unwrap_or_default();
        let found = match &self.found {
            Found::Unset => return "not set".to_owned(),
            Found::NoName(why) | Found::Lookup(Lookup::Nothing(why) | Lookup::Failed(why)) => why.clone(),
            Found::Lookup(Lookup::Addresses(all)) if name::literal(host).is_some() => return list(all),
            Found::Lookup(Lookup::Addresses(all)) => list(all),
            Found::Lookup(Lookup::Silent(waited)) => {
                format!("the resolver has not answered for {} s", waited.as_secs())
            }
        };
        format!("{host}: {found}")
    }

    /// What it must stand for, for a table.
    #[must_use]
    pub fn demand(&self, settings: &Settings) -> String {
        self.rule.in_words(settings.deployment, settings.kind)
    }
}

/// Both properties of a pico, looked up and judged. The resolver is asked by a helper, at most until the given instant. One that
/// the registry's files don't tell is left out: it may well be set, and that it can't be told is a problem of the registry.
#[must_use]
pub fn table(settings: &Settings, facts: &PicoFacts, until: Instant) -> Vec<Row> {
    let hosts = [
        (Property::ServerHost, facts.server_host.clone()),
        (Property::PlatformHost, facts.platform.as_ref().map(|platform| platform.host.clone())),
    ];
    let asked = |host: &&String| name::fault(host).is_none();
    let names: Vec<&str> =
        hosts.iter().filter_map(|(_, host)| host.as_ref()).filter(asked).map(String::as_str).collect();
    let mut answers = host::addresses::look_up(&names, until).into_iter();
    let values = hosts.clone().map(|(property, host)| {
        let found = match host.as_deref() {
            None => Found::Unset,
            Some(host) => match name::fault(host) {
                Some(why) => Found::NoName(why),
                None => {
                    Found::Lookup(answers.next().unwrap_or_else(|| Lookup::Failed("not asked".to_owned())))
                }
            },
        };
        (property, host, found)
    });
    let node = Node::read();
    if let Err(e) = &node {
        tracing::warn!("the addresses of this node can't be told: {e}; they are taken for right");
    }
    let place = |address| node.as_ref().map_or(Place::Here, |node| node.place(address));
    let mut rows = rows(settings.deployment, settings.kind, values, &place);
    rows.retain(|row| row.found != Found::Unset || !facts.is_untold(row.property.name()));
    rows
}

/// The pure part.
fn rows(
    deployment: Deployment,
    kind: PicoType,
    values: [(Property, Option<String>, Found); 2],
    place: &dyn Fn(IpAddr) -> Place,
) -> Vec<Row> {
    let mut rows = values.map(|(property, host, found)| {
        let rule = Rule::of(deployment, kind, property);
        let mut row = Row { property, host, found, rule, problems: Vec::new() };
        row.problems = judge::judge(deployment, kind, &row, place);
        row
    });
    if let Some(problem) = judge::together(kind, &rows) {
        rows[1].problems.push(problem);
    }
    rows.into()
}

/// Addresses for people.
fn list(addresses: &[IpAddr]) -> String {
    let words: Vec<String> = addresses.iter().take(SHOWN).map(ToString::to_string).collect();
    match addresses.len().saturating_sub(SHOWN) {
        0 => words.join(", "),
        more => format!("{} and {more} more", words.join(", ")),
    }
}
