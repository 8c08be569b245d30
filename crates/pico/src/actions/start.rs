//! start: succeeds only when the pico is identified, alive, and its HA Monitor Server answers.
//!
//! The record names mzsh before mzsh may execute anything. So stop finds it, wherever this action is killed.

use super::deep_checks::{self, HaCheckPlan};
use super::load_record;
use super::node_checks::{self, NodeProblem};
use super::scope;
use super::stop_escalation::{EscalationSteps, StopError, StopEscalation};
use super::wait_for::wait_for;
use super::with_limit;
use crate::pico_users;
use crate::product::{
    HaAnswer, HaClient, HaMonitor, Inspection, Mzsh, RegistryState, StartupResult, UserState, Verb,
    fill_from_mzsh_topo, inspect,
};
use crate::record::{InstanceRecord, InstanceRecordFile, RUN_DIRECTORY, StartPhase, lock_path};
use crate::settings::{PicoInstance, PicoType, Settings};
use crate::verdict::{Liveness, ObservationScope, PicoPresence, observe};
use host::command::{CommandEvent, FinishedCommand, RunningCommand};
use host::lock::{Lock, LockAttempt};
use host::process::ProcessState;
use host::{ProcessHandle, ProcessId, process, sleep_capped};
use ocf::{Deadline, ErrorCode, Failure};
use std::cell::RefCell;
use std::io;
use std::time::{Duration, Instant};

/// Poll interval for the JVM while mzsh runs.
const JVM_POLL_INTERVAL: Duration = Duration::from_millis(250);
/// Poll interval for the HA Monitor Server.
const HA_POLL_INTERVAL: Duration = Duration::from_millis(500);
/// Time for mzsh to report the cause once the JVM has died.
const MZSH_EXIT_TIMEOUT: Duration = Duration::from_secs(5);
/// Time to find the process once mzsh says that it is up.
const JVM_VISIBLE_TIMEOUT: Duration = Duration::from_secs(2);
pub(super) const POST_START_TIMEOUT: Duration = Duration::from_secs(60);

pub fn start(settings: &Settings, deadline: Deadline) -> Result<(), Failure> {
    try_start(settings, deadline).map_err(with_limit)
}

fn try_start(settings: &Settings, deadline: Deadline) -> Result<(), Failure> {
    let not_configured = |why: String| Failure::new(ErrorCode::NotConfigured, why);
    let target = settings.target.as_ref().map_err(|why| not_configured(why.to_string()))?;
    // The answer must be out before the operation's timeout.
    let full_deadline = deadline.with_reserve((deadline.timeout() / 20).min(MZSH_EXIT_TIMEOUT));
    let deadline = with_cleanup_reserve(deadline);
    if let Some(refused) = node_checks::check_process_match(
        target,
        deadline.instant_within(node_checks::PROCESS_MATCH_TIMEOUT),
    ) {
        return Err(not_configured(format!("{}: {}", refused.name, refused.text)));
    }
    let _lock = acquire_lock(target, deadline)?;
    let (file, record) = load_record(settings, target);
    let start = Start {
        settings,
        target,
        file,
        deadline,
        full_deadline,
        undecided_reason: RefCell::default(),
    };
    start.run(record.as_ref())
}

/// Reserves a fifth of the timeout for the cleanup of a failed start.
pub(super) fn with_cleanup_reserve(deadline: Deadline) -> Deadline {
    deadline.with_reserve(deadline.timeout() / 5)
}

fn acquire_lock(target: &PicoInstance, deadline: Deadline) -> Result<Lock, Failure> {
    let refuse = |e: &io::Error| {
        let (code, hint) = match e.kind() {
            io::ErrorKind::PermissionDenied => {
                (ErrorCode::Permission, "; start must be run by root")
            }
            _ => (ErrorCode::Generic, ""),
        };
        Failure::new(code, format!("no lock in {RUN_DIRECTORY}: {e}{hint}"))
    };
    let path = lock_path(target).map_err(|e| refuse(&e))?;
    match Lock::acquire(&path, deadline.instant()) {
        Ok(LockAttempt::Acquired(lock)) => Ok(lock),
        Ok(LockAttempt::Busy(Some(holder))) => Err(Failure::generic(format!(
            "another start or stop of {} is running: {holder}",
            target.name
        ))),
        Ok(LockAttempt::Busy(None)) => {
            Err(Failure::generic(format!("{}: {} is locked", target.name, path.display())))
        }
        Err(e) => Err(refuse(&e)),
    }
}

