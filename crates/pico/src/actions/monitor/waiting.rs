//! A recurring monitor of depth 0 waits for the death of the process.

use super::{Monitor, MonitorCall, MonitorProgress, Superseded};
use crate::record::{InstanceRecord, InstanceRecordFile};
use crate::verdict::{Death, Liveness, ObservationScope, PicoPresence};
use host::{ProcessHandle, ProcessId};
use std::time::{Duration, Instant, SystemTime};

impl Monitor<'_> {
    pub(super) fn wait(
        &self,
        seen: PicoPresence,
        record: Option<&mut InstanceRecord>,
        file: &InstanceRecordFile,
        progress: &mut MonitorProgress,
    ) -> Result<PicoPresence, Superseded> {
        if let PicoPresence::One { id, liveness: Liveness::Alive } = seen
            && self.call.effective_depth() == 0
            && progress.is_continuation
            && let Some(known) = record.filter(|record| record.jvm() == Some(id))
            && let Some(wait) = self.max_wait()
            && let Some(held) = watch_for_death(id)
            && self.record_wait(known, file)
        {
            progress.waited = true;
            progress.death = wait_for_death(wait, &held);
            let scope = if progress.death.is_some() {
                ObservationScope::AllProcesses
            } else {
                ObservationScope::RecordedProcess
            };
            if progress.death.is_none() {
                // The time was long enough for others to write, for the pico to be stopped, and for a new schedule to begin.
                match file.read().filter(|now| self.record_is_unchanged(now, known, progress)) {
                    Some(now) => *known = now,
                    None => return Err(Superseded),
                }
            }
            let processes = self.observe(Some(known), scope);
            return match processes {
                PicoPresence::One { id: now, .. } if now != id => Err(Superseded),
                processes => Ok(processes),
            };
        }
        Ok(seen)
    }

    /// How long this run may wait; `None`: not at all.
    pub(super) fn max_wait(&self) -> Option<Duration> {
        let MonitorCall::Recurring { may_wait: true, .. } = self.call else { return None };
        let wait = self
            .settings
            .wait
            .min((self.deadline.timeout() / 2).saturating_sub(Duration::from_millis(1)));
        (!wait.is_zero()).then_some(wait)
    }

    /// Records that this run waits. If that fails it must not wait: after a kill the next run would wait as well.
    fn record_wait(&self, record: &mut InstanceRecord, file: &InstanceRecordFile) -> bool {
        record.rows.set_waiting(self.call.effective_depth());
        let written = file.write(record);
        if let Err(e) = &written {
            tracing::warn!(
                "{} could not be written, so this monitor does not wait: {e}",
                file.display_path()
            );
        }
        written.is_ok()
    }
}

/// `None` without a pollable pidfd: polling /proc would cost more than the next monitor.
fn watch_for_death(id: ProcessId) -> Option<DeathWatch> {
    match id.open() {
        Ok(Some(handle)) => handle.pidfd().is_pollable().then_some(DeathWatch::Alive(handle)),
        Ok(None) => Some(DeathWatch::Gone),
        Err(e) => {
            tracing::debug!("not waiting: {e}");
            None
        }
    }
}

enum DeathWatch {
    Alive(ProcessHandle),
    /// It died before it could be opened.
    Gone,
}

fn wait_for_death(wait: Duration, held: &DeathWatch) -> Option<Death> {
    let until = Instant::now() + wait;
    let seen = |end| Some(Death { observed_at: SystemTime::now(), end });
    match held {
        DeathWatch::Alive(handle)
            if handle.pidfd().wait_for_end_or_sigterm(until).unwrap_or(false) =>
        {
            seen(handle.exit_status())
        }
        DeathWatch::Alive(_) => {
            if Instant::now() < until {
                tracing::info!("SIGTERM ended the wait");
            }
            None
        }
        DeathWatch::Gone => seen(None),
    }
}
