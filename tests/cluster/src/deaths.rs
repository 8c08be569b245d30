//! How long a death takes to be noticed, to be acted upon, and to be over: picos of each type are killed again and again, on a cluster with one
//! [`Setting`] of `wait` and interval, and beside them `ocf:pacemaker:Dummy`, whose state file is removed.
//!
//! - *Times begin with the kill*, by the pidfd that the watch holds, or with the removal of the Dummy's file. Noticed and decided are Pacemaker's
//!   words ([`timeline::of_resource`]), running is the pico's own; of the Dummy it is the end of its start.
//! - *A death is one failure*: after each kill the fail-counts of all resources are what they were before, but for one more of those that died.
//!   And nobody else died, was fenced, or was disturbed.
//! - *The moment of a death is not tied to the monitor's*: before each kill there is a pause that the seed draws, from the time in which the
//!   monitor comes round: its interval, and its wait.
//! - At an interval of a second, one dies after the other. Where a death may go unnoticed for minutes those of a group die at once. The Platform is
//!   in no group with the picos that can't be started without it: one of them that is noticed before it would wait for it in its start, and
//!   while a start is under way the cluster decides nothing.
//!
//! What is held up by a monitor that waits is measured beside it, by [`held`].

mod held;
mod setting;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use testkit::Error;

use crate::control::io_error;
use crate::report;
use crate::site::{SOON, Site};
use crate::soak::sequence::Random;
use crate::status::Status;
use crate::timeline::{self, Moment};
use crate::watch::{self, Seen};
use crate::witness::{self, Expected, Life};

pub use held::{Asked, Held, WAITS, held, plan as holding};
use setting::STATE;
pub use setting::{Setting, Subject};

/// By so many milliseconds the clock of Pacemaker's logger may be slow, which goes by the kernel's ticks: a death can be noticed earlier, by
/// the log, than it came.
const TICK: u64 = 10;

/// What was measured of one death, in milliseconds since the kill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Who died.
    pub of: Subject,
    /// Its monitor waits; never that of the Dummy.
    pub wait: bool,
    /// The interval of depth 0, in seconds.
    pub interval: u64,
    /// The cluster noticed.
    pub noticed: u64,
    /// Recovery was begun.
    pub decided: u64,
    /// It was ready again.
    pub running: u64,
}

/// A whole measurement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// What all pauses were drawn from.
    pub seed: u64,
    /// When it ended, in UTC.
    pub date: String,
    /// How long it took.
    pub seconds: u64,
    /// Package and version, the kernel's too.
    pub versions: BTreeMap<String, String>,
    /// Every death.
    pub samples: Vec<Sample>,
    /// What was asked of a pico whose monitor waits.
    pub held: Vec<Held>,
}

impl Summary {
    /// How long it took with this `wait`, in milliseconds, each time that it was asked.
    #[must_use]
    pub fn held_up(&self, asked: Asked, wait: u64) -> Vec<u64> {
        let meant = self.held.iter().filter(|held| (held.asked, held.wait) == (asked, wait));
        meant.map(|held| held.took).collect()
    }
}

/// Why a measurement ended early.
#[derive(Debug)]
pub struct Stopped {
    setting: String,
    after: String,
    why: String,
}

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setting, after, why } = self;
        write!(f, "monitor {setting}, after {after}: {why}")
    }
}

/// One death as it was done.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Death {
    of: Subject,
    /// When it was killed, in milliseconds since 1970.
    killed: u64,
    /// The process; none of the Dummy.
    process: Option<Seen>,
}

/// Measures on a site of the setting's [`Setting::plan`]; `tell` is called with a line for each round. The site is judged, and still up.
///
/// # Errors
/// [`Stopped`] when a death was not counted once, somebody else died, or the cluster can't be used.
pub fn measure(
    site: &Site,
    setting: &Setting,
    seed: u64,
    tell: &mut dyn FnMut(&str),
) -> Result<Vec<Sample>, Box<Stopped>> {
    let mut deaths = Vec::new();
    let measured = all(site, setting, Random(seed), &mut deaths, tell);
    let after = format!("{} kills", deaths.len());
    measured.map_err(|why| Box::new(Stopped { setting: setting.to_string(), after, why }))
}

