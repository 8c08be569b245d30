//! Finds the pico of an HA port, the only key that the product's `monitor` has.
//!
//! First the instance records, without access to storage: a live JVM that was started or adopted with this port. Then
//! the registry. If it is unreadable (a standby without the storage, or hung storage), the process scan can still show that
//! no pico of the installation runs on this node. Without that answer a
//! manager that probes all its nodes could never fail over to the standby.
//!
//! A pico with an enabled HA Monitor Server takes precedence over one with `mz.ha.enabled` off on the same port.

use super::arguments::InstallationArguments;
use ocf::Deadline;
use pico::actions::{self, Audience, MonitorCall};
use pico::identity::{self, MzHome};
use pico::product::{InstanceListing, list_instances};
use pico::record::{self, HaFacts, InstanceRecord};
use pico::verdict::VerdictKind;
use pico::{PicoName, PicoUsers};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Instant;

const PLATFORM: &str = "platform";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PicoLookup {
    Pico {
        name: PicoName,
        /// Its HA Monitor Server is off, so its silence is no evidence.
        is_off: bool,
    },
    /// The pico is unknown, but nothing of its installation runs here.
    NothingRunning(String),
    /// With the reason.
    Unknown(String),
}

pub(super) fn find_pico(
    installation: &InstallationArguments,
    port: u16,
    deadline: Deadline,
) -> PicoLookup {
    let home = MzHome::new(Path::new(&installation.mz_home));
    let recorded = record::records_with_ha_port(&home, port);
    let names = |wanted: fn(&InstanceRecord) -> bool| {
        let wanted = recorded.iter().filter(|record| wanted(record));
        wanted.filter_map(|record| record.pico.parse().ok()).collect::<BTreeSet<PicoName>>()
    };
    // A running JVM has the values of its start, not those of the registry now.
    let begun_off = names(|record| is_off(record) && is_running(record));
    let pico = |name: PicoName, is_off: bool| PicoLookup::Pico {
        is_off: is_off || begun_off.contains(&name),
        name,
    };
    if let Some(name) = single(names(|record| !is_off(record) && is_running(record))) {
        return pico(name, false);
    }
    match list_instances(
        &home,
        Some(&installation.user),
        deadline.started() + deadline.timeout() / 4,
    ) {
        Ok(listing) => match find_in_registry(&listing, installation, port) {
            PicoLookup::Pico { name, is_off } => pico(name, is_off),
            other => other,
        },
        Err(why) => match single(names(|_| true)) {
            // The last known pico: it has died or is starting.
            Some(name) => pico(name, false),
            None => find_by_processes(installation, &why.to_string(), deadline),
        },
    }
}

fn is_off(record: &InstanceRecord) -> bool {
    record.ha.as_ref().is_some_and(HaFacts::is_off)
}

fn is_running(record: &InstanceRecord) -> bool {
    record.jvm().is_some_and(|jvm| matches!(jvm.live_stat(), Ok(Some(_))))
}

fn single(mut names: BTreeSet<PicoName>) -> Option<PicoName> {
    let first = names.pop_first();
    first.filter(|_| names.is_empty())
}

/// Picos of other containers run on other nodes and may have the same port there.
fn find_in_registry(
    listing: &InstanceListing,
    installation: &InstallationArguments,
    port: u16,
) -> PicoLookup {
    let container = installation.parameters.get("container").or(listing.script.container.as_ref());
    let (mut on, mut off) = (BTreeSet::new(), BTreeSet::new());
    let mut unread = Vec::new();
    for pico in listing
        .picos
        .iter()
        .filter(|pico| container.is_none_or(|container| *container == pico.container))
    {
        match (&pico.facts, pico.name.parse::<PicoName>()) {
            (Ok(facts), Ok(name)) => {
                if facts.active
                    && facts.ha.endpoint.as_ref().is_some_and(|endpoint| endpoint.port == port)
                {
                    if facts.ha.is_off() { &mut off } else { &mut on }.insert(name);
                }
            }
            (Err(why), _) => unread.push(format!("; {} not readable: {why}", pico.name)),
            (Ok(_), Err(_)) => {}
        }
    }
    let is_off = on.is_empty();
    let mut names = if is_off { off } else { on };
    let list = || names.iter().map(PicoName::as_str).collect::<Vec<_>>().join(", ");
    match names.len() {
        0 => {
            let place = container
                .map_or_else(String::new, |container| format!(" in container {container}"));
            let home = &installation.mz_home;
            PicoLookup::Unknown(format!(
                "no pico of {home} has mz.ha.port {port}{place}{}",
                unread.concat()
            ))
        }
        1 => names.pop_first().map_or_else(
            || PicoLookup::Unknown(String::new()),
            |name| PicoLookup::Pico { name, is_off },
        ),
        _ => PicoLookup::Unknown(format!(
            "{} all have mz.ha.port {port}; give each its own port, or set OCF_RESKEY_container",
            list()
        )),
    }
}

fn find_by_processes(
    installation: &InstallationArguments,
    why: &str,
    deadline: Deadline,
) -> PicoLookup {
    let until = deadline.started() + deadline.timeout() / 2;
    let platform: PicoName = match PLATFORM.parse() {
        Ok(name) => name,
        Err(e) => return PicoLookup::Unknown(format!("{why}; {PLATFORM}: {e}")),
    };
    // All picos of an installation have the same users.
    let (settings, _) = installation.unnamed_resource(&platform, &[]).settings();
    let owners = PicoUsers::new(&settings, until);
    let mut names = match identity::running_pico_names(|user| owners.contains(user), until) {
        Ok(names) => names,
        Err(e) => return PicoLookup::Unknown(format!("{why}; /proc not readable: {e}")),
    };
    // Also without any named process: one may hide its name.
    names.insert(platform);
    for name in names {
        match describe_if_running(installation, &name, until) {
            None => {}
            Some(what) => return PicoLookup::Unknown(format!("{why}; {what}")),
        }
    }
    PicoLookup::NothingRunning(format!(
        "{}: not running on this node ({why})",
        installation.mz_home
    ))
}

/// `None`: certainly not running.
fn describe_if_running(
    installation: &InstallationArguments,
    name: &PicoName,
    until: Instant,
) -> Option<String> {
    let (settings, _) = installation.unnamed_resource(name, &[]).settings();
    let now = Instant::now();
    let deadline = Deadline::new(now, until.saturating_duration_since(now));
    let call = MonitorCall::OneShot { depth: 0, audience: Audience::Log };
    let verdict = actions::monitor_verdict(&settings, call, deadline);
    (verdict.kind != VerdictKind::NotRunning).then(|| match verdict.reason.as_str() {
        "" => format!("{name} runs"),
        _ => verdict.reason,
    })
}
