//! validate-all at the level that looks at the node.

use super::checks::{Finding, PATTERN_WITHIN, findings, host_names, pattern};
use crate::addresses::Row;
use crate::budget::Budget;
use crate::product::{Inspection, ask_mzsh, inspect};
use crate::settings::Settings;
use host::descriptors::naming_the_limit;

/// What one look at the node gave.
#[derive(Debug)]
pub struct Examination {
    /// What is there.
    pub inspection: Inspection,
    /// What the host names stand for; none where the registry does not tell them.
    pub names: Vec<Row>,
    /// What is wrong.
    pub findings: Vec<Finding>,
}

/// Looks at the node.
///
/// # Errors
/// The node can't be looked at; why.
pub fn examine(settings: &Settings, budget: Budget) -> Result<Examination, String> {
    let target = settings.target.as_ref().map_err(ToString::to_string)?;
    let mut inspection = inspect(settings, target, budget.begun + budget.length() / 2)
        .map_err(|e| naming_the_limit(&e.to_string()))?;
    ask_mzsh(settings, target, &mut inspection, budget.begun + budget.length() * 3 / 4);
    let names = host_names(settings, &inspection, budget);
    let mut findings = findings(settings, target, &inspection, &names);
    findings.extend(pattern(target, budget.within(PATTERN_WITHIN)));
    Ok(Examination { inspection, names, findings })
}
