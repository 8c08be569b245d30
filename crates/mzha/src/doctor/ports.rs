//! Ports: no conflicts between picos on one node, no other process on a pico's port.

use super::check_result::{Area, CheckResult};
use host::command_lines::{CommandLine, read_command_line};
use host::{Pid, listeners};
use pico::addresses::{self, HostProperty};
use pico::product::{InstanceListing, PicoFacts};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Instant;

const AREA: Area = Area::Ports;

const MAX_SHOWN_CHARS: usize = 120;

/// A port of a pico in the registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PortAssignment {
    pub(super) home: PathBuf,
    pub(super) container: String,
    pub(super) pico: String,
    pub(super) property: String,
    pub(super) port: u16,
}

/// Ports of the picos that can run on this node: those of its own container, and those of `containers` (of resources that the cluster
/// may move here).
pub(super) fn port_assignments(
    home: &Path,
    survey: &InstanceListing,
    containers: &[&str],
) -> Vec<PortAssignment> {
    let own = survey.script.container.as_deref();
    let here = |container: &str| own == Some(container) || containers.contains(&container);
    let picos = survey.picos.iter().filter(|pico| here(&pico.container));
    picos
        .filter_map(|pico| Some((pico, pico.facts.as_ref().ok().filter(|facts| facts.enabled)?)))
        .flat_map(|(pico, facts)| {
            facts.ports.iter().map(|(property, port)| PortAssignment {
                home: home.to_owned(),
                container: pico.container.clone(),
                pico: pico.name.clone(),
                property: property.clone(),
                port: *port,
            })
        })
        .collect()
}

/// A warning for each pico with unreadable facts.
pub(super) fn check_readable(home: &Path, survey: &InstanceListing) -> Vec<CheckResult> {
    let unread = survey.picos.iter().filter_map(|pico| Some((pico, pico.facts.as_ref().err()?)));
    unread
        .map(|(pico, why)| {
            let check = format!("{} of {}", pico.name, home.display());
            CheckResult::warning(
                AREA,
                check,
                format!("ports unknown: {why}"),
                "correct its file in the registry",
            )
        })
        .collect()
}

pub(super) fn check_conflicts(claims: &[PortAssignment]) -> Vec<CheckResult> {
    let mut rows = Vec::new();
    for (at, one) in claims.iter().enumerate() {
        for other in &claims[at + 1..] {
            let same_pico = (&one.home, &one.container, &one.pico)
                == (&other.home, &other.container, &other.pico);
            if one.port != other.port || same_pico && one.property == other.property {
                continue;
            }
            let who = |claim: &PortAssignment| {
                format!("{} of {} ({})", claim.pico, claim.home.display(), claim.property)
            };
            let seen = format!("claimed by {} and {}", who(one), who(other));
            let check = format!("port {}", one.port);
            let todo = "give one of them another port (mzsh topo set), and restart it";
            rows.push(if (&one.home, &one.container) == (&other.home, &other.container) {
                CheckResult::error(AREA, check, seen, todo)
            } else {
                CheckResult::warning(
                    AREA,
                    check,
                    format!("{seen}, which can run on the same node"),
                    todo,
                )
            });
        }
    }
    if rows.is_empty() && !claims.is_empty() {
        let mut ports: Vec<u16> = claims.iter().map(|claim| claim.port).collect();
        ports.sort_unstable();
        let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
        rows.push(CheckResult::ok(AREA, "clashes", format!("none among {}", ports.join(", "))));
    }
    rows
}

/// A listener on a port of a pico.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PortListener {
    property: String,
    port: u16,
    /// `None`: invisible process.
    pid: Option<Pid>,
    command: String,
}

