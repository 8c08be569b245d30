//! The answer, and what the record keeps of it.

use super::{Audience, Monitor, MonitorCall, MonitorProgress, recorded_instance};
use crate::actions::weigh::apply_tolerance;
use crate::actions::{deep_checks, load_record};
use crate::monitor_schedule::MonitorSchedule;
use crate::record::{CheckCounts, HaFacts, InstanceRecord, InstanceRecordFile};
use crate::reports::DeathReports;
use crate::settings::Endpoint;
use crate::verdict::{Observation, PicoPresence, Policy, Verdict, VerdictKind, judge};
use std::collections::BTreeMap;
use std::time::SystemTime;

impl Monitor<'_> {
    pub(super) fn conclude(
        &self,
        observation: &Observation,
        record: Option<InstanceRecord>,
        progress: &MonitorProgress,
        file: &InstanceRecordFile,
    ) -> Verdict {
        let found = judge(observation, &self.policy(record.as_ref()));
        let depth = self.call.effective_depth();
        let counts =
            record.as_ref().and_then(|r| r.counts.get(&depth).cloned()).unwrap_or_default();
        let (verdict, now) =
            apply_tolerance(&found, &counts, self.settings, self.call.kind(), SystemTime::now());
        let is_alive = matches!(observation.presence, PicoPresence::One { .. });
        let is_death_report = !verdict.is_running()
            && (verdict.kind == VerdictKind::NotRunning
                || progress.held_back
                || progress.death.is_some());
        let update = |record: &mut InstanceRecord| match self.call {
            MonitorCall::Probe if is_alive => record.rows.reset(),
            MonitorCall::Recurring { interval: every, .. } => {
                if now != counts {
                    record.counts.insert(depth, now.clone());
                }
                let is_new_report = is_death_report && record.reports.add(depth, every);
                if (is_alive || is_new_report) && self.max_wait().is_some() {
                    record.rows.record_end(depth, every, self.deadline.elapsed());
                }
            }
            _ => {}
        };
        let Some(mut record) = record else { return verdict };
        update(&mut record);
        // Another action may have written the record during the wait or the checks.
        match &progress.history_at_start {
            None => {
                if load_record(self.settings, self.target).1.as_ref().map(recorded_instance)
                    == progress.recorded_at_start
                {
                    file.write_or_warn(&record);
                }
            }
            Some(before) if RecordHistory::from_record(&record) != *before => {
                if let Some(mut now) =
                    file.read().filter(|now| self.record_is_unchanged(now, &record, progress))
                {
                    if record.ha != before.ha {
                        now.ha = record.ha;
                    }
                    now.listened = record.listened;
                    update(&mut now);
                    file.write_or_warn(&now);
                }
            }
            Some(_) => {}
        }
        verdict
    }

    fn policy(&self, record: Option<&InstanceRecord>) -> Policy {
        Policy {
            monitor_kind: self.call.kind(),
            pico_type: self.settings.pico_type,
            pico_name: self.settings.pico_label().to_owned(),
            on_ha_failed: self.settings.on_ha_failed,
            ha_grace: deep_checks::ha_grace(self.settings, record.and_then(|r| r.ha.as_ref())),
            must_ask: matches!(self.call, MonitorCall::Health { .. }),
            kept: (self.call.audience() == Audience::Log).then(SystemTime::now),
        }
    }

    /// Whether `now` is still of the instance, and of the wait, that this run found or recorded.
    pub(super) fn record_is_unchanged(
        &self,
        now: &InstanceRecord,
        found: &InstanceRecord,
        progress: &MonitorProgress,
    ) -> bool {
        let wait_is_own =
            !progress.waited || now.rows.is_own_wait_current(self.call.effective_depth());
        recorded_instance(now) == recorded_instance(found) && wait_is_own
    }
}

/// What a run may change in a record that it found.
#[derive(PartialEq)]
pub(super) struct RecordHistory {
    schedule: MonitorSchedule,
    ha: Option<HaFacts>,
    pub(super) reports: DeathReports,
    counts: BTreeMap<u32, CheckCounts>,
    listened: Vec<Endpoint>,
}

impl RecordHistory {
    pub(super) fn from_record(record: &InstanceRecord) -> Self {
        Self {
            schedule: record.rows.clone(),
            ha: record.ha.clone(),
            reports: record.reports.clone(),
            counts: record.counts.clone(),
            listened: record.listened.clone(),
        }
    }
}
