//! monitor: is it running, and how well?
//!
//! Depth 0 costs the record and one line of /proc. A recurring depth 0 then *waits*: it holds the process by pidfd
//! and answers at the moment of its death; where the kernel has no pidfds it answers at once. Pacemaker runs it again one interval after it
//! ended, and kills it when anything else is to be done, so the waiting holds nothing up but a deeper monitor of the same resource.
//!
//! The first run of a row has to answer at once, for the cluster does nothing else on any node until it has the answer to what it
//! has begun. Which one that is, [`MonitorSchedule`] tells by what the last ones have left in the record.
//!
//! *A death is one failure.* A deeper monitor that became due while depth 0 waited runs as soon as that has told of a death, before
//! Pacemaker has begun to act on it; its answer would count as a failure of its own, and three deaths as six. So whoever tells of a death
//! notes that first ([`InstanceRecord::reports`]), and one of another depth that finds it noted stays for a while: Pacemaker ends it before it stops
//! the pico. If nobody ends it, for nothing is done about the death, or other actions come first that take longer, it tells as well. It
//! stays once for each death, never as the first run of its row, and a depth 0, which others may depend on, for no more than [`MAX_DEPTH_0_DELAY`].
//!
//! *A death that the cluster has dropped* is reported again ([`crate::reports`]).

mod again;

pub use again::Cluster;

use super::deep_checks;
use super::load_record;
use super::weigh::apply_tolerance;
use crate::action_result::{ActionResult, ActionStatus, FailureCause};
use crate::deadline::ActionDeadline;
use crate::monitor_schedule::MonitorSchedule;
use crate::pico_users;
use crate::record::{CheckCounts, HaFacts, InstanceRecord, InstanceRecordFile, StartPhase};
use crate::reports::DeathReports;
use crate::settings::{Endpoint, PicoInstance, Settings, UnreadableTarget};
use crate::verdict::{
    Death, Liveness, MonitorKind, Observation, ObservationScope, PicoPresence, Policy, find_possible_target,
    judge, observe,
};
use host::{ProcessHandle, ProcessId, process};
use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

/// For so long a depth 0 stays that finds a death which was told already: far longer than Pacemaker takes to act when it has nothing else to do.
const MAX_DEPTH_0_DELAY: Duration = Duration::from_secs(2);

/// For so long a JVM that is in its exit may take to the end of it.
const EXIT_TIMEOUT: Duration = Duration::from_secs(2);

/// Between two looks of one that stays.
const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct MonitorRequest<'a> {
    /// Who asks.
    pub kind: MonitorKind,
    /// How deep: 0, 10 (with the HA Monitor Server), 20 (with mzsh); a number between rounds down.
    pub depth: u32,
    /// The interval of one that comes from the cluster and comes back by itself: failures are counted.
    pub interval: Option<Duration>,
    /// Such a one may wait: it was told how long it may take.
    pub may_wait: bool,
    /// The cluster that asks, where that can be asked in turn.
    pub cluster: Option<&'a dyn Cluster>,
    /// A check that could not be made leaves the answer undecided; else it is a warning.
    pub must_ask: bool,
    /// A person reads the reason at once, so that it may say what to do about a state that can pass in the next moment.
    pub for_person: bool,
}

impl MonitorRequest<'_> {
    /// Of one who asks this once, and not for the cluster.
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

    /// Of a person, who reads the answer at once.
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
        // What can't be read may still be running as it was started.
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

/// Has it? A connection of it can break before it is dead: then that is waited for.
fn has_died(id: ProcessId, until: Instant) -> bool {
    match id.live_stat() {
        Ok(None) => true,
        Ok(Some(stat)) if stat.is_exiting() => {
            id.open().is_ok_and(|held| held.is_none_or(|held| held.wait_for_end(until).unwrap_or(false)))
        }
        _ => false,
    }
}

