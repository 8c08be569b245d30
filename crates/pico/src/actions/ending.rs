//! Ending a pico instance: the steps that stop is made of, and start where it must clear the way.
//!
//! Everything is found by identity and signalled by pidfd. The steps are repeated until a whole look finds neither
//! the pico nor a startup of it; that look, and nothing that was said by a command, is what "stopped" rests on.

use crate::identity::{Arguments, Candidate, Found, Suspect, pico_of_anyone, role};
use crate::product::{Mzsh, Verb};
use crate::record::Record;
use crate::settings::{Settings, Target};
use crate::verdict::node::{Node, search};
use host::command::Event;
use host::process::{self, State};
use host::{Pid, ProcessHandle, ProcessId, Signal, pause};
use std::io;
use std::time::{Duration, Instant};

/// Time for a mzsh to end once the pico has.
const MZSH_AFTERWARDS: Duration = Duration::from_secs(5);
/// Time for what the pico leaves behind to follow SIGTERM.
const CHILDREN_WITHIN: Duration = Duration::from_secs(2);
/// Between two looks when a look did not decide.
const LOOK_AGAIN: Duration = Duration::from_millis(300);
/// Time for an answer of storage or name service in the last look.
const LAST_ANSWER: Duration = Duration::from_millis(500);
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

/// What was still there at the end; in words.
#[derive(Debug, thiserror::Error)]
pub(super) enum StillThere {
    #[error("{0} is still there after SIGKILL: {1}")]
    Process(ProcessId, State),
    #[error("{} {}", .0.id, .0.why)]
    Undecided(Suspect),
    #[error("what runs can't be told: {0}")]
    Unreadable(io::Error),
}

/// Ends picos.
pub(super) struct Ending<'a> {
    pub(super) settings: &'a Settings,
    /// Which ones are meant: the parameters' and the record's. Never none.
    pub(super) targets: &'a [Target],
    pub(super) record: Option<&'a Record>,
    pub(super) steps: Steps,
}

