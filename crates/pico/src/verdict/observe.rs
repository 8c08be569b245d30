//! Gathering the evidence that /proc gives.

use super::node::{self, Node};
use super::{Life, Processes};
use crate::identity::Found;
use crate::record::{Phase, Record};
use crate::settings::{Settings, Target};
use crate::{absence, owner};
use host::process::{Stat, State};
use host::{ProcessId, pause};
use std::io;
use std::time::{Duration, Instant};

/// How far apart the two looks are that must agree before "several" is said.
const SEVERAL_APART: Duration = Duration::from_millis(300);
/// For how long a process must be seen stopped, or without its main thread, before that counts.
const SEEN_FOR: Duration = Duration::from_secs(2);
/// Between two looks at such a one.
const SEEN_STEP: Duration = Duration::from_millis(200);

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
/// `record` must be about this pico, or `None`. Pauses (several, stopped, undecided) end at `until`.
#[must_use]
pub fn observe(
    settings: &Settings,
    target: &Target,
    record: Option<&Record>,
    look: Look,
    until: Instant,
) -> Processes {
    if look == Look::Record
        && let Some(id) = record.and_then(Record::jvm)
        && let Ok(Some(stat)) = id.live()
        && let Some(life) = life(&stat, look, until)
    {
        return Processes::One { id, life };
    }
    let home = target.home.clone().resolved_as(record.and_then(Record::resolved_home));
    let known = owner::with_known_home(Target { home, ..target.clone() });
    let node = Node::new(settings, &known, record, until);
    loop {
        match everything(&node, look) {
            Ok(Some(processes)) => return processes,
            // What was seen has changed while it was looked at.
            Ok(None) if Instant::now() < until => {}
            Ok(None) => {
                return Processes::Unknown("its processes change while they are looked at".to_owned());
            }
            Err(e) => {
                // What the record names is known without a look at the others.
                let known = record.and_then(Record::jvm).and_then(|id| id.live().ok().flatten());
                let alive = known.and_then(|stat| Some((stat.id(), life(&stat, look, until)?)));
                let Some((id, life)) = alive else {
                    return Processes::Unknown(format!("the look at all processes failed: {e}"));
                };
                tracing::warn!("{}: {id} lives; the look at all processes failed: {e}", target.name);
                return Processes::One { id, life };
            }
        }
    }
}

/// `None`: what was found is not there any more.
fn everything(node: &Node<'_>, how: Look) -> io::Result<Option<Processes>> {
    let search = node::search(std::slice::from_ref(node.target), node.record, &[]);
    let mut found = search.look(node, node.until)?;
    let since = Instant::now();
    while found.picos.is_empty()
        && !found.suspects.is_empty()
        && since.elapsed() < SEEN_FOR
        && Instant::now() < node.until
    {
        // A JVM that is just ending can look like one that has lost its main thread.
        pause(SEEN_STEP, node.until);
        found = search.look(node, node.until)?;
    }
    if found.picos.len() > 1 {
        // An old one that is just ending beside a new one, or a fork caught before its exec.
        pause(SEVERAL_APART, node.until);
        let again = search.look(node, node.until)?;
        let pids = |f: &Found| f.picos.iter().map(|c| c.id).collect::<Vec<_>>();
        if again.picos.len() > 1 && pids(&again) != pids(&found) {
            return Ok(None);
        }
        found = again;
    }
    Ok(match (found.picos.as_slice(), found.suspects.first(), found.startups.first()) {
        ([one], ..) => {
            let life = one.id.live()?.and_then(|stat| life(&stat, how, node.until));
            life.map(|life| Processes::One { id: one.id, life })
        }
        ([], Some(suspect), _) => Some(Processes::Unknown(format!("{} {}", suspect.id, suspect.why))),
        ([], None, Some(&mzsh)) => Some(Processes::Starting { mzsh }),
        ([], None, None) if node.record.is_some_and(|r| r.phase == Phase::Unidentified) => {
            let why = "mzsh has started it, and no process looks like it: set process_match";
            Some(Processes::Unknown(why.to_owned()))
        }
        ([], None, None) => {
            absence::note(node.target, &found.others);
            Some(Processes::None { ended: node.record.and_then(Record::jvm) })
        }
        (several, ..) => Some(Processes::Several(several.iter().map(|c| c.id.pid).collect())),
    })
}

/// How alive it is; `None`: it has ended since.
fn life(stat: &Stat, look: Look, until: Instant) -> Option<Life> {
    match stat.state {
        // A probe answers the same for a stopped one as for another live one.
        State::Stopped if look == Look::Once => Some(Life::Stopped),
        State::Stopped | State::Zombie => lasting(stat.id(), stat.state, until),
        State::Traced => Some(Life::Traced),
        _ => Some(Life::Well),
    }
}

/// Is it seen in this state in every look over [`SEEN_FOR`]? A moment of T (a snapshot tool, a shell's ^Z) is no hang, and
/// a JVM that ends is Z with threads for a moment. `None`: it has ended.
fn lasting(id: ProcessId, state: State, until: Instant) -> Option<Life> {
    let since = Instant::now();
    loop {
        let stat = id.live().ok()??;
        if stat.state != state {
            // It goes on; should it be in another bad state by now, the next monitor will tell.
            return Some(Life::Well);
        }
        if since.elapsed() >= SEEN_FOR || Instant::now() >= until {
            return Some(match state {
                State::Zombie => Life::LeaderGone { threads: stat.threads },
                _ => Life::Stopped,
            });
        }
        pause(SEEN_STEP, until);
    }
}
