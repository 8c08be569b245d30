//! The invariant checker. It computes the lives of all picos from the watcher's observations and
//! the picos' own history, and checks them.
//!
//! Pure functions. The rules:
//!
//! - A pico is never alive twice at once, on any nodes; a dying pico is alive.
//! - Each pico that should run runs in the end, on an allowed node, and is ready. A pico that
//!   should not run does not.
//! - Nothing healthy is restarted: a pico has exactly as many lives as the scenario expects.
//! - Nothing healthy is disturbed: its heartbeat ([`mz_sim::heartbeat`]) continues until it is
//!   asked to end. Dead processes write none.

use std::collections::BTreeMap;
use std::fmt;

use mz_sim::heartbeat::ProcessHeartbeats;
use mz_sim::history::HistoryEvent;

use crate::process_watcher::WatchedProcess;

/// A pico without a heartbeat for this many milliseconds was not healthy. That is twenty
/// heartbeats, which a loaded machine does not miss.
pub const MAX_HEARTBEAT_GAP_MS: u64 = 2000;

/// One process of a pico, from its start to its death. Times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PicoLifetime {
    pub pico: String,
    pub node: String,
    /// Pid and start time on that node: its identity.
    pub process: (u32, u64),
    pub began: u64,
    pub ready: Option<u64>,
    /// The time of its death; `None` while it lives.
    pub ended: Option<u64>,
}

impl PicoLifetime {
    #[must_use]
    pub fn is_of_process(&self, seen: &WatchedProcess) -> bool {
        self.node == seen.node && self.process == (seen.pid, seen.start_time)
    }

    /// True if this life belongs to another process of the same pico, and lasts.
    #[must_use]
    pub fn is_successor_of(&self, before: &WatchedProcess) -> bool {
        self.pico == before.pico
            && !self.is_of_process(before)
            && self.ready.is_some()
            && self.ended.is_none()
    }
}

/// The expected result for one pico.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedPico<'a> {
    pub pico: &'a str,
    /// The allowed nodes at the end; empty if the pico must not run.
    pub nodes: &'a [&'a str],
    /// The number of its lives.
    pub lifetimes: usize,
}

/// The time without a pico: from the death of one process until the next was ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    pub pico: String,
    /// The old and the new node.
    pub nodes: (String, String),
    /// From the death to the start of the next process, in milliseconds.
    pub until_began: u64,
    /// From the death until that process was ready.
    pub until_ready: u64,
}

/// The description of a violated rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation(pub String);

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Combines the watcher's observations and the picos' histories of all nodes. A process in the
/// history that the watcher missed lived for less than `gap` milliseconds, the time between two
/// scans.
#[must_use]
pub fn lifetimes(seen: &[WatchedProcess], history: &[HistoryEvent], gap: u64) -> Vec<PicoLifetime> {
    let mut lives: BTreeMap<(&str, u32, u64), PicoLifetime> = BTreeMap::new();
    for WatchedProcess { pico, node, pid, start_time, began, ended } in seen {
        let life = PicoLifetime {
            pico: pico.clone(),
            node: node.clone(),
            process: (*pid, *start_time),
            began: *began,
            ready: None,
            ended: *ended,
        };
        lives.insert((node, *pid, *start_time), life);
    }
    for event in history.iter().filter(|event| !event.pico.is_empty()) {
        // mzsh logs a start that it refused; that is no life.
        if !matches!(event.event.as_str(), "start" | "ready" | "errors" | "end") {
            continue;
        }
        let life = lives.entry((&event.node, event.pid, event.starttime)).or_insert_with(|| {
            PicoLifetime {
                pico: event.pico.clone(),
                node: event.node.clone(),
                process: (event.pid, event.starttime),
                began: event.time,
                ready: None,
                ended: Some(event.time + gap),
            }
        });
        life.began = life.began.min(event.time);
        if event.event == "ready" {
            life.ready = Some(event.time);
        }
    }
    let mut lives: Vec<PicoLifetime> = lives.into_values().collect();
    lives.sort_by_key(|life| life.began);
    lives
}

