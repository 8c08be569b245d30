//! Ending a pico instance: the steps that stop is made of, and start where it must clear the way.
//!
//! Everything is found by identity and signalled by pidfd. The steps are repeated until one whole look finds neither
//! the pico nor a startup of it; that look, and nothing that was said by a command, is what "stopped" rests on.

use crate::identity::{Arguments, Found, Suspect, look, pico_of_anyone};
use crate::product::{self, Mzsh, Verb};
use crate::record::Record;
use crate::settings::{Settings, Target};
use host::command::Event;
use host::process::{self, State};
use host::{ProcessHandle, ProcessId, Signal, pause};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// Time for a mzsh to end once the pico has.
const MZSH_AFTERWARDS: Duration = Duration::from_secs(5);
/// Time for what the pico leaves behind to follow SIGTERM.
const CHILDREN_WITHIN: Duration = Duration::from_secs(2);
/// Between two looks when a look did not decide.
const LOOK_AGAIN: Duration = Duration::from_millis(300);
/// Longest wait for what a path resolves to.
const RESOLVE_WITHIN: Duration = Duration::from_secs(3);
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
    #[error("/proc can't be read: {0}")]
    Unreadable(#[from] io::Error),
}

/// Ends picos.
pub(super) struct Ending<'a> {
    pub(super) settings: &'a Settings,
    /// Which ones are meant: the parameters' and the record's.
    pub(super) targets: &'a [Target],
    pub(super) record: Option<&'a Record>,
    pub(super) steps: Steps,
}

impl Ending<'_> {
    /// Ends every startup and every instance. Ok: one whole look found nothing.
    pub(super) fn run(&self) -> Result<(), StillThere> {
        let mut undecided = 0;
        let mut first = true;
        loop {
            let found = self.look()?;
            let launched = self.record.and_then(Record::mzsh).filter(|id| is_live(*id));
            for &startup in found.startups.iter().chain(launched.iter()) {
                self.end_startup(startup)?;
            }
            for pico in &found.picos {
                self.end_pico(pico.id, first)?;
            }
            if found.is_nothing() && launched.is_none() {
                return Ok(());
            }
            first = found.picos.is_empty() && first;
            if found.picos.is_empty() && found.startups.is_empty() {
                undecided += 1;
                if let Some(suspect) = found.suspects.first().filter(|_| undecided >= 3) {
                    return Err(StillThere::Undecided(suspect.clone()));
                }
                pause(LOOK_AGAIN, self.steps.end);
            }
            if Instant::now() >= self.steps.end {
                return self.last_look();
            }
        }
    }

    fn look(&self) -> io::Result<Found> {
        let resolve =
            |path: &Path| product::resolve(path, self.steps.end.min(Instant::now() + RESOLVE_WITHIN));
        let recorded = self.record.and_then(Record::jvm);
        look(self.targets, recorded, self.record.and_then(|r| r.uid), &resolve)
    }

    fn last_look(&self) -> Result<(), StillThere> {
        let found = self.look()?;
        match (found.picos.first(), found.startups.first(), found.suspects.into_iter().next()) {
            (Some(pico), ..) => Err(StillThere::Process(pico.id, pico.state)),
            (_, Some(&startup), _) => {
                Err(StillThere::Process(startup, startup.stat()?.map_or(State::Zombie, |stat| stat.state)))
            }
            (.., Some(suspect)) => Err(StillThere::Undecided(suspect)),
            (None, None, None) => Ok(()),
        }
    }

    /// An mzsh that is starting the pico must not bring it up behind our back.
    fn end_startup(&self, startup: ProcessId) -> Result<(), StillThere> {
        let Some(handle) = startup.open()? else { return Ok(()) };
        tracing::info!("{}: ends its startup, mzsh {startup}", self.settings.pico());
        handle.signal(Signal::KILL)?;
        handle.ended_by(self.steps.end.min(Instant::now() + KILL_WITHIN))?;
        Ok(())
    }

    fn end_pico(&self, id: ProcessId, first: bool) -> Result<(), StillThere> {
        let Some(handle) = id.open()? else { return Ok(()) };
        let descendants = self.descendants(id)?;
        let state = handle.stat()?.map(|stat| stat.state);
        let answers = !matches!(state, Some(State::Stopped | State::Zombie));
        if first
            && answers
            && let Some(until) = self.steps.shutdown
        {
            self.shut_down(&handle, until)?;
        }
        if !handle.pidfd().has_ended()? {
            self.signal(&handle, &descendants, answers)?;
        }
        end_descendants(&descendants, self.steps.end)?;
        Ok(())
    }

    /// `mzsh shutdown`, for as long as it has or until the pico has ended.
    fn shut_down(&self, pico: &ProcessHandle, until: Instant) -> io::Result<()> {
        if Instant::now() >= until {
            return Ok(());
        }
        let Some(target) = self.targets.first() else { return Ok(()) };
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

    /// What the pico has started, but no other pico and no mzsh of one: those are other resources'.
    fn descendants(&self, id: ProcessId) -> io::Result<Vec<ProcessHandle>> {
        let all = process::all()?;
        let mut handles = Vec::new();
        for stat in all.descendants(id.pid) {
            let argv = process::command_line(stat.pid)?.unwrap_or_default();
            let own = self
                .targets
                .iter()
                .any(|t| crate::identity::role(t, Arguments { argv: &argv, program: None }).is_some());
            if own || !pico_of_anyone(&argv) {
                handles.extend(stat.id().open()?);
            }
        }
        Ok(handles)
    }
}

fn is_live(id: ProcessId) -> bool {
    id.stat().is_ok_and(|stat| stat.is_some_and(|stat| !stat.is_dead()))
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