impl Ending<'_> {
    /// Ends every startup and every instance. Ok: a whole look found nothing.
    ///
    /// An error of a step does not end it: what a step could not do, the next one may, and time is the only limit.
    pub(super) fn run(&self) -> Result<(), StillThere> {
        let mut asked = false;
        loop {
            let over = Instant::now() >= self.steps.end;
            match self.look() {
                Ok(found) if found.is_nothing() => return Ok(()),
                Ok(found) if over => return Err(left(found)),
                Err(e) if over => return Err(StillThere::Unreadable(e)),
                Ok(found) => {
                    for &startup in &found.startups {
                        self.log_failure("its startup", self.end_startup(startup));
                    }
                    for pico in &found.picos {
                        self.log_failure("the pico", self.end_pico(pico, !asked));
                        asked = true;
                    }
                    if found.picos.is_empty() && found.startups.is_empty() {
                        pause(LOOK_AGAIN, self.steps.end);
                    }
                }
                Err(e) => {
                    tracing::warn!(
                        "{}: what runs can't be told: {e}; it is looked again",
                        self.settings.pico()
                    );
                    pause(LOOK_AGAIN, self.steps.end);
                }
            }
        }
    }

    fn log_failure(&self, what: &str, result: io::Result<()>) {
        if let Err(e) = result {
            tracing::warn!("{}: ending {what}: {e}; it goes on", self.settings.pico());
            pause(LOOK_AGAIN, self.steps.end);
        }
    }

    fn look(&self) -> io::Result<Found> {
        let node = Node {
            settings: self.settings,
            target: &self.targets[0],
            record: self.record,
            // A look at the very end still has to be able to ask.
            until: self.steps.end.max(Instant::now() + LAST_ANSWER),
        };
        search(self.targets, self.record).look(&node)
    }

    /// An mzsh that is starting the pico must not bring it up behind our back.
    fn end_startup(&self, startup: ProcessId) -> io::Result<()> {
        let Some(handle) = startup.open()? else { return Ok(()) };
        tracing::info!("{}: ends its startup, {startup}", self.settings.pico());
        handle.signal(Signal::KILL)?;
        handle.ended_by(self.steps.end.min(Instant::now() + KILL_WITHIN))?;
        Ok(())
    }

    fn end_pico(&self, pico: &Candidate, first: bool) -> io::Result<()> {
        let Some(handle) = pico.id.open()? else { return Ok(()) };
        let descendants = self.descendants(pico.id).unwrap_or_else(|e| {
            tracing::warn!("{}: what {} has started can't be told: {e}", self.settings.pico(), pico.id);
            Vec::new()
        });
        let state = handle.stat()?.map(|stat| stat.state);
        let answers = !matches!(state, Some(State::Stopped | State::Zombie));
        if first
            && answers
            && let Some(until) = self.steps.shutdown
        {
            let target = self.targets.get(pico.target).unwrap_or(&self.targets[0]);
            if let Err(e) = self.shut_down(&handle, target, until) {
                tracing::warn!("{}: mzsh shutdown: {e}; it gets signals", self.settings.pico());
            }
        }
        if !handle.pidfd().has_ended()? {
            self.signal(&handle, &descendants, answers)?;
        }
        end_descendants(&descendants, self.steps.end)
    }

    /// `mzsh shutdown`, for as long as it has or until the pico has ended.
    fn shut_down(&self, pico: &ProcessHandle, target: &Target, until: Instant) -> io::Result<()> {
        if Instant::now() >= until {
            return Ok(());
        }
        let mut running = Mzsh::new(self.settings, target).launch(Verb::Shutdown)?;
        running.go()?;
        let mut event = running.wait(until, Some(pico.pidfd()))?;
        if let Event::OtherEnded(running) = event {
            event = running.wait(until.min(Instant::now() + MZSH_AFTERWARDS), None)?;
        }
        let finished = match event {
            Event::Finished(finished) => finished,
            Event::OtherEnded(running) | Event::Time(running) => running.kill_group()?,
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
        Ok(())
    }

    fn signal(&self, pico: &ProcessHandle, descendants: &[ProcessHandle], answers: bool) -> io::Result<()> {
        let is_java = process::executable(pico.id().pid).ok().flatten();
        let is_java = is_java.is_some_and(|link| link.0.file_name().is_some_and(|name| name == "java"));
        if self.settings.thread_dump && answers && is_java {
            // A JVM answers it with a thread dump on its stdout, which the product keeps as the pico's log.
            tracing::info!("{}: SIGQUIT to {} for a thread dump in its log", self.settings.pico(), pico.id());
            pico.signal(Signal::QUIT)?;
        }
        let everyone = || std::iter::once(pico).chain(descendants);
        if Instant::now() < self.steps.kill {
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

    /// What the pico has started, but no other pico, no mzsh of one, and nothing below those: that is other resources'.
    fn descendants(&self, id: ProcessId) -> io::Result<Vec<ProcessHandle>> {
        let all = process::all()?;
        let caller: Vec<Pid> = std::iter::once(Pid::own()).chain(all.ancestors(Pid::own())).collect();
        let below = all.descendants(id.pid);
        let mut others = Vec::new();
        for stat in &below {
            let argv = process::command_line(stat.pid)?.unwrap_or_default();
            let link = process::executable(stat.pid).ok().flatten();
            let looks = Arguments { argv: &argv, program: link.as_ref().and_then(|l| l.0.file_name()) };
            if pico_of_anyone(looks) && !self.targets.iter().any(|target| role(target, looks).is_some()) {
                others.push(stat.pid);
            }
        }
        let mut handles = Vec::new();
        for stat in below {
            let of_others =
                others.contains(&stat.pid) || all.ancestors(stat.pid).any(|a| others.contains(&a));
            if !of_others && !caller.contains(&stat.pid) {
                handles.extend(stat.id().open()?);
            }
        }
        Ok(handles)
    }
}

/// The worst of what a look has found.
fn left(found: Found) -> StillThere {
    let state = |id: ProcessId| id.stat().ok().flatten().map_or(State::Zombie, |stat| stat.state);
    let process = found.picos.first().map(|pico| pico.id).or(found.startups.first().copied());
    match (process, found.suspects.into_iter().next()) {
        (None, Some(suspect)) => StillThere::Undecided(suspect),
        (Some(id), _) => StillThere::Process(id, state(id)),
        (None, None) => StillThere::Unreadable(io::Error::other("nothing, at the last look")),
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
