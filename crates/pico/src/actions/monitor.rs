//! monitor: is it running, and how well?
//!
//! Depth 0 costs the record and one line of /proc. A recurring depth 0 then *waits*: it holds the process by pidfd
//! and answers at the moment of its death. Pacemaker runs it again one interval after it ended, and kills it when
//! anything else is to be done, so the waiting holds nothing up but a deeper monitor of the same resource.
//!
//! The first run of a row has to answer at once, for the cluster does nothing else on any node until it has the answer to what it
//! has begun. Which one that is, [`Row`] tells by what the last run has left in the record; a deeper one goes by whether it has been there
//! since depth 0 began its row.
//!
//! *A death is one failure.* A deeper monitor that became due while depth 0 waited runs as soon as that has told of a death, before
//! Pacemaker has begun to act on it; its answer would count as a failure of its own, and three deaths as six. So whoever tells of a death
//! notes that first ([`Record::told`]), and one of another depth that finds it noted stays for a while: Pacemaker ends it before it stops
//! the pico. If nobody ends it, for nothing is done about the death, or other actions come first that take longer, it tells as well. It
//! stays once for each death, never as the first run of its row, and a depth 0, which others may depend on, for no more than [`BRIEFLY`].

use super::deep;
use super::record_of;
use crate::budget::Budget;
use crate::outcome::{Answer, Class, Outcome};
use crate::record::{Phase, Record, RecordFile};
use crate::row::Row;
use crate::settings::{Settings, Target};
use crate::verdict::{
    Death, Finding, Life, Look, Observation, Occasion, Policy, Processes, Verdict, judge, observe,
};
use host::{ProcessId, process};
use std::time::{Duration, Instant, SystemTime};

/// For so long a depth 0 stays that finds a death which was told already: far longer than Pacemaker takes to act when it has nothing else to do.
const BRIEFLY: Duration = Duration::from_secs(2);

/// Between two looks of one that stays.
const STEP: Duration = Duration::from_millis(500);

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Who asks.
    pub occasion: Occasion,
    /// How deep: 0, 10 (with the HA Monitor Server), 20 (with mzsh); a number between rounds down.
    pub depth: u32,
    /// The interval of one that comes from the cluster and comes back by itself: a depth 0 may wait, and failures are counted.
    pub every: Option<Duration>,
}

/// Monitors.
#[must_use]
pub fn monitor(settings: &Settings, request: Request, budget: Budget) -> Outcome {
    let target = match &settings.target {
        Ok(target) => target.clone(),
        // What can't be read may still be running as it was started.
        Err(why) => {
            match RecordFile::of(settings.resource.as_deref()).read().and_then(|record| record.target()) {
                Some(target) => target,
                None if request.occasion == Occasion::Probe => return Outcome::not_running(why.clone()),
                None => return Outcome::failed(why.clone()),
            }
        }
    };
    Monitor { settings, target: &target, request, budget }.run()
}

