//! What is wrong with a node, for a pico that is to run on it. Pure, but for the table of listeners.

use super::deep_checks::HaCheckPlan;
use crate::action_result::FailureCause;
use crate::addresses::{self, HostNameCheck, HostProperty, HostResolution};
use crate::deadline::ActionDeadline;
use crate::identity::cluster_programs;
use crate::product::{FileState, HomeState, Inspection, PicoFacts, RegistryState, UserState, join_names};
use crate::settings::{HaCheck, PicoInstance, Settings};
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

/// Longest wait for the resolver. By itself it gives up after 10 s for each name server that is silent.
const RESOLVER_TIMEOUT: Duration = Duration::from_secs(10);
/// The resolver's share of an action's time: less than what validate-all has left once mzsh has had its three quarters.
const RESOLVER_SHARE: u32 = 6;

/// Longest look at the programs of the cluster.
pub(super) const PROCESS_MATCH_TIMEOUT: Duration = Duration::from_secs(2);

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It can't run so; whose fault it is.
    Error(FailureCause),
    /// It may run, but not as the administrator would want.
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
    /// Whose fault it is, if a start must not go on; a start says less than it knows, for each of these codes but the
    /// generic one bans the node.
    pub(super) blocks_start: Option<FailureCause>,
    /// The parameter or property that it is about.
    pub name: &'static str,
    /// What was seen, and what to do.
    pub text: String,
}

/// Does `process_match` take a program of the cluster that runs on this node for the pico? [`cluster_programs::cluster_program_matched_by`] has
/// found none by the usual command lines.
pub(super) fn check_process_match(target: &PicoInstance, until: Instant) -> Option<NodeProblem> {
    let matched = cluster_programs::find_matching_cluster_process(target.process_match.as_ref()?, until);
    let (id, line) = matched.unwrap_or_else(|e| {
        tracing::warn!("process_match: not compared with the programs of the cluster: {e}");
        None
    })?;
    Some(NodeProblem {
        severity: Severity::Error(FailureCause::NotConfigured),
        blocks_start: Some(FailureCause::NotConfigured),
        name: "process_match",
        text: format!("matches {id} of the cluster ({line}): make it match the pico alone"),
    })
}

