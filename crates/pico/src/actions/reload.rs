//! reload-agent: applies reloadable parameters and leaves the JVM alone.

use super::load_record;
use super::monitor::{MonitorCall, monitor_verdict};
use crate::settings::Settings;
use ocf::{Deadline, Failure, State};

/// Every action reads its parameters anew, so this only updates the record and resets the counts, which belong to the old
/// limits. It never starts a pico.
///
/// # Errors
/// Those of a probe.
pub fn reload(settings: &Settings, deadline: Deadline) -> Result<State, Failure> {
    let verdict = monitor_verdict(settings, MonitorCall::Probe, deadline);
    let (true, Ok(target)) = (verdict.is_running(), &settings.target) else {
        return verdict.into_result();
    };
    if let (file, Some(mut record)) = load_record(settings, target) {
        if let Err(e) = record.set_parameters(settings) {
            tracing::warn!("the parameters in force could not be recorded: {e}");
        }
        record.forget_counts();
        // A failed reload would make the cluster restart the pico.
        file.write_or_warn(&record);
    }
    Ok(State::Running)
}
