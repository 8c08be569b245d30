//! Problems of a node on which a pico is to run. Pure, except for the listeners.

use super::deep_checks::HaCheckPlan;
use crate::addresses::{self, HostNameCheck, HostProperty, HostResolution};
use crate::identity::cluster_programs;
use crate::product::{
    FileState, HomeState, Inspection, PicoFacts, RegistryState, UserState, join_names,
};
use crate::settings::{HaCheck, PicoInstance, Settings};
use ocf::{Deadline, ErrorCode};
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

/// Longest wait for the resolver, which itself waits 10 s for each silent name server.
const RESOLVER_TIMEOUT: Duration = Duration::from_secs(10);
/// The resolver gets this fraction of the timeout: less than validate-all has left after the three quarters of mzsh.
const RESOLVER_SHARE: u32 = 6;

pub(super) const PROCESS_MATCH_TIMEOUT: Duration = Duration::from_secs(2);

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The pico can't run.
    Error(ErrorCode),
    /// The pico may run, but not as the administrator expects.
    Warning,
}

/// The name of the finding about the type of the pico.
pub const TEMPLATE: &str = "template";

/// The name of the finding about the node's kernel.
pub const KERNEL_PROBLEM: &str = "kernel";

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeProblem {
    /// How bad, when the administrator asks.
    pub severity: Severity,
    /// The error of a start, if it must not go on. It is milder than `severity`: each error but the generic one bans the
    /// node.
    pub(super) blocks_start: Option<ErrorCode>,
    /// The parameter or property that it is about.
    pub name: &'static str,
    /// What was seen, and what to do.
    pub text: String,
}

/// Whether `process_match` matches a running program of the cluster. ([`cluster_programs::cluster_program_matched_by`] has
/// checked the usual command lines.)
pub(super) fn check_process_match(target: &PicoInstance, until: Instant) -> Option<NodeProblem> {
    let matched =
        cluster_programs::find_matching_cluster_process(target.process_match.as_ref()?, until);
    let (id, line) = matched.unwrap_or_else(|e| {
        tracing::warn!("process_match: not compared with the programs of the cluster: {e}");
        None
    })?;
    Some(NodeProblem {
        severity: Severity::Error(ErrorCode::NotConfigured),
        blocks_start: Some(ErrorCode::NotConfigured),
        name: "process_match",
        text: format!("matches {id} of the cluster ({line}): make it match the pico alone"),
    })
}

pub(super) fn find_problems(
    settings: &Settings,
    target: &PicoInstance,
    inspection: &Inspection,
    table: &[HostNameCheck],
) -> Vec<NodeProblem> {
    let mut found = Vec::new();
    found.extend(missing_kernel_feature().map(|text| warning(KERNEL_PROBLEM, text)));
    check_home(&mut found, target, inspection);
    check_user(&mut found, inspection);
    check_programs(&mut found, settings, target, inspection);
    match &inspection.registry {
        RegistryState::Defined(facts) => {
            check_properties(&mut found, settings, facts);
            check_host_addresses(&mut found, table);
        }
        // A missing installation is reported already.
        _ if inspection.home != HomeState::Filled => {}
        RegistryState::NotActivated { container } => found.push(NodeProblem {
            severity: Severity::Error(ErrorCode::InvalidParameter),
            blocks_start: Some(ErrorCode::Generic),
            name: "pico_name",
            text: format!(
                "{} is in container {container} of master only: activate it (mzsh topo activate)",
                target.name
            ),
        }),
        RegistryState::Undefined { containers } => found.push(NodeProblem {
            severity: Severity::Error(ErrorCode::InvalidParameter),
            blocks_start: Some(ErrorCode::Generic),
            name: "pico_name",
            text: format!(
                "no pico {} in the registry (containers: {})",
                target.name,
                join_names(containers)
            ),
        }),
        RegistryState::Ambiguous { containers } => found.push(NodeProblem {
            severity: Severity::Error(ErrorCode::InvalidParameter),
            blocks_start: Some(ErrorCode::Generic),
            name: "container",
            text: format!(
                "{} is in more than one container ({}): set it",
                target.name,
                join_names(containers)
            ),
        }),
        RegistryState::Unreadable(why) => {
            found.push(warning("mz_home", format!("the registry can't be read: {why}")));
        }
    }
    found
}

fn warning(name: &'static str, text: String) -> NodeProblem {
    NodeProblem { severity: Severity::Warning, blocks_start: None, name, text }
}

