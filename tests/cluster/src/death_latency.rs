//! Times from a death to its detection, to the cluster's reaction, and to the recovery. Picos of
//! each type are killed repeatedly, on a cluster with one [`DeathSetup`] of `wait` and interval.
//! For comparison the state file of `ocf:pacemaker:Dummy` is removed.
//!
//! - *Times start with the kill*, by the pidfd that the watcher holds, or with the removal of the
//!   Dummy's file. Noticed and decided come from Pacemaker's log ([`timeline::of_resource`]).
//!   Running comes from the pico's own log; for the Dummy it is the end of its start.
//! - *A death is one failure*: after each kill the fail-counts of all resources are unchanged,
//!   except one more for each dead resource. Nothing else died, was fenced, or was disturbed.
//! - *The time of a death is independent of the monitor's schedule*. Before each kill there is a
//!   random pause of up to the monitor's period: its interval and its wait.
//! - At an interval of a second, one resource dies after the other. If a death may go unnoticed for
//!   minutes, the resources of a group die at once. No group has both the Platform and a pico that
//!   needs it to start. If the cluster noticed that pico first, its start would wait for the
//!   Platform, and the cluster decides nothing during a start.
//!
//! [`measure_delays`] measures the requests that a waiting monitor delays.

mod request_delay;
mod setup;

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use testkit::TestkitError;

use crate::cluster_fixture::{CLUSTER_TIMEOUT, ClusterFixture};
use crate::controller::io_error;
use crate::invariants::{self, ExpectedPico, PicoLifetime};
use crate::process_watcher::{self, WatchedProcess};
use crate::report;
use crate::soak::sequence::SplitMix64;
use crate::status::ClusterStatus;
use crate::timeline::{self, TimedClusterEvent};

pub use request_delay::{
    ClusterRequest, RequestDelay, WAITS, measure_delays, plan_with_wait as holding,
};
use setup::DUMMY_STATE_FILE;
pub use setup::{DeathSetup, Victim};

/// The maximum lag, in milliseconds, of the clock of Pacemaker's logger, which advances by kernel
/// ticks. So the log can show the detection of a death before the death.
const LOG_CLOCK_ERROR_MS: u64 = 10;

/// Measurements of one death, in milliseconds since the kill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeathSample {
    /// The resource that died.
    pub of: Victim,
    /// True if its monitor waits; never true for the Dummy.
    pub wait: bool,
    /// The interval of depth 0, in seconds.
    pub interval: u64,
    /// Until the cluster noticed.
    pub noticed: u64,
    /// Until the cluster ordered the first action of the recovery.
    pub decided: u64,
    /// Until the resource was ready again.
    pub running: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeathSummary {
    /// The seed of all pauses.
    pub seed: u64,
    /// End of the measurement, in UTC.
    pub date: String,
    /// Duration in seconds.
    pub seconds: u64,
    /// Packages and the kernel, with their versions.
    pub versions: BTreeMap<String, String>,
    pub samples: Vec<DeathSample>,
    /// Delays of requests for a pico whose monitor waits.
    pub held: Vec<RequestDelay>,
}

impl DeathSummary {
    /// The delays of this request with this `wait`, in milliseconds.
    #[must_use]
    pub fn delays(&self, asked: ClusterRequest, wait: u64) -> Vec<u64> {
        let meant = self.held.iter().filter(|held| (held.asked, held.wait) == (asked, wait));
        meant.map(|held| held.took).collect()
    }
}

/// Why a measurement ended early.
#[derive(Debug)]
pub struct MeasurementAborted {
    setting: String,
    after: String,
    why: String,
}

impl fmt::Display for MeasurementAborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setting, after, why } = self;
        write!(f, "monitor {setting}, after {after}: {why}")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct InjectedDeath {
    victim: Victim,
    /// The time of the kill, in milliseconds since 1970.
    killed: u64,
    /// The process; `None` for the Dummy.
    process: Option<WatchedProcess>,
}

/// Measures on a cluster of the setting's [`DeathSetup::plan`]. It calls `tell` with a line for
/// each round. It checks the invariants, and the cluster stays up.
///
/// # Errors
/// [`MeasurementAborted`] if a death was not counted exactly once, another pico died, or the
/// cluster is unusable.
pub fn measure(
    fixture: &ClusterFixture,
    setting: &DeathSetup,
    seed: u64,
    tell: &mut dyn FnMut(&str),
) -> Result<Vec<DeathSample>, Box<MeasurementAborted>> {
    let mut deaths = Vec::new();
    let measured = measure_all(fixture, setting, SplitMix64(seed), &mut deaths, tell);
    let after = format!("{} kills", deaths.len());
    measured
        .map_err(|why| Box::new(MeasurementAborted { setting: setting.to_string(), after, why }))
}

