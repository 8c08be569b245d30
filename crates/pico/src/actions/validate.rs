//! validate-all at the level that looks at the node.

use super::checks::{Finding, Severity, findings};
use crate::budget::Budget;
use crate::outcome::{Class, Outcome};
use crate::product::inspect;
use crate::settings::Settings;

/// Looks at the node; all findings, and what they come to.
#[must_use]
pub fn validate(settings: &Settings, budget: Budget) -> (Vec<Finding>, Outcome) {
    let target = match &settings.target {
        Ok(target) => target,
        Err(why) => return (Vec::new(), Outcome::failed_by(Class::NotConfigured, why.clone())),
    };
    let inspection = match inspect(settings, target, budget.begun + budget.length() / 2) {
        Ok(inspection) => inspection,
        Err(e) => {
            let why = format!("{}: storage or name service gives {e}", target.home.path().display());
            return (Vec::new(), Outcome::failed(why));
        }
    };
    let node = host::addresses::of_this_node().unwrap_or_default();
    let found = findings(settings, target, &inspection, &node);
    let worst = found.iter().find_map(|f| match f.severity {
        Severity::Error(class) => Some(Outcome::failed_by(class, format!("{}: {}", f.name, f.text))),
        Severity::Warning => None,
    });
    (found, worst.unwrap_or_else(Outcome::success))
}
