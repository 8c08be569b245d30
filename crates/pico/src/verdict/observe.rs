//! Gathering the evidence that /proc gives.

use super::{Life, Processes};
use crate::identity::{Candidate, Found, look};
use crate::product;
use crate::record::Record;
use crate::settings::Target;
use host::process::{Stat, State};
use host::{ProcessId, pause};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// How far apart the two looks are that must agree before "several" is said.
const SEVERAL_APART: Duration = Duration::from_millis(300);
/// For how long a process must be seen stopped before that is a hang.
const STOPPED_FOR: Duration = Duration::from_secs(2);
/// Between two looks at a stopped process.
const STOPPED_STEP: Duration = Duration::from_millis(200);
/// Longest wait for what a path resolves to.
const RESOLVE_WITHIN: Duration = Duration::from_secs(5);

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The process that the record names, alone, if it lives; else everything.
    Record,
    /// Every process of the node.
    Everything,
    /// The same, but a stopped process is not looked at for longer: for a probe, to which stopped is alive.
    Once,
}

/// What /proc shows of the pico `target`.
///
/// `record` must be about this pico, or `None`. Pauses (several, stopped) end at `until`.
#[must_use]
pub fn observe(target: &Target, record: Option<&Record>, look: Look, until: Instant) -> Processes {
    let recorded = record.and_then(Record::jvm);
    if look == Look::Record
        && let Some(id) = recorded
        && let Ok(Some(stat)) = id.stat()
        && !stat.is_dead()
    {
        return Processes::One { id, life: life(&stat, look, until) };
    }
    everything(target, record, look, until)
        .unwrap_or_else(|e| Processes::Unknown(format!("/proc can't be read: {e}")))
}

fn everything(target: &Target, record: Option<&Record>, how: Look, until: Instant) -> io::Result<Processes> {
    let recorded = record.and_then(Record::jvm);
    let home = target.home.clone().resolved_as(record.and_then(Record::resolved_home));
    let known = Target { home, ..target.clone() };
    let resolve = |path: &Path| product::resolve(path, until.min(Instant::now() + RESOLVE_WITHIN));
    let look = || look(std::slice::from_ref(&known), recorded, record.and_then(|r| r.uid), &resolve);
    let mut found = look()?;
    if found.is_nothing() {
        // A process that forks itself into the background while numbers wrap around can slip through one pass.
        found = look()?;
    }
    if found.picos.len() > 1 {
        // An old one that is just ending beside a new one, or a fork caught before its exec.
        pause(SEVERAL_APART, until);
        let again = look()?;
        if again.picos != found.picos && again.picos.len() > 1 {
            let pids = |f: &Found| f.picos.iter().map(|c| c.id).collect::<Vec<_>>();
            if pids(&again) != pids(&found) {
                let why =
                    format!("the processes that look like it change: {:?}, {:?}", pids(&found), pids(&again));
                return Ok(Processes::Unknown(why));
            }
        }
        found = again;
    }
    // A start that has executed nothing yet has no command line of mzsh: the record names its process.
    let launched =
        record.and_then(Record::mzsh).filter(|id| matches!(id.stat(), Ok(Some(s)) if !s.is_dead()));
    if let [one] = found.picos.as_slice() {
        return match alive(one, how, until)? {
            Some(alive) => Ok(alive),
            // It has ended since; what is there now is another question.
            None if Instant::now() < until => everything(target, record, how, until),
            None => Ok(Processes::Unknown(format!("{} ended while it was looked at", one.id))),
        };
    }
    Ok(match (found.picos.as_slice(), found.suspects.first(), found.startups.first().copied().or(launched)) {
        ([], Some(suspect), _) => Processes::Unknown(format!("{} {}", suspect.id, suspect.why)),
        ([], None, Some(mzsh)) => Processes::Starting { mzsh },
        ([], None, None) => Processes::None { ended: recorded },
        (several, ..) => Processes::Several(several.iter().map(|c| c.id.pid).collect()),
    })
}

/// Its life now; `None` when it has ended since.
fn alive(candidate: &Candidate, look: Look, until: Instant) -> io::Result<Option<Processes>> {
    let stat = candidate.id.stat()?.filter(|stat| !stat.is_dead());
    Ok(stat.map(|stat| Processes::One { id: candidate.id, life: life(&stat, look, until) }))
}

fn life(stat: &Stat, look: Look, until: Instant) -> Life {
    match stat.state {
        State::Zombie => Life::LeaderGone { threads: stat.threads },
        State::Traced => Life::Traced,
        State::Stopped if look == Look::Once || stays_stopped(stat.id(), until) => Life::Stopped,
        _ => Life::Well,
    }
}

/// Is it seen stopped in every look over [`STOPPED_FOR`]? A moment of it (a snapshot tool, a shell's ^Z) is no hang.
fn stays_stopped(id: ProcessId, until: Instant) -> bool {
    let since = Instant::now();
    loop {
        pause(STOPPED_STEP, until);
        match id.stat() {
            Ok(Some(stat)) if stat.state == State::Stopped => {}
            // It goes on, or has ended; the next look will tell.
            _ => return false,
        }
        if since.elapsed() >= STOPPED_FOR || Instant::now() >= until {
            return true;
        }
    }
}