fn check_home(found: &mut Vec<NodeProblem>, target: &PicoInstance, inspection: &Inspection) {
    // `check_user` reports why it was not examined.
    if matches!(inspection.home, HomeState::Filled | HomeState::NotLookedAt) {
        return;
    }
    let text = format!("{} {}", target.home.path().display(), inspection.home);
    found.push(NodeProblem {
        severity: Severity::Error(ErrorCode::InvalidParameter),
        blocks_start: Some(ErrorCode::Generic),
        name: "mz_home",
        text,
    });
}

/// What the kernel of this node can't do.
#[must_use]
pub fn missing_kernel_feature() -> Option<String> {
    (!host::kernel::supports_pidfds()).then(|| {
        let release = host::kernel::release();
        format!("no pidfd_open (Linux {release}): deaths are found at the next monitor interval, not at once")
    })
}

fn check_user(found: &mut Vec<NodeProblem>, inspection: &Inspection) {
    let class = match &inspection.user {
        UserState::Known { .. } => return,
        UserState::Unknown(_) => ErrorCode::InvalidParameter,
        // Without the installation its owner is unknown, and that is reported already.
        UserState::Unreadable(_)
            if inspection.owner.is_none() && inspection.home != HomeState::Filled =>
        {
            return;
        }
        UserState::Unreadable(_) => ErrorCode::Generic,
    };
    found.push(NodeProblem {
        severity: Severity::Error(class),
        blocks_start: Some(ErrorCode::Generic),
        name: "os_user",
        text: inspection.user.to_string(),
    });
}

fn check_programs(
    found: &mut Vec<NodeProblem>,
    settings: &Settings,
    target: &PicoInstance,
    inspection: &Inspection,
) {
    let mut missed =
        |name, path: &Path, state: &FileState, stops_start: fn(ErrorCode) -> Option<ErrorCode>| {
            let class = match state {
                FileState::Executable => return,
                FileState::Missing => ErrorCode::NotInstalled,
                FileState::NotExecutable | FileState::NotRegular(_) | FileState::Unsafe(_) => {
                    ErrorCode::Permission
                }
                FileState::Unreadable(_) => ErrorCode::Generic,
            };
            let text = match state {
                FileState::Unsafe(why) => why.clone(),
                state => format!("{} {state}", path.display()),
            };
            found.push(NodeProblem {
                severity: Severity::Error(class),
                blocks_start: stops_start(class),
                name,
                text,
            });
        };
    // A missing installation is reported already.
    if inspection.home == HomeState::Filled || settings.pretend_not_installed {
        missed("mz_home", &target.home.join("bin/mzsh"), &inspection.mzsh, Some);
    }
    if let (Some(java_home), Some(java)) = (&settings.java_home, &inspection.java) {
        // It may be on the storage of the installation: no reason to ban the node.
        missed("java_home", &java_home.join("bin/java"), java, |_| Some(ErrorCode::Generic));
    }
    if let (Some(program), Some(state)) = (&settings.post_start, &inspection.post_start) {
        // A start succeeds without it.
        missed("post_start", program, state, |_| None);
    }
    // Only a warning: the environment of mzsh may set another one.
    if settings.java_home.is_none()
        && let (Some(java_home), Some(java)) = (&inspection.script.java_home, &inspection.java)
        && *java != FileState::Executable
    {
        let seen = match java {
            FileState::Unsafe(why) => why.clone(),
            state => format!("{} {state}", java_home.join("bin/java").display()),
        };
        found.push(warning(
            "JAVA_HOME",
            format!("{seen}; bin/mzsh sets it, unless its environment does"),
        ));
    }
}

fn check_properties(found: &mut Vec<NodeProblem>, settings: &Settings, facts: &PicoFacts) {
    if let Some(kind) = facts.kind.filter(|kind| *kind != settings.pico_type) {
        let (pico, templates) = (settings.pico_label(), facts.templates.join(", "));
        found.push(NodeProblem {
            severity: Severity::Error(ErrorCode::InvalidParameter),
            blocks_start: None,
            name: TEMPLATE,
            text: format!(
                "{pico} is of type {kind} by its template ({templates}), not {}: use ocf:mediationzone:{}",
                settings.pico_type,
                kind.agent_name()
            ),
        });
    }
    if !facts.enabled {
        found.push(NodeProblem {
            severity: Severity::Error(ErrorCode::InvalidParameter),
            blocks_start: Some(ErrorCode::Generic),
            name: "pico_name",
            text: format!("it is disabled in container {} (settings.state)", facts.container),
        });
    }
    if !facts.active {
        let text =
            "no active registry, so master was read: activate it (mzsh topo activate)".to_owned();
        found.push(warning("registry", text));
    }
    check_ha_properties(found, settings, facts);
}

