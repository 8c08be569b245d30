//! monitor: is it running, and how well?
//!
//! Depth 0 costs the record and one line of /proc. A recurring depth 0 then *waits*: it holds the process by pidfd
//! and answers at the moment of its death; where the kernel has no pidfds it answers at once. Pacemaker runs it again one interval after it
//! ended, and kills it when anything else is to be done, so the waiting holds nothing up but a deeper monitor of the same resource.
//!
//! The first run of a row has to answer at once, for the cluster does nothing else on any node until it has the answer to what it
//! has begun. Which one that is, [`Rows`] tells by what the last ones have left in the record.
//!
//! *A death is one failure.* A deeper monitor that became due while depth 0 waited runs as soon as that has told of a death, before
//! Pacemaker has begun to act on it; its answer would count as a failure of its own, and three deaths as six. So whoever tells of a death
//! notes that first ([`Record::reports`]), and one of another depth that finds it noted stays for a while: Pacemaker ends it before it stops
//! the pico. If nobody ends it, for nothing is done about the death, or other actions come first that take longer, it tells as well. It
//! stays once for each death, never as the first run of its row, and a depth 0, which others may depend on, for no more than [`BRIEFLY`].
//!
//! *A death that the cluster has dropped* is reported again ([`crate::reports`]).

mod again;

pub use again::Cluster;

use super::deep;
use super::record_of;
use super::weigh::weigh;
use crate::budget::Budget;
use crate::outcome::{Answer, Class, Outcome};
use crate::owner;
use crate::record::{Counts, HaFacts, Phase, Record, RecordFile};
use crate::reports::Reports;
use crate::rows::Rows;
use crate::settings::{Endpoint, Settings, Target, UnreadableTarget};
use crate::verdict::{
    Death, Life, Look, Observation, Occasion, Policy, Processes, could_be_meant, judge, observe,
};
use host::{ProcessHandle, ProcessId, process};
use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

/// For so long a depth 0 stays that finds a death which was told already: far longer than Pacemaker takes to act when it has nothing else to do.
const BRIEFLY: Duration = Duration::from_secs(2);

/// For so long a JVM that is in its exit may take to the end of it.
const EXIT_WITHIN: Duration = Duration::from_secs(2);

/// Between two looks of one that stays.
const STEP: Duration = Duration::from_millis(500);

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who asks.
    pub occasion: Occasion,
    /// How deep: 0, 10 (with the HA Monitor Server), 20 (with mzsh); a number between rounds down.
    pub depth: u32,
    /// The interval of one that comes from the cluster and comes back by itself: failures are counted.
    pub every: Option<Duration>,
    /// Such a one may wait: it was told how long it may take.
    pub may_wait: bool,
    /// The cluster that asks, where that can be asked in turn.
    pub cluster: Option<&'a dyn Cluster>,
    /// A check that could not be made leaves the answer undecided; else it is a warning.
    pub must_ask: bool,
    /// A person reads the reason at once, so that it may say what to do about a state that can pass in the next moment.
    pub for_person: bool,
}