/// Listeners that conflict with the pico's ports.
///
/// # Errors
/// /proc not readable.
pub(super) fn find_listeners(
    facts: &PicoFacts,
    names: &[addresses::HostNameCheck],
    until: Instant,
) -> std::io::Result<Vec<PortListener>> {
    let all = listeners::all()?;
    let everywhere = [IpAddr::from([0, 0, 0, 0])];
    let server = names.iter().find(|row| row.property == HostProperty::ServerHost);
    let bound = server
        .map(addresses::HostNameCheck::addresses)
        .filter(|all| !all.is_empty())
        .unwrap_or(&everywhere);
    let ha: Vec<IpAddr> = facts.ha.endpoint.iter().filter_map(|e| e.host.parse().ok()).collect();
    let mut holders = Vec::new();
    for (property, port) in &facts.ports {
        let bound = if property == "mz.ha.port" { ha.as_slice() } else { bound };
        for listener in
            all.iter().filter(|l| l.port == *port && bound.iter().any(|&a| l.conflicts_with(a)))
        {
            let pid = listener.find_process()?;
            let command = pid.map(|pid| describe_command_line(pid, until)).unwrap_or_default();
            let holder = PortListener { property: property.clone(), port: *port, pid, command };
            if !holders.contains(&holder) {
                holders.push(holder);
            }
        }
    }
    Ok(holders)
}

fn describe_command_line(pid: Pid, until: Instant) -> String {
    let line = read_command_line(pid, until);
    let Ok(CommandLine::Complete(words) | CommandLine::Truncated(words)) = line else {
        return String::new();
    };
    let words: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
    words.join(" ").chars().take(MAX_SHOWN_CHARS).collect()
}

/// `own`: known processes of the pico.
pub(super) fn check_listeners(
    facts: &PicoFacts,
    holders: &[PortListener],
    own: &[Pid],
) -> Vec<CheckResult> {
    let strangers =
        holders.iter().filter(|holder| !holder.pid.is_some_and(|pid| own.contains(&pid)));
    let mut rows: Vec<CheckResult> = strangers
        .map(|holder| {
            let who = holder.pid.map_or_else(
                || "an invisible process (in another container; or run this as root)".to_owned(),
                |pid| format!("pid {pid}, which is not the pico: {}", holder.command),
            );
            CheckResult::error(
                AREA,
                format!("port {}", holder.port),
                format!("{} is held by {who}", holder.property),
                "end that process, or give the pico another port; a start is refused until then",
            )
        })
        .collect();
    if rows.is_empty() && !facts.ports.is_empty() {
        let ports: Vec<String> =
            facts.ports.iter().map(|(property, port)| format!("{port} ({property})")).collect();
        let state = if holders.is_empty() { "free" } else { "held by the pico only" };
        rows.push(CheckResult::ok(AREA, "listeners", format!("{}: {state}", ports.join(", "))));
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::check_result::Level;

    fn assignment(
        home: &str,
        container: &str,
        pico: &str,
        property: &str,
        port: u16,
    ) -> PortAssignment {
        let [container, pico, property] = [container, pico, property].map(str::to_owned);
        PortAssignment { home: home.into(), container, pico, property, port }
    }

    #[test]
    fn same_port_is_error_in_one_container_and_warning_across_containers() {
        let levels = |claims: &[PortAssignment]| {
            check_conflicts(claims).iter().map(|row| row.level).collect::<Vec<_>>()
        };
        let ec1 = assignment("/opt/mz", "c", "ec1", "mz.ha.port", 26000);
        assert_eq!(levels(&[]), []);
        assert_eq!(
            levels(&[ec1.clone(), assignment("/opt/mz", "c", "ec2", "mz.ha.port", 26001)]),
            [Level::Ok]
        );
        // Another property, another container, another installation: the same port.
        assert_eq!(
            levels(&[ec1.clone(), assignment("/opt/mz", "c", "ec2", "ec.webserver.port", 26000)]),
            [Level::Error]
        );
        assert_eq!(
            levels(&[ec1.clone(), assignment("/opt/mz", "c", "ec1", "ec.webserver.port", 26000)]),
            [Level::Error]
        );
        assert_eq!(
            levels(&[ec1.clone(), assignment("/opt/mz", "d", "ec1", "mz.ha.port", 26000)]),
            [Level::Warning]
        );
        assert_eq!(
            levels(&[ec1.clone(), assignment("/opt/mz2", "c", "ec1", "mz.ha.port", 26000)]),
            [Level::Warning]
        );
        assert_eq!(levels(&[ec1.clone(), ec1]), [Level::Ok]);
    }
}