struct Monitor<'a> {
    settings: &'a Settings,
    target: &'a Target,
    request: Request,
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
        let mut died = None;
        if let Processes::None { .. } = processes
            && goes_on
            && let Some(known) = &record
            && let Some(time) = self.stays(known)
        {
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
            (_, record) = record_of(self.settings, self.target);
        }
        if let Processes::One { id, life: Life::Well } = processes
            && depth == 0
            && goes_on
            && let Some(known) = record.as_mut().filter(|record| record.jvm() == Some(id))
            && let Some(wait) = self.longest()
        {
            known.row = Row::waits();
            // Where that can't be noted, the next one would wait as well, even if this one is ended.
            if let Err(e) = file.write(known) {
                tracing::warn!("{} could not be written, so this monitor does not wait: {e}", file.place());
            } else {
                died = death_within(wait, id);
                if died.is_some() {
                    processes = self.observe(Some(known), Look::Everything);
                } else {
                    let is_as_noted = |now: &Record| {
                        now.row == Row::waits() && now.jvm() == Some(id) && now.phase == Phase::Running
                    };
                    // The time was long enough for others to write, for the pico to be stopped, and for a new row to begin.
                    match file.read().filter(is_as_noted) {
                        Some(now) => *known = now,
                        None => return met_another(),
                    }
                    processes = self.observe(Some(known), Look::Record);
                }
                if let Processes::One { id: now, .. } = processes
                    && now != id
                {
                    return met_another();
                }
            }
        }

        let Processes::One { id, .. } = processes else {
            if let Some(known) = record.as_mut().filter(|_| depth == 0 && !goes_on) {
                known.row_begins();
            }
            let observation = Observation { death: died, ..Observation::of(processes) };
            return self.answer(&observation, record, &file);
        };
        let known = record.filter(|r| r.jvm() == Some(id) && r.phase == Phase::Running);
        // What this run may add to a record that it found.
        let learned = |r: &Record| (r.row, r.deeper_seen.clone(), r.ha.clone());
        let before = known.as_ref().map(learned);
        let mut record = match known.map_or_else(|| self.adopt(id), Ok) {
            Ok(record) => record,
            Err(e) => return Outcome::failed(format!("{}: {id} lives, but {e}", self.settings.pico())),
        };
        let mut observation = self.deep(Observation::of(processes), id, &mut record);
        match (self.request.occasion, self.request.every) {
            // After a probe a row begins anew.
            (Occasion::Probe, _) => record.row_begins(),
            (Occasion::Recurring, Some(every)) if depth == 0 => {
                if !goes_on {
                    record.row_begins();
                }
                if self.longest().is_some() {
                    record.row = Row::goes(every);
                }
            }
            (Occasion::Recurring, Some(_)) => {
                record.deeper_seen.insert(depth);
                record.row = record.row.deeper_took(self.budget.begun.elapsed());
            }
            (Occasion::Recurring, None) => {}
        }
        if before != Some(learned(&record)) {
            file.note(&record);
        }
        if depth > 0 && id.live().is_ok_and(|stat| stat.is_none()) {
            // It died while it was asked: that is what counts, not that it did not answer.
            observation = Observation::of(self.observe(Some(&record), Look::Everything));
            if let Processes::One { .. } = observation.processes {
                return met_another();
            }
        }
        self.answer(&observation, Some(record), &file)
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
        match self.request.every {
            Some(every) if self.depth() == 0 => record.row.goes_on(every),
            Some(_) => record.deeper_seen.contains(&self.depth()),
            None => false,
        }
    }

    /// How long this run, which follows another one and found that the process has died, stays before it tells; none when it has to tell at
    /// once.
    fn stays(&self, record: &Record) -> Option<Duration> {
        let depth = self.depth();
        let most = if depth == 0 { BRIEFLY } else { Duration::MAX };
        let told_by_others_only = !record.told.is_empty() && !record.told.contains(&depth);
        self.longest().filter(|_| told_by_others_only).map(|time| time.min(most))
    }

    /// How long a run may take by doing nothing; none when it may not.
    fn longest(&self) -> Option<Duration> {
        let wait =
            self.settings.wait.min((self.budget.length() / 2).saturating_sub(Duration::from_millis(1)));
        (self.request.every.is_some() && !wait.is_zero()).then_some(wait)
    }

    /// A record of a process that the last one did not name.
    fn adopt(&self, id: ProcessId) -> std::io::Result<Record> {
        tracing::info!(
            "{}: {id} is adopted: it runs, and this resource did not know it",
            self.settings.pico()
        );
        let mut record = Record::new(self.settings, self.target, Phase::Running)?;
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
        observation.ha = deep::ask_ha(self.settings, self.target, id, plan, until);
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

    fn answer(&self, observation: &Observation, record: Option<Record>, file: &RecordFile) -> Outcome {
        let policy = Policy {
            occasion: self.request.occasion,
            kind: self.settings.kind,
            pico: self.settings.pico().to_owned(),
            on_ha_failed: self.settings.on_ha_failed,
            ha_grace: deep::grace(self.settings, record.as_ref().and_then(|r| r.ha.as_ref())),
        };
        let verdict = judge(observation, &policy);
        let counts = record.as_ref().and_then(|r| r.counts.get(&self.depth()).copied()).unwrap_or_default();
        let (outcome, now) = weigh(&verdict, counts, self.settings, self.request.occasion);
        if let Some(mut record) = record
            && self.request.every.is_some()
        {
            let tells = outcome.answer == Answer::NotRunning && self.request.occasion == Occasion::Recurring;
            if tells && !record.told.contains(&self.depth()) {
                // It may have waited, and have been left behind, while others wrote, or a start is at work.
                let same = |now: &Record| now.jvm() == record.jvm() && now.phase == record.phase;
                if let Some(mut now) = file.read().filter(same) {
                    now.told.insert(self.depth());
                    now.deeper_seen.retain(|depth| record.deeper_seen.contains(depth));
                    file.note(&now);
                }
            } else if now != counts {
                record.counts.insert(self.depth(), now);
                file.note(&record);
            }
        }
        outcome
    }
}

