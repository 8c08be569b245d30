//! What is wrong with a node, for a pico that is to run on it. Pure, but for the table of listeners.

use super::deep::HaPlan;
use crate::addresses::{self, Found, Property, Row};
use crate::budget::Budget;
use crate::identity::daemons;
use crate::outcome::Class;
use crate::product::{FileState, HomeState, Inspection, PicoFacts, RegistryState, UserState, list};
use crate::settings::{HaCheck, Settings, Target};
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

/// Longest wait for the resolver. By itself it gives up after 10 s for each name server that is silent.
const RESOLVER_WITHIN: Duration = Duration::from_secs(10);
/// The resolver's share of an action's time: less than what validate-all has left once mzsh has had its three quarters.
const RESOLVER_SHARE: u32 = 6;

/// Longest look at the programs of the cluster.
pub(super) const PATTERN_WITHIN: Duration = Duration::from_secs(2);

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It can't run so; whose fault it is.
    Error(Class),
    /// It may run, but not as the administrator would want.
    Warning,
}

/// The name of the finding about the type of the pico.
pub const TEMPLATE: &str = "template";

/// The name of the finding about the node's kernel.
pub const KERNEL: &str = "kernel";

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad, when the administrator asks.
    pub severity: Severity,
    /// Whose fault it is, if a start must not go on; a start says less than it knows, for each of these codes but the
    /// generic one bans the node.
    pub(super) stops_start: Option<Class>,
    /// The parameter or property that it is about.
    pub name: &'static str,
    /// What was seen, and what to do.
    pub text: String,
}

/// Does `process_match` take a program of the cluster that runs on this node for the pico? [`daemons::refused_pattern`] has
/// found none by the usual command lines.
pub(super) fn pattern(target: &Target, until: Instant) -> Option<Finding> {
    let matched = daemons::matched_on_this_node(target.process_match.as_ref()?, until);
    let (id, line) = matched.unwrap_or_else(|e| {
        tracing::warn!("process_match: not compared with the programs of the cluster: {e}");
        None
    })?;
    Some(Finding {
        severity: Severity::Error(Class::NotConfigured),
        stops_start: Some(Class::NotConfigured),
        name: "process_match",
        text: format!("matches {id} of the cluster ({line}): make it match the pico alone"),
    })
}

/// All that is wrong, by a look at the installation and the table of its host names.
pub(super) fn findings(
    settings: &Settings,
    target: &Target,
    inspection: &Inspection,
    table: &[Row],
) -> Vec<Finding> {
    let mut found = Vec::new();
    found.extend(kernel().map(|text| warning(KERNEL, text)));
    home(&mut found, target, inspection);
    user(&mut found, inspection);
    programs(&mut found, settings, target, inspection);
    match &inspection.registry {
        RegistryState::Defined(facts) => {
            properties(&mut found, settings, facts);
            host_addresses(&mut found, table);
        }
        // Without the installation there is nothing to be said of its registry.
        _ if inspection.home != HomeState::Filled => {}
        RegistryState::NotActivated { container } => found.push(Finding {
            severity: Severity::Error(Class::InvalidHere),
            stops_start: Some(Class::Generic),
            name: "pico_name",
            text: format!(
                "{} is in container {container} of master only: activate it (mzsh topo activate)",
                target.name
            ),
        }),
        RegistryState::Undefined { containers } => found.push(Finding {
            severity: Severity::Error(Class::InvalidHere),
            stops_start: Some(Class::Generic),
            name: "pico_name",
            text: format!("no pico {} in the registry (containers: {})", target.name, list(containers)),
        }),
        RegistryState::Ambiguous { containers } => found.push(Finding {
            severity: Severity::Error(Class::InvalidHere),
            stops_start: Some(Class::Generic),
            name: "container",
            text: format!("{} is in more than one container ({}): set it", target.name, list(containers)),
        }),
        RegistryState::Unreadable(why) => {
            found.push(warning("mz_home", format!("the registry can't be read: {why}")));
        }
    }
    found
}

fn warning(name: &'static str, text: String) -> Finding {
    Finding { severity: Severity::Warning, stops_start: None, name, text }
}

