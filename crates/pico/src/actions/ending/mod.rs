//! Ending a pico instance: the steps that stop is made of, and start where it must clear the way.
//!
//! Everything is found by identity and signalled by pidfd. The steps are repeated until a whole look finds neither
//! the pico nor a startup of it; that look, and nothing that was said by a command, is what "stopped" rests on.

mod descendants;
mod rounds;

pub(super) use rounds::StillThere;

use crate::absence;
use crate::identity::{Candidate, Found, Suspect};
use crate::product::{Mzsh, Storage, Verb, thread_dump};
use crate::record::{Phase, Record};
use crate::settings::{Settings, Target};
use crate::verdict::node::{Node, search, sessions};
use host::command::Event;
use host::process::{self, State};
use host::{ProcessHandle, ProcessId, Signal, pause};
use rounds::{Known, LOOK_AGAIN, Rounds};
use std::cell::{Cell, RefCell};
use std::io;
use std::time::{Duration, Instant};

/// Time for a mzsh to end once the pico has.
const MZSH_AFTERWARDS: Duration = Duration::from_secs(5);
/// Time for what the pico leaves behind to follow SIGTERM.
const CHILDREN_WITHIN: Duration = Duration::from_secs(2);
/// Time for an answer of storage or name service in the last look.
const LAST_ANSWER: Duration = Duration::from_millis(500);
/// Time for a thread dump.
const DUMP_WITHIN: Duration = Duration::from_secs(5);
/// Longest wait for what SIGKILL was sent to, before it is looked at again.
const KILL_WITHIN: Duration = Duration::from_secs(1);

/// By when each step ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps {
    /// `mzsh shutdown`; `None`: it is left out.
    pub(super) shutdown: Option<Instant>,
    /// How long SIGTERM has.
    pub(super) term: Duration,
    /// From here on it is SIGKILL, whatever step was reached.
    pub(super) kill: Instant,
    /// The end.
    pub(super) end: Instant,
}

impl Steps {
    /// For a time from now to `end`: the last part is kept for SIGKILL and the look afterwards (5 s, if that is no
    /// more than half of it), a quarter is for SIGTERM, the rest for mzsh.
    pub(super) fn until(end: Instant) -> Self {
        let now = Instant::now();
        let total = end.saturating_duration_since(now);
        let kill = end.checked_sub(Duration::from_secs(5).min(total / 2)).unwrap_or(now);
        let term = total / 4;
        Self { shutdown: Some(kill.checked_sub(term).unwrap_or(now).max(now)), term, kill, end }
    }

    /// The same without mzsh.
    pub(super) fn by_signals(self) -> Self {
        Self { shutdown: None, ..self }
    }
}

/// Ends picos.
pub(super) struct Ending<'a> {
    settings: &'a Settings,
    /// Which ones are meant: the parameters' and the record's. Never none.
    targets: &'a [Target],
    record: Option<&'a Record>,
    steps: Steps,
    /// The sessions of what is ended.
    sessions: RefCell<Vec<(ProcessId, Option<u32>)>>,
    /// Was mzsh called? Once is enough: what it did not end, it would not the next time.
    asked: Cell<bool>,
    /// The java processes that the last look has seen and that are not the pico.
    others: RefCell<Vec<ProcessId>>,
}

impl<'a> Ending<'a> {
    /// Of these targets, by these steps. `targets` must not be empty.
    pub(super) fn new(
        settings: &'a Settings,
        targets: &'a [Target],
        record: Option<&'a Record>,
        steps: Steps,
    ) -> Self {
        Self {
            settings,
            targets,
            record,
            steps,
            sessions: RefCell::new(sessions(record)),
            asked: Cell::new(false),
            others: RefCell::default(),
        }
    }

    /// Ends every startup and every instance. Ok: a whole look found nothing.
    pub(super) fn run(&self) -> Result<(), StillThere> {
        rounds::until_nothing(self, self.steps.end)?;
        for target in self.targets {
            absence::note(target, &self.others.borrow());
        }
        Ok(())
    }

    fn log_failure(&self, what: &str, result: io::Result<()>) {
        if let Err(e) = result {
            tracing::warn!("{}: ending {what}: {e}; it goes on", self.settings.pico());
            self.pause(LOOK_AGAIN);
        }
    }

