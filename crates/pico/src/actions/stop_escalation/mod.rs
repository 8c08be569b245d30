//! Stop escalation: the steps of stop, and of a start that must clean up first.
//!
//! Processes are found by identity and signalled by pidfd. The steps repeat until a complete scan finds neither the pico nor a
//! startup of it. Only that scan, never the output of a command, proves "stopped".

mod descendants;
mod escalation_loop;

pub(super) use escalation_loop::StopError;

use crate::identity::{PicoProcess, ScanResult, Suspect};
use crate::product::{Mzsh, Storage, Verb, thread_dump};
use crate::record::{InstanceRecord, StartPhase};
use crate::ruled_out;
use crate::settings::{PicoInstance, Settings};
use crate::verdict::node_context::{NodeContext, process_search, recorded_sessions};
use escalation_loop::{EscalationNode, RESCAN_INTERVAL, RecordedLiveProcesses};
use host::command::CommandEvent;
use host::process::{self, ProcessState};
use host::{ProcessHandle, ProcessId, Signal, sleep_capped};
use std::cell::{Cell, RefCell};
use std::io;
use std::time::{Duration, Instant};

/// Time for mzsh to end after the pico.
const MZSH_EXIT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time for leftover processes to follow SIGTERM.
const LEFTOVER_TERM_TIMEOUT: Duration = Duration::from_secs(2);
/// Time for storage and name service in the last scan.
const FINAL_LOOKUP_TIMEOUT: Duration = Duration::from_millis(500);
const THREAD_DUMP_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest wait for the end of a process after SIGKILL, before the next scan.
const REAP_TIMEOUT: Duration = Duration::from_secs(1);

/// The deadline of each step.
#[derive(Clone, Copy, Debug)]
pub(super) struct EscalationSteps {
    /// `mzsh shutdown`; `None`: not run.
    pub(super) shutdown: Option<Instant>,
    /// Time for SIGTERM.
    pub(super) term: Duration,
    /// From here on SIGKILL, whichever step was reached.
    pub(super) kill: Instant,
    pub(super) end: Instant,
}

impl EscalationSteps {
    /// Divides the time until `end`: the last 5 s, but at most half, are for SIGKILL and the scan after it, a quarter is for
    /// SIGTERM, the rest for mzsh.
    pub(super) fn until(end: Instant) -> Self {
        let now = Instant::now();
        let total = end.saturating_duration_since(now);
        let kill = end.checked_sub(Duration::from_secs(5).min(total / 2)).unwrap_or(now);
        let term = total / 4;
        Self { shutdown: Some(kill.checked_sub(term).unwrap_or(now).max(now)), term, kill, end }
    }

    pub(super) fn signals_only(self) -> Self {
        Self { shutdown: None, ..self }
    }
}

pub(super) struct StopEscalation<'a> {
    settings: &'a Settings,
    /// The picos of the parameters and of the record. Never empty.
    targets: &'a [PicoInstance],
    record: Option<&'a InstanceRecord>,
    steps: EscalationSteps,
    /// The sessions of the stopped processes.
    sessions: RefCell<Vec<(ProcessId, Option<u32>)>>,
    /// mzsh is called once: a second call would not do more.
    mzsh_called: Cell<bool>,
    /// The java processes of the last scan that are not the pico.
    unrelated_javas: RefCell<Vec<ProcessId>>,
}

impl<'a> StopEscalation<'a> {
    /// `targets` must not be empty.
    pub(super) fn new(
        settings: &'a Settings,
        targets: &'a [PicoInstance],
        record: Option<&'a InstanceRecord>,
        steps: EscalationSteps,
    ) -> Self {
        Self {
            settings,
            targets,
            record,
            steps,
            sessions: RefCell::new(recorded_sessions(record)),
            mzsh_called: Cell::new(false),
            unrelated_javas: RefCell::default(),
        }
    }

    /// Stops every startup and every instance. Ok: a complete scan found nothing.
    pub(super) fn run(&self) -> Result<(), StopError> {
        escalation_loop::stop_until_clear(self, self.steps.end)?;
        for target in self.targets {
            ruled_out::write(target, &self.unrelated_javas.borrow());
        }
        Ok(())
    }

    fn log_failure(&self, what: &str, result: io::Result<()>) {
        if let Err(e) = result {
            tracing::warn!(
                "{}: {what} could not be stopped: {e}; trying again",
                self.settings.pico_label()
            );
            self.pause(RESCAN_INTERVAL);
        }
    }