fn home(found: &mut Vec<Finding>, target: &Target, inspection: &Inspection) {
    // Why it was not looked at, is said of the user.
    if matches!(inspection.home, HomeState::Filled | HomeState::NotLookedAt) {
        return;
    }
    let text = format!("{} {}", target.home.path().display(), inspection.home);
    found.push(Finding {
        severity: Severity::Error(Class::InvalidHere),
        stops_start: Some(Class::Generic),
        name: "mz_home",
        text,
    });
}

/// What the kernel of this node can't do.
#[must_use]
pub fn kernel() -> Option<String> {
    (!host::kernel::has_pidfds()).then(|| {
        let release = host::kernel::release();
        format!("no pidfd_open (Linux {release}): deaths are found at the next monitor interval, not at once")
    })
}

fn user(found: &mut Vec<Finding>, inspection: &Inspection) {
    let class = match &inspection.user {
        UserState::Known { .. } => return,
        UserState::Unknown(_) => Class::InvalidHere,
        // With the installation away, its owner is; that is said already.
        UserState::Unreadable(_) if inspection.owner.is_none() && inspection.home != HomeState::Filled => {
            return;
        }
        UserState::Unreadable(_) => Class::Generic,
    };
    found.push(Finding {
        severity: Severity::Error(class),
        stops_start: Some(Class::Generic),
        name: "os_user",
        text: inspection.user.to_string(),
    });
}

fn programs(found: &mut Vec<Finding>, settings: &Settings, target: &Target, inspection: &Inspection) {
    let mut missed = |name, path: &Path, state: &FileState, stops_start: fn(Class) -> Option<Class>| {
        let class = match state {
            FileState::Executable => return,
            FileState::Missing => Class::NotInstalled,
            FileState::NotExecutable | FileState::NotRegular(_) | FileState::Unsafe(_) => Class::Permission,
            FileState::Unreadable(_) => Class::Generic,
        };
        let text = match state {
            FileState::Unsafe(why) => why.clone(),
            state => format!("{} {state}", path.display()),
        };
        found.push(Finding { severity: Severity::Error(class), stops_start: stops_start(class), name, text });
    };
    // Of an installation that is not there, no part need be missed.
    if inspection.home == HomeState::Filled || settings.pretend_not_installed {
        missed("mz_home", &target.home.join("bin/mzsh"), &inspection.mzsh, Some);
    }
    if let (Some(java_home), Some(java)) = (&settings.java_home, &inspection.java) {
        // It may be on the storage that comes with the installation: no reason to ban the node.
        missed("java_home", &java_home.join("bin/java"), java, |_| Some(Class::Generic));
    }
    if let (Some(program), Some(state)) = (&settings.post_start, &inspection.post_start) {
        // It comes after the start, which is a success without it.
        missed("post_start", program, state, |_| None);
    }
    // Of what mzsh would take by itself, if nothing sets another, no more is said than a warning.
    if settings.java_home.is_none()
        && let (Some(java_home), Some(java)) = (&inspection.script.java_home, &inspection.java)
        && *java != FileState::Executable
    {
        let seen = match java {
            FileState::Unsafe(why) => why.clone(),
            state => format!("{} {state}", java_home.join("bin/java").display()),
        };
        found.push(warning("JAVA_HOME", format!("{seen}; bin/mzsh sets it, unless its environment does")));
    }
}