    /// A look at the very end still has to be able to ask.
    fn look_until(&self) -> Instant {
        self.steps.end.max(Instant::now() + LAST_ANSWER)
    }

    /// An mzsh that is starting the pico must not bring it up behind our back.
    fn kill_startup(&self, startup: ProcessId) -> io::Result<()> {
        let Some(handle) = startup.open()? else { return Ok(()) };
        tracing::info!("{}: ends its startup, {startup}", self.settings.pico());
        handle.signal(Signal::KILL)?;
        handle.ended_by(self.steps.end.min(Instant::now() + KILL_WITHIN))?;
        Ok(())
    }

    fn end_instance(&self, pico: &Candidate) -> io::Result<()> {
        let Some(handle) = pico.id.open()? else { return Ok(()) };
        let descendants = descendants::of(self.targets, pico.id, self.look_until()).unwrap_or_else(|e| {
            tracing::warn!("{}: what {} has started can't be told: {e}", self.settings.pico(), pico.id);
            Vec::new()
        });
        let state = handle.stat()?.map(|stat| stat.state);
        let answers = !matches!(state, Some(State::Stopped | State::Zombie));
        let target = self.targets.get(pico.target).unwrap_or(&self.targets[0]);
        let mut storage_hangs = Storage::of(target).hangs();
        if !self.asked.replace(true)
            && answers
            && let Some(until) = self.steps.shutdown
        {
            match self.shut_down(&handle, target, until) {
                Ok(hangs) => storage_hangs |= hangs,
                Err(e) => tracing::warn!("{}: mzsh shutdown: {e}; it gets signals", self.settings.pico()),
            }
        }
        if !handle.pidfd().has_ended()? {
            self.signal(&handle, &descendants, answers, storage_hangs)?;
        }
        end_descendants(&descendants, self.steps.end)
    }

    /// `mzsh shutdown`, for as long as it has or until the pico has ended. Did it wait for storage when its time was over?
    fn shut_down(&self, pico: &ProcessHandle, target: &Target, until: Instant) -> io::Result<bool> {
        if Instant::now() >= until {
            return Ok(false);
        }
        let mzsh = Mzsh::new(self.settings, target);
        let mut running = mzsh.launch(Verb::Shutdown)?;
        running.go()?;
        let mut event = running.wait(until, Some(pico.pidfd()))?;
        if let Event::OtherEnded(running) = event {
            event = running.wait(until.min(Instant::now() + MZSH_AFTERWARDS), None)?;
        }
        let finished = match event {
            Event::Finished(finished) => finished,
            Event::OtherEnded(running) | Event::Time(running) => mzsh.give_up(running)?,
        };
        if !pico.pidfd().has_ended()? {
            let said = finished.refused.clone().unwrap_or_else(|| finished.end.to_string());
            tracing::warn!(
                "{}: {} is alive after mzsh shutdown ({said}, {:.1} s); it gets signals",
                self.settings.pico(),
                pico.id(),
                finished.took.as_secs_f64()
            );
        }
        Ok(finished.waited_for_storage)
    }

    /// A JVM that ends in order, or that is asked for its threads, writes to its storage. While that hangs it would come to
    /// wait where no signal ends it; so it gets SIGKILL alone then.
    fn signal(
        &self,
        pico: &ProcessHandle,
        descendants: &[ProcessHandle],
        answers: bool,
        storage_hangs: bool,
    ) -> io::Result<()> {
        if self.settings.thread_dump && answers && !storage_hangs {
            self.dump_threads(pico);
        }
        let everyone = || std::iter::once(pico).chain(descendants);
        if Instant::now() < self.steps.kill && !storage_hangs {
            for process in everyone() {
                process.signal(Signal::TERM)?;
                // A stopped process takes no signal until it goes on.
                process.signal(Signal::CONT)?;
            }
            if pico.ended_by(self.steps.kill.min(Instant::now() + self.steps.term))? {
                return Ok(());
            }
        }
        tracing::warn!("{}: SIGKILL to {}", self.settings.pico(), pico.id());
        for process in everyone() {
            process.signal(Signal::KILL)?;
        }
        pico.ended_by(self.steps.end.min(Instant::now() + KILL_WITHIN))?;
        Ok(())
    }

