//! monitor: is it running, and how well?
//!
//! Depth 0 costs the record and one line of /proc. A recurring depth 0 then *waits* ([`waiting`]): it holds the process by pidfd and answers
//! at the moment of its death. Where the kernel has no pidfds it answers at once. Pacemaker runs it again one interval after its end, and
//! kills it before any other operation of the resource. So the wait delays nothing but a deeper monitor of the same resource.
//!
//! The first run of a schedule answers at once, because the cluster starts nothing else on any node until it has that answer.
//! [`MonitorSchedule`](crate::monitor_schedule::MonitorSchedule) finds out from the record which run is the first.
//!
//! *A death is one failure* ([`duplicate_reports`]). A deeper monitor that became due while depth 0 waited runs as soon as depth 0 has
//! reported the death, before Pacemaker acts on it. Its answer would count as a second failure. So each monitor records a death before it
//! reports it ([`InstanceRecord::reports`]), and a monitor of another depth that finds the death recorded holds its own report back:
//! Pacemaker ends it before it stops the pico. If nobody ends it, it reports the death as well. It holds back once for each
//! death, and never as the first run of its schedule.
//!
//! *A death that the cluster has dropped* is reported again ([`dropped_death`]).

mod call;
mod conclusion;
mod dropped_death;
mod duplicate_reports;
mod live_process;
mod waiting;

pub use call::{Audience, MonitorCall};
pub use dropped_death::Cluster;

use conclusion::RecordHistory;

use super::load_record;
use crate::record::{InstanceRecord, InstanceRecordFile, StartPhase};
use crate::settings::{PicoInstance, Settings, UnreadableTarget};
use crate::verdict::{
    Death, Observation, ObservationScope, PicoPresence, Verdict, VerdictKind, find_possible_target,
    observe,
};
use host::ProcessId;
use host::descriptors::with_descriptor_limit;
use ocf::{Deadline, Failure, State};
use std::time::Instant;

/// Monitors, and logs a warning.
///
/// # Errors
/// Those of [`Verdict::into_result`].
pub fn monitor(
    settings: &Settings,
    call: MonitorCall<'_>,
    deadline: Deadline,
) -> Result<State, Failure> {
    monitor_verdict(settings, call, deadline).into_result()
}

/// The verdict of a monitor, for callers that must tell an unknown state from a failure.
#[must_use]
pub fn monitor_verdict(settings: &Settings, call: MonitorCall<'_>, deadline: Deadline) -> Verdict {
    let verdict = find_verdict(settings, call, deadline);
    match verdict.kind {
        VerdictKind::Failed | VerdictKind::Unknown | VerdictKind::CheckFailed => {
            Verdict { reason: with_descriptor_limit(&verdict.reason), ..verdict }
        }
        _ => verdict,
    }
}

fn find_verdict(settings: &Settings, call: MonitorCall<'_>, deadline: Deadline) -> Verdict {
    let target = match &settings.target {
        Ok(target) => target.clone(),
        // The pico may still be running as it was started.
        Err(unreadable) => {
            match InstanceRecordFile::for_resource(settings.resource.as_deref())
                .read()
                .and_then(|record| record.target())
            {
                Some(target) => target,
                None => return monitor_without_target(settings, unreadable, call, deadline),
            }
        }
    };
    Monitor { settings, target: &target, call, deadline }.run()
}

/// There is no record, and the parameters that identify the pico are unreadable.
fn monitor_without_target(
    settings: &Settings,
    unreadable: &UnreadableTarget,
    call: MonitorCall<'_>,
    deadline: Deadline,
) -> Verdict {
    match find_possible_target(
        settings,
        unreadable,
        deadline.instant_within(deadline.timeout() / 2),
    ) {
        Ok(None) => {
            let is_probe = matches!(call, MonitorCall::Probe);
            let kind = if is_probe { VerdictKind::NotRunning } else { VerdictKind::Failed };
            Verdict::new(kind, unreadable.why.clone())
        }
        Ok(Some(seen)) | Err(seen) => Verdict::new(VerdictKind::Unknown, seen),
    }
}

struct Monitor<'a> {
    settings: &'a Settings,
    target: &'a PicoInstance,
    call: MonitorCall<'a>,
    deadline: Deadline,
}

impl Monitor<'_> {
    fn run(&self) -> Verdict {
        self.try_run()
            .unwrap_or_else(|Superseded| Verdict::new(VerdictKind::Running, String::new()))
    }

    fn try_run(&self) -> Result<Verdict, Superseded> {
        let (file, mut record) = load_record(self.settings, self.target);
        let mut progress = MonitorProgress {
            is_continuation: record.as_ref().is_some_and(|record| self.is_continuation(record)),
            recorded_at_start: record.as_ref().map(recorded_instance),
            ..MonitorProgress::default()
        };
        let seen = self.observe(record.as_ref(), self.scope());
        let seen = self.hold_back_duplicate_report(seen, record.as_ref(), &mut progress)?;
        let presence = self.wait(seen, record.as_mut(), &file, &mut progress)?;
        if let PicoPresence::One { id, liveness } = presence {
            return self.check(id, liveness, record, progress, &file);
        }
        progress.history_at_start = record.as_ref().map(RecordHistory::from_record);
        let observation =
            Observation { death: progress.death, ..Observation::from_processes(presence) };
        let verdict = self.conclude(&observation, record, &progress, &file);
        Ok(self.report_again(verdict, &progress, &file))
    }

    fn scope(&self) -> ObservationScope {
        match (self.call, self.call.effective_depth()) {
            (MonitorCall::Probe, _) => ObservationScope::AllProcessesOnce,
            (_, 0) => ObservationScope::RecordedProcess,
            _ => ObservationScope::AllProcesses,
        }
    }

    fn observe(&self, record: Option<&InstanceRecord>, scope: ObservationScope) -> PicoPresence {
        // At most three quarters of the remaining time and half of the timeout.
        let within = (self.deadline.remaining() * 3 / 4).min(self.deadline.timeout() / 2);
        observe(self.settings, self.target, record, scope, self.deadline.instant_within(within))
    }

    /// All checks together may take half of the timeout.
    fn checks_deadline(&self) -> Instant {
        self.deadline.started() + self.deadline.timeout() / 2
    }

    /// Whether this run continues a monitor schedule.
    fn is_continuation(&self, record: &InstanceRecord) -> bool {
        match self.call {
            MonitorCall::Recurring { interval, .. } => {
                record.rows.is_continuation(self.call.effective_depth(), interval)
            }
            _ => false,
        }
    }
}

/// What happened during a run.
#[derive(Default)]
struct MonitorProgress {
    /// It held back the report of a death that was reported already.
    held_back: bool,
    /// It follows another run of its schedule.
    is_continuation: bool,
    /// It recorded a wait and waited.
    waited: bool,
    /// The death that ended the wait.
    death: Option<Death>,
    recorded_at_start: Option<RecordedInstance>,
    /// `None` for a new record.
    history_at_start: Option<RecordHistory>,
}

type RecordedInstance = (Option<ProcessId>, StartPhase);

fn recorded_instance(record: &InstanceRecord) -> RecordedInstance {
    (record.jvm(), record.phase)
}

/// Another process or schedule took over during this run. The next run checks it; this one records nothing, since it would
/// overwrite the record of another action.
struct Superseded;