fn all(
    site: &Site,
    setting: &Setting,
    mut random: Random,
    deaths: &mut Vec<Death>,
    tell: &mut dyn FnMut(&str),
) -> Result<Vec<Sample>, String> {
    let said = |error: Error| error.to_string();
    for round in 1..=setting.rounds {
        for group in &setting.groups {
            let milliseconds = u64::try_from(setting.round().as_millis()).unwrap_or(u64::MAX);
            site.lab.pause(Duration::from_millis(random.below(milliseconds))).map_err(said)?;
            let before = site.all().map_err(said)?;
            let mut died = Vec::new();
            for subject in group {
                died.push(kill(site, *subject, &before).map_err(said)?);
            }
            deaths.extend(died.iter().cloned());
            let counted = until_back(site, setting, &died, deaths).map_err(said)?;
            as_many(&counted, deaths)?;
            unharmed(&before, &site.all().map_err(said)?, group)?;
        }
        tell(&format!("{} {setting}: {round} of {}", timeline::in_words(watch::now()), setting.rounds));
    }
    site.lab.settle().map_err(said)?;
    as_many(&site.lab.status().map_err(said)?, deaths)?;
    let lives = site.lives().map_err(said)?;
    let died = |pico: &str| deaths.iter().filter(|death| death.of.pico() == Some(pico)).count();
    judged(site, &lives, died).map_err(said)??;
    samples(setting, deaths, &report::moments(&site.lab, watch::now()), &lives)
}

fn kill(site: &Site, subject: Subject, alive: &[Seen]) -> Result<Death, Error> {
    let process = alive.iter().find(|seen| Some(seen.pico.as_str()) == subject.pico()).cloned();
    let state = site.lab.path("n1", STATE);
    let removed = watch::now();
    let killed = match &process {
        Some(seen) => {
            let proc = format!("{} on {}: pid {}", seen.pico, seen.node, seen.pid);
            site.lab.watch().kill(seen).map_err(io_error("kill", Path::new(&proc)))?
        }
        None => fs::remove_file(&state).map_err(io_error("remove", &state)).map(|()| removed)?,
    };
    Ok(Death { of: subject, killed, process })
}

/// Waits until those that died run again, each has been counted at least once, and the cluster is at rest; what it knows by then.
fn until_back(site: &Site, setting: &Setting, died: &[Death], all: &[Death]) -> Result<Status, Error> {
    let least = counts(all);
    site.lab.until("those that were killed to run, and to be counted", setting.round() + SOON, |lab| {
        let lives = site.lives()?;
        for death in died {
            let is_back = match &death.process {
                Some(before) => lives.iter().any(|life| life.is_next_of(before)),
                None => lab.path("n1", STATE).exists(),
            };
            if !is_back {
                return Ok(Err(format!("{} is not back", death.of)));
            }
        }
        let status = lab.status()?;
        let counted = |death: &Death| {
            let resource = death.of.resource();
            let on = status.where_is(resource);
            let count = on.first().map_or("0", |node| status.fail_count(resource, node));
            // What is no number is more than any.
            count.parse().unwrap_or(usize::MAX) >= least[resource]
        };
        if !died.iter().all(counted) {
            return Ok(Err(status.to_string()));
        }
        // `crm_resource --wait` takes two seconds at least.
        let dc = status.dc.clone().unwrap_or_default();
        let state = lab.node(&dc).try_exec(&["timeout", "10", "crmadmin", "--status", &dc])?;
        Ok(if state.stdout.contains("S_IDLE") { Ok(status) } else { Err(state.to_string()) })
    })
}

