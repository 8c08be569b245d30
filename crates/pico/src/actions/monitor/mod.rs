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

mod conclusion;
mod dropped_death;
mod duplicate_reports;
mod live_process;
mod waiting;

pub use dropped_death::Cluster;

use conclusion::RecordHistory;

use super::load_record;
use crate::action_result::{ActionResult, FailureCause};
use crate::deadline::ActionDeadline;
use crate::record::{InstanceRecord, InstanceRecordFile, StartPhase};
use crate::settings::{PicoInstance, Settings, UnreadableTarget};
use crate::verdict::{
    Death, MonitorKind, Observation, ObservationScope, PicoPresence, find_possible_target, observe,
};
use host::ProcessId;
use std::time::{Duration, Instant};

/// How to monitor.
#[derive(Clone, Copy, Debug)]
pub struct MonitorRequest<'a> {
    /// Probe or recurring.
    pub kind: MonitorKind,
    /// 0, 10 (HA Monitor Server) or 20 (mzsh as well); others are rounded down.
    pub depth: u32,
    /// The interval of a recurring monitor of the cluster; only these count failures.
    pub interval: Option<Duration>,
    /// A recurring monitor may wait: its timeout is known.
    pub may_wait: bool,
    /// The cluster that calls, if it can be queried.
    pub cluster: Option<&'a dyn Cluster>,
    /// A check that could not be made is an unknown state, not a warning.
    pub must_ask: bool,
    /// A person reads the reason at once, so it may suggest a remedy for a short-lived state.
    pub for_person: bool,
}

impl MonitorRequest<'_> {
    /// A one-shot monitor that the cluster did not call.
    #[must_use]
    pub fn one_shot(kind: MonitorKind, depth: u32) -> Self {
        Self {
            kind,
            depth,
            interval: None,
            may_wait: false,
            must_ask: false,
            for_person: false,
            cluster: None,
        }
    }

    /// See [`for_person`](Self::for_person).
    #[must_use]
    pub fn by_person(self) -> Self {
        Self { for_person: true, ..self }
    }
}

/// Monitors.
#[must_use]
pub fn monitor(settings: &Settings, request: MonitorRequest<'_>, deadline: ActionDeadline) -> ActionResult {
    let target = match &settings.target {
        Ok(target) => target.clone(),
        // The pico may still be running as it was started.
        Err(unreadable) => {
            match InstanceRecordFile::for_resource(settings.resource.as_deref())
                .read()
                .and_then(|record| record.target())
            {
                Some(target) => target,
                None => return monitor_without_target(settings, unreadable, request, deadline),
            }
        }
    };
    Monitor { settings, target: &target, request, deadline }.run()
}

/// There is no record, and the parameters that identify the pico are unreadable.
fn monitor_without_target(
    settings: &Settings,
    unreadable: &UnreadableTarget,
    request: MonitorRequest<'_>,
    deadline: ActionDeadline,
) -> ActionResult {
    match find_possible_target(settings, unreadable, deadline.instant_within(deadline.timeout() / 2)) {
        Ok(None) if request.kind == MonitorKind::Probe => ActionResult::not_running(unreadable.why.clone()),
        Ok(None) => ActionResult::failed(unreadable.why.clone()),
        Ok(Some(seen)) | Err(seen) => ActionResult::failed_with_cause(FailureCause::StateUnknown, seen),
    }
}

struct Monitor<'a> {
    settings: &'a Settings,
    target: &'a PicoInstance,
    request: MonitorRequest<'a>,
    deadline: ActionDeadline,
}

impl Monitor<'_> {
    fn run(&self) -> ActionResult {
        self.try_run().unwrap_or_else(|Superseded| ActionResult::success())
    }

    fn try_run(&self) -> Result<ActionResult, Superseded> {
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
        let observation = Observation { death: progress.death, ..Observation::from_processes(presence) };
        let outcome = self.conclude(&observation, record, &progress, &file);
        Ok(self.report_again(outcome, &progress, &file))
    }

    fn scope(&self) -> ObservationScope {
        match (self.request.kind, self.effective_depth()) {
            (MonitorKind::Probe, _) => ObservationScope::AllProcessesOnce,
            (MonitorKind::Recurring, 0) => ObservationScope::RecordedProcess,
            (MonitorKind::Recurring, _) => ObservationScope::AllProcesses,
        }
    }

    fn observe(&self, record: Option<&InstanceRecord>, scope: ObservationScope) -> PicoPresence {
        // At most three quarters of the remaining time and half of the timeout.
        let now = Instant::now();
        let left = self.deadline.end.saturating_duration_since(now) * 3 / 4;
        observe(self.settings, self.target, record, scope, now + left.min(self.deadline.timeout() / 2))
    }

    /// 0, 10 or 20. A probe scans all processes as depth 10 does, but makes no deep checks.
    fn effective_depth(&self) -> u32 {
        match self.request.depth {
            _ if self.request.kind == MonitorKind::Probe => 10,
            0..10 => 0,
            10..20 => 10,
            _ => 20,
        }
    }

    /// All checks together may take half of the timeout.
    fn checks_deadline(&self) -> Instant {
        self.deadline.started + self.deadline.timeout() / 2
    }

    /// Whether this run continues a monitor schedule.
    fn is_continuation(&self, record: &InstanceRecord) -> bool {
        self.request.interval.is_some_and(|every| record.rows.is_continuation(self.effective_depth(), every))
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
