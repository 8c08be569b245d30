//! stop: succeeds only when /proc shows neither the pico nor a startup of it.
//!
//! It validates nothing: a missing mount, an unknown user or a wrong parameter must neither leave a process alive nor fence a
//! node without one.

use super::stop_escalation::{EscalationSteps, StopEscalation};
use super::with_limit;
use crate::pico_users;
use crate::product::{Mzsh, StatusAnswer, Verb};
use crate::record::{InstanceRecord, InstanceRecordFile, StartPhase, lock_path};
use crate::settings::{PicoInstance, PicoType, Settings};
use crate::verdict::find_possible_target;
use host::lock::{Lock, LockAttempt};
use host::{ProcessId, Signal, process};
use ocf::{Deadline, Failure};
use std::time::{Duration, Instant};

const MIN_RESERVE: Duration = Duration::from_secs(5);

pub fn stop(settings: &Settings, deadline: Deadline) -> Result<(), Failure> {
    stop_with_steps(settings, deadline, EscalationSteps::until).map_err(with_limit)
}

/// Stops by signals alone, for cluster managers that stop in two steps.
pub fn stop_by_signals(settings: &Settings, deadline: Deadline) -> Result<(), Failure> {
    stop_with_steps(settings, deadline, |end| EscalationSteps::until(end).signals_only())
        .map_err(with_limit)
}

fn stop_with_steps(
    settings: &Settings,
    deadline: Deadline,
    steps: impl Fn(Instant) -> EscalationSteps,
) -> Result<(), Failure> {
    let deadline = with_answer_reserve(deadline);
    let file = InstanceRecordFile::for_resource(settings.resource.as_deref());
    let _lock = match targets_to_stop(settings, file.read().as_ref()).first() {
        Some(target) => take_over_lock(target, deadline),
        None => None,
    };
    // Only now: whoever had the lock may have begun a start.
    let record = file.read();
    let targets = targets_to_stop(settings, record.as_ref());
    if targets.is_empty() {
        return stop_without_target(settings, &file, deadline);
    }
    let steps = steps(deadline.instant());
    let ending = StopEscalation::new(settings, &targets, record.as_ref(), steps);
    if record.as_ref().is_some_and(|r| r.phase == StartPhase::Unidentified)
        && let Err(why) = stop_unidentified(settings, &targets[0], steps)
    {
        return Err(Failure::generic(format!("{}: {why}", settings.pico_label())));
    }
    match ending.run() {
        Ok(()) => {
            file.remove();
            Ok(())
        }
        Err(e) => {
            Err(Failure::generic(format!("{} could not be stopped: {e}", settings.pico_label())))
        }
    }
}

/// The parameters that identify the pico are unreadable. Without a record this resource has started none since boot, unless the
/// record is unreadable as well.
fn stop_without_target(
    settings: &Settings,
    file: &InstanceRecordFile,
    deadline: Deadline,
) -> Result<(), Failure> {
    let Err(unreadable) = &settings.target else { return Ok(()) };
    if file.is_unreadable() {
        let reason = format!("{} can't be read, and {unreadable}", file.display_path());
        return Err(Failure::generic(reason));
    }
    match find_possible_target(settings, unreadable, deadline.instant()) {
        Ok(None) => {
            tracing::warn!("nothing to stop: {unreadable}");
            Ok(())
        }
        Ok(Some(seen)) | Err(seen) => Err(Failure::generic(seen)),
    }
}

/// Reserves the larger of 5 s and a tenth of the timeout for the answer, but at most half.
pub(super) fn with_answer_reserve(deadline: Deadline) -> Deadline {
    deadline.with_reserve(MIN_RESERVE.max(deadline.timeout() / 10).min(deadline.timeout() / 2))
}

/// The pico of the parameters, and that of the record if it is another one.
fn targets_to_stop(settings: &Settings, record: Option<&InstanceRecord>) -> Vec<PicoInstance> {
    let mut targets: Vec<PicoInstance> =
        settings.target.iter().cloned().map(pico_users::with_remembered_home).collect();
    if let Some(record) = record
        && let Some(recorded) = record.target()
    {
        if settings.target.as_ref().is_ok_and(|target| record.is_for(target)) {
            // The record also knows the resolved home.
            targets.clear();
        }
        targets.insert(0, recorded);
        if let Ok(target) = &settings.target
            && target.process_match.as_ref().map(regex_lite::Regex::as_str)
                != targets[0].process_match.as_ref().map(regex_lite::Regex::as_str)
        {
            targets.push(target.clone());
        }
    }
    targets
}

/// Takes the lock, and kills another action that holds it for too long. Without the lock stop goes on: a lock must not fence
/// a node.
fn take_over_lock(target: &PicoInstance, deadline: Deadline) -> Option<Lock> {
    let path = match lock_path(target) {
        Ok(path) => path,
        Err(e) => {
            tracing::warn!("no lock: {e}");
            return None;
        }
    };
    for until in [
        deadline.started() + deadline.timeout() / 10,
        deadline.instant_within(Duration::from_secs(1)),
    ] {
        match Lock::acquire(&path, until) {
            Ok(LockAttempt::Acquired(lock)) => return Some(lock),
            Ok(LockAttempt::Busy(Some(holder))) if is_own_program(holder) => {
                tracing::warn!(
                    "{holder} has held the lock of this pico for too long; sending SIGKILL"
                );
                if let Ok(Some(handle)) = holder.open() {
                    let _ = handle.signal(Signal::KILL);
                    let _ = handle.wait_for_end(deadline.instant_within(Duration::from_secs(1)));
                }
            }
            Ok(LockAttempt::Busy(Some(holder))) => {
                tracing::warn!("the lock of this pico is held by {holder}");
            }
            Ok(LockAttempt::Busy(None)) => {
                tracing::warn!("the lock of this pico is held from another pid namespace");
            }
            Err(e) => tracing::warn!("no lock: {e}"),
        }
    }
    None
}

/// The only other program that takes the lock, besides the agents ([`PicoType::agent_name`]).
const HA_SCRIPTS_PROGRAM: &str = "mz-ha-scripts";

/// Whether the holder runs one of our programs, by its exe link, since the process name can be anything. More checks are not
/// needed: only root can open or create the lock.
fn is_own_program(holder: ProcessId) -> bool {
    let Ok(Some(program)) = process::read_exe_link(holder.pid) else { return false };
    let agents = PicoType::ALL.map(PicoType::agent_name);
    agents.into_iter().chain([HA_SCRIPTS_PROGRAM]).any(|name| program.has_file_name(name))
}

/// No process matched at the start of this pico, so mzsh must stop it and confirm that.
fn stop_unidentified(
    settings: &Settings,
    target: &PicoInstance,
    steps: EscalationSteps,
) -> Result<(), String> {
    let mzsh = Mzsh::new(settings, target);
    mzsh.run_to_end(Verb::Shutdown, steps.shutdown.unwrap_or(steps.kill))
        .map_err(|e| e.to_string())?;
    let until = steps.end.min(Instant::now() + settings.mzsh_timeout);
    match StatusAnswer::from_finished(
        &mzsh.run_to_end(Verb::Status, until).map_err(|e| e.to_string())?,
    ) {
        StatusAnswer::NotRunning => Ok(()),
        other => Err(format!(
            "mzsh started it, but no process looks like it; mzsh status: {other}; set process_match"
        )),
    }
}