/// Nothing but the parameters says which pico is meant, and these can't be read.
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
        let (file, mut record) = load_record(self.settings, self.target);
        let depth = self.effective_depth();
        let scope = match (self.request.kind, depth) {
            (MonitorKind::Probe, _) => ObservationScope::AllProcessesOnce,
            (MonitorKind::Recurring, 0) => ObservationScope::RecordedProcess,
            (MonitorKind::Recurring, _) => ObservationScope::AllProcesses,
        };
        let mut processes = self.observe(record.as_ref(), scope);
        let goes_on = record.as_ref().is_some_and(|record| self.is_continuation(record));
        let mut progress = MonitorProgress {
            recorded_at_start: record.as_ref().map(recorded_instance),
            ..MonitorProgress::default()
        };
        if let PicoPresence::None { .. } | PicoPresence::Starting { .. } = processes
            && goes_on
            && let Some(known) = &record
            && let Some(time) = self.duplicate_report_delay(known)
        {
            progress.held_back = true;
            let until = Instant::now() + time;
            while let PicoPresence::None { .. } | PicoPresence::Starting { .. } = processes
                && Instant::now() < until
            {
                host::sleep_capped(POLL_INTERVAL, until);
                processes = self.observe(Some(known), ObservationScope::AllProcesses);
            }
            if let PicoPresence::One { .. } = processes {
                return superseded();
            }
        }
        if let PicoPresence::One { id, liveness: Liveness::Alive } = processes
            && depth == 0
            && goes_on
            && let Some(known) = record.as_mut().filter(|record| record.jvm() == Some(id))
            && let Some(wait) = self.max_wait()
            && let Some(held) = watch_for_death(id)
            && self.record_wait(known, &file)
        {
            progress.waited = true;
            progress.death = wait_for_death(wait, &held);
            let scope = if progress.death.is_some() {
                ObservationScope::AllProcesses
            } else {
                ObservationScope::RecordedProcess
            };
            if progress.death.is_none() {
                // The time was long enough for others to write, for the pico to be stopped, and for a new row to begin.
                match file.read().filter(|now| self.record_is_unchanged(now, known, &progress)) {
                    Some(now) => *known = now,
                    None => return superseded(),
                }
            }
            processes = self.observe(Some(known), scope);
            if let PicoPresence::One { id: now, .. } = processes
                && now != id
            {
                return superseded();
            }
        }

        let PicoPresence::One { id, .. } = processes else {
            progress.history_at_start = record.as_ref().map(record_history);
            let observation = Observation { death: progress.death, ..Observation::from_processes(processes) };
            let outcome = self.conclude(&observation, record, &progress, &file);
            return self.again(outcome, &progress, &file);
        };
        let mut record = match record {
            Some(known) if recorded_instance(&known) == (Some(id), StartPhase::Running) => {
                progress.history_at_start = Some(record_history(&known));
                known
            }
            last => match self.adopt(id, last.as_ref()) {
                Ok(record) => record,
                Err(e) => {
                    return ActionResult::failed(format!(
                        "{}: {id} lives, but {e}",
                        self.settings.pico_label()
                    ));
                }
            },
        };
        let mut observation = self.run_deep_checks(Observation::from_processes(processes), id, &mut record);
        if depth > 0 && has_died(id, self.deadline.instant_within(EXIT_TIMEOUT)) {
            // It died while it was asked: that is what counts, not that it did not answer.
            observation =
                Observation::from_processes(self.observe(Some(&record), ObservationScope::AllProcesses));
            if let PicoPresence::One { .. } = observation.presence {
                return superseded();
            }
        }
        self.conclude(&observation, Some(record), &progress, &file)
    }

    fn observe(&self, record: Option<&InstanceRecord>, scope: ObservationScope) -> PicoPresence {
        // Of what is left (a monitor may have waited) three quarters, and of the whole no more than half, but for the
        // end of a wait.
        let now = Instant::now();
        let left = self.deadline.end.saturating_duration_since(now) * 3 / 4;
        observe(self.settings, self.target, record, scope, now + left.min(self.deadline.timeout() / 2))
    }

    /// 0, 10 or 20. A probe asks only whether it runs here, but looks for a second one like depth 10.
    fn effective_depth(&self) -> u32 {
        match self.request.depth {
            _ if self.request.kind == MonitorKind::Probe => 10,
            0..10 => 0,
            10..20 => 10,
            _ => 20,
        }
    }

    /// All questions together may take half of the action's time.
    fn checks_deadline(&self) -> Instant {
        self.deadline.started + self.deadline.timeout() / 2
    }

    /// Does this run follow another one of its row?
    fn is_continuation(&self, record: &InstanceRecord) -> bool {
        self.request.interval.is_some_and(|every| record.rows.is_continuation(self.effective_depth(), every))
    }

    /// How long this run, which follows another one and found that the process has died, stays before it tells; none when it has to tell at
    /// once.
    fn duplicate_report_delay(&self, record: &InstanceRecord) -> Option<Duration> {
        let depth = self.effective_depth();
        let most = if depth == 0 { MAX_DEPTH_0_DELAY } else { Duration::MAX };
        let told_by_others_only = !record.reports.is_empty() && !record.reports.has(depth);
        self.max_wait().filter(|_| told_by_others_only).map(|time| time.min(most))
    }

    /// How long a run may take by doing nothing; none when it may not.
    fn max_wait(&self) -> Option<Duration> {
        let wait =
            self.settings.wait.min((self.deadline.timeout() / 2).saturating_sub(Duration::from_millis(1)));
        (self.request.interval.is_some() && self.request.may_wait && !wait.is_zero()).then_some(wait)
    }

    /// A record of a process that the last one did not name, or named before its start had come to its end.
    fn adopt(&self, id: ProcessId, last: Option<&InstanceRecord>) -> std::io::Result<InstanceRecord> {
        tracing::info!(
            "{}: {id} is adopted: it runs, and this resource did not know it",
            self.settings.pico_label()
        );
        let mut record = InstanceRecord::new(self.settings, self.target, StartPhase::Running)?;
        if let Some(mzsh) = last.filter(|last| last.jvm() == Some(id)).and_then(InstanceRecord::mzsh) {
            record.set_mzsh(mzsh);
        }
        pico_users::set_users_of_adopted(self.settings, self.target, &mut record, self.checks_deadline());
        record.set_running(id);
        Ok(record)
    }

    fn run_deep_checks(
        &self,
        mut observation: Observation,
        id: ProcessId,
        record: &mut InstanceRecord,
    ) -> Observation {
        let well = matches!(observation.presence, PicoPresence::One { liveness: Liveness::Alive, .. });
        let depth = self.effective_depth();
        if self.request.kind == MonitorKind::Probe || depth < 10 || !well {
            return observation;
        }
        let until = self.checks_deadline();
        let plan = deep_checks::ha_check_plan(
            self.settings,
            self.target,
            record,
            self.deadline.started + self.deadline.timeout() / 4,
        );
        observation.ha = deep_checks::ask_ha(self.settings, self.target, id, plan, record, until);
        observation.age = process::process_age(id);
        if depth >= 20 {
            let status = deep_checks::ask_mzsh_status(self.settings, self.target, until);
            if !matches!(status, crate::product::StatusAnswer::Running) {
                observation.platform_answers = deep_checks::platform_answers(record, self.deadline.end);
            }
            observation.status = Some(status);
        }
        observation
    }

    fn conclude(
        &self,
        observation: &Observation,
        record: Option<InstanceRecord>,
        progress: &MonitorProgress,
        file: &InstanceRecordFile,
    ) -> ActionResult {
        let policy = Policy {
            monitor_kind: self.request.kind,
            pico_type: self.settings.pico_type,
            pico_name: self.settings.pico_label().to_owned(),
            on_ha_failed: self.settings.on_ha_failed,
            ha_grace: deep_checks::ha_grace(self.settings, record.as_ref().and_then(|r| r.ha.as_ref())),
            must_ask: self.request.must_ask,
            kept: (!self.request.for_person).then(SystemTime::now),
        };
        let verdict = judge(observation, &policy);
        let depth = self.effective_depth();
        let counts = record.as_ref().and_then(|r| r.counts.get(&depth).cloned()).unwrap_or_default();
        let (outcome, now) =
            apply_tolerance(&verdict, &counts, self.settings, self.request.kind, SystemTime::now());
        let is_alive = matches!(observation.presence, PicoPresence::One { .. });
        let tells = outcome.status != ActionStatus::Success
            && (outcome.status == ActionStatus::NotRunning || progress.held_back || progress.death.is_some());
        let learn = |record: &mut InstanceRecord| match (self.request.kind, self.request.interval) {
            (MonitorKind::Probe, _) if is_alive => record.rows.reset(),
            (MonitorKind::Recurring, Some(every)) => {
                if now != counts {
                    record.counts.insert(depth, now.clone());
                }
                let is_told = tells && record.reports.add(depth, every);
                if (is_alive || is_told) && self.max_wait().is_some() {
                    record.rows.record_end(depth, every, self.deadline.started.elapsed());
                }
            }
            _ => {}
        };
        let Some(mut record) = record else { return outcome };
        learn(&mut record);
        // It may have waited or asked for long, and have been left behind while others wrote.
        match &progress.history_at_start {
            None => {
                if load_record(self.settings, self.target).1.as_ref().map(recorded_instance)
                    == progress.recorded_at_start
                {
                    file.write_or_warn(&record);
                }
            }
            Some(before) if record_history(&record) != *before => {
                if let Some(mut now) =
                    file.read().filter(|now| self.record_is_unchanged(now, &record, progress))
                {
                    if record.ha != before.1 {
                        now.ha = record.ha;
                    }
                    now.listened = record.listened;
                    learn(&mut now);
                    file.write_or_warn(&now);
                }
            }
            Some(_) => {}
        }
        outcome
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

    /// Is a record still about what this run found, or left, in it?
    fn record_is_unchanged(
        &self,
        now: &InstanceRecord,
        found: &InstanceRecord,
        progress: &MonitorProgress,
    ) -> bool {
        let wait_is_own = !progress.waited || now.rows.is_own_wait_current(self.effective_depth());
        recorded_instance(now) == recorded_instance(found) && wait_is_own
    }
}

