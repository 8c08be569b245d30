//! start: success only when the pico is identified, lives, and its HA Monitor Server answers.
//!
//! The record names the mzsh that was launched before that may execute anything. So if this action is killed at
//! any point, stop finds what it had begun.

use super::checks::{self, Finding};
use super::deep::{self, HaPlan};
use super::ending::{Ending, Steps, StillThere};
use super::record_of;
use super::wait_for::wait_for;
use crate::budget::Budget;
use crate::outcome::{Class, Outcome};
use crate::owner;
use crate::product::{
    HaAnswer, HaClient, HaMonitor, Inspection, Mzsh, RegistryState, StartupEnd, UserState, Verb, ask_mzsh,
    inspect,
};
use crate::record::{DIRECTORY, Phase, Record, RecordFile, lock_path};
use crate::settings::{PicoType, Settings, Target};
use crate::verdict::{Life, Look, Processes, observe};
use host::command::{Event, Finished, Running};
use host::lock::{Lock, Locked};
use host::process::State;
use host::{ProcessHandle, ProcessId, pause, process};
use std::cell::RefCell;
use std::io;
use std::time::{Duration, Instant};

/// Between two looks for the JVM while mzsh is at work.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Between two questions to an HA Monitor Server that does not answer yet.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// Time for mzsh to say why, once the JVM has died.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// Time for the process to be seen, once mzsh says that it is up.
const SEEN_WITHIN: Duration = Duration::from_secs(2);
/// All that is run after a successful start.
pub(super) const AFTERWARDS: Duration = Duration::from_secs(60);

/// Starts.
#[must_use]
pub fn start(settings: &Settings, budget: Budget) -> Outcome {
    let target = match &settings.target {
        Ok(target) => target,
        Err(why) => return Outcome::failed_by(Class::NotConfigured, why.to_string()),
    };
    // The answer must be out before the operation's time-out.
    let whole = budget.less((budget.length() / 20).min(LAST_WORDS));
    let budget = working(budget);
    if let Some(refused) = checks::pattern(target, budget.within(checks::PATTERN_WITHIN)) {
        return Outcome::failed_by(Class::NotConfigured, format!("{}: {}", refused.name, refused.text));
    }
    let _lock = match lock(target, budget) {
        Ok(lock) => lock,
        Err(outcome) => return outcome,
    };
    let (file, record) = record_of(settings, target);
    let start = Start { settings, target, file, budget, whole, unclear: RefCell::default() };
    start.run(record.as_ref()).unwrap_or_else(|Stop(outcome)| outcome)
}

/// What of the operation's time a start has: a fifth is kept for clearing up if it fails.
pub(super) fn working(budget: Budget) -> Budget {
    budget.less(budget.length() / 5)
}

fn lock(target: &Target, budget: Budget) -> Result<Lock, Outcome> {
    let refuse = |e: &io::Error| {
        let (class, hint) = match e.kind() {
            io::ErrorKind::PermissionDenied => (Class::Permission, "; start must be run by root"),
            _ => (Class::Generic, ""),
        };
        Outcome::failed_by(class, format!("no lock in {DIRECTORY}: {e}{hint}"))
    };
    let path = lock_path(target).map_err(|e| refuse(&e))?;
    match Lock::acquire(&path, budget.end) {
        Ok(Locked::Held(lock)) => Ok(lock),
        Ok(Locked::Busy(Some(holder))) => {
            Err(Outcome::failed(format!("another start or stop of {} is at work: {holder}", target.name)))
        }
        Ok(Locked::Busy(None)) => {
            Err(Outcome::failed(format!("{}: {} is locked", target.name, path.display())))
        }
        Err(e) => Err(refuse(&e)),
    }
}

/// The end of a start before its last step.
struct Stop(Outcome);

struct Start<'a> {
    settings: &'a Settings,
    target: &'a Target,
    file: RecordFile,
    /// For the start itself.
    budget: Budget,
    /// With what is kept for clearing up.
    whole: Budget,
    /// Why the last look for the JVM did not decide.
    unclear: RefCell<Option<String>>,
}