fn check_ha_properties(found: &mut Vec<NodeProblem>, settings: &Settings, facts: &PicoFacts) {
    let is_off = facts.ha.is_off();
    if settings.ha_check == HaCheck::Yes && is_off {
        found.push(NodeProblem {
            severity: Severity::Error(ErrorCode::InvalidParameter),
            // The start would wait for the answer until its deadline.
            blocks_start: Some(ErrorCode::Generic),
            name: "ha_check",
            text:
                "mz.ha.enabled is not true for this pico: set it with mzsh topo set, or ha_check=no"
                    .to_owned(),
        });
    }
    let cannot_ask = match HaCheckPlan::from_settings(settings, Ok(&facts.ha)) {
        HaCheckPlan::CannotAsk(why) => Some(why),
        HaCheckPlan::Off | HaCheckPlan::Ask(_) => None,
    };
    // Depth 10 is impossible without it.
    let fatal = facts.ha_problem().filter(|_| cannot_ask.is_some());
    for problem in &facts.problems {
        let is_fatal = fatal.is_some_and(|fatal| fatal.property == problem.property);
        found.push(NodeProblem {
            severity: if is_fatal {
                Severity::Error(ErrorCode::InvalidParameter)
            } else {
                Severity::Warning
            },
            blocks_start: None,
            name: problem.stable_name(),
            text: problem.text.clone(),
        });
    }
    if let Some(why) = cannot_ask.filter(|_| facts.ha.unclear.is_none()) {
        found.push(NodeProblem {
            severity: Severity::Error(ErrorCode::InvalidParameter),
            blocks_start: None,
            name: "mz.ha.port",
            text: why,
        });
    }
    if settings.ha_check == HaCheck::Auto && is_off {
        let text =
            "mz.ha.enabled is not true: depth 10 can't tell a hung JVM from a live one".to_owned();
        found.push(warning("mz.ha.enabled", text));
    }
    if facts.ha.enabled && !facts.same_ha_port.is_empty() {
        found.push(NodeProblem {
            severity: Severity::Error(ErrorCode::InvalidParameter),
            blocks_start: None,
            name: "mz.ha.port",
            text: format!(
                "{} of the same container has this port, too",
                join_names(&facts.same_ha_port)
            ),
        });
    }
}

fn check_host_addresses(found: &mut Vec<NodeProblem>, table: &[HostNameCheck]) {
    for row in table {
        found.extend(row.problems.iter().map(|problem| NodeProblem {
            severity: problem.severity,
            // An address may move to this node at any moment, so it must not ban the node.
            blocks_start: problem.blocks_start.then_some(ErrorCode::Generic),
            name: row.property.name(),
            text: problem.text.clone(),
        }));
    }
}

/// Resolves and checks the hostnames of the registry.
pub(super) fn resolve_host_names(
    settings: &Settings,
    inspection: &Inspection,
    deadline: Deadline,
) -> Vec<HostNameCheck> {
    match &inspection.registry {
        RegistryState::Defined(facts) => addresses::check_host_names(
            settings,
            facts,
            deadline.instant_within(RESOLVER_TIMEOUT.min(deadline.timeout() / RESOLVER_SHARE)),
        ),
        _ => Vec::new(),
    }
}

/// A port of the pico that another process listens on.
pub(super) fn find_held_port(facts: &PicoFacts, table: &[HostNameCheck]) -> Option<String> {
    let all = host::listeners::all().ok()?;
    let everywhere = [IpAddr::from([0, 0, 0, 0])];
    let server = table.iter().find(|row| row.property == HostProperty::ServerHost);
    let bound: &[IpAddr] = match server {
        Some(row) if row.resolution == HostResolution::Unset => &everywhere,
        Some(row) => row.addresses(),
        None => &[],
    };
    let ha: Vec<IpAddr> = facts.ha.endpoint.iter().filter_map(|e| e.host.parse().ok()).collect();
    facts.ports.iter().find_map(|(property, port)| {
        let addresses = if property == "mz.ha.port" { ha.as_slice() } else { bound };
        // If the address is unknown, only a listener on all addresses certainly conflicts.
        let is_in_the_way = |l: &&host::listeners::Listener| {
            let holds = addresses.iter().any(|&a| l.conflicts_with(a));
            l.port == *port && (holds || addresses.is_empty() && l.address.is_unspecified())
        };
        let holder = all.iter().find(is_in_the_way)?;
        let who = match holder.find_process() {
            Ok(Some(pid)) => host::process::describe_process(pid),
            _ => "an unknown process".to_owned(),
        };
        Some(format!("port {port} ({property}) is held by {who}"))
    })
}
