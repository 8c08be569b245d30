//! The answer about a process that lives: it is adopted where it is new, and asked.

use super::conclusion::RecordHistory;
use super::{Monitor, MonitorCall, MonitorProgress, Superseded, recorded_instance};
use crate::actions::deep_checks;
use crate::pico_users;
use crate::record::{InstanceRecord, InstanceRecordFile, StartPhase};
use crate::verdict::{Liveness, Observation, ObservationScope, PicoPresence, Verdict, VerdictKind};
use host::{ProcessId, process};
use std::time::{Duration, Instant};

/// For so long a JVM that is exiting may take to the end of it.
const EXIT_TIMEOUT: Duration = Duration::from_secs(2);

impl Monitor<'_> {
    pub(super) fn check(
        &self,
        id: ProcessId,
        liveness: Liveness,
        record: Option<InstanceRecord>,
        mut progress: MonitorProgress,
        file: &InstanceRecordFile,
    ) -> Result<Verdict, Superseded> {
        let mut record = match record {
            Some(known) if recorded_instance(&known) == (Some(id), StartPhase::Running) => {
                progress.history_at_start = Some(RecordHistory::from_record(&known));
                known
            }
            last => match self.adopt(id, last.as_ref()) {
                Ok(record) => record,
                Err(e) => {
                    let pico = self.settings.pico_label();
                    let reason =
                        format!("{pico}: {id} is running, but its record could not be made: {e}");
                    return Ok(Verdict::new(VerdictKind::Failed, reason));
                }
            },
        };
        let presence = PicoPresence::One { id, liveness };
        let mut observation =
            self.run_deep_checks(Observation::from_processes(presence), id, &mut record);
        if self.call.effective_depth() > 0
            && has_died(id, self.deadline.instant_within(EXIT_TIMEOUT))
        {
            // It died during the checks: report the death, not the missing answer.
            observation = Observation::from_processes(
                self.observe(Some(&record), ObservationScope::AllProcesses),
            );
            if let PicoPresence::One { .. } = observation.presence {
                return Err(Superseded);
            }
        }
        Ok(self.conclude(&observation, Some(record), &progress, file))
    }

    /// A new record for a process that `last` does not name as running.
    fn adopt(
        &self,
        id: ProcessId,
        last: Option<&InstanceRecord>,
    ) -> std::io::Result<InstanceRecord> {
        tracing::info!(
            "{}: {id} is adopted: it is running, and no record names it",
            self.settings.pico_label()
        );
        let mut record = InstanceRecord::new(self.settings, self.target, StartPhase::Running)?;
        if let Some(mzsh) =
            last.filter(|last| last.jvm() == Some(id)).and_then(InstanceRecord::mzsh)
        {
            record.set_mzsh(mzsh);
        }
        pico_users::set_users_of_adopted(
            self.settings,
            self.target,
            &mut record,
            self.checks_deadline(),
        );
        record.set_running(id);
        Ok(record)
    }

    fn run_deep_checks(
        &self,
        mut observation: Observation,
        id: ProcessId,
        record: &mut InstanceRecord,
    ) -> Observation {
        let well =
            matches!(observation.presence, PicoPresence::One { liveness: Liveness::Alive, .. });
        let depth = self.call.effective_depth();
        if matches!(self.call, MonitorCall::Probe) || depth < 10 || !well {
            return observation;
        }
        let until = self.checks_deadline();
        let plan = deep_checks::ha_check_plan(
            self.settings,
            self.target,
            record,
            self.deadline.started() + self.deadline.timeout() / 4,
        );
        observation.ha = deep_checks::ask_ha(self.settings, self.target, id, plan, record, until);
        observation.age = process::process_age(id);
        if depth >= 20 {
            let status = deep_checks::ask_mzsh_status(self.settings, self.target, until);
            if !matches!(status, crate::product::StatusAnswer::Running) {
                observation.platform_answers =
                    deep_checks::platform_answers(record, self.deadline.instant());
            }
            observation.status = Some(status);
        }
        observation
    }
}

/// Whether the JVM is dead. A dying JVM breaks its connections first, so its end is awaited.
fn has_died(id: ProcessId, until: Instant) -> bool {
    match id.live_stat() {
        Ok(None) => true,
        Ok(Some(stat)) if stat.is_exiting() => id
            .open()
            .is_ok_and(|held| held.is_none_or(|held| held.wait_for_end(until).unwrap_or(false))),
        _ => false,
    }
}
