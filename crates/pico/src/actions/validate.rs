//! validate-all at the level that looks at the node.

use super::checks::{Finding, findings, host_names};
use crate::budget::Budget;
use crate::product::{ask_mzsh, inspect};
use crate::settings::Settings;

/// Looks at the node; what it found.
///
/// # Errors
/// The node can't be looked at; why.
pub fn validate(settings: &Settings, budget: Budget) -> Result<Vec<Finding>, String> {
    let target = settings.target.as_ref().map_err(Clone::clone)?;
    let mut inspection =
        inspect(settings, target, budget.begun + budget.length() / 2).map_err(|e| e.to_string())?;
    ask_mzsh(settings, target, &mut inspection, budget.begun + budget.length() * 3 / 4);
    let table = host_names(settings, &inspection, budget);
    Ok(findings(settings, target, &inspection, &table))
}
