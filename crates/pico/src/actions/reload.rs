//! reload-agent: the parameters in force change, the JVM is not touched.

use super::monitor::{Request, monitor};
use super::record_of;
use crate::budget::Budget;
use crate::outcome::{Answer, Outcome};
use crate::settings::Settings;
use crate::verdict::Occasion;

/// Each action is given its parameters anew, so there is little to do: the record is told, and what was counted under other
/// limits is forgotten. If the pico does not run, that is the answer: nothing is started.
#[must_use]
pub fn reload(settings: &Settings, budget: Budget) -> Outcome {
    let request = Request::once(Occasion::Probe, 0);
    let outcome = monitor(settings, request, budget);
    if outcome.answer != Answer::Success {
        return outcome;
    }
    let Ok(target) = &settings.target else { return outcome };
    if let (file, Some(mut record)) = record_of(settings, target) {
        if let Err(e) = record.tell_parameters(settings) {
            tracing::warn!("the parameters in force can't be noted: {e}");
        }
        record.forget_counts();
        // A reload that fails has the cluster restart the pico.
        file.note(&record);
    }
    Outcome::success()
}