impl Start<'_> {
    fn run(&self, record: Option<&Record>) -> Result<Outcome, Stop> {
        if let Some(outcome) = self.already(record)? {
            return Ok(outcome);
        }
        let inspection = self.inspect()?;
        let facts = self.enforce(&inspection)?;
        self.wait_for(&inspection)?;
        let mut record = self.new_record(&inspection)?;
        let jvm = self.bring_up(&mut record)?;
        self.until_it_answers(&jvm, &mut record)?;
        record.runs_as(jvm.id());
        // Without the record the pico is found by a look at all processes: no reason to take it down again.
        self.file.note(&record);
        self.afterwards();
        tracing::info!("{} is up: {}{facts}", self.settings.pico(), jvm.id());
        Ok(Outcome::success())
    }

    fn mzsh(&self) -> Mzsh<'_> {
        Mzsh::new(self.settings, self.target)
    }

    fn fail(&self, reason: impl std::fmt::Display) -> Stop {
        Stop(Outcome::failed(format!("{}: {reason}", self.settings.pico())))
    }

    /// What is there already: well, then that is it; else it is cleared away.
    fn already(&self, record: Option<&Record>) -> Result<Option<Outcome>, Stop> {
        let why = match self.after_startups_by_hand(record)? {
            Processes::None { .. } => return Ok(None),
            Processes::Unknown(why) => return Err(self.fail(format!("can't tell whether it runs: {why}"))),
            Processes::One { id, life: Life::Well | Life::Traced } => match self.adopt(record, id) {
                Ok(outcome) => return Ok(Some(outcome)),
                Err(why) => why,
            },
            Processes::One { id, life: Life::Stopped } => format!("{id} is stopped (T)"),
            Processes::One { id, life: Life::LeaderGone { .. } } => {
                format!("{id} has lost its main thread (Z)")
            }
            Processes::Starting { mzsh } => format!("an earlier startup is under way, mzsh {mzsh}"),
            Processes::Several(pids) => format!("it runs more than once, pids {pids:?}"),
        };
        tracing::warn!("{}: {why}; that is ended first", self.settings.pico());
        self.clear(record, Steps::until(self.budget.within(self.budget.length() / 3)))
            .map_err(|still| self.fail(format!("{why}; {still}")))?;
        Ok(None)
    }

    /// What runs, once no `mzsh startup` is at work but one that this resource has launched: what an administrator starts is not ended by a start.
    fn after_startups_by_hand(&self, record: Option<&Record>) -> Result<Processes, Stop> {
        let until = self.budget.begun + self.budget.length() / 2;
        let mut is_logged = false;
        loop {
            let seen = observe(self.settings, self.target, record, Look::Everything, self.budget.end);
            let Processes::Starting { mzsh } = seen else { return Ok(seen) };
            if record.is_some_and(|record| has_launched(record, mzsh)) {
                return Ok(seen);
            }
            let why = format!("an mzsh startup that this resource has not launched is at work ({mzsh})");
            if Instant::now() >= until {
                return Err(self.fail(format!("{why}: wait for its end, or end it")));
            }
            if !is_logged {
                tracing::warn!("{}: {why}; its end is waited for", self.settings.pico());
                is_logged = true;
            }
            pause(LOOK_EVERY, until);
        }
    }

    /// It runs: is it well enough to be left alone? Err: why not.
    fn adopt(&self, record: Option<&Record>, id: ProcessId) -> Result<Outcome, String> {
        let known = record.filter(|r| r.jvm() == Some(id)).cloned();
        let mut record =
            match known.map_or_else(|| Record::new(self.settings, self.target, Phase::Running), Ok) {
                Ok(record) => record,
                Err(e) => return Ok(Outcome::failed(format!("{id} runs, and no record can be made: {e}"))),
            };
        record.runs_as(id);
        let plan =
            deep::plan(self.settings, self.target, &mut record, self.budget.within(self.budget.length() / 4));
        let until = self.budget.begun + self.budget.length() / 3;
        let grace = deep::grace(self.settings, record.ha.as_ref());
        loop {
            let answer = deep::ask_ha(self.settings, self.target, id, plan.clone(), &mut record, until);
            let (hangs, why) = match answer {
                Some(HaAnswer::NoAnswer(why)) => (true, why),
                Some(HaAnswer::NeverListened(why)) => (false, why),
                Some(HaAnswer::Unreadable(why)) => {
                    self.unreadable(&why);
                    break;
                }
                _ => break,
            };
            // One that was started by hand a moment ago, and is just coming up, is not one that hangs.
            match id.live() {
                Ok(Some(stat)) if stat.state == State::Stopped => return Err(format!("{id} is stopped (T)")),
                Ok(Some(_)) => {}
                _ => return Err(format!("{id} ran, and died while it was looked at")),
            }
            if process::uptime(id) >= grace || Instant::now() >= until {
                if hangs {
                    return Err(format!("{id} hangs, its HA Monitor Server does not answer: {why}"));
                }
                self.not_asked(&why);
                break;
            }
            pause(ASK_EVERY, until);
        }
        if record.people.is_empty() {
            owner::note(self.settings, self.target, &mut record, until);
        }
        self.file.note(&record);
        tracing::info!("{}: {id} runs already; it is adopted", self.settings.pico());
        Ok(Outcome::success())
    }

    fn inspect(&self) -> Result<Inspection, Stop> {
        let within = self.budget.within(self.budget.length() / 3);
        let mut inspection = inspect(self.settings, self.target, within).map_err(|e| self.fail(e))?;
        ask_mzsh(self.settings, self.target, &mut inspection, within);
        Ok(inspection)
    }

    /// Refuses what can't work, and warns of the rest. What is worth a word in the log comes back.
    fn enforce(&self, inspection: &Inspection) -> Result<String, Stop> {
        let table = checks::host_names(self.settings, inspection, self.budget);
        for Finding { stops_start, name, text, .. } in
            checks::findings(self.settings, self.target, inspection, &table)
        {
            if let Some(class) = stops_start {
                return Err(Stop(Outcome::failed_by(class, format!("{name}: {text}"))));
            }
            tracing::warn!("{name}: {text}");
        }
        let RegistryState::Defined(facts) = &inspection.registry else { return Ok(String::new()) };
        match checks::held_ports(facts, &table) {
            Some(held) => Err(self.fail(held)),
            None => Ok(format!(" in container {}", facts.container)),
        }
    }

    fn wait_for(&self, inspection: &Inspection) -> Result<(), Stop> {
        let until = self.budget.within(self.settings.wait_for_timeout);
        wait_for(self.settings, inspection, until).map_err(|why| self.fail(why))
    }

    fn new_record(&self, inspection: &Inspection) -> Result<Record, Stop> {
        let mut record =
            Record::new(self.settings, self.target, Phase::Starting).map_err(|e| self.fail(e))?;
        if let Err(why) = deep::keep_facts(&mut record, inspection) {
            tracing::warn!("{why}");
        }
        if let UserState::Known { uid, .. } = inspection.user {
            record.uid = Some(uid);
        }
        let os_user = record.uid.filter(|_| self.settings.os_user.is_some());
        owner::keep(self.target, &mut record, os_user.into_iter().chain(inspection.owner).collect());
        Ok(record)
    }

    /// From mzsh to a live process; once more after an eviction, if mzsh says 104 and there is time.
    fn bring_up(&self, record: &mut Record) -> Result<Jvm, Stop> {
        let begun = Instant::now();
        match self.try_once(record)? {
            Ok(jvm) => return Ok(jvm),
            Err(why) if self.budget.end.saturating_duration_since(Instant::now()) < begun.elapsed() => {
                return Err(self.give_up(record, &why));
            }
            Err(why) => tracing::warn!(
                "{}: {why}; what is left of it is ended, and it is tried once more",
                self.settings.pico()
            ),
        }
        let end = self.budget.within(self.budget.length() / 3);
        self.clear(Some(record), Steps::until(end)).map_err(|still| self.fail(still))?;
        match self.try_once(record)? {
            Ok(jvm) => Ok(jvm),
            Err(why) => Err(self.give_up(record, &why)),
        }
    }

    /// Err inside Ok: code 104, worth another try.
    fn try_once(&self, record: &mut Record) -> Result<Result<Jvm, String>, Stop> {
        let mut mzsh = self.mzsh().startup().map_err(|e| self.fail(e))?;
        record.phase = Phase::Starting;
        record.started_by(mzsh.id());
        if let Err(e) = self.file.write(record) {
            // Without a record nobody would know this mzsh should we be killed now. It was not let go yet.
            mzsh.kill_group().map_err(|e| self.fail(e))?;
            return Err(self.fail(format!("no start without a record: {}: {e}", self.file.place())));
        }
        mzsh.go().map_err(|e| self.fail(e))?;
        let (finished, mut jvm) = self.attend(mzsh, record)?;
        match StartupEnd::of(&finished) {
            StartupEnd::Up => {}
            StartupEnd::Critical(why) => return Ok(Err(why)),
            StartupEnd::Failed(why) => return Err(self.give_up(record, &why)),
        }
        let until = self.budget.within(SEEN_WITHIN);
        while jvm.is_none() && Instant::now() < until {
            jvm = self.find_and_note(record)?;
            if jvm.is_none() {
                pause(LOOK_EVERY, until);
            }
        }
        let Some(jvm) = jvm else {
            record.phase = Phase::Unidentified;
            self.file.note(record);
            return Err(self.fail(match self.unclear.take() {
                Some(why) => format!("mzsh says that it is up, which can't be told of its processes: {why}"),
                None => "mzsh says that it is up, and no process looks like it: did it die at once? Else set process_match"
                    .to_owned(),
            }));
        };
        Ok(Ok(Jvm(jvm)))
    }

    /// Waits for mzsh, and meanwhile looks for the JVM: one that dies ends the start, whatever mzsh still waits for.
    fn attend(
        &self,
        mut mzsh: Running,
        record: &mut Record,
    ) -> Result<(Finished, Option<ProcessHandle>), Stop> {
        let mut jvm: Option<ProcessHandle> = None;
        loop {
            let step = if jvm.is_some() { self.budget.end } else { self.budget.within(LOOK_EVERY) };
            match mzsh.wait(step, jvm.as_ref().map(ProcessHandle::pidfd)).map_err(|e| self.fail(e))? {
                Event::Finished(finished) => return Ok((finished, jvm)),
                Event::OtherEnded(mzsh) => {
                    let died = jvm.map_or_else(String::new, |jvm| jvm.id().to_string());
                    let event = mzsh.wait(self.budget.within(LAST_WORDS), None).map_err(|e| self.fail(e))?;
                    let said = match event {
                        Event::Finished(finished) => match StartupEnd::of(&finished) {
                            StartupEnd::Up => "mzsh startup: says that it is up".to_owned(),
                            StartupEnd::Critical(_) => return Ok((finished, None)),
                            StartupEnd::Failed(why) => why,
                        },
                        Event::OtherEnded(mzsh) | Event::Time(mzsh) => {
                            self.mzsh().give_up(mzsh).map_err(|e| self.fail(e))?;
                            "mzsh startup still waited for it".to_owned()
                        }
                    };
                    return Err(
                        self.give_up(record, &format!("its JVM ({died}) died during the start; {said}"))
                    );
                }
                Event::Time(same) if Instant::now() < self.budget.end => {
                    mzsh = same;
                    jvm = self.find_and_note(record)?;
                }
                Event::Time(mzsh) => {
                    let finished = self.mzsh().give_up(mzsh).map_err(|e| self.fail(e))?;
                    let seconds = self.budget.length().as_secs();
                    let why = match finished.refused {
                        Some(why) => format!("mzsh startup: {why}"),
                        None => format!("mzsh startup was not done in {seconds} s"),
                    };
                    return Err(self.give_up(record, &why));
                }
            }
        }
    }

    /// The JVM, if it is there; from then on the record names it, whoever is still to be waited for.
    fn find_and_note(&self, record: &mut Record) -> Result<Option<ProcessHandle>, Stop> {
        let jvm = self.find(record).map_err(|why| self.give_up(record, &why))?;
        if let Some(jvm) = &jvm {
            record.found(jvm.id());
            self.file.note(record);
        }
        Ok(jvm)
    }

    /// The JVM, if it is there.
    fn find(&self, record: &Record) -> Result<Option<ProcessHandle>, String> {
        self.unclear.take();
        match observe(self.settings, self.target, Some(record), Look::Everything, self.budget.end) {
            Processes::One { id, .. } => id.open().map_err(|e| e.to_string()),
            Processes::None { .. } | Processes::Starting { .. } => Ok(None),
            Processes::Several(pids) => Err(format!("it runs more than once, pids {pids:?}")),
            // What can't be told now may be told next time; the budget ends this.
            Processes::Unknown(why) => {
                self.unclear.replace(Some(why));
                Ok(None)
            }
        }
    }

    /// Waits until the HA Monitor Server answers. A FAILED is an answer: its counters have had no time yet.
    fn until_it_answers(&self, jvm: &Jvm, record: &mut Record) -> Result<(), Stop> {
        let facts = record.ha.as_ref().ok_or_else(|| "the registry was not read".to_owned());
        let endpoint = match HaPlan::of(self.settings, facts) {
            HaPlan::Off => return Ok(()),
            HaPlan::CannotAsk(why) => {
                tracing::warn!("{}: its HA Monitor Server is not asked: {why}", self.settings.pico());
                return Ok(());
            }
            HaPlan::Ask(endpoint) => endpoint,
        };
        let monitor = HaClient {
            settings: self.settings,
            target: self.target,
            endpoint: endpoint.clone(),
            jvm: jvm.id(),
        };
        loop {
            let answer = monitor.ask(self.settings.ha_timeout, self.budget.end);
            deep::has_listened(self.target, record, jvm.id(), &endpoint, &answer, self.budget.end);
            // Whatever was said: of a dead JVM it says nothing.
            if jvm.0.pidfd().has_ended().map_err(|e| self.fail(e))? {
                return Err(self.give_up(record, &format!("{} died right after its start", jvm.id())));
            }
            match answer {
                HaAnswer::Ok | HaAnswer::Failed(_) => return Ok(()),
                HaAnswer::Unreadable(why) => {
                    self.unreadable(&why);
                    return Ok(());
                }
                HaAnswer::NotAsked(why) => {
                    self.not_asked(&why);
                    return Ok(());
                }
                // This JVM was started with what the registry said then: it is to listen.
                HaAnswer::NoAnswer(why) | HaAnswer::NotReached(why) | HaAnswer::NeverListened(why)
                    if Instant::now() >= self.budget.end =>
                {
                    let reason = format!("it is up, but its HA Monitor Server does not answer: {why}");
                    return Err(self.give_up(record, &reason));
                }
                HaAnswer::NoAnswer(_) | HaAnswer::NotReached(_) | HaAnswer::NeverListened(_) => {
                    // Its death ends the pause.
                    jvm.0.ended_by(self.budget.within(ASK_EVERY)).map_err(|e| self.fail(e))?;
                }
            }
        }
    }

    fn not_asked(&self, why: &str) {
        tracing::warn!("{}: its HA Monitor Server could not be asked: {why}", self.settings.pico());
    }

    /// An answer that is none ends no start: somebody is there. What it means is for the monitors to say, past the grace.
    fn unreadable(&self, why: &str) {
        tracing::warn!("{}: the answer of its HA Monitor Server can't be read: {why}", self.settings.pico());
    }

    /// A start that fails leaves nothing behind: mzsh first, then the JVM.
    fn give_up(&self, record: &Record, why: &str) -> Stop {
        match self.clear(Some(record), Steps::until(self.whole.end).by_signals()) {
            Ok(()) => {
                self.file.remove();
                self.fail(why)
            }
            Err(still) => self.fail(format!("{why}; {still}")),
        }
    }

    fn clear(&self, record: Option<&Record>, steps: Steps) -> Result<(), StillThere> {
        let targets = std::slice::from_ref(self.target);
        Ending::new(self.settings, targets, record, steps).run()
    }

    /// `republish_services` and `post_start`: what comes after, and can't make the start fail.
    fn afterwards(&self) {
        let until = self.budget.within(AFTERWARDS);
        let mzsh = self.mzsh();
        if self.settings.republish_services && self.settings.kind == PicoType::Platform {
            warn_unless_well("mzsh service restart --publish-only", mzsh.run(Verb::Republish, until));
        }
        if let Some(program) = &self.settings.post_start {
            warn_unless_well(&format!("post_start {}", program.display()), mzsh.run_hook(program, until));
        }
    }
}

/// Is it the mzsh of a start that has not come to its end, or of that one's session?
fn has_launched(record: &Record, id: ProcessId) -> bool {
    let of_session = |own: ProcessId| {
        id.stat().is_ok_and(|stat| stat.is_some_and(|stat| stat.session == own.pid.as_raw()))
    };
    record.phase != Phase::Running && record.mzsh().is_some_and(|own| own == id || of_session(own))
}

/// The process that was started, held by its pidfd.
struct Jvm(ProcessHandle);

impl Jvm {
    fn id(&self) -> ProcessId {
        self.0.id()
    }
}

fn warn_unless_well(what: &str, result: io::Result<Finished>) {
    match result {
        Ok(finished) if finished.end == host::End::Exited(0) && finished.refused.is_none() => {}
        Ok(finished) => {
            let said = finished.refused.unwrap_or_else(|| finished.end.to_string());
            tracing::warn!("{what}: {said}; the pico itself is up");
        }
        Err(e) => tracing::warn!("{what}: {e}; the pico itself is up"),
    }
}
