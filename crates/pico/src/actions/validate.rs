//! validate-all at level 10, which examines the node.

use super::node_checks::{
    NodeProblem, PROCESS_MATCH_TIMEOUT, check_process_match, find_problems, resolve_host_names,
};
use super::scope;
use crate::addresses::HostNameCheck;
use crate::product::{Inspection, fill_from_mzsh_topo, inspect};
use crate::settings::Settings;
use host::descriptors::with_descriptor_limit;
use ocf::Deadline;

/// The state of the node.
#[derive(Debug)]
pub struct ValidationReport {
    /// The installation.
    pub inspection: Inspection,
    /// The resolved hostnames; empty if the registry does not name them.
    pub host_names: Vec<HostNameCheck>,
    /// The problems found.
    pub problems: Vec<NodeProblem>,
}

/// Examines the node.
///
/// # Errors
/// Why the node can't be examined.
pub fn validate(settings: &Settings, deadline: Deadline) -> Result<ValidationReport, String> {
    let target = settings.target.as_ref().map_err(ToString::to_string)?;
    let mut inspection = inspect(settings, target, deadline.started() + deadline.timeout() / 2)
        .map_err(|e| with_descriptor_limit(&e.to_string()))?;
    fill_from_mzsh_topo(
        settings,
        target,
        &mut inspection,
        deadline.started() + deadline.timeout() * 3 / 4,
    );
    let names = resolve_host_names(settings, &inspection, deadline);
    let mut findings = find_problems(settings, target, &inspection, &names);
    findings.extend(check_process_match(target, deadline.instant_within(PROCESS_MATCH_TIMEOUT)));
    findings.extend(scope::check(settings, target, deadline));
    Ok(ValidationReport { inspection, host_names: names, problems: findings })
}
