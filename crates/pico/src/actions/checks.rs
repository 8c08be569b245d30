//! What is wrong with a node, for a pico that is to run on it. Pure, but for the table of listeners.

use super::deep::HaPlan;
use crate::outcome::Class;
use crate::product::{FileState, HomeState, Inspection, PicoFacts, RegistryState, UserState, list};
use crate::settings::{Deployment, HaCheck, PicoType, Settings, Target};
use std::net::IpAddr;
use std::path::Path;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It can't run so; whose fault it is.
    Error(Class),
    /// It may run, but not as the administrator would want.
    Warning,
}

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

/// All that is wrong, by a look at the installation and the addresses of this node.
pub(super) fn findings(
    settings: &Settings,
    target: &Target,
    inspection: &Inspection,
    node: &[IpAddr],
) -> Vec<Finding> {
    let mut found = Vec::new();
    home(&mut found, target, inspection);
    user(&mut found, inspection);
    programs(&mut found, settings, target, inspection);
    match &inspection.registry {
        RegistryState::Defined(facts) => {
            properties(&mut found, settings, facts);
            addresses(&mut found, settings, facts, inspection, node);
        }
        // Without the installation there is nothing to be said of its registry.
        _ if inspection.home != HomeState::Filled => {}
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
    if inspection.home == HomeState::Filled {
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
            FileState::NotExecutable | FileState::Unsafe(_) => Class::Permission,
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
}

fn properties(found: &mut Vec<Finding>, settings: &Settings, facts: &PicoFacts) {
    if !facts.enabled {
        found.push(Finding {
            severity: Severity::Error(Class::InvalidHere),
            stops_start: Some(Class::Generic),
            name: "pico_name",
            text: format!("it is disabled in container {} (settings.state)", facts.container),
        });
    }
    if settings.ha_check == HaCheck::Yes && !facts.ha.enabled {
        found.push(Finding {
            severity: Severity::Error(Class::InvalidHere),
            // The start would wait for its answer until its time is over.
            stops_start: Some(Class::Generic),
            name: "ha_check",
            text: "mz.ha.enabled is not true for this pico: set it with mzsh topo set, or ha_check=no"
                .to_owned(),
        });
    }
    if let HaPlan::CannotAsk(why) = HaPlan::of(settings, Ok(&facts.ha)) {
        found.push(Finding {
            severity: Severity::Error(Class::InvalidHere),
            stops_start: None,
            name: "mz.ha.port",
            text: why,
        });
    }
    if settings.ha_check == HaCheck::Auto && !facts.ha.enabled {
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

fn addresses(
    found: &mut Vec<Finding>,
    settings: &Settings,
    facts: &PicoFacts,
    inspection: &Inspection,
    node: &[IpAddr],
) {
    // Loopback and "everywhere" can be bound on every node, though getifaddrs(3) does not list all of 127.0.0.0/8.
    let is_here = |a: &IpAddr| a.is_unspecified() || a.is_loopback() || node.contains(a);
    let here = |addresses: &[IpAddr]| addresses.iter().any(is_here);
    let say = |addresses: &[IpAddr]| {
        let words: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        words.join(", ")
    };
    if let (Some(host), Some(resolved)) = (&facts.server_host, &inspection.server_addresses) {
        match resolved {
            Ok(addresses) if here(addresses) => {
                if addresses.iter().all(IpAddr::is_loopback) && host != "localhost" {
                    let text = format!("{host} is {}: no other node can reach it there", say(addresses));
                    found.push(warning("pico.rcp.server.host", text));
                }
            }
            // The address may be one that moves, and be elsewhere now: so this is an error for a start alone.
            Ok(addresses) => found.push(Finding {
                stops_start: Some(Class::Generic),
                ..warning(
                    "pico.rcp.server.host",
                    format!(
                        "{host} is {}, no address of this node: the pico could not bind it",
                        say(addresses)
                    ),
                )
            }),
            Err(why) => {
                found.push(warning("pico.rcp.server.host", format!("{host} does not resolve: {why}")));
            }
        }
    }
    if let (Some(platform), Some(resolved)) = (&facts.platform, &inspection.platform_addresses) {
        let local = settings.kind == PicoType::Platform && settings.deployment != Deployment::Virtual;
        match resolved {
            Ok(addresses) if local && !here(addresses) => found.push(warning(
                "pico.rcp.platform.host",
                format!(
                    "{} is {}, no address of this node; the Platform needs its local address here",
                    platform.host,
                    say(addresses)
                ),
            )),
            Ok(_) => {}
            Err(why) => found.push(warning(
                "pico.rcp.platform.host",
                format!("{} does not resolve: {why}", platform.host),
            )),
        }
    }
}

/// A port of the pico that a live process holds already.
pub(super) fn held_ports(facts: &PicoFacts, inspection: &Inspection) -> Option<String> {
    let all = host::listeners::all().ok()?;
    let everywhere = [IpAddr::from([0, 0, 0, 0])];
    let bound: &[IpAddr] = match &inspection.server_addresses {
        Some(Ok(addresses)) if !addresses.is_empty() => addresses,
        _ => &everywhere,
    };
    let ha: Vec<IpAddr> = facts.ha.endpoint.iter().filter_map(|e| e.host.parse().ok()).collect();
    facts.ports.iter().find_map(|(property, port)| {
        let addresses = if property == "mz.ha.port" { ha.as_slice() } else { bound };
        let holder = all.iter().find(|l| l.port == *port && addresses.iter().any(|&a| l.holds(a)))?;
        let who = match holder.process() {
            Ok(Some(pid)) => host::process::in_words(pid),
            _ => "a process that can't be seen".to_owned(),
        };
        Some(format!("port {port} ({property}) is held by {who}"))
    })
}
