//! A recurring monitor of depth 0 waits for the death of the process.

use super::{Monitor, MonitorProgress, Superseded};
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
            && self.effective_depth() == 0
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

    /// How long a run may take by doing nothing; none when it may not.
    pub(super) fn max_wait(&self) -> Option<Duration> {
        let wait =
            self.settings.wait.min((self.deadline.timeout() / 2).saturating_sub(Duration::from_millis(1)));
        (self.request.interval.is_some() && self.request.may_wait && !wait.is_zero()).then_some(wait)
    }

    /// Writes down that this run waits. Where that can't be, it may not: the next one would wait as well, even if this one is ended.
    fn record_wait(&self, record: &mut InstanceRecord, file: &InstanceRecordFile) -> bool {
        record.rows.set_waiting(self.effective_depth());
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

/// The process, held so that the kernel tells of its death. `None`: there is no pidfd, and a monitor that looked again and again would
/// cost more than the next one; so this one answers at once.
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

/// What there is to be waited for.
enum DeathWatch {
    Alive(ProcessHandle),
    /// It has died since it was looked at.
    Gone,
}

/// Waits for the death of the process.
fn wait_for_death(wait: Duration, held: &DeathWatch) -> Option<Death> {
    let until = Instant::now() + wait;
    let seen = |end| Some(Death { observed_at: SystemTime::now(), end });
    match held {
        DeathWatch::Alive(handle) if handle.pidfd().wait_for_end_or_sigterm(until).unwrap_or(false) => {
            seen(handle.exit_status())
        }
        DeathWatch::Alive(_) => {
            if Instant::now() < until {
                tracing::info!("SIGTERM ends the wait; the answer is what is known now");
            }
            None
        }
        DeathWatch::Gone => seen(None),
    }
}