/// How often each resource has to have failed.
fn counts(deaths: &[Death]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for death in deaths {
        *counts.entry(death.of.resource()).or_default() += 1;
    }
    counts
}

/// Each death is one failure, and nothing else has failed.
fn as_many(status: &Status, deaths: &[Death]) -> Result<(), String> {
    let counted: BTreeMap<&str, Vec<&str>> =
        status.fail_counts.iter().fold(BTreeMap::new(), |mut all, (resource, _, count)| {
            all.entry(resource.as_str()).or_insert_with(Vec::new).push(count.as_str());
            all
        });
    let expected: BTreeMap<&str, String> =
        counts(deaths).into_iter().map(|(resource, count)| (resource, count.to_string())).collect();
    let same = counted.len() == expected.len()
        && expected.iter().all(|(resource, count)| counted.get(resource).is_some_and(|is| *is == [count]));
    if same {
        return Ok(());
    }
    Err(format!(
        "a death is one failure, so the fail-counts should be {expected:?}, and are {counted:?}\n{status}"
    ))
}

/// Whoever was not killed is in the process that it was in.
fn unharmed(before: &[Seen], now: &[Seen], group: &[Subject]) -> Result<(), String> {
    let killed = |pico: &str| group.iter().any(|subject| subject.pico() == Some(pico));
    match before.iter().find(|seen| !killed(&seen.pico) && !now.contains(seen)) {
        Some(seen) => {
            Err(format!("{} on {} (pid {}) died, and was not killed", seen.pico, seen.node, seen.pid))
        }
        None => Ok(()),
    }
}

/// The witness's word over the whole of it; each pico has ended so many times.
fn judged(site: &Site, lives: &[Life], times: impl Fn(&str) -> usize) -> Result<Result<(), String>, Error> {
    let placed: Vec<_> = site.placed().iter().map(|(pico, on)| (*pico, [*on])).collect();
    let expected: Vec<_> =
        placed.iter().map(|(pico, on)| Expected { pico, on, lives: 1 + times(pico) }).collect();
    let mut broken = witness::judge(lives, &expected);
    broken.extend(site.hearts(lives)?);
    let mut broken: Vec<String> = broken.iter().map(ToString::to_string).collect();
    broken.extend(site.switched()?.into_iter().map(|(_, what)| format!("{what}, which nobody asked for")));
    Ok(if broken.is_empty() { Ok(()) } else { Err(broken.join("\n")) })
}

/// From what was done and what the logs and the picos tell to times.
fn samples(
    setting: &Setting,
    deaths: &[Death],
    moments: &[Moment],
    lives: &[Life],
) -> Result<Vec<Sample>, String> {
    let mut samples = Vec::new();
    for (place, death) in deaths.iter().enumerate() {
        let next = deaths[place + 1..].iter().find(|next| next.of == death.of);
        let next = next.map_or(u64::MAX, |next| next.killed);
        let line =
            timeline::of_resource(moments, death.of.resource(), death.killed.saturating_sub(TICK), next);
        let ready = match &death.process {
            Some(seen) => {
                lives.iter().find(|life| life.is_of(seen)).and_then(|dead| witness::next(lives, dead)?.ready)
            }
            None => timeline::started(moments, death.of.resource(), death.killed).map(|(started, _)| started),
        };
        let (Some(ready), Some((noticed, _)), Some((decided, _))) = (ready, &line.noticed, &line.decided)
        else {
            let (of, when) = (death.of, timeline::in_words(death.killed));
            return Err(format!("{of}, killed {when}: the logs of the nodes don't tell of it: {line:?}"));
        };
        let since = |time: u64| time.saturating_sub(death.killed);
        samples.push(Sample {
            of: death.of,
            wait: setting.wait && death.of != Subject::Dummy,
            interval: setting.interval,
            noticed: since(*noticed),
            decided: since(*decided),
            running: since(ready),
        });
    }
    Ok(samples)
}

#[cfg(test)]
mod tests;