    /// Keeps what its threads are at. That this fails is no reason to wait with the signals.
    fn dump_threads(&self, pico: &ProcessHandle) {
        let link = process::executable(pico.id().pid).ok().flatten();
        let is_java = link.is_some_and(|link| link.is_named("java"));
        // SIGTERM must have its time, too.
        let left = self.steps.kill.saturating_duration_since(Instant::now());
        let until = Instant::now() + DUMP_WITHIN.min(left / 3);
        if !is_java || left.is_zero() {
            return;
        }
        let name = self.settings.resource.as_deref().unwrap_or(self.settings.pico());
        match thread_dump::take(pico, name, until) {
            Ok(path) => {
                tracing::warn!(
                    "{}: thread dump of {} in {}",
                    self.settings.pico(),
                    pico.id(),
                    path.display()
                );
            }
            Err(why) => {
                // A JVM answers SIGQUIT with a thread dump on its stdout, which the product keeps as the pico's log.
                let (name, id) = (self.settings.pico(), pico.id());
                tracing::warn!("{name}: no thread dump of {id}: {why}");
                if thread_dump::catches_quit(id) {
                    tracing::warn!("{name}: SIGQUIT to {id} for one in its own log");
                    let _ = pico.signal(Signal::QUIT);
                }
            }
        }
    }
}

impl Rounds for Ending<'_> {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn known(&self) -> Known {
        let Some(record) = self.record else { return Known::default() };
        let live = |id: ProcessId| id.live().ok().flatten();
        let startup = record.mzsh().filter(|_| record.phase != Phase::Running);
        Known {
            startup: startup.and_then(live).map(|stat| stat.id()),
            pico: record.jvm().and_then(live).map(|stat| Candidate {
                id: stat.id(),
                state: stat.state,
                threads: stat.threads,
                target: 0,
            }),
        }
    }

    fn look(&self) -> io::Result<Found> {
        let until = self.look_until();
        let node = Node::of_all(self.settings, self.targets, self.record, until);
        let mut found = search(self.targets, self.record, &self.sessions.borrow()).look(&node, until);
        match &mut found {
            Err(e) => tracing::warn!("{}: the look at all processes failed: {e}", self.settings.pico()),
            // Which process the pico is was known. One that nothing names, and that executes nothing any more, is no reason
            // for a fencing.
            Ok(found) if self.record.is_some_and(|record| record.phase == Phase::Running) => {
                for Suspect { id, why, .. } in found.suspects.extract_if(.., |suspect| suspect.may_be_left) {
                    tracing::warn!(
                        "{}: {id} {why}; it does not count: another one was the pico",
                        self.settings.pico()
                    );
                    found.others.push(id);
                }
            }
            Ok(_) => {}
        }
        self.others.replace(found.as_ref().map(|found| found.others.clone()).unwrap_or_default());
        found
    }

    fn end_startup(&self, startup: ProcessId) {
        self.log_failure("its startup", self.kill_startup(startup));
    }

    fn end_pico(&self, pico: &Candidate) {
        // What it leaves behind is in its session, if it leads one.
        if pico.id.stat().is_ok_and(|stat| stat.is_some_and(|stat| stat.session == pico.id.pid.as_raw())) {
            self.sessions.borrow_mut().push((pico.id, process::owner(pico.id.pid).ok().flatten()));
        }
        self.log_failure("the pico", self.end_instance(pico));
    }

    fn end_leftovers(&self, leftovers: &[ProcessId]) {
        let end = || {
            let open = |id: &ProcessId| id.open().transpose();
            let handles: Vec<ProcessHandle> = leftovers.iter().filter_map(open).collect::<io::Result<_>>()?;
            tracing::info!("{}: ends what it has left: {leftovers:?}", self.settings.pico());
            end_descendants(&handles, self.steps.end)
        };
        self.log_failure("what it has left", end());
    }

    fn pause(&self, length: Duration) {
        pause(length, self.steps.end);
    }
}

/// What outlives the pico: SIGTERM, a moment, SIGKILL.
fn end_descendants(descendants: &[ProcessHandle], end: Instant) -> io::Result<()> {
    for (signal, within) in [(Signal::TERM, CHILDREN_WITHIN), (Signal::KILL, KILL_WITHIN)] {
        let until = end.min(Instant::now() + within);
        for process in descendants {
            if !process.pidfd().has_ended()? {
                process.signal(signal)?;
                process.signal(Signal::CONT)?;
            }
        }
        for process in descendants {
            process.ended_by(until)?;
        }
    }
    Ok(())
}
