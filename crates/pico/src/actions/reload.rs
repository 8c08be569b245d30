//! reload-agent: the parameters in force change, the JVM is not touched.

use super::load_record;
use super::monitor::{MonitorRequest, monitor};
use crate::action_result::{ActionResult, ActionStatus};
use crate::deadline::ActionDeadline;
use crate::settings::Settings;
use crate::verdict::MonitorKind;

/// Each action is given its parameters anew, so there is little to do: the record is told, and what was counted under other
/// limits is forgotten. If the pico does not run, that is the answer: nothing is started.
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
            tracing::warn!("the parameters in force can't be noted: {e}");
        }
        record.forget_counts();
        // A reload that fails has the cluster restart the pico.
        file.write_or_warn(&record);
    }
    ActionResult::success()
}