/// What a run has met with on its way to its answer.
#[derive(Default)]
struct MonitorProgress {
    /// It stayed beside a death that another one had told of.
    held_back: bool,
    /// It waited for the death of the process, and has written that down.
    waited: bool,
    /// That came.
    death: Option<Death>,
    /// What the record was about that it found.
    recorded_at_start: Option<RecordedInstance>,
    /// What was known; none where the record is new.
    history_at_start: Option<RecordHistory>,
}

/// Which process a record is about, and how far that has come.
type RecordedInstance = (Option<ProcessId>, StartPhase);

fn recorded_instance(record: &InstanceRecord) -> RecordedInstance {
    (record.jvm(), record.phase)
}

/// What a run may add to a record that it found.
type RecordHistory =
    (MonitorSchedule, Option<HaFacts>, DeathReports, BTreeMap<u32, CheckCounts>, Vec<Endpoint>);

fn record_history(record: &InstanceRecord) -> RecordHistory {
    (
        record.rows.clone(),
        record.ha.clone(),
        record.reports.clone(),
        record.counts.clone(),
        record.listened.clone(),
    )
}

/// The answer of a run that has met another process than the one it began with, or another row: somebody has brought it up meanwhile, or this run
/// was left behind. It was not asked yet, and the next run will; nor is anything noted, for that would write over
/// what others do.
fn superseded() -> ActionResult {
    ActionResult::success()
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
