//! Gathering the evidence that /proc gives.

use super::node_context::{self, NodeContext};
use super::{Liveness, PicoPresence};
use crate::identity::ScanResult;
use crate::record::{InstanceRecord, StartPhase};
use crate::settings::{PicoInstance, Settings};
use crate::{pico_users, ruled_out};
use host::process::{ProcessState, Stat};
use host::{ProcessId, sleep_capped};
use std::io;
use std::time::{Duration, Instant};

/// How far apart the two looks are that must agree before "several" is said.
const DUPLICATE_RECHECK_DELAY: Duration = Duration::from_millis(300);
/// For how long a process must be seen stopped, or without its main thread, before that counts.
const CONFIRMATION_TIME: Duration = Duration::from_secs(2);
/// Between two looks at such a one.
const CONFIRMATION_INTERVAL: Duration = Duration::from_millis(200);

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObservationScope {
    /// The process that the record names, alone, if it lives; else everything.
    RecordedProcess,
    /// Every process of the node.
    AllProcesses,
    /// The same, but a stopped process is not looked at for longer: for a probe, to which stopped is alive.
    AllProcessesOnce,
}

/// What /proc shows of the pico `target`.
///
/// `record` must be about this pico, or `None`. Pauses (several, stopped, undecided) end at `until`.
#[must_use]
pub fn observe(
    settings: &Settings,
    target: &PicoInstance,
    record: Option<&InstanceRecord>,
    scope: ObservationScope,
    until: Instant,
) -> PicoPresence {
    if scope == ObservationScope::RecordedProcess
        && let Some(id) = record.and_then(InstanceRecord::jvm)
        && let Ok(Some(stat)) = id.live_stat()
        && let Some(life) = liveness_of(&stat, scope, until)
    {
        return PicoPresence::One { id, liveness: life };
    }
    let home = target.home.clone().with_resolved(record.and_then(InstanceRecord::resolved_home));
    let known = pico_users::with_remembered_home(PicoInstance { home, ..target.clone() });
    let node = NodeContext::new(settings, &known, record, until);
    loop {
        match observe_all_processes(&node, scope) {
            Ok(Some(processes)) => return processes,
            // What was seen has changed while it was looked at.
            Ok(None) if Instant::now() < until => {}
            Ok(None) => {
                return PicoPresence::Unknown("its processes change while they are looked at".to_owned());
            }
            Err(e) => {
                // What the record names is known without a look at the others.
                let known = record.and_then(InstanceRecord::jvm).and_then(|id| id.live_stat().ok().flatten());
                let alive = known.and_then(|stat| Some((stat.id(), liveness_of(&stat, scope, until)?)));
                let Some((id, life)) = alive else {
                    return PicoPresence::Unknown(format!("the look at all processes failed: {e}"));
                };
                tracing::warn!("{}: {id} lives; the look at all processes failed: {e}", target.name);
                return PicoPresence::One { id, liveness: life };
            }
        }
    }
}

/// `None`: what was found is not there any more.
fn observe_all_processes(
    node: &NodeContext<'_>,
    scope: ObservationScope,
) -> io::Result<Option<PicoPresence>> {
    let search = node_context::process_search(std::slice::from_ref(node.target), node.record, &[]);
    let mut found = search.scan(node, node.until)?;
    let since = Instant::now();
    while found.picos.is_empty()
        && !found.suspects.is_empty()
        && since.elapsed() < CONFIRMATION_TIME
        && Instant::now() < node.until
    {
        // A JVM that is just ending can look like one that has lost its main thread.
        sleep_capped(CONFIRMATION_INTERVAL, node.until);
        found = search.scan(node, node.until)?;
    }
    if found.picos.len() > 1 {
        // An old one that is just ending beside a new one, or a fork caught before its exec.
        sleep_capped(DUPLICATE_RECHECK_DELAY, node.until);
        let again = search.scan(node, node.until)?;
        let pids = |f: &ScanResult| f.picos.iter().map(|c| c.id).collect::<Vec<_>>();
        if again.picos.len() > 1 && pids(&again) != pids(&found) {
            return Ok(None);
        }
        found = again;
    }
    Ok(match (found.picos.as_slice(), found.suspects.first(), found.startups.first()) {
        ([one], ..) => {
            let life = one.id.live_stat()?.and_then(|stat| liveness_of(&stat, scope, node.until));
            life.map(|life| PicoPresence::One { id: one.id, liveness: life })
        }
        ([], Some(suspect), _) => Some(PicoPresence::Unknown(format!("{} {}", suspect.id, suspect.why))),
        ([], None, Some(&mzsh)) => Some(PicoPresence::Starting { mzsh }),
        ([], None, None) if node.record.is_some_and(|r| r.phase == StartPhase::Unidentified) => {
            let why = "mzsh has started it, and no process looks like it: set process_match";
            Some(PicoPresence::Unknown(why.to_owned()))
        }
        ([], None, None) => {
            ruled_out::write(node.target, &found.unrelated_javas);
            Some(PicoPresence::None { ended: node.record.and_then(InstanceRecord::jvm) })
        }
        (several, ..) => Some(PicoPresence::Several(several.iter().map(|c| c.id.pid).collect())),
    })
}

/// How alive it is; `None`: it has ended since.
fn liveness_of(stat: &Stat, scope: ObservationScope, until: Instant) -> Option<Liveness> {
    match stat.state {
        // A probe answers the same for a stopped one as for another live one.
        ProcessState::Stopped if scope == ObservationScope::AllProcessesOnce => Some(Liveness::Stopped),
        ProcessState::Stopped | ProcessState::Zombie => confirmed_liveness(stat.id(), stat.state, until),
        ProcessState::Traced => Some(Liveness::Traced),
        _ => Some(Liveness::Alive),
    }
}

/// Is it seen in this state in every look over [`CONFIRMATION_TIME`]? A moment of T (a snapshot tool, a shell's ^Z) is no hang, and
/// a JVM that ends is Z with threads for a moment. `None`: it has ended.
fn confirmed_liveness(id: ProcessId, state: ProcessState, until: Instant) -> Option<Liveness> {
    let since = Instant::now();
    loop {
        let stat = id.live_stat().ok()??;
        if stat.state != state {
            // It goes on; should it be in another bad state by now, the next monitor will tell.
            return Some(Liveness::Alive);
        }
        if since.elapsed() >= CONFIRMATION_TIME || Instant::now() >= until {
            return Some(match state {
                ProcessState::Zombie => Liveness::ZombieLeader { threads: stat.threads },
                _ => Liveness::Stopped,
            });
        }
        sleep_capped(CONFIRMATION_INTERVAL, until);
    }
}
