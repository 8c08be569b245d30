//! stop: returns success only when /proc shows neither the pico nor a startup of it.
//!
//! No validation comes before it: a missing mount, an unknown user or a wrong parameter is no reason to leave a
//! process alive, and none to have the node fenced when there is no process.

use super::stop_escalation::{EscalationSteps, StopEscalation};
use crate::action_result::{ActionResult, ActionStatus};
use crate::deadline::ActionDeadline;
use crate::pico_users;
use crate::product::{Mzsh, StatusAnswer, Verb};
use crate::record::{InstanceRecord, InstanceRecordFile, StartPhase, lock_path};
use crate::settings::{PicoInstance, PicoType, Settings};
use crate::verdict::find_possible_target;
use host::lock::{Lock, LockAttempt};
use host::{ProcessId, Signal, process};
use std::time::{Duration, Instant};

/// Least time that is kept for the answer.
const MIN_RESERVE: Duration = Duration::from_secs(5);

/// Stops.
#[must_use]
pub fn stop(settings: &Settings, deadline: ActionDeadline) -> ActionResult {
    stop_with_steps(settings, deadline, EscalationSteps::until)
}

/// Stops by signals alone: mzsh has been asked before, or nobody wants to wait for it. For managers that have two steps.
#[must_use]
pub fn stop_by_signals(settings: &Settings, deadline: ActionDeadline) -> ActionResult {
    stop_with_steps(settings, deadline, |end| EscalationSteps::until(end).signals_only())
}

fn stop_with_steps(
    settings: &Settings,
    deadline: ActionDeadline,
    steps: impl Fn(Instant) -> EscalationSteps,
) -> ActionResult {
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
    let steps = steps(deadline.end);
    let ending = StopEscalation::new(settings, &targets, record.as_ref(), steps);
    if record.as_ref().is_some_and(|r| r.phase == StartPhase::Unidentified)
        && let Err(why) = stop_unidentified(settings, &targets[0], steps)
    {
        return ActionResult::failed(format!("{}: {why}", settings.pico_label()));
    }
    match ending.run() {
        Ok(()) => {
            file.remove();
            ActionResult::success()
        }
        Err(e) => ActionResult::failed(format!("{} could not be stopped: {e}", settings.pico_label())),
    }
}

/// Nothing but the parameters says which pico is meant, and these can't be read. This resource has started none since the boot,
/// unless its record can't be read either.
fn stop_without_target(
    settings: &Settings,
    file: &InstanceRecordFile,
    deadline: ActionDeadline,
) -> ActionResult {
    let Err(unreadable) = &settings.target else { return ActionResult::success() };
    if file.is_unreadable() {
        return ActionResult::failed(format!("{} can't be read, and {unreadable}", file.display_path()));
    }
    match find_possible_target(settings, unreadable, deadline.end) {
        Ok(None) => ActionResult {
            status: ActionStatus::Success,
            reason: Some(format!("nothing to stop: {unreadable}")),
        },
        Ok(Some(seen)) | Err(seen) => ActionResult::failed(seen),
    }
}

/// What of the operation's time a stop has: the larger of 5 s and a tenth is kept for the answer, but never more than half.
pub(super) fn with_answer_reserve(deadline: ActionDeadline) -> ActionDeadline {
    deadline.with_reserve(MIN_RESERVE.max(deadline.timeout() / 10).min(deadline.timeout() / 2))
}

/// What the parameters mean, and what the record was written for where that is another one.
fn targets_to_stop(settings: &Settings, record: Option<&InstanceRecord>) -> Vec<PicoInstance> {
    let mut targets: Vec<PicoInstance> =
        settings.target.iter().cloned().map(pico_users::with_remembered_home).collect();
    if let Some(record) = record
        && let Some(recorded) = record.target()
    {
        if settings.target.as_ref().is_ok_and(|target| record.is_for(target)) {
            // The same one, and what its home resolves to is known.
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

/// The lock; where another action of ours holds it for too long, that one is ended. stop goes on without it, too: a lock
/// is no reason for a fencing.
fn take_over_lock(target: &PicoInstance, deadline: ActionDeadline) -> Option<Lock> {
    let path = match lock_path(target) {
        Ok(path) => path,
        Err(e) => {
            tracing::warn!("no lock: {e}");
            return None;
        }
    };
    for until in [deadline.started + deadline.timeout() / 10, deadline.instant_within(Duration::from_secs(1))]
    {
        match Lock::acquire(&path, until) {
            Ok(LockAttempt::Acquired(lock)) => return Some(lock),
            Ok(LockAttempt::Busy(Some(holder))) if is_own_program(holder) => {
                tracing::warn!("{holder} has held the lock of this pico for too long; it is ended");
                if let Ok(Some(handle)) = holder.open() {
                    let _ = handle.signal(Signal::KILL);
                    let _ = handle.wait_for_end(deadline.instant_within(Duration::from_secs(1)));
                }
            }
            Ok(LockAttempt::Busy(holder)) => tracing::warn!("the lock of this pico is held: {holder:?}"),
            Err(e) => tracing::warn!("no lock: {e}"),
        }
    }
    None
}

/// What of ours takes the lock, beside the agents ([`PicoType::agent_name`]), which are installed elsewhere.
const HA_SCRIPTS_PROGRAM: &str = "mz-ha-scripts";

/// Is it one of our programs, wherever it is installed? By its link, for its name in the process table can be anything. No more need be
/// asked: who is not root can neither open the lock nor lay one there.
fn is_own_program(holder: ProcessId) -> bool {
    let Ok(Some(program)) = process::read_exe_link(holder.pid) else { return false };
    let agents = PicoType::ALL.map(PicoType::agent_name);
    agents.into_iter().chain([HA_SCRIPTS_PROGRAM]).any(|name| program.has_file_name(name))
}

/// A pico that mzsh knows and that no process looked like at its start: mzsh must end it, and say that it is ended.
fn stop_unidentified(
    settings: &Settings,
    target: &PicoInstance,
    steps: EscalationSteps,
) -> Result<(), String> {
    let mzsh = Mzsh::new(settings, target);
    mzsh.run_to_end(Verb::Shutdown, steps.shutdown.unwrap_or(steps.kill)).map_err(|e| e.to_string())?;
    let until = steps.end.min(Instant::now() + settings.mzsh_timeout);
    match StatusAnswer::from_finished(&mzsh.run_to_end(Verb::Status, until).map_err(|e| e.to_string())?) {
        StatusAnswer::NotRunning => Ok(()),
        other => Err(format!(
            "mzsh started it, no process looks like it (set process_match); mzsh status: {other}"
        )),
    }
}