impl Request<'_> {
    /// Of one who asks this once, and not for the cluster.
    #[must_use]
    pub fn once(occasion: Occasion, depth: u32) -> Self {
        Self {
            occasion,
            depth,
            every: None,
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
pub fn monitor(settings: &Settings, request: Request<'_>, budget: Budget) -> Outcome {
    let target = match &settings.target {
        Ok(target) => target.clone(),
        // What can't be read may still be running as it was started.
        Err(unreadable) => {
            match RecordFile::of(settings.resource.as_deref()).read().and_then(|record| record.target()) {
                Some(target) => target,
                None => return without_target(settings, unreadable, request, budget),
            }
        }
    };
    Monitor { settings, target: &target, request, budget }.run()
}

/// Has it? A connection of it can break before it is dead: then that is waited for.
fn has_died(id: ProcessId, until: Instant) -> bool {
    match id.live() {
        Ok(None) => true,
        Ok(Some(stat)) if stat.is_in_its_exit() => {
            id.open().is_ok_and(|held| held.is_none_or(|held| held.ended_by(until).unwrap_or(false)))
        }
        _ => false,
    }
}

/// Nothing but the parameters says which pico is meant, and these can't be read.
fn without_target(
    settings: &Settings,
    unreadable: &UnreadableTarget,
    request: Request<'_>,
    budget: Budget,
) -> Outcome {
    match could_be_meant(settings, unreadable, budget.within(budget.length() / 2)) {
        Ok(None) if request.occasion == Occasion::Probe => Outcome::not_running(unreadable.why.clone()),
        Ok(None) => Outcome::failed(unreadable.why.clone()),
        Ok(Some(seen)) | Err(seen) => Outcome::failed_by(Class::Undecided, seen),
    }
}

struct Monitor<'a> {
    settings: &'a Settings,
    target: &'a Target,
    request: Request<'a>,
    budget: Budget,
}

impl Monitor<'_> {
    fn run(&self) -> Outcome {
        let (file, mut record) = record_of(self.settings, self.target);
        let depth = self.depth();
        let look = match (self.request.occasion, depth) {
            (Occasion::Probe, _) => Look::Once,
            (Occasion::Recurring, 0) => Look::Record,
            (Occasion::Recurring, _) => Look::Everything,
        };
        let mut processes = self.observe(record.as_ref(), look);
        let goes_on = record.as_ref().is_some_and(|record| self.goes_on(record));
        let mut met = Met { found: record.as_ref().map(about), ..Met::default() };
        if let Processes::None { .. } | Processes::Starting { .. } = processes
            && goes_on
            && let Some(known) = &record
            && let Some(time) = self.stays(known)
        {
            met.stayed = true;
            let until = Instant::now() + time;
            while let Processes::None { .. } | Processes::Starting { .. } = processes
                && Instant::now() < until
            {
                host::pause(STEP, until);
                processes = self.observe(Some(known), Look::Everything);
            }
            if let Processes::One { .. } = processes {
                return met_another();
            }
        }
        if let Processes::One { id, life: Life::Well } = processes
            && depth == 0
            && goes_on
            && let Some(known) = record.as_mut().filter(|record| record.jvm() == Some(id))
            && let Some(wait) = self.longest()
            && let Some(held) = hold(id)
            && self.notes_its_wait(known, &file)
        {
            met.waited = true;
            met.death = death_within(wait, &held);
            let look = if met.death.is_some() { Look::Everything } else { Look::Record };
            if met.death.is_none() {
                // The time was long enough for others to write, for the pico to be stopped, and for a new row to begin.
                match file.read().filter(|now| self.is_as_left(now, known, &met)) {
                    Some(now) => *known = now,
                    None => return met_another(),
                }
            }
            processes = self.observe(Some(known), look);
            if let Processes::One { id: now, .. } = processes
                && now != id
            {
                return met_another();
            }
        }

        let Processes::One { id, .. } = processes else {
            met.before = record.as_ref().map(learned);
            let observation = Observation { death: met.death, ..Observation::of(processes) };
            let outcome = self.answer(&observation, record, &met, &file);
            return self.again(outcome, &met, &file);
        };
        let mut record = match record {
            Some(known) if about(&known) == (Some(id), Phase::Running) => {
                met.before = Some(learned(&known));
                known
            }
            last => match self.adopt(id, last.as_ref()) {
                Ok(record) => record,
                Err(e) => return Outcome::failed(format!("{}: {id} lives, but {e}", self.settings.pico())),
            },
        };
        let mut observation = self.deep(Observation::of(processes), id, &mut record);
        if depth > 0 && has_died(id, self.budget.within(EXIT_WITHIN)) {
            // It died while it was asked: that is what counts, not that it did not answer.
            observation = Observation::of(self.observe(Some(&record), Look::Everything));
            if let Processes::One { .. } = observation.processes {
                return met_another();
            }
        }
        self.answer(&observation, Some(record), &met, &file)
    }

    fn observe(&self, record: Option<&Record>, look: Look) -> Processes {
        // Of what is left (a monitor may have waited) three quarters, and of the whole no more than half, but for the
        // end of a wait.
        let now = Instant::now();
        let left = self.budget.end.saturating_duration_since(now) * 3 / 4;
        observe(self.settings, self.target, record, look, now + left.min(self.budget.length() / 2))
    }

    /// 0, 10 or 20. A probe asks only whether it runs here, but looks for a second one like depth 10.
    fn depth(&self) -> u32 {
        match self.request.depth {
            _ if self.request.occasion == Occasion::Probe => 10,
            0..10 => 0,
            10..20 => 10,
            _ => 20,
        }
    }

    /// All questions together may take half of the action's time.
    fn inner(&self) -> Instant {
        self.budget.begun + self.budget.length() / 2
    }

    /// Does this run follow another one of its row?
    fn goes_on(&self, record: &Record) -> bool {
        self.request.every.is_some_and(|every| record.rows.go_on(self.depth(), every))
    }

    /// How long this run, which follows another one and found that the process has died, stays before it tells; none when it has to tell at
    /// once.
    fn stays(&self, record: &Record) -> Option<Duration> {
        let depth = self.depth();
        let most = if depth == 0 { BRIEFLY } else { Duration::MAX };
        let told_by_others_only = !record.reports.is_empty() && !record.reports.has(depth);
        self.longest().filter(|_| told_by_others_only).map(|time| time.min(most))
    }

    /// How long a run may take by doing nothing; none when it may not.
    fn longest(&self) -> Option<Duration> {
        let wait =
            self.settings.wait.min((self.budget.length() / 2).saturating_sub(Duration::from_millis(1)));
        (self.request.every.is_some() && self.request.may_wait && !wait.is_zero()).then_some(wait)
    }

    /// A record of a process that the last one did not name, or named before its start had come to its end.
    fn adopt(&self, id: ProcessId, last: Option<&Record>) -> std::io::Result<Record> {
        tracing::info!(
            "{}: {id} is adopted: it runs, and this resource did not know it",
            self.settings.pico()
        );
        let mut record = Record::new(self.settings, self.target, Phase::Running)?;
        if let Some(mzsh) = last.filter(|last| last.jvm() == Some(id)).and_then(Record::mzsh) {
            record.started_by(mzsh);
        }
        owner::note(self.settings, self.target, &mut record, self.inner());
        record.runs_as(id);
        Ok(record)
    }

    fn deep(&self, mut observation: Observation, id: ProcessId, record: &mut Record) -> Observation {
        let well = matches!(observation.processes, Processes::One { life: Life::Well, .. });
        let depth = self.depth();
        if self.request.occasion == Occasion::Probe || depth < 10 || !well {
            return observation;
        }
        let until = self.inner();
        let plan =
            deep::plan(self.settings, self.target, record, self.budget.begun + self.budget.length() / 4);
        observation.ha = deep::ask_ha(self.settings, self.target, id, plan, record, until);
        observation.age = process::uptime(id);
        if depth >= 20 {
            let status = deep::ask_status(self.settings, self.target, until);
            if !matches!(status, crate::product::StatusAnswer::Running) {
                observation.platform_answers = deep::platform_answers(record, self.budget.end);
            }
            observation.status = Some(status);
        }
        observation
    }

    fn answer(
        &self,
        observation: &Observation,
        record: Option<Record>,
        met: &Met,
        file: &RecordFile,
    ) -> Outcome {
        let policy = Policy {
            occasion: self.request.occasion,
            kind: self.settings.kind,
            pico: self.settings.pico().to_owned(),
            on_ha_failed: self.settings.on_ha_failed,
            ha_grace: deep::grace(self.settings, record.as_ref().and_then(|r| r.ha.as_ref())),
            must_ask: self.request.must_ask,
            kept: (!self.request.for_person).then(SystemTime::now),
        };
        let verdict = judge(observation, &policy);
        let depth = self.depth();
        let counts = record.as_ref().and_then(|r| r.counts.get(&depth).cloned()).unwrap_or_default();
        let (outcome, now) =
            weigh(&verdict, &counts, self.settings, self.request.occasion, SystemTime::now());
        let is_alive = matches!(observation.processes, Processes::One { .. });
        let tells = outcome.answer != Answer::Success
            && (outcome.answer == Answer::NotRunning || met.stayed || met.death.is_some());
        let learn = |record: &mut Record| match (self.request.occasion, self.request.every) {
            (Occasion::Probe, _) if is_alive => record.rows.begin(),
            (Occasion::Recurring, Some(every)) => {
                if now != counts {
                    record.counts.insert(depth, now.clone());
                }
                let is_told = tells && record.reports.add(depth, every);
                if (is_alive || is_told) && self.longest().is_some() {
                    record.rows.ended(depth, every, self.budget.begun.elapsed());
                }
            }
            _ => {}
        };
        let Some(mut record) = record else { return outcome };
        learn(&mut record);
        // It may have waited or asked for long, and have been left behind while others wrote.
        match &met.before {
            None => {
                if record_of(self.settings, self.target).1.as_ref().map(about) == met.found {
                    file.note(&record);
                }
            }
            Some(before) if learned(&record) != *before => {
                if let Some(mut now) = file.read().filter(|now| self.is_as_left(now, &record, met)) {
                    if record.ha != before.1 {
                        now.ha = record.ha;
                    }
                    now.listened = record.listened;
                    learn(&mut now);
                    file.note(&now);
                }
            }
            Some(_) => {}
        }
        outcome
    }

    /// Writes down that this run waits. Where that can't be, it may not: the next one would wait as well, even if this one is ended.
    fn notes_its_wait(&self, record: &mut Record, file: &RecordFile) -> bool {
        record.rows.waits(self.depth());
        let written = file.write(record);
        if let Err(e) = &written {
            tracing::warn!("{} could not be written, so this monitor does not wait: {e}", file.place());
        }
        written.is_ok()
    }

    /// Is a record still about what this run found, or left, in it?
    fn is_as_left(&self, now: &Record, found: &Record, met: &Met) -> bool {
        let wait_is_own = !met.waited || now.rows.wait_is_own(self.depth());
        about(now) == about(found) && wait_is_own
    }
}

