//! Delays of requests by a waiting monitor. The monitor of depth 0 of `ec1` runs every second and
//! waits for a death of the pico. The test makes one request after the other for `ec1`, at random
//! times of that monitor's period.
//!
//! Times start with the call of the command. Pacemaker's log on the node of `ec1` shows when an
//! agent was called and when it had answered. A round starts with the stop: after the following
//! start a changed parameter is a reload. After a probe it would be a restart.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use testkit::{TestResult, TestkitError};

use super::{LOG_CLOCK_ERROR_MS, MeasurementAborted, check_fail_counts, check_invariants};
use crate::cluster_fixture::{CLUSTER_TIMEOUT, ClusterFixture, ClusterPlan, cluster_plan};
use crate::process_watcher;
use crate::soak::sequence::SplitMix64;
use crate::timeline::{self, ClusterLogEvent};

/// The waits of the monitor, in seconds, each on a cluster of its own.
pub const WAITS: [u64; 3] = [20, 5, 0];

/// The node of `ec1`.
const EC_NODE: &str = "n3";

/// A request to the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClusterRequest {
    /// A stop; measured until the call of the agent.
    Stop,
    /// A reload of a changed parameter; measured until the call of the agent.
    Reload,
    /// A monitor of depth 10 with another interval; measured until its first result.
    Deeper,
    /// A probe; measured until its result.
    Probe,
}

impl ClusterRequest {
    /// In the order of a round.
    pub const ALL: [Self; 4] = [Self::Stop, Self::Reload, Self::Deeper, Self::Probe];

    /// True if the measurement ends with the result, false if it ends with the call of the agent.
    #[must_use]
    pub fn ends_with_answer(self) -> bool {
        matches!(self, Self::Deeper | Self::Probe)
    }

    /// True if the request waits for the end of the monitor. For the others Pacemaker ends the
    /// monitor.
    #[must_use]
    pub fn waits_for_monitor(self) -> bool {
        self == Self::Deeper
    }
}

impl fmt::Display for ClusterRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stop => "a stop",
            Self::Reload => "a reload",
            Self::Deeper => "the first run of a deeper monitor",
            Self::Probe => "a probe",
        })
    }
}

/// The delay of one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestDelay {
    pub asked: ClusterRequest,
    /// The monitor's `wait`, in seconds.
    pub wait: u64,
    /// Milliseconds since the call of the command.
    pub took: u64,
}

/// The cluster with this `wait`.
#[must_use]
pub fn plan_with_wait(wait: u64) -> ClusterPlan {
    cluster_plan().replace_in_resource(
        "mz-ec1",
        "pico_name=ec1",
        &format!("pico_name=ec1 wait={wait}s"),
    )
}

/// Measures on a cluster of this [`plan_with_wait`]. It calls `tell` with a line for each sample.
/// It checks the invariants, and the cluster stays up.
///
/// # Errors
/// [`MeasurementAborted`] if a resource failed or was restarted against expectation, or the cluster
/// is unusable.
pub fn measure_delays(
    fixture: &ClusterFixture,
    wait: u64,
    rounds: usize,
    seed: u64,
    tell: &mut dyn FnMut(&str),
) -> Result<Vec<RequestDelay>, Box<MeasurementAborted>> {
    let mut all = Vec::new();
    let measured = measure_rounds(fixture, wait, rounds, SplitMix64(seed), &mut all, tell);
    let after = format!("{} answers", all.len());
    measured.map_err(|why| {
        Box::new(MeasurementAborted { setting: format!("every 1 s, wait {wait} s"), after, why })
    })?;
    Ok(all)
}

fn measure_rounds(
    fixture: &ClusterFixture,
    wait: u64,
    rounds: usize,
    mut random: SplitMix64,
    all: &mut Vec<RequestDelay>,
    tell: &mut dyn FnMut(&str),
) -> Result<(), String> {
    let said = |error: TestkitError| error.to_string();
    for round in 1..=rounds {
        for asked in ClusterRequest::ALL {
            fixture
                .lab
                .pause(Duration::from_millis(random.below((1 + wait) * 1000)))
                .map_err(said)?;
            let took = measure_request(fixture, asked, round).map_err(said)?;
            let now = timeline::format_utc(process_watcher::now_ms());
            tell(&format!("{now} wait {wait} s, {round} of {rounds}: {asked} after {took} ms"));
            all.push(RequestDelay { asked, wait, took });
            fixture.lab.wait_until_settled().map_err(said)?;
            check_fail_counts(&fixture.lab.status().map_err(said)?, &[])?;
        }
    }
    let lives = fixture.lifetimes().map_err(said)?;
    check_invariants(fixture, &lives, |pico| if pico == "ec1" { rounds } else { 0 })
        .map_err(said)?
}

