//! The rounds of an ending: look, end what is there, look again. What "stopped" rests on is here, apart from all that acts,
//! so that it can be tried on nodes that behave as badly as can be thought of.

use crate::identity::{Candidate, Found, Suspect};
use host::ProcessId;
use host::process::State;
use std::io;
use std::time::{Duration, Instant};

/// Between two looks when a look did not decide.
pub(super) const LOOK_AGAIN: Duration = Duration::from_millis(300);

/// What was still there at the end; in words.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StillThere {
    #[error("{0} is still there after SIGKILL: {1}")]
    Process(ProcessId, State),
    #[error("{} {}", .0.id, .0.why)]
    Undecided(Suspect),
    #[error("what runs can't be told: {0}")]
    Unreadable(io::Error),
}

/// What the rounds see and do: on the node, or on a test's model of one.
pub(super) trait Rounds {
    /// The time.
    fn now(&self) -> Instant;
    /// A whole look at the node.
    fn look(&self) -> io::Result<Found>;
    /// Tries to end an mzsh that is starting the pico.
    fn end_startup(&self, startup: ProcessId);
    /// Tries to end an instance, with what it has started.
    fn end_pico(&self, pico: &Candidate);
    /// Tries to end what instances have left behind.
    fn end_leftovers(&self, leftovers: &[ProcessId]);
    /// Lets time go by.
    fn pause(&self, length: Duration);
}

/// Goes on until a whole look finds nothing (Ok), or until `end`.
///
/// An error of a step does not end it: what a step could not do, the next one may, and time is the only limit.
pub(super) fn until_nothing(node: &impl Rounds, end: Instant) -> Result<(), StillThere> {
    loop {
        // Before the look: one that was begun in time counts, however long it takes.
        let over = node.now() >= end;
        match node.look() {
            Ok(found) if found.is_nothing() && found.leftovers.is_empty() => return Ok(()),
            Ok(found) if over => return Err(left(found)),
            Err(e) if over => return Err(StillThere::Unreadable(e)),
            Ok(found) => {
                // The startups first: none must bring up another behind our back.
                for &startup in &found.startups {
                    node.end_startup(startup);
                }
                for pico in &found.picos {
                    node.end_pico(pico);
                }
                if !found.leftovers.is_empty() && found.picos.is_empty() {
                    node.end_leftovers(&found.leftovers);
                }
                if found.picos.is_empty() && found.startups.is_empty() && found.leftovers.is_empty() {
                    node.pause(LOOK_AGAIN);
                }
            }
            Err(_) => node.pause(LOOK_AGAIN),
        }
    }
}

/// The worst of what a look has found.
fn left(found: Found) -> StillThere {
    let state = |id: ProcessId| id.stat().ok().flatten().map_or(State::Zombie, |stat| stat.state);
    let process = found.picos.first().map(|pico| pico.id);
    let process = process.or(found.startups.first().copied()).or(found.leftovers.first().copied());
    match (process, found.suspects.into_iter().next()) {
        (None, Some(suspect)) => StillThere::Undecided(suspect),
        (Some(id), _) => StillThere::Process(id, state(id)),
        (None, None) => StillThere::Unreadable(io::Error::other("nothing, at the last look")),
    }
}
