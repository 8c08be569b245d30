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

/// Time between the two scans that must agree on [`PicoPresence::Several`].
const DUPLICATE_RECHECK_DELAY: Duration = Duration::from_millis(300);
/// How long a process must be stopped, or without its main thread, before that counts.
const CONFIRMATION_TIME: Duration = Duration::from_secs(2);
/// Poll interval for such a process.
const CONFIRMATION_INTERVAL: Duration = Duration::from_millis(200);

/// Which processes are examined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObservationScope {
    /// Only the recorded process if it lives; else every process of the node.
    RecordedProcess,
    /// Every process of the node.
    AllProcesses,
    /// The same, without confirming a stopped process: for a probe, to which stopped is alive.
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
            // The processes changed during the scan.
            Ok(None) if Instant::now() < until => {}
            Ok(None) => {
                return PicoPresence::Unknown("its processes changed during every scan".to_owned());
            }
            Err(e) => {
                // The recorded process is identified without a scan.
                let known = record
                    .and_then(InstanceRecord::jvm)
                    .and_then(|id| id.live_stat().ok().flatten());
                let alive =
                    known.and_then(|stat| Some((stat.id(), liveness_of(&stat, scope, until)?)));
                let Some((id, life)) = alive else {
                    return PicoPresence::Unknown(format!("process scan failed: {e}"));
                };
                tracing::warn!("{}: {id} is running; process scan failed: {e}", target.name);
                return PicoPresence::One { id, liveness: life };
            }
        }
    }
}

/// `None`: what was found has exited since.
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
        // A JVM that is exiting can look like one that has lost its main thread.
        sleep_capped(CONFIRMATION_INTERVAL, node.until);
        found = search.scan(node, node.until)?;
    }
    if found.picos.len() > 1 {
        // An old process that is exiting beside a new one, or a fork before its exec.
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
        ([], Some(suspect), _) => {
            Some(PicoPresence::Unknown(format!("{} {}", suspect.id, suspect.why)))
        }
        ([], None, Some(&mzsh)) => Some(PicoPresence::Starting { mzsh }),
        ([], None, None) if node.record.is_some_and(|r| r.phase == StartPhase::Unidentified) => {
            let why = "mzsh startup succeeded, no matching process; set process_match";
            Some(PicoPresence::Unknown(why.to_owned()))
        }
        ([], None, None) => {
            ruled_out::write(node.target, &found.unrelated_javas);
            Some(PicoPresence::None { ended: node.record.and_then(InstanceRecord::jvm) })
        }
        (several, ..) => Some(PicoPresence::Several(several.iter().map(|c| c.id.pid).collect())),
    })
}

/// `None`: it has exited since.
fn liveness_of(stat: &Stat, scope: ObservationScope, until: Instant) -> Option<Liveness> {
    match stat.state {
        // To a probe a stopped process is alive.
        ProcessState::Stopped if scope == ObservationScope::AllProcessesOnce => {
            Some(Liveness::Stopped)
        }
        ProcessState::Stopped | ProcessState::Zombie => {
            confirmed_liveness(stat.id(), stat.state, until)
        }
        ProcessState::Traced => Some(Liveness::Traced),
        _ => Some(Liveness::Alive),
    }
}

/// Does it stay in this state for [`CONFIRMATION_TIME`]? A short T (a snapshot tool, a shell's ^Z) is no hang, and an exiting JVM is briefly
/// Z with threads. `None`: it has exited.
fn confirmed_liveness(id: ProcessId, state: ProcessState, until: Instant) -> Option<Liveness> {
    let since = Instant::now();
    loop {
        let stat = id.live_stat().ok()??;
        if stat.state != state {
            // If it is in another bad state by now, the next monitor reports that.
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