/// What a run has met with on its way to its answer.
#[derive(Default)]
struct Met {
    /// It stayed beside a death that another one had told of.
    stayed: bool,
    /// It waited for the death of the process, and has written that down.
    waited: bool,
    /// That came.
    death: Option<Death>,
    /// What the record was about that it found.
    found: Option<About>,
    /// What was known; none where the record is new.
    before: Option<Learned>,
}

/// Which process a record is about, and how far that has come.
type About = (Option<ProcessId>, Phase);

fn about(record: &Record) -> About {
    (record.jvm(), record.phase)
}

/// What a run may add to a record that it found.
type Learned = (Rows, Option<HaFacts>, Reports, BTreeMap<u32, Counts>, Vec<Endpoint>);

fn learned(record: &Record) -> Learned {
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
fn met_another() -> Outcome {
    Outcome::success()
}

/// The process, held so that the kernel tells of its death. `None`: there is no pidfd, and a monitor that looked again and again would
/// cost more than the next one; so this one answers at once.
fn hold(id: ProcessId) -> Option<Held> {
    match id.open() {
        Ok(Some(handle)) => handle.pidfd().announces_its_end().then_some(Held::Alive(handle)),
        Ok(None) => Some(Held::Gone),
        Err(e) => {
            tracing::debug!("not waiting: {e}");
            None
        }
    }
}

/// What there is to be waited for.
enum Held {
    Alive(ProcessHandle),
    /// It has died since it was looked at.
    Gone,
}

/// Waits for the death of the process.
fn death_within(wait: Duration, held: &Held) -> Option<Death> {
    let until = Instant::now() + wait;
    let seen = |end| Some(Death { seen: SystemTime::now(), end });
    match held {
        Held::Alive(handle) if handle.pidfd().ended_by_or_sigterm(until).unwrap_or(false) => {
            seen(handle.end())
        }
        Held::Alive(_) => {
            if Instant::now() < until {
                tracing::info!("SIGTERM ends the wait; the answer is what is known now");
            }
            None
        }
        Held::Gone => seen(None),
    }
}