    /// The last scan needs time for its queries, too.
    fn scan_deadline(&self) -> Instant {
        self.steps.end.max(Instant::now() + FINAL_LOOKUP_TIMEOUT)
    }

    /// An mzsh that is starting the pico could bring it up after the last scan.
    fn kill_startup(&self, startup: ProcessId) -> io::Result<()> {
        let Some(handle) = startup.open()? else { return Ok(()) };
        tracing::info!("{}: SIGKILL to its startup: {startup}", self.settings.pico_label());
        handle.signal(Signal::KILL)?;
        handle.wait_for_end(self.steps.end.min(Instant::now() + REAP_TIMEOUT))?;
        Ok(())
    }

    fn stop_instance(&self, pico: &PicoProcess) -> io::Result<()> {
        let Some(handle) = pico.id.open()? else { return Ok(()) };
        let descendants =
            descendants::descendants_to_stop(self.targets, pico.id, self.scan_deadline())
                .unwrap_or_else(|e| {
                    tracing::warn!(
                        "{}: descendants of {} unknown: {e}",
                        self.settings.pico_label(),
                        pico.id
                    );
                    Vec::new()
                });
        let state = handle.stat()?.map(|stat| stat.state);
        let answers = !matches!(state, Some(ProcessState::Stopped | ProcessState::Zombie));
        let target = self.targets.get(pico.target_index).unwrap_or(&self.targets[0]);
        let mut storage_hangs = Storage::for_target(target).hangs();
        if !self.mzsh_called.replace(true)
            && answers
            && let Some(until) = self.steps.shutdown
        {
            match self.run_mzsh_shutdown(&handle, target, until) {
                Ok(hangs) => storage_hangs |= hangs,
                Err(e) => {
                    tracing::warn!(
                        "{}: mzsh shutdown: {e}; sending signals",
                        self.settings.pico_label()
                    );
                }
            }
        }
        if !handle.pidfd().has_ended()? {
            self.escalate_signals(&handle, &descendants, answers, storage_hangs)?;
        }
        stop_processes(&descendants, self.steps.end)
    }

    /// Runs `mzsh shutdown` until its deadline or the end of the pico. Returns whether it waited for storage at its deadline.
    fn run_mzsh_shutdown(
        &self,
        pico: &ProcessHandle,
        target: &PicoInstance,
        until: Instant,
    ) -> io::Result<bool> {
        if Instant::now() >= until {
            return Ok(false);
        }
        let mzsh = Mzsh::new(self.settings, target);
        let mut running = mzsh.launch(Verb::Shutdown)?;
        running.release()?;
        let mut event = running.wait(until, Some(pico.pidfd()))?;
        if let CommandEvent::OtherEnded(running) = event {
            event = running.wait(until.min(Instant::now() + MZSH_EXIT_TIMEOUT), None)?;
        }
        let finished = match event {
            CommandEvent::Finished(finished) => finished,
            CommandEvent::OtherEnded(running) | CommandEvent::DeadlineReached(running) => {
                mzsh.abort(running)?
            }
        };
        if !pico.pidfd().has_ended()? {
            tracing::warn!(
                "{}: {} survived mzsh shutdown ({}, {:.1} s); sending signals",
                self.settings.pico_label(),
                pico.id(),
                finished.outcome(),
                finished.elapsed.as_secs_f64()
            );
        }
        Ok(finished.waited_for_storage)
    }

    /// A JVM that handles SIGTERM or dumps its threads writes to its storage. If storage hangs it would enter state D, where no
    /// signal ends it; so it gets only SIGKILL then.
    fn escalate_signals(
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
            if pico.wait_for_end(self.steps.kill.min(Instant::now() + self.steps.term))? {
                return Ok(());
            }
        }
        tracing::warn!("{}: SIGKILL to {}", self.settings.pico_label(), pico.id());
        for process in everyone() {
            process.signal(Signal::KILL)?;
        }
        pico.wait_for_end(self.steps.end.min(Instant::now() + REAP_TIMEOUT))?;
        Ok(())
    }

    /// Its failure must not delay the signals.
    fn dump_threads(&self, pico: &ProcessHandle) {
        let link = process::read_exe_link(pico.id().pid).ok().flatten();
        let is_java = link.is_some_and(|link| link.has_file_name("java"));
        // SIGTERM must have its time, too.
        let left = self.steps.kill.saturating_duration_since(Instant::now());
        let until = Instant::now() + THREAD_DUMP_TIMEOUT.min(left / 3);
        if !is_java || left.is_zero() {
            return;
        }
        let name = self.settings.resource.as_deref().unwrap_or(self.settings.pico_label());
        match thread_dump::take(pico, name, until) {
            Ok(path) => {
                tracing::warn!(
                    "{}: thread dump of {} in {}",
                    self.settings.pico_label(),
                    pico.id(),
                    path.display()
                );
            }
            Err(why) => {
                // A JVM answers SIGQUIT with a thread dump on its stdout, which the product keeps as the pico's log.
                let (name, id) = (self.settings.pico_label(), pico.id());
                tracing::warn!("{name}: no thread dump of {id}: {why}");
                if thread_dump::catches_sigquit(id) {
                    tracing::warn!("{name}: SIGQUIT to {id} for one in its own log");
                    let _ = pico.signal(Signal::QUIT);
                }
            }
        }
    }
}