fn measure_all(
    fixture: &ClusterFixture,
    setting: &DeathSetup,
    mut random: SplitMix64,
    deaths: &mut Vec<InjectedDeath>,
    tell: &mut dyn FnMut(&str),
) -> Result<Vec<DeathSample>, String> {
    let said = |error: TestkitError| error.to_string();
    for round in 1..=setting.rounds {
        for group in &setting.groups {
            let milliseconds =
                u64::try_from(setting.monitor_period().as_millis()).unwrap_or(u64::MAX);
            fixture.lab.pause(Duration::from_millis(random.below(milliseconds))).map_err(said)?;
            let before = fixture.all_processes().map_err(said)?;
            let mut died = Vec::new();
            for subject in group {
                died.push(kill_victim(fixture, *subject, &before).map_err(said)?);
            }
            deaths.extend(died.iter().cloned());
            let counted = wait_until_recovered(fixture, setting, &died, deaths).map_err(said)?;
            check_fail_counts(&counted, deaths)?;
            check_bystanders(&before, &fixture.all_processes().map_err(said)?, group)?;
        }
        tell(&format!(
            "{} {setting}: {round} of {}",
            timeline::format_utc(process_watcher::now_ms()),
            setting.rounds
        ));
    }
    fixture.lab.wait_until_settled().map_err(said)?;
    check_fail_counts(&fixture.lab.status().map_err(said)?, deaths)?;
    let lives = fixture.lifetimes().map_err(said)?;
    let died = |pico: &str| deaths.iter().filter(|death| death.victim.pico() == Some(pico)).count();
    check_invariants(fixture, &lives, died).map_err(said)??;
    collect_samples(
        setting,
        deaths,
        &report::log_events(&fixture.lab, process_watcher::now_ms()),
        &lives,
    )
}

fn kill_victim(
    fixture: &ClusterFixture,
    subject: Victim,
    alive: &[WatchedProcess],
) -> Result<InjectedDeath, TestkitError> {
    let process = alive.iter().find(|seen| Some(seen.pico.as_str()) == subject.pico()).cloned();
    let state = fixture.lab.host_path("n1", DUMMY_STATE_FILE);
    let removed = process_watcher::now_ms();
    let killed = match &process {
        Some(seen) => {
            let proc = format!("{} on {}: pid {}", seen.pico, seen.node, seen.pid);
            fixture.lab.watcher().kill(seen).map_err(io_error("kill", Path::new(&proc)))?
        }
        None => fs::remove_file(&state).map_err(io_error("remove", &state)).map(|()| removed)?,
    };
    Ok(InjectedDeath { victim: subject, killed, process })
}

/// Waits until the dead resources run again, each failure is counted, and the cluster is idle;
/// returns the status.
fn wait_until_recovered(
    fixture: &ClusterFixture,
    setting: &DeathSetup,
    died: &[InjectedDeath],
    all: &[InjectedDeath],
) -> Result<ClusterStatus, TestkitError> {
    let least = expected_fail_counts(all);
    fixture.lab.wait_until(
        "those that were killed to run, and to be counted",
        setting.monitor_period() + CLUSTER_TIMEOUT,
        |lab| {
            let lives = fixture.lifetimes()?;
            for death in died {
                let is_back = match &death.process {
                    Some(before) => lives.iter().any(|life| life.is_successor_of(before)),
                    None => lab.host_path("n1", DUMMY_STATE_FILE).exists(),
                };
                if !is_back {
                    return Ok(Err(format!("{} is not back", death.victim)));
                }
            }
            let status = lab.status()?;
            let counted = |death: &InjectedDeath| {
                let resource = death.victim.resource();
                let on = status.nodes_running(resource);
                let count = on.first().map_or("0", |node| status.fail_count(resource, node));
                // A count that is no number (INFINITY) exceeds every number.
                count.parse().unwrap_or(usize::MAX) >= least[resource]
            };
            if !died.iter().all(counted) {
                return Ok(Err(status.to_string()));
            }
            // `crm_resource --wait` takes at least two seconds.
            let dc = status.dc.clone().unwrap_or_default();
            let state = lab.node(&dc).try_exec(&["timeout", "10", "crmadmin", "--status", &dc])?;
            Ok(if state.stdout.contains("S_IDLE") { Ok(status) } else { Err(state.to_string()) })
        },
    )
}