/// All violated rules.
#[must_use]
pub fn check_lifetimes(lives: &[PicoLifetime], expected: &[ExpectedPico<'_>]) -> Vec<Violation> {
    let mut broken = check_overlaps(lives);
    for ExpectedPico { pico, nodes: on, lifetimes: number } in expected {
        let of_pico: Vec<&PicoLifetime> = lives.iter().filter(|life| life.pico == *pico).collect();
        let alive: Vec<&&PicoLifetime> =
            of_pico.iter().filter(|life| life.ended.is_none()).collect();
        match (alive.as_slice(), on) {
            ([], []) => {}
            ([], _) => {
                broken.push(Violation(format!(
                    "{pico} does not run, and should, on {}",
                    on.join(" or ")
                )));
            }
            (_, []) => {
                broken.push(Violation(format!(
                    "{pico} runs on {}, and should not run",
                    alive[0].node
                )));
            }
            ([life], _) => {
                if !on.contains(&life.node.as_str()) {
                    let on = on.join(" or ");
                    broken.push(Violation(format!(
                        "{pico} runs on {}, and should on {on}",
                        life.node
                    )));
                }
                if life.ready.is_none() {
                    broken.push(Violation(format!(
                        "{pico} runs on {} and was never ready",
                        life.node
                    )));
                }
            }
            // The overlap check has already reported this.
            _ => {}
        }
        if of_pico.len() != *number {
            let all: Vec<String> = of_pico.iter().map(ToString::to_string).collect();
            let all = all.join("; ");
            broken.push(Violation(format!(
                "{pico} has had {} lives, and should {number}: {all}",
                of_pico.len()
            )));
        }
    }
    for life in
        lives.iter().filter(|life| !expected.iter().any(|expected| expected.pico == life.pico))
    {
        broken.push(Violation(format!("{life}: nobody expects this pico")));
    }
    broken
}

fn check_overlaps(lives: &[PicoLifetime]) -> Vec<Violation> {
    let mut broken = Vec::new();
    for (place, first) in lives.iter().enumerate() {
        for second in &lives[place + 1..] {
            let end = first.ended.unwrap_or(u64::MAX).min(second.ended.unwrap_or(u64::MAX));
            let begin = first.began.max(second.began);
            // A process that starts in the millisecond of the other's death does not overlap with
            // it.
            if first.pico == second.pico && begin < end {
                broken.push(Violation(format!(
                    "{} is alive twice at once: {first}; {second}",
                    first.pico
                )));
            }
        }
    }
    broken
}

/// Checks the heartbeat rules. The scenario itself stopped the processes in `excused`. The
/// heartbeats were read at `now`. A dying process needs no heartbeat and may take its time to die.
/// Another check covers the overlap of lives.
#[must_use]
pub fn check_heartbeats(
    lives: &[PicoLifetime],
    hearts: &[ProcessHeartbeats],
    excused: &[(String, u32, u64)],
    now: u64,
) -> Vec<Violation> {
    let mut broken = Vec::new();
    for life in lives {
        let of_life = |heart: &&ProcessHeartbeats| {
            heart.node == life.node && (heart.pid, heart.starttime) == life.process
        };
        let beats = hearts.iter().find(of_life).map_or(&[][..], |heart| &heart.beats);
        let (Some(&first), Some(&last)) = (beats.first(), beats.last()) else {
            if life.ready.is_some() {
                broken.push(Violation(format!("{life}: was ready, and its heart never beat")));
            }
            continue;
        };
        if let Some(ended) = life.ended.filter(|ended| last > *ended) {
            broken.push(Violation(format!(
                "{life}: its heart beat {} ms after its death",
                last - ended
            )));
        }
        let excused = excused
            .iter()
            .any(|(node, pid, start)| *node == life.node && (*pid, *start) == life.process);
        if excused {
            continue;
        }
        let until = if life.ended.is_none() { now } else { last };
        let pauses = beats.iter().zip(beats[1..].iter().chain([&until]));
        let longest = pauses.map(|(beat, next)| (next.saturating_sub(*beat), beat)).max();
        if let Some((pause, beat)) = longest.filter(|(pause, _)| *pause > MAX_HEARTBEAT_GAP_MS) {
            let after = beat - first;
            broken.push(Violation(format!(
                "{life}: {after} ms after its first beat its heart stood still for {pause} ms"
            )));
        }
    }
    broken
}

/// The next life of the same pico that became ready. A failed start in between belongs to the
/// outage.
#[must_use]
pub fn next_ready<'a>(lives: &'a [PicoLifetime], dead: &PicoLifetime) -> Option<&'a PicoLifetime> {
    let of_pico = lives.iter().filter(|life| life.pico == dead.pico && life.began > dead.began);
    of_pico.filter(|life| life.ready.is_some()).min_by_key(|life| life.began)
}

/// All outages of each pico.
#[must_use]
pub fn outages(lives: &[PicoLifetime]) -> Vec<Outage> {
    let mut away = Vec::new();
    for dead in lives {
        if let (Some(ended), Some(next), Some(_)) =
            (dead.ended, next_ready(lives, dead), dead.ready)
        {
            away.push(Outage {
                pico: dead.pico.clone(),
                nodes: (dead.node.clone(), next.node.clone()),
                until_began: next.began.saturating_sub(ended),
                until_ready: next.ready.unwrap_or_default().saturating_sub(ended),
            });
        }
    }
    away
}

impl fmt::Display for PicoLifetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pico, node, process: (pid, _), began, ready, ended } = self;
        write!(f, "{pico} on {node} (pid {pid}) from {began}")?;
        if let Some(ready) = ready {
            write!(f, ", ready after {} ms", ready.saturating_sub(*began))?;
        }
        match ended {
            Some(ended) => write!(f, ", dead after {} ms", ended.saturating_sub(*began)),
            None => f.write_str(", alive"),
        }
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pico, nodes: (from, to), until_began, until_ready } = self;
        write!(
            f,
            "{pico}: dead on {from}, begins on {to} after {until_began} ms, is ready after {until_ready} ms"
        )
    }
}

#[cfg(test)]
mod tests;