struct Start<'a> {
    settings: &'a Settings,
    target: &'a PicoInstance,
    file: InstanceRecordFile,
    /// Without the reserve for the cleanup.
    deadline: Deadline,
    /// With the reserve for the cleanup.
    full_deadline: Deadline,
    /// Why the last search for the JVM found an unknown state.
    undecided_reason: RefCell<Option<String>>,
}

impl Start<'_> {
    fn run(&self, record: Option<&InstanceRecord>) -> Result<(), Failure> {
        if self.adopt_or_stop_existing_instance(record)? {
            return Ok(());
        }
        let inspection = self.inspect()?;
        let facts = self.enforce_checks(&inspection)?;
        self.wait_for(&inspection)?;
        let mut record = self.new_record(&inspection)?;
        let jvm = self.bring_up(&mut record)?;
        self.wait_for_ha_server(&jvm, &mut record)?;
        record.set_running(jvm.id());
        // Without a record the pico is found by a scan of all processes: no reason to stop it.
        self.file.write_or_warn(&record);
        self.run_post_start();
        tracing::info!("{} is up: {}{facts}", self.settings.pico_label(), jvm.id());
        Ok(())
    }

    fn mzsh(&self) -> Mzsh<'_> {
        Mzsh::new(self.settings, self.target)
    }

    fn fail(&self, reason: impl std::fmt::Display) -> Failure {
        Failure::generic(format!("{}: {reason}", self.settings.pico_label()))
    }

    /// Adopts a healthy existing instance, and stops any other. Whether it adopted one.
    fn adopt_or_stop_existing_instance(
        &self,
        record: Option<&InstanceRecord>,
    ) -> Result<bool, Failure> {
        let why = match self.wait_for_foreign_startups(record)? {
            PicoPresence::None { .. } => return Ok(false),
            PicoPresence::Unknown(why) => return Err(self.fail(format!("state unknown: {why}"))),
            PicoPresence::One { id, liveness: Liveness::Alive | Liveness::Traced } => {
                match self.adopt(record, id)? {
                    Ok(()) => return Ok(true),
                    Err(why) => why,
                }
            }
            PicoPresence::One { id, liveness: Liveness::Stopped } => format!("{id} is stopped (T)"),
            PicoPresence::One { id, liveness: Liveness::ZombieLeader { .. } } => {
                format!("{id} has lost its main thread (Z)")
            }
            PicoPresence::Starting { mzsh } => {
                format!("an earlier mzsh startup is running: {mzsh}")
            }
            PicoPresence::Several(pids) => format!("it runs more than once, pids {pids:?}"),
        };
        tracing::warn!("{}: {why}; stopping it first", self.settings.pico_label());
        self.clear_remains(
            record,
            EscalationSteps::until(self.deadline.instant_within(self.deadline.timeout() / 3)),
        )
        .map_err(|still| self.fail(format!("{why}; {still}")))?;
        Ok(false)
    }

    /// Waits until no `mzsh startup` of others runs: a start must not kill the startup of an administrator.
    fn wait_for_foreign_startups(
        &self,
        record: Option<&InstanceRecord>,
    ) -> Result<PicoPresence, Failure> {
        let until = self.deadline.started() + self.deadline.timeout() / 2;
        let mut is_logged = false;
        loop {
            let seen = observe(
                self.settings,
                self.target,
                record,
                ObservationScope::AllProcesses,
                self.deadline.instant(),
            );
            let PicoPresence::Starting { mzsh } = seen else { return Ok(seen) };
            if record.is_some_and(|record| has_launched(record, mzsh)) {
                return Ok(seen);
            }
            let why =
                format!("an mzsh startup that this resource did not launch is running ({mzsh})");
            if Instant::now() >= until {
                return Err(self.fail(format!("{why}; wait for its end, or kill it")));
            }
            if !is_logged {
                tracing::warn!("{}: {why}; waiting for its end", self.settings.pico_label());
                is_logged = true;
            }
            sleep_capped(JVM_POLL_INTERVAL, until);
        }
    }

    /// Adopts a running instance. The inner error: why it is not healthy.
    fn adopt(
        &self,
        record: Option<&InstanceRecord>,
        id: ProcessId,
    ) -> Result<Result<(), String>, Failure> {
        let known = record.filter(|r| r.jvm() == Some(id)).cloned();
        let mut record = known
            .map_or_else(
                || InstanceRecord::new(self.settings, self.target, StartPhase::Running),
                Ok,
            )
            .map_err(|e| {
                Failure::generic(format!("{id} is running, but its record could not be made: {e}"))
            })?;
        record.set_running(id);
        let plan = deep_checks::ha_check_plan(
            self.settings,
            self.target,
            &mut record,
            self.deadline.instant_within(self.deadline.timeout() / 4),
        );
        let until = self.deadline.started() + self.deadline.timeout() / 3;
        let grace = deep_checks::ha_grace(self.settings, record.ha.as_ref());
        loop {
            let answer = deep_checks::ask_ha(
                self.settings,
                self.target,
                id,
                plan.clone(),
                &mut record,
                until,
            );
            let (hangs, why) = match answer {
                Some(HaAnswer::NoAnswer(why)) => (true, why),
                Some(HaAnswer::NeverListened(why)) => (false, why),
                Some(HaAnswer::Unreadable(why)) => {
                    self.warn_unreadable_answer(&why);
                    break;
                }
                _ => break,
            };
            // A JVM that was just started by hand may still be coming up.
            match id.live_stat() {
                Ok(Some(stat)) if stat.state == ProcessState::Stopped => {
                    return Ok(Err(format!("{id} is stopped (T)")));
                }
                Ok(Some(_)) => {}
                _ => return Ok(Err(format!("{id} died during the check"))),
            }
            if process::process_age(id) >= grace || Instant::now() >= until {
                if hangs {
                    return Ok(Err(format!(
                        "{id} is hung: its HA Monitor Server does not answer: {why}"
                    )));
                }
                self.not_asked(&why);
                break;
            }
            sleep_capped(HA_POLL_INTERVAL, until);
        }
        if record.people.is_empty() {
            pico_users::set_users_of_adopted(self.settings, self.target, &mut record, until);
        }
        self.file.write_or_warn(&record);
        tracing::info!("{}: {id} runs already; it is adopted", self.settings.pico_label());
        Ok(Ok(()))
    }

    fn inspect(&self) -> Result<Inspection, Failure> {
        let within = self.deadline.instant_within(self.deadline.timeout() / 3);
        let mut inspection =
            inspect(self.settings, self.target, within).map_err(|e| self.fail(e))?;
        fill_from_mzsh_topo(self.settings, self.target, &mut inspection, within);
        Ok(inspection)
    }

    /// Fails on problems that block a start, warns of the others. Returns a detail for the log.
    fn enforce_checks(&self, inspection: &Inspection) -> Result<String, Failure> {
        let table = node_checks::resolve_host_names(self.settings, inspection, self.deadline);
        for NodeProblem { blocks_start, name, text, .. } in
            node_checks::find_problems(self.settings, self.target, inspection, &table)
        {
            if let Some(code) = blocks_start {
                return Err(Failure::new(code, format!("{name}: {text}")));
            }
            tracing::warn!("{name}: {text}");
        }
        let RegistryState::Defined(facts) = &inspection.registry else { return Ok(String::new()) };
        match node_checks::find_held_port(facts, &table) {
            Some(held) => Err(self.fail(held)),
            None => Ok(format!(" in container {}", facts.container)),
        }
    }

    fn wait_for(&self, inspection: &Inspection) -> Result<(), Failure> {
        let until = self.deadline.instant_within(self.settings.wait_for_timeout);
        wait_for(self.settings, inspection, until).map_err(|why| self.fail(why))
    }

    fn new_record(&self, inspection: &Inspection) -> Result<InstanceRecord, Failure> {
        let mut record = InstanceRecord::new(self.settings, self.target, StartPhase::Starting)
            .map_err(|e| self.fail(e))?;
        if let Err(why) = deep_checks::store_registry_facts(&mut record, inspection) {
            tracing::warn!("{why}");
        }
        if let UserState::Known { uid, .. } = inspection.user {
            record.uid = Some(uid);
        }
        let os_user = record.uid.filter(|_| self.settings.os_user.is_some());
        pico_users::set_users_of_started(
            self.target,
            &mut record,
            os_user.into_iter().chain(inspection.owner).collect(),
        );
        Ok(record)
    }

    /// Runs mzsh until the JVM is alive. Retries once if mzsh exits with 104 and there is time.
    fn bring_up(&self, record: &mut InstanceRecord) -> Result<Jvm, Failure> {
        let begun = Instant::now();
        match self.attempt_startup(record)? {
            Ok(jvm) => return Ok(jvm),
            Err(why) if self.deadline.remaining() < begun.elapsed() => {
                return Err(self.abort(record, &why));
            }
            Err(why) => tracing::warn!(
                "{}: {why}; stopping what is left, then trying once more",
                self.settings.pico_label()
            ),
        }
        let end = self.deadline.instant_within(self.deadline.timeout() / 3);
        self.clear_remains(Some(record), EscalationSteps::until(end))
            .map_err(|still| self.fail(still))?;
        match self.attempt_startup(record)? {
            Ok(jvm) => Ok(jvm),
            Err(why) => Err(self.abort(record, &why)),
        }
    }

    /// The inner error: mzsh exited with 104, which is worth a retry.
    fn attempt_startup(&self, record: &mut InstanceRecord) -> Result<Result<Jvm, String>, Failure> {
        let mut mzsh = self.mzsh().startup().map_err(|e| self.fail(e))?;
        record.phase = StartPhase::Starting;
        record.set_mzsh(mzsh.id());
        if let Err(e) = self.file.write(record) {
            // Without a record nobody would know this mzsh if this action were killed. It is not released yet.
            mzsh.kill().map_err(|e| self.fail(e))?;
            return Err(self.fail(format!(
                "mzsh was not started, record not written: {e}: {}",
                self.file.display_path()
            )));
        }
        scope::enter_or_warn(self.settings, self.target, &mzsh, self.deadline);
        mzsh.release().map_err(|e| self.fail(e))?;
        let (finished, mut jvm) = self.supervise(mzsh, record)?;
        match StartupResult::from_finished(&finished) {
            StartupResult::Up => {}
            StartupResult::Critical(why) => return Ok(Err(why)),
            StartupResult::Failed(why) => return Err(self.abort(record, &why)),
        }
        let until = self.deadline.instant_within(JVM_VISIBLE_TIMEOUT);
        while jvm.is_none() && Instant::now() < until {
            jvm = self.find_and_record_jvm(record)?;
            if jvm.is_none() {
                sleep_capped(JVM_POLL_INTERVAL, until);
            }
        }
        let Some(jvm) = jvm else {
            record.phase = StartPhase::Unidentified;
            self.file.write_or_warn(record);
            return Err(self.fail(match self.undecided_reason.take() {
                Some(why) => format!("mzsh says that it is up, but its process is unknown: {why}"),
                None => "mzsh says that it is up, but no process looks like it: it died at once, or process_match must be set"
                    .to_owned(),
            }));
        };
        Ok(Ok(Jvm(jvm)))
    }

    /// Waits for mzsh and polls for the JVM. The death of the JVM ends the start, even if mzsh still waits.
    fn supervise(
        &self,
        mut mzsh: RunningCommand,
        record: &mut InstanceRecord,
    ) -> Result<(FinishedCommand, Option<ProcessHandle>), Failure> {
        let mut jvm: Option<ProcessHandle> = None;
        loop {
            let step = if jvm.is_some() {
                self.deadline.instant()
            } else {
                self.deadline.instant_within(JVM_POLL_INTERVAL)
            };
            match mzsh
                .wait(step, jvm.as_ref().map(ProcessHandle::pidfd))
                .map_err(|e| self.fail(e))?
            {
                CommandEvent::Finished(finished) => return Ok((finished, jvm)),
                CommandEvent::OtherEnded(mzsh) => {
                    let died = jvm.map_or_else(String::new, |jvm| jvm.id().to_string());
                    let event = mzsh
                        .wait(self.deadline.instant_within(MZSH_EXIT_TIMEOUT), None)
                        .map_err(|e| self.fail(e))?;
                    let said = match event {
                        CommandEvent::Finished(finished) => {
                            match StartupResult::from_finished(&finished) {
                                StartupResult::Up => "mzsh startup said that it is up".to_owned(),
                                StartupResult::Critical(_) => return Ok((finished, None)),
                                StartupResult::Failed(why) => why,
                            }
                        }
                        CommandEvent::OtherEnded(mzsh) | CommandEvent::DeadlineReached(mzsh) => {
                            self.mzsh().abort(mzsh).map_err(|e| self.fail(e))?;
                            "mzsh startup still waited for it".to_owned()
                        }
                    };
                    return Err(self.abort(
                        record,
                        &format!("its JVM ({died}) died during the start; {said}"),
                    ));
                }
                CommandEvent::DeadlineReached(same) if Instant::now() < self.deadline.instant() => {
                    mzsh = same;
                    jvm = self.find_and_record_jvm(record)?;
                }
                CommandEvent::DeadlineReached(mzsh) => {
                    let finished = self.mzsh().abort(mzsh).map_err(|e| self.fail(e))?;
                    let seconds = self.deadline.timeout().as_secs();
                    let why = match finished.launch_error {
                        Some(why) => format!("mzsh startup: {why}"),
                        None => format!("mzsh startup timed out after {seconds} s"),
                    };
                    return Err(self.abort(record, &why));
                }
            }
        }
    }

    fn find_and_record_jvm(
        &self,
        record: &mut InstanceRecord,
    ) -> Result<Option<ProcessHandle>, Failure> {
        let jvm = self.find_jvm(record).map_err(|why| self.abort(record, &why))?;
        if let Some(jvm) = &jvm {
            record.set_jvm(jvm.id());
            self.file.write_or_warn(record);
        }
        Ok(jvm)
    }

    fn find_jvm(&self, record: &InstanceRecord) -> Result<Option<ProcessHandle>, String> {
        self.undecided_reason.take();
        match observe(
            self.settings,
            self.target,
            Some(record),
            ObservationScope::AllProcesses,
            self.deadline.instant(),
        ) {
            PicoPresence::One { id, .. } => id.open().map_err(|e| e.to_string()),
            PicoPresence::None { .. } | PicoPresence::Starting { .. } => Ok(None),
            PicoPresence::Several(pids) => Err(format!("it runs more than once, pids {pids:?}")),
            // The next poll may know; the deadline ends this.
            PicoPresence::Unknown(why) => {
                self.undecided_reason.replace(Some(why));
                Ok(None)
            }
        }
    }

    /// Waits until the HA Monitor Server answers. FAILED is an answer, since its counters are still empty.
    fn wait_for_ha_server(&self, jvm: &Jvm, record: &mut InstanceRecord) -> Result<(), Failure> {
        let facts = record.ha.as_ref().ok_or_else(|| "the registry was not read".to_owned());
        let endpoint = match HaCheckPlan::from_settings(self.settings, facts) {
            HaCheckPlan::Off => return Ok(()),
            HaCheckPlan::CannotAsk(why) => {
                tracing::warn!(
                    "{}: its HA Monitor Server is not asked: {why}",
                    self.settings.pico_label()
                );
                return Ok(());
            }
            HaCheckPlan::Ask(endpoint) => endpoint,
        };
        let monitor = HaClient {
            settings: self.settings,
            target: self.target,
            endpoint: endpoint.clone(),
            jvm: jvm.id(),
        };
        let until = self.deadline.instant();
        loop {
            let answer = monitor.ask(self.settings.ha_timeout, until);
            deep_checks::has_listened(self.target, record, jvm.id(), &endpoint, &answer, until);
            // An answer says nothing about a JVM that is dead by now.
            if jvm.0.pidfd().has_ended().map_err(|e| self.fail(e))? {
                return Err(self.abort(record, &format!("{} died right after its start", jvm.id())));
            }
            match answer {
                HaAnswer::Ok | HaAnswer::Failed(_) => return Ok(()),
                HaAnswer::Unreadable(why) => {
                    self.warn_unreadable_answer(&why);
                    return Ok(());
                }
                HaAnswer::NotAsked(why) => {
                    self.not_asked(&why);
                    return Ok(());
                }
                // This JVM was started with the current registry, so it must listen.
                HaAnswer::NoAnswer(why)
                | HaAnswer::ClientTimedOut(why)
                | HaAnswer::NeverListened(why)
                    if Instant::now() >= until =>
                {
                    let reason =
                        format!("it is up, but its HA Monitor Server does not answer: {why}");
                    return Err(self.abort(record, &reason));
                }
                HaAnswer::NoAnswer(_)
                | HaAnswer::ClientTimedOut(_)
                | HaAnswer::NeverListened(_) => {
                    jvm.0
                        .wait_for_end(self.deadline.instant_within(HA_POLL_INTERVAL))
                        .map_err(|e| self.fail(e))?;
                }
            }
        }
    }

    fn not_asked(&self, why: &str) {
        tracing::warn!(
            "{}: its HA Monitor Server could not be asked: {why}",
            self.settings.pico_label()
        );
    }

    /// An unreadable answer fails no start: something answers. The monitors judge it after the grace.
    fn warn_unreadable_answer(&self, why: &str) {
        tracing::warn!(
            "{}: the answer of its HA Monitor Server can't be read: {why}",
            self.settings.pico_label()
        );
    }

    /// Leaves nothing behind: stops mzsh first, then the JVM.
    fn abort(&self, record: &InstanceRecord, why: &str) -> Failure {
        let steps = EscalationSteps::until(self.full_deadline.instant()).signals_only();
        match self.clear_remains(Some(record), steps) {
            Ok(()) => {
                self.file.remove();
                self.fail(why)
            }
            Err(still) => self.fail(format!("{why}; {still}")),
        }
    }

    fn clear_remains(
        &self,
        record: Option<&InstanceRecord>,
        steps: EscalationSteps,
    ) -> Result<(), StopError> {
        let targets = std::slice::from_ref(self.target);
        StopEscalation::new(self.settings, targets, record, steps).run()
    }

    /// `republish_services` and `post_start`, which can't fail the start.
    fn run_post_start(&self) {
        let until = self.deadline.instant_within(POST_START_TIMEOUT);
        let mzsh = self.mzsh();
        if self.settings.republish_services && self.settings.pico_type == PicoType::Platform {
            warn_on_failure(
                "mzsh service restart --publish-only",
                mzsh.run_to_end(Verb::Republish, until),
            );
        }
        if let Some(program) = &self.settings.post_start {
            warn_on_failure(
                &format!("post_start {}", program.display()),
                mzsh.run_post_start(program, until),
            );
        }
    }
}

/// Whether `id` is the mzsh of an unfinished start, or in its session.
fn has_launched(record: &InstanceRecord, id: ProcessId) -> bool {
    let of_session = |own: ProcessId| {
        id.stat().is_ok_and(|stat| stat.is_some_and(|stat| stat.session == own.pid.as_raw()))
    };
    record.phase != StartPhase::Running
        && record.mzsh().is_some_and(|own| own == id || of_session(own))
}

struct Jvm(ProcessHandle);

impl Jvm {
    fn id(&self) -> ProcessId {
        self.0.id()
    }
}

fn warn_on_failure(what: &str, result: io::Result<FinishedCommand>) {
    match result {
        Ok(finished)
            if finished.exit_status == host::ExitStatus::Exited(0)
                && finished.launch_error.is_none() => {}
        Ok(finished) => {
            tracing::warn!("{what}: {}; the pico itself is up", finished.outcome());
        }
        Err(e) => tracing::warn!("{what}: {e}; the pico itself is up"),
    }
}