/// The expected number of failures of each resource.
fn expected_fail_counts(deaths: &[InjectedDeath]) -> BTreeMap<&'static str, usize> {
    let mut counts = BTreeMap::new();
    for death in deaths {
        *counts.entry(death.victim.resource()).or_default() += 1;
    }
    counts
}

/// Checks that each death is one failure and nothing else has failed.
fn check_fail_counts(status: &ClusterStatus, deaths: &[InjectedDeath]) -> Result<(), String> {
    let counted: BTreeMap<&str, Vec<&str>> =
        status.fail_counts.iter().fold(BTreeMap::new(), |mut all, (resource, _, count)| {
            all.entry(resource.as_str()).or_insert_with(Vec::new).push(count.as_str());
            all
        });
    let expected: BTreeMap<&str, String> = expected_fail_counts(deaths)
        .into_iter()
        .map(|(resource, count)| (resource, count.to_string()))
        .collect();
    let same = counted.len() == expected.len()
        && expected
            .iter()
            .all(|(resource, count)| counted.get(resource).is_some_and(|is| *is == [count]));
    if same {
        return Ok(());
    }
    Err(format!(
        "a death is one failure, so the fail-counts should be {expected:?}, and are {counted:?}\n{status}"
    ))
}

/// Checks that each pico that was not killed is still the same process.
fn check_bystanders(
    before: &[WatchedProcess],
    now: &[WatchedProcess],
    group: &[Victim],
) -> Result<(), String> {
    let killed = |pico: &str| group.iter().any(|subject| subject.pico() == Some(pico));
    match before.iter().find(|seen| !killed(&seen.pico) && !now.contains(seen)) {
        Some(seen) => Err(format!(
            "{} on {} (pid {}) died, and was not killed",
            seen.pico, seen.node, seen.pid
        )),
        None => Ok(()),
    }
}

/// Checks the invariants over the whole measurement, with the number of each pico's ends.
fn check_invariants(
    fixture: &ClusterFixture,
    lives: &[PicoLifetime],
    times: impl Fn(&str) -> usize,
) -> Result<Result<(), String>, TestkitError> {
    let placed: Vec<_> = fixture.home_nodes().iter().map(|(pico, on)| (*pico, [*on])).collect();
    let expected: Vec<_> = placed
        .iter()
        .map(|(pico, on)| ExpectedPico { pico, nodes: on, lifetimes: 1 + times(pico) })
        .collect();
    let mut broken = invariants::check_lifetimes(lives, &expected);
    broken.extend(fixture.heartbeat_violations(lives)?);
    let mut broken: Vec<String> = broken.iter().map(ToString::to_string).collect();
    broken.extend(
        fixture
            .power_switch_log()?
            .into_iter()
            .map(|(_, what)| format!("{what}, which nobody asked for")),
    );
    Ok(if broken.is_empty() { Ok(()) } else { Err(broken.join("\n")) })
}

/// Computes the times from the deaths, the logs and the picos' history.
fn collect_samples(
    setting: &DeathSetup,
    deaths: &[InjectedDeath],
    moments: &[TimedClusterEvent],
    lives: &[PicoLifetime],
) -> Result<Vec<DeathSample>, String> {
    let mut samples = Vec::new();
    for (place, death) in deaths.iter().enumerate() {
        let next = deaths[place + 1..].iter().find(|next| next.victim == death.victim);
        let next = next.map_or(u64::MAX, |next| next.killed);
        let line = timeline::of_resource(
            moments,
            death.victim.resource(),
            death.killed.saturating_sub(LOG_CLOCK_ERROR_MS),
            next,
        );
        let ready = match &death.process {
            Some(seen) => lives
                .iter()
                .find(|life| life.is_of_process(seen))
                .and_then(|dead| invariants::next_ready(lives, dead)?.ready),
            None => timeline::start_completed(moments, death.victim.resource(), death.killed)
                .map(|(started, _)| started),
        };
        let (Some(ready), Some((noticed, _)), Some((decided, _))) =
            (ready, &line.noticed, &line.decided)
        else {
            let (of, when) = (death.victim, timeline::format_utc(death.killed));
            return Err(format!(
                "{of}, killed {when}: the logs of the nodes don't tell of it: {line:?}"
            ));
        };
        let since = |time: u64| time.saturating_sub(death.killed);
        samples.push(DeathSample {
            of: death.victim,
            wait: setting.wait && death.victim != Victim::Dummy,
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