/// Makes the request and waits for its execution.
fn measure_request(
    fixture: &ClusterFixture,
    asked: ClusterRequest,
    round: usize,
) -> Result<u64, TestkitError> {
    let since = process_watcher::now_ms();
    let begun =
        |what: &str| wait_for_event(fixture, since, &|time, told| action_start(time, told, what));
    let answered = |interval: usize| {
        let operation = format!("mz-ec1_monitor_{}", interval * 1000);
        wait_for_event(fixture, since, &|time, told| {
            matches!(told, ClusterLogEvent::Answered(of) if *of == operation).then_some(time)
        })
    };
    let there = match asked {
        ClusterRequest::Stop => {
            let role = ["--meta", "--set-parameter", "target-role", "--parameter-value", "Stopped"];
            crm_resource_ec1(fixture, &role)?;
            let there = begun("stop")?;
            fixture.wait_until_none_alive("ec1")?;
            crm_resource_ec1(fixture, &["--meta", "--delete-parameter", "target-role"])?;
            fixture.wait_until_ready("ec1", EC_NODE)?;
            there
        }
        ClusterRequest::Reload => {
            let value = format!("{}s", 11 + round);
            crm_resource_ec1(
                fixture,
                &["--set-parameter", "ha_timeout", "--parameter-value", &value],
            )?;
            begun("reload-agent")?
        }
        ClusterRequest::Deeper => {
            let operation = format!("<op id=\"mz-ec1-monitor-30s\" interval=\"{}s\"/>", 30 + round);
            fixture.node("n1").exec(&["cibadmin", "--modify", "--xml-text", &operation])?;
            answered(30 + round)?
        }
        ClusterRequest::Probe => {
            crm_resource_ec1(fixture, &["--refresh", "--node", EC_NODE])?;
            answered(0)?
        }
    };
    Ok(there.saturating_sub(since))
}

fn crm_resource_ec1(fixture: &ClusterFixture, words: &[&str]) -> TestResult {
    fixture.node("n1").exec(&[&["crm_resource", "--resource", "mz-ec1"], words].concat()).map(drop)
}

/// The start time of an action of `ec1` that ended at this time.
fn action_start(ended: u64, told: &ClusterLogEvent, what: &str) -> Option<u64> {
    match told {
        ClusterLogEvent::Ran { resource, action, took, .. }
            if resource == "mz-ec1" && action == what =>
        {
            Some(ended.saturating_sub(*took))
        }
        _ => None,
    }
}

/// Waits for the first matching event after this time.
fn wait_for_event(
    fixture: &ClusterFixture,
    since: u64,
    is: &dyn Fn(u64, &ClusterLogEvent) -> Option<u64>,
) -> Result<u64, TestkitError> {
    fixture.lab.wait_until("what was asked, in the log of ec1's node", CLUSTER_TIMEOUT, |_| {
        let log = fixture.pacemaker_log(EC_NODE)?;
        let moments = timeline::parse_log(&log, since);
        let mut times = moments.iter().filter_map(|(time, told)| is(*time, told));
        let found = times.find(|time| *time + LOG_CLOCK_ERROR_MS >= since);
        Ok(found.ok_or_else(|| log.lines().last().unwrap_or_default().to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn action_start_is_its_end_less_its_duration() {
        let ran = |resource: &str| ClusterLogEvent::Ran {
            node: EC_NODE.to_owned(),
            resource: resource.to_owned(),
            action: "stop".to_owned(),
            took: 30,
        };
        assert_eq!(action_start(1_000, &ran("mz-ec1"), "stop"), Some(970));
        assert_eq!(action_start(1_000, &ran("mz-ec1"), "start"), None);
        assert_eq!(action_start(1_000, &ran("mz-ec2"), "stop"), None);
    }
}