/// The answer of a run that has met another process than the one it began with, or a start of it, or another row: somebody has brought it
/// up meanwhile, or this run was left behind. It was not asked yet, and the next run will; nor is anything noted, for that would write over
/// what others do.
fn met_another() -> Outcome {
    Outcome::success()
}

/// Waits for the death of the process.
fn death_within(wait: Duration, id: ProcessId) -> Option<Death> {
    let until = Instant::now() + wait;
    let seen = |end| Some(Death { seen: SystemTime::now(), end });
    match id.open() {
        Ok(Some(handle)) if handle.ended_by(until).unwrap_or(false) => seen(handle.end()),
        Ok(Some(_)) => None,
        Ok(None) => seen(None),
        // No descriptor left: then it is not waited for.
        Err(e) => {
            tracing::debug!("not waiting: {e}");
            None
        }
    }
}

/// From a verdict and what was counted before to an answer and the new counts. Pure.
fn weigh(
    verdict: &Verdict,
    counts: crate::record::Counts,
    settings: &Settings,
    occasion: Occasion,
) -> (Outcome, crate::record::Counts) {
    use crate::record::Counts;
    let reason = (!verdict.reason.is_empty()).then(|| verdict.reason.clone());
    let success = Outcome { answer: Answer::Success, reason: reason.clone() };
    let well = Counts::default();
    match verdict.finding {
        Finding::Running => (success, well),
        Finding::NotRunning => (Outcome { answer: Answer::NotRunning, reason }, counts),
        Finding::Failed => (Outcome::failed(verdict.reason.clone()), counts),
        Finding::Undecided => (Outcome::failed_by(Class::Undecided, verdict.reason.clone()), counts),
        Finding::Warning | Finding::Degraded => {
            let wanted = verdict.finding == Finding::Degraded || settings.degraded;
            // Not at the first sight of it: each change of the answer has the cluster think anew.
            let degraded = wanted && counts.warned > 0 && occasion == Occasion::Recurring;
            let answer = if degraded { Answer::Degraded } else { Answer::Success };
            (Outcome { answer, reason }, Counts { warned: counts.warned.saturating_add(1).min(2), ..counts })
        }
        Finding::CheckFailed => {
            let failed = counts.failed.saturating_add(1);
            let now = Counts { failed, warned: counts.warned };
            if failed <= settings.failures_tolerated {
                let of = settings.failures_tolerated;
                let reason = format!("{} (tolerated, {failed} of {of})", verdict.reason);
                (Outcome { answer: Answer::Success, reason: Some(reason) }, now)
            } else {
                (Outcome::failed(verdict.reason.clone()), now)
            }
        }
    }
}
