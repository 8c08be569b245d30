//! reload-agent: applies reloadable parameters and leaves the JVM alone.

use super::load_record;
use super::monitor::{MonitorRequest, monitor};
use crate::action_result::{ActionResult, ActionStatus};
use crate::deadline::ActionDeadline;
use crate::settings::Settings;
use crate::verdict::MonitorKind;

/// Every action reads its parameters anew, so this only updates the record and resets the counts, which belong to the old
/// limits. It never starts a pico.
#[must_use]
pub fn reload(settings: &Settings, deadline: ActionDeadline) -> ActionResult {
    let request = MonitorRequest::one_shot(MonitorKind::Probe, 0);
    let outcome = monitor(settings, request, deadline);
    if outcome.status != ActionStatus::Success {
        return outcome;
    }
    let Ok(target) = &settings.target else { return outcome };
    if let (file, Some(mut record)) = load_record(settings, target) {
        if let Err(e) = record.set_parameters(settings) {
            tracing::warn!("the parameters in force could not be recorded: {e}");
        }
        record.forget_counts();
        // A failed reload would make the cluster restart the pico.
        file.write_or_warn(&record);
    }
    ActionResult::success()
}