/// All that is wrong, by a look at the installation and the table of its host names.
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
        // Without the installation there is nothing to be said of its registry.
        _ if inspection.home != HomeState::Filled => {}
        RegistryState::NotActivated { container } => found.push(NodeProblem {
            severity: Severity::Error(FailureCause::InvalidParameter),
            blocks_start: Some(FailureCause::Generic),
            name: "pico_name",
            text: format!(
                "{} is in container {container} of master only: activate it (mzsh topo activate)",
                target.name
            ),
        }),
        RegistryState::Undefined { containers } => found.push(NodeProblem {
            severity: Severity::Error(FailureCause::InvalidParameter),
            blocks_start: Some(FailureCause::Generic),
            name: "pico_name",
            text: format!("no pico {} in the registry (containers: {})", target.name, join_names(containers)),
        }),
        RegistryState::Ambiguous { containers } => found.push(NodeProblem {
            severity: Severity::Error(FailureCause::InvalidParameter),
            blocks_start: Some(FailureCause::Generic),
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
    // Why it was not looked at, is said of the user.
    if matches!(inspection.home, HomeState::Filled | HomeState::NotLookedAt) {
        return;
    }
    let text = format!("{} {}", target.home.path().display(), inspection.home);
    found.push(NodeProblem {
        severity: Severity::Error(FailureCause::InvalidParameter),
        blocks_start: Some(FailureCause::Generic),
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
        UserState::Unknown(_) => FailureCause::InvalidParameter,
        // With the installation away, its owner is; that is said already.
        UserState::Unreadable(_) if inspection.owner.is_none() && inspection.home != HomeState::Filled => {
            return;
        }
        UserState::Unreadable(_) => FailureCause::Generic,
    };
    found.push(NodeProblem {
        severity: Severity::Error(class),
        blocks_start: Some(FailureCause::Generic),
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
        |name, path: &Path, state: &FileState, stops_start: fn(FailureCause) -> Option<FailureCause>| {
            let class = match state {
                FileState::Executable => return,
                FileState::Missing => FailureCause::NotInstalled,
                FileState::NotExecutable | FileState::NotRegular(_) | FileState::Unsafe(_) => {
                    FailureCause::Permission
                }
                FileState::Unreadable(_) => FailureCause::Generic,
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
    // Of an installation that is not there, no part need be missed.
    if inspection.home == HomeState::Filled || settings.pretend_not_installed {
        missed("mz_home", &target.home.join("bin/mzsh"), &inspection.mzsh, Some);
    }
    if let (Some(java_home), Some(java)) = (&settings.java_home, &inspection.java) {
        // It may be on the storage that comes with the installation: no reason to ban the node.
        missed("java_home", &java_home.join("bin/java"), java, |_| Some(FailureCause::Generic));
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

fn check_properties(found: &mut Vec<NodeProblem>, settings: &Settings, facts: &PicoFacts) {
    if let Some(kind) = facts.kind.filter(|kind| *kind != settings.pico_type) {
        let (pico, templates) = (settings.pico_label(), facts.templates.join(", "));
        found.push(NodeProblem {
            severity: Severity::Error(FailureCause::InvalidParameter),
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
            severity: Severity::Error(FailureCause::InvalidParameter),
            blocks_start: Some(FailureCause::Generic),
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
        found.push(NodeProblem {
            severity: Severity::Error(FailureCause::InvalidParameter),
            // The start would wait for its answer until its time is over.
            blocks_start: Some(FailureCause::Generic),
            name: "ha_check",
            text: "mz.ha.enabled is not true for this pico: set it with mzsh topo set, or ha_check=no"
                .to_owned(),
        });
    }
    let cannot_ask = match HaCheckPlan::from_settings(settings, Ok(&facts.ha)) {
        HaCheckPlan::CannotAsk(why) => Some(why),
        HaCheckPlan::Off | HaCheckPlan::Ask(_) => None,
    };
    for problem in &facts.problems {
        // Without it depth 10 can't be: that is more than a warning.
        let is_fatal = cannot_ask.as_ref().is_some_and(|why| *why == problem.to_string());
        found.push(NodeProblem {
            severity: if is_fatal {
                Severity::Error(FailureCause::InvalidParameter)
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
            severity: Severity::Error(FailureCause::InvalidParameter),
            blocks_start: None,
            name: "mz.ha.port",
            text: why,
        });
    }
    if settings.ha_check == HaCheck::Auto && is_off {
        let text = "mz.ha.enabled is not true: depth 10 can't tell a hung JVM from a live one".to_owned();
        found.push(warning("mz.ha.enabled", text));
    }
    if facts.ha.enabled && !facts.same_ha_port.is_empty() {
        found.push(NodeProblem {
            severity: Severity::Error(FailureCause::InvalidParameter),
            blocks_start: None,
            name: "mz.ha.port",
            text: format!("{} of the same container has this port, too", join_names(&facts.same_ha_port)),
        });
    }
}

/// The host names, by what they stand for on this node.
fn check_host_addresses(found: &mut Vec<NodeProblem>, table: &[HostNameCheck]) {
    for row in table {
        found.extend(row.problems.iter().map(|problem| NodeProblem {
            severity: problem.severity,
            // An address may come to this node the next moment: whatever is wrong with it, the node is not banned.
            blocks_start: problem.blocks_start.then_some(FailureCause::Generic),
            name: row.property.name(),
            text: problem.text.clone(),
        }));
    }
}

/// The host names of the registry, looked up and judged; none where the registry does not tell them.
pub(super) fn resolve_host_names(
    settings: &Settings,
    inspection: &Inspection,
    deadline: ActionDeadline,
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

/// A port of the pico that a live process holds already.
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
        // Where it is not known which address will be bound, only who listens everywhere is in the way for sure.
        let is_in_the_way = |l: &&host::listeners::Listener| {
            let holds = addresses.iter().any(|&a| l.conflicts_with(a));
            l.port == *port && (holds || addresses.is_empty() && l.address.is_unspecified())
        };
        let holder = all.iter().find(is_in_the_way)?;
        let who = match holder.find_process() {
            Ok(Some(pid)) => host::process::describe_process(pid),
            _ => "a process that can't be seen".to_owned(),
        };
        Some(format!("port {port} ({property}) is held by {who}"))
    })
}