fn properties(found: &mut Vec<Finding>, settings: &Settings, facts: &PicoFacts) {
    if let Some(kind) = facts.kind.filter(|kind| *kind != settings.kind) {
        let (pico, templates) = (settings.pico(), facts.templates.join(", "));
        found.push(Finding {
            severity: Severity::Error(Class::InvalidHere),
            stops_start: None,
            name: TEMPLATE,
            text: format!(
                "{pico} is of type {kind} by its template ({templates}), not {}: use ocf:mediationzone:{}",
                settings.kind,
                kind.agent()
            ),
        });
    }
    if !facts.enabled {
        found.push(Finding {
            severity: Severity::Error(Class::InvalidHere),
            stops_start: Some(Class::Generic),
            name: "pico_name",
            text: format!("it is disabled in container {} (settings.state)", facts.container),
        });
    }
    if !facts.active {
        let text = "there is no active registry, this is from master: is it activated?".to_owned();
        found.push(warning("registry", text));
    }
    let is_off = facts.ha.is_off();
    if settings.ha_check == HaCheck::Yes && is_off {
        found.push(Finding {
            severity: Severity::Error(Class::InvalidHere),
            // The start would wait for its answer until its time is over.
            stops_start: Some(Class::Generic),
            name: "ha_check",
            text: "mz.ha.enabled is not true for this pico: set it with mzsh topo set, or ha_check=no"
                .to_owned(),
        });
    }
    let cannot_ask = match HaPlan::of(settings, Ok(&facts.ha)) {
        HaPlan::CannotAsk(why) => Some(why),
        HaPlan::Off | HaPlan::Ask(_) => None,
    };
    for problem in &facts.problems {
        // Without it depth 10 can't be: that is more than a warning.
        let is_fatal = cannot_ask.as_ref().is_some_and(|why| *why == problem.to_string());
        found.push(Finding {
            severity: if is_fatal { Severity::Error(Class::InvalidHere) } else { Severity::Warning },
            stops_start: None,
            name: problem.name(),
            text: problem.text.clone(),
        });
    }
    if let Some(why) = cannot_ask.filter(|_| facts.ha.unclear.is_none()) {
        found.push(Finding {
            severity: Severity::Error(Class::InvalidHere),
            stops_start: None,
            name: "mz.ha.port",
            text: why,
        });
    }
    if settings.ha_check == HaCheck::Auto && is_off {
        let text = "mz.ha.enabled is not true: depth 10 can't tell a hung JVM from a live one".to_owned();
        found.push(warning("mz.ha.enabled", text));
    }
    if facts.ha.enabled && !facts.same_ha_port.is_empty() {
        found.push(Finding {
            severity: Severity::Error(Class::InvalidHere),
            stops_start: None,
            name: "mz.ha.port",
            text: format!("{} of the same container has this port, too", list(&facts.same_ha_port)),
        });
    }
}

/// The host names, by what they stand for on this node.
fn host_addresses(found: &mut Vec<Finding>, table: &[Row]) {
    for row in table {
        found.extend(row.problems.iter().map(|problem| Finding {
            severity: problem.severity,
            // An address may come to this node the next moment: whatever is wrong with it, the node is not banned.
            stops_start: problem.stops_start.then_some(Class::Generic),
            name: row.property.name(),
            text: problem.text.clone(),
        }));
    }
}

/// The host names of the registry, looked up and judged; none where the registry does not tell them.
pub(super) fn host_names(settings: &Settings, inspection: &Inspection, budget: Budget) -> Vec<Row> {
    match &inspection.registry {
        RegistryState::Defined(facts) => addresses::table(
            settings,
            facts,
            budget.within(RESOLVER_WITHIN.min(budget.length() / RESOLVER_SHARE)),
        ),
        _ => Vec::new(),
    }
}

/// A port of the pico that a live process holds already.
pub(super) fn held_ports(facts: &PicoFacts, table: &[Row]) -> Option<String> {
    let all = host::listeners::all().ok()?;
    let everywhere = [IpAddr::from([0, 0, 0, 0])];
    let server = table.iter().find(|row| row.property == Property::ServerHost);
    let bound: &[IpAddr] = match server {
        Some(row) if row.found == Found::Unset => &everywhere,
        Some(row) => row.addresses(),
        None => &[],
    };
    let ha: Vec<IpAddr> = facts.ha.endpoint.iter().filter_map(|e| e.host.parse().ok()).collect();
    facts.ports.iter().find_map(|(property, port)| {
        let addresses = if property == "mz.ha.port" { ha.as_slice() } else { bound };
        // Where it is not known which address will be bound, only who listens everywhere is in the way for sure.
        let is_in_the_way = |l: &&host::listeners::Listener| {
            let holds = addresses.iter().any(|&a| l.holds(a));
            l.port == *port && (holds || addresses.is_empty() && l.address.is_unspecified())
        };
        let holder = all.iter().find(is_in_the_way)?;
        let who = match holder.process() {
            Ok(Some(pid)) => host::process::in_words(pid),
            _ => "a process that can't be seen".to_owned(),
        };
        Some(format!("port {port} ({property}) is held by {who}"))
    })
}