impl EscalationNode for StopEscalation<'_> {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn recorded_live(&self) -> RecordedLiveProcesses {
        let Some(record) = self.record else { return RecordedLiveProcesses::default() };
        let live = |id: ProcessId| id.live_stat().ok().flatten();
        let startup = record.mzsh().filter(|_| record.phase != StartPhase::Running);
        RecordedLiveProcesses {
            startup: startup.and_then(live).map(|stat| stat.id()),
            pico: record.jvm().and_then(live).map(|stat| PicoProcess {
                id: stat.id(),
                state: stat.state,
                threads: stat.threads,
                target_index: 0,
            }),
        }
    }

    fn scan(&self) -> io::Result<ScanResult> {
        let until = self.scan_deadline();
        let node = NodeContext::for_targets(self.settings, self.targets, self.record, until);
        let mut found =
            process_search(self.targets, self.record, &self.sessions.borrow()).scan(&node, until);
        match &mut found {
            Err(e) => tracing::warn!("{}: process scan failed: {e}", self.settings.pico_label()),
            // The record names the pico. A process that nothing identifies and that executes nothing must not fence the node.
            Ok(found) if self.record.is_some_and(|record| record.phase == StartPhase::Running) => {
                for Suspect { id, why, .. } in
                    found.suspects.extract_if(.., |suspect| suspect.ignorable_by_stop)
                {
                    tracing::warn!(
                        "{}: {id} {why}; ignored: another process was the pico",
                        self.settings.pico_label()
                    );
                    found.unrelated_javas.push(id);
                }
            }
            Ok(_) => {}
        }
        self.unrelated_javas
            .replace(found.as_ref().map(|found| found.unrelated_javas.clone()).unwrap_or_default());
        found
    }

    fn stop_startup(&self, startup: ProcessId) {
        self.log_failure("its startup", self.kill_startup(startup));
    }

    fn stop_pico(&self, pico: &PicoProcess) {
        // Leftover processes are in its session, if it leads one.
        if pico
            .id
            .stat()
            .is_ok_and(|stat| stat.is_some_and(|stat| stat.session == pico.id.pid.as_raw()))
        {
            self.sessions
                .borrow_mut()
                .push((pico.id, process::effective_uid(pico.id.pid).ok().flatten()));
        }
        self.log_failure("the pico", self.stop_instance(pico));
    }

    fn stop_leftovers(&self, leftovers: &[ProcessId]) {
        let end = || {
            let open = |id: &ProcessId| id.open().transpose();
            let handles: Vec<ProcessHandle> =
                leftovers.iter().filter_map(open).collect::<io::Result<_>>()?;
            let names: Vec<String> = leftovers.iter().map(ToString::to_string).collect();
            tracing::info!(
                "{}: stopping leftover processes: {}",
                self.settings.pico_label(),
                names.join(", ")
            );
            stop_processes(&handles, self.steps.end)
        };
        self.log_failure("leftover processes", end());
    }

    fn pause(&self, length: Duration) {
        sleep_capped(length, self.steps.end);
    }
}

/// SIGTERM, then SIGKILL.
fn stop_processes(descendants: &[ProcessHandle], end: Instant) -> io::Result<()> {
    for (signal, within) in [(Signal::TERM, LEFTOVER_TERM_TIMEOUT), (Signal::KILL, REAP_TIMEOUT)] {
        let until = end.min(Instant::now() + within);
        for process in descendants {
            if !process.pidfd().has_ended()? {
                process.signal(signal)?;
                process.signal(Signal::CONT)?;
            }
        }
        for process in descendants {
            process.wait_for_end(until)?;
        }
    }
    Ok(())
}
