//! stop: returns success only when /proc shows neither the pico nor a startup of it.
//!
//! No validation comes before it: a missing mount, an unknown user or a wrong parameter is no reason to leave a
//! process alive, and none to have the node fenced when there is no process.

use super::ending::{Ending, Steps};
use crate::budget::Budget;
use crate::outcome::{Answer, Outcome};
use crate::owner;
use crate::product::{Mzsh, StatusAnswer, Verb};
use crate::record::{Phase, Record, RecordFile, lock_path};
use crate::settings::{PicoType, Settings, Target};
use crate::verdict::could_be_meant;
use host::lock::{Lock, Locked};
use host::{ProcessId, Signal, process};
use std::time::{Duration, Instant};

/// Least time that is kept for the answer.
const LEAST_RESERVE: Duration = Duration::from_secs(5);

/// Stops.
#[must_use]
pub fn stop(settings: &Settings, budget: Budget) -> Outcome {
    end(settings, budget, Steps::until)
}

/// Stops by signals alone: mzsh has been asked before, or nobody wants to wait for it. For managers that have two steps.
#[must_use]
pub fn clean(settings: &Settings, budget: Budget) -> Outcome {
    end(settings, budget, |end| Steps::until(end).by_signals())
}

fn end(settings: &Settings, budget: Budget, steps: impl Fn(Instant) -> Steps) -> Outcome {
    let budget = working(budget);
    let file = RecordFile::of(settings.resource.as_deref());
    let _lock = match targets(settings, file.read().as_ref()).first() {
        Some(target) => take_over_lock(target, budget),
        None => None,
    };
    // Only now: whoever had the lock may have begun a start.
    let record = file.read();
    let targets = targets(settings, record.as_ref());
    if targets.is_empty() {
        return without_target(settings, &file, budget);
    }
    let steps = steps(budget.end);
    let ending = Ending::new(settings, &targets, record.as_ref(), steps);
    if record.as_ref().is_some_and(|r| r.phase == Phase::Unidentified)
        && let Err(why) = stop_unidentified(settings, &targets[0], steps)
    {
        return Outcome::failed(format!("{}: {why}", settings.pico()));
    }
    match ending.run() {
        Ok(()) => {
            file.remove();
            Outcome::success()
        }
        Err(e) => Outcome::failed(format!("{} could not be stopped: {e}", settings.pico())),
    }
}

/// Nothing but the parameters says which pico is meant, and these can't be read. This resource has started none since the boot,
/// unless its record can't be read either.
fn without_target(settings: &Settings, file: &RecordFile, budget: Budget) -> Outcome {
    let Err(unreadable) = &settings.target else { return Outcome::success() };
    if file.is_unreadable() {
        return Outcome::failed(format!("{} can't be read, and {unreadable}", file.place()));
    }
    match could_be_meant(settings, unreadable, budget.end) {
        Ok(None) => {
            Outcome { answer: Answer::Success, reason: Some(format!("nothing to stop: {unreadable}")) }
        }
        Ok(Some(seen)) | Err(seen) => Outcome::failed(seen),
    }
}

/// What of the operation's time a stop has: the larger of 5 s and a tenth is kept for the answer, but never more than half.
pub(super) fn working(budget: Budget) -> Budget {
    budget.less(LEAST_RESERVE.max(budget.length() / 10).min(budget.length() / 2))
}

/// What the parameters mean, and what the record was written for where that is another one.
fn targets(settings: &Settings, record: Option<&Record>) -> Vec<Target> {
    let mut targets: Vec<Target> = settings.target.iter().cloned().map(owner::with_known_home).collect();
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
fn take_over_lock(target: &Target, budget: Budget) -> Option<Lock> {
    let path = match lock_path(target) {
        Ok(path) => path,
        Err(e) => {
            tracing::warn!("no lock: {e}");
            return None;
        }
    };
    for until in [budget.begun + budget.length() / 10, budget.within(Duration::from_secs(1))] {
        match Lock::acquire(&path, until) {
            Ok(Locked::Held(lock)) => return Some(lock),
            Ok(Locked::Busy(Some(holder))) if is_agent(holder) => {
                tracing::warn!("{holder} has held the lock of this pico for too long; it is ended");
                if let Ok(Some(handle)) = holder.open() {
                    let _ = handle.signal(Signal::KILL);
                    let _ = handle.ended_by(budget.within(Duration::from_secs(1)));
                }
            }
            Ok(Locked::Busy(holder)) => tracing::warn!("the lock of this pico is held: {holder:?}"),
            Err(e) => tracing::warn!("no lock: {e}"),
        }
    }
    None
}

/// What of ours takes the lock, beside the agents ([`PicoType::agent`]), which are installed elsewhere.
const HA_SCRIPTS: &str = "mz-ha-scripts";

/// Is it one of our programs, wherever it is installed? By its link, for its name in the process table can be anything. No more need be
/// asked: who is not root can neither open the lock nor lay one there.
fn is_agent(holder: ProcessId) -> bool {
    let Ok(Some(program)) = process::executable(holder.pid) else { return false };
    let agents = PicoType::ALL.map(PicoType::agent);
    agents.into_iter().chain([HA_SCRIPTS]).any(|name| program.is_named(name))
}

/// A pico that mzsh knows and that no process looked like at its start: mzsh must end it, and say that it is ended.
fn stop_unidentified(settings: &Settings, target: &Target, steps: Steps) -> Result<(), String> {
    let mzsh = Mzsh::new(settings, target);
    mzsh.run(Verb::Shutdown, steps.shutdown.unwrap_or(steps.kill)).map_err(|e| e.to_string())?;
    let until = steps.end.min(Instant::now() + settings.mzsh_timeout);
    match StatusAnswer::of(&mzsh.run(Verb::Status, until).map_err(|e| e.to_string())?) {
        StatusAnswer::NotRunning => Ok(()),
        other => Err(format!(
            "mzsh started it, no process looks like it (set process_match); mzsh status: {other}"
        )),
    }
}
