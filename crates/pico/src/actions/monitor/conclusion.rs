//! The answer, and what the record keeps of it.

use super::{Monitor, MonitorProgress, recorded_instance};
use crate::action_result::{ActionResult, ActionStatus};
use crate::actions::weigh::apply_tolerance;
use crate::actions::{deep_checks, load_record};
use crate::monitor_schedule::MonitorSchedule;
use crate::record::{CheckCounts, HaFacts, InstanceRecord, InstanceRecordFile};
use crate::reports::DeathReports;
use crate::settings::Endpoint;
use crate::verdict::{MonitorKind, Observation, PicoPresence, Policy, judge};
use std::collections::BTreeMap;
use std::time::SystemTime;

impl Monitor<'_> {
    pub(super) fn conclude(
        &self,
        observation: &Observation,
        record: Option<InstanceRecord>,
        progress: &MonitorProgress,
        file: &InstanceRecordFile,
    ) -> ActionResult {
        let verdict = judge(observation, &self.policy(record.as_ref()));
        let depth = self.effective_depth();
        let counts = record.as_ref().and_then(|r| r.counts.get(&depth).cloned()).unwrap_or_default();
        let (outcome, now) =
            apply_tolerance(&verdict, &counts, self.settings, self.request.kind, SystemTime::now());
        let is_alive = matches!(observation.presence, PicoPresence::One { .. });
        let is_death_report = outcome.status != ActionStatus::Success
            && (outcome.status == ActionStatus::NotRunning || progress.held_back || progress.death.is_some());
        let update = |record: &mut InstanceRecord| match (self.request.kind, self.request.interval) {
            (MonitorKind::Probe, _) if is_alive => record.rows.reset(),
            (MonitorKind::Recurring, Some(every)) => {
                if now != counts {
                    record.counts.insert(depth, now.clone());
                }
                let is_new_report = is_death_report && record.reports.add(depth, every);
                if (is_alive || is_new_report) && self.max_wait().is_some() {
                    record.rows.record_end(depth, every, self.deadline.started.elapsed());
                }
            }
            _ => {}
        };
        let Some(mut record) = record else { return outcome };
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
        outcome
    }

    fn policy(&self, record: Option<&InstanceRecord>) -> Policy {
        Policy {
            monitor_kind: self.request.kind,
            pico_type: self.settings.pico_type,
            pico_name: self.settings.pico_label().to_owned(),
            on_ha_failed: self.settings.on_ha_failed,
            ha_grace: deep_checks::ha_grace(self.settings, record.and_then(|r| r.ha.as_ref())),
            must_ask: self.request.must_ask,
            kept: (!self.request.for_person).then(SystemTime::now),
        }
    }

    /// Whether `now` is still of the instance, and of the wait, that this run found or recorded.
    pub(super) fn record_is_unchanged(
        &self,
        now: &InstanceRecord,
        found: &InstanceRecord,
        progress: &MonitorProgress,
    ) -> bool {
        let wait_is_own = !progress.waited || now.rows.is_own_wait_current(self.effective_depth());
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
