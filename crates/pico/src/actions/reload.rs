//! reload-agent: the parameters in force change, the JVM is not touched.

use super::monitor::{Request, monitor};
use super::record_of;
use crate::budget::Budget;
use crate::outcome::{Answer, Outcome};
use crate::settings::Settings;
use crate::verdict::Occasion;

/// Puts the parameters into the record, where the next monitor and stop take them from. If the pico does not run, that is
/// the answer: nothing is started.
#[must_use]
pub fn reload(settings: &Settings, budget: Budget) -> Outcome {
    let request = Request { occasion: Occasion::Probe, depth: 0, may_wait: false };
    let outcome = monitor(settings, request, budget);
    if outcome.answer != Answer::Success {
        return outcome;
    }
    let Ok(target) = &settings.target else { return outcome };
    if let (file, Some(mut record)) = record_of(settings, target) {
        record.parameters = settings.in_force.iter().cloned().collect();
        // Counted under other limits.
        record.counts.clear();
        if let Err(e) = file.write(&record) {
            return Outcome::failed(format!("{} could not be written: {e}", file.path().display()));
        }
    }
    Outcome::success()
}
