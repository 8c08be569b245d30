//! The soak: one fault after the other on a cluster of three nodes with five picos, in an order
//! that a seed determines. A check of all invariants follows each fault.
//!
//! - *The same seed yields the same sequence* ([`FaultSequence`]). The locations of the picos
//!   result from the earlier faults.
//! - *After each fault* the cluster becomes idle and all nodes are back. Every pico runs exactly
//!   once, on an allowed node, is ready, and is where the cluster shows it. No pico was ever alive
//!   twice, and no heartbeat stopped. A pico that the fault can't affect is still the same process.
//!   An affected pico has died at most once. Everything else is a needless restart.
//!   [`affected_picos`] returns the picos that a fault may affect.
//! - *No node is fenced* except the one that a fault removes from the cluster, and that one only
//!   once ([`may_be_fenced`]).
//! - *It ends at the first violation*. It keeps the logs of all nodes, and prints the seed and the
//!   number of the fault, which reproduce it.
//! - *Nothing grows without bound*: it truncates long logs of the nodes. One lab serves the whole
//!   soak.

mod inject;
pub mod sequence;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use testkit::{TestResult, TestkitError};

use crate::cluster_fixture::{CLUSTER_TIMEOUT, ClusterFixture, ClusterPlan, cluster_plan};
use crate::invariants::{self, ExpectedPico, PicoLifetime};
use crate::process_watcher::{self, WatchedProcess};
use crate::report;
use crate::timeline;
use sequence::{FaultSequence, PICOS, SoakFault};

/// The soak keeps this many bytes of a node's log, and of its previous part.
const MAX_LOG_BYTES: u64 = 8 << 20;

/// Length and seed of a soak.
#[derive(Debug, Clone, Copy)]
pub struct SoakParameters {
    /// The seed of the sequence.
    pub seed: u64,
    /// The maximum number of faults.
    pub faults: usize,
    /// No fault starts after this uptime of the lab.
    pub time: Duration,
}

/// The result of a soak.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SoakSummary {
    pub seed: u64,
    /// End of the soak, in UTC.
    pub date: String,
    /// Duration, including the lab's startup.
    pub seconds: u64,
    /// Packages and the kernel, with their versions.
    pub versions: BTreeMap<String, String>,
    /// Number of pico processes.
    pub lives: usize,
    pub steps: Vec<SoakStep>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SoakStep {
    pub kind: String,
    /// The fault with its target.
    pub fault: String,
    /// Its effects; empty if it had none.
    pub effects: Vec<String>,
    /// Outages of picos, in milliseconds.
    pub away: Vec<u64>,
}

/// The fault after which a rule was violated.
#[derive(Debug)]
pub struct SoakAborted {
    seed: u64,
    /// This many faults reproduce the violation.
    count: usize,
    /// `None` before the first fault and after the last one.
    fault: Option<SoakFault>,
    why: String,
}

impl fmt::Display for SoakAborted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, count, fault, why } = self;
        let fault = fault.map_or_else(|| "none".to_owned(), |fault| fault.to_string());
        write!(
            f,
            "fault {count} ({fault}): {why}\nagain: cargo xtask soak --seed {seed} --faults {count}"
        )
    }
}

impl fmt::Display for SoakStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let effects =
            if self.effects.is_empty() { "no effect".to_owned() } else { self.effects.join("; ") };
        write!(f, "{}: {effects}", self.fault)
    }
}

/// The cluster of a soak. The cluster must detect HA failures within the time limit of a wait. So
/// the deeper monitors run more often and a new pico has a shorter grace period.
#[must_use]
pub fn plan() -> ClusterPlan {
    PICOS.iter().fold(cluster_plan(), |plan, pico| {
        let resource = format!("mz-{pico}");
        let home =
            if inject::is_on_shared_storage(pico) { "mz_home=/opt/mz" } else { "mz_home=/opt/ec" };
        plan.replace_in_resource(&resource, home, &format!("{home} ha_grace=5s"))
            .replace_in_resource(&resource, "monitor interval=30s", "monitor interval=10s")
    })
}

/// Runs the soak on a cluster of this [`plan`]. It calls `tell` with a line for each fault.
///
/// # Errors
/// [`SoakAborted`] at the first violation.
pub fn run(
    fixture: &ClusterFixture,
    options: SoakParameters,
    tell: &mut dyn FnMut(&str),
) -> Result<SoakSummary, Box<SoakAborted>> {
    let SoakParameters { seed, faults, time } = options;
    let mut steps = Vec::new();
    let early = |error: TestkitError| {
        Box::new(SoakAborted { seed, count: 0, fault: None, why: error.to_string() })
    };
    let mut last =
        wait_until_healthy(fixture).and_then(|()| ClusterSnapshot::take(fixture)).map_err(early)?;
    for (place, fault) in FaultSequence::from_seed(seed).take(faults).enumerate() {
        if fixture.lab.uptime() >= time {
            break;
        }
        let stopped =
            |why: String| Box::new(SoakAborted { seed, count: place + 1, fault: Some(fault), why });
        let (step, broken) = run_step(fixture, place, fault, &mut last)
            .map_err(|error| stopped(error.to_string()))?;
        tell(&format!("{} {} {step}", timeline::format_utc(process_watcher::now_ms()), place + 1));
        if !broken.is_empty() {
            return Err(stopped(broken.join("\n")));
        }
        steps.push(step);
    }
    let ended = || {
        let versions = report::versions(&fixture.lab)?;
        Ok((versions, fixture.lifetimes()?.len()))
    };
    let (versions, lives) = ended().map_err(|error: TestkitError| {
        Box::new(SoakAborted { seed, count: steps.len(), fault: None, why: error.to_string() })
    })?;
    let (date, seconds) =
        (timeline::format_utc(process_watcher::now_ms()), fixture.lab.uptime().as_secs());
    Ok(SoakSummary { seed, date, seconds, versions, lives, steps })
}

/// The state at the last check. Any difference at the next check arose in between, also between two
/// faults.
struct ClusterSnapshot {
    at: u64,
    picos: Vec<WatchedProcess>,
    fenced: BTreeMap<String, usize>,
}

impl ClusterSnapshot {
    fn take(fixture: &ClusterFixture) -> Result<Self, TestkitError> {
        Ok(Self {
            at: process_watcher::now_ms(),
            picos: fixture.all_processes()?,
            fenced: fencing_counts(fixture)?,
        })
    }
}

/// Injects the fault, waits until everything is healthy again, and checks the rules for the time
/// since the last check.
fn run_step(
    fixture: &ClusterFixture,
    place: usize,
    fault: SoakFault,
    last: &mut ClusterSnapshot,
) -> Result<(SoakStep, Vec<String>), TestkitError> {
    fixture.note_fault(&format!("{}: {fault}", place + 1));
    let inject::InjectionResult { mut effects, expected_restart: restarted } =
        inject::inject(fixture, place, fault)?;
    wait_until_healthy(fixture)?;
    let now = ClusterSnapshot::take(fixture)?;
    // Read the lives last, so that they include all earlier events.
    let lives = fixture.lifetimes()?;
    let ClusterSnapshot { at, picos, fenced } = std::mem::replace(last, now);
    let mut broken = violations(fixture, &lives)?;
    let mut fenced_now = Vec::new();
    for (node, count) in &last.fenced {
        let times = count - fenced.get(node).copied().unwrap_or_default();
        if times > usize::from(may_be_fenced(fault) == Some(node)) {
            broken.push(format!("{node} was fenced, {times} times, which was not called for"));
        }
        if times > 0 {
            effects.push(format!("{node} was fenced"));
            fenced_now.push(node.clone());
        }
    }
    let since =
        |life: &PicoLifetime| life.ended.is_some_and(|ended| (at..last.at).contains(&ended));
    let mut away = Vec::new();
    for dead in lives.iter().filter(|life| since(life)) {
        if let (Some(next), Some(ended)) = (invariants::next_ready(&lives, dead), dead.ended) {
            let time = next.ready.unwrap_or_default().saturating_sub(ended);
            effects.push(format!(
                "{} died on {}, was back on {} after {time} ms",
                dead.pico, dead.node, next.node
            ));
            away.push(time);
        }
    }
    let mut may = affected_picos(fault, &picos, &fenced_now);
    may.extend(restarted);
    for (was, is) in picos.iter().zip(&last.picos) {
        let times = lives.iter().filter(|life| life.pico == was.pico && since(life)).count();
        if !may.contains(&was.pico.as_str()) && (times > 0 || was != is) {
            broken.push(format!("{} was restarted, and had nothing to do with it", was.pico));
        } else if times > 1 {
            broken.push(format!("{} was restarted {times} times, for one fault", was.pico));
        }
    }
    clean_up(fixture, place)?;
    Ok((
        SoakStep { kind: fault.kind().to_owned(), fault: fault.to_string(), effects, away },
        broken,
    ))
}

/// The node that this fault removes from the cluster, and that must be fenced.
fn may_be_fenced(fault: SoakFault) -> Option<&'static str> {
    match fault {
        // A controller, which also exits when the executor does, may be back before the others
        // notice.
        SoakFault::PowerCut(node)
        | SoakFault::CableCut(node)
        | SoakFault::CorosyncFrozen(node)
        | SoakFault::DaemonKilled(_, node) => Some(node),
        _ => None,
    }
}

/// The picos that this fault may end, because it targets them or their node. A killed daemon of
/// Pacemaker ends the picos of its node only if that node was fenced.
fn affected_picos<'a>(
    fault: SoakFault,
    before: &'a [WatchedProcess],
    fenced: &[String],
) -> Vec<&'a str> {
    let is_touched = |seen: &&WatchedProcess| match fault {
        SoakFault::Kill(pico)
        | SoakFault::Hang(pico)
        | SoakFault::HaFailed(pico)
        | SoakFault::MzshSlow(pico)
        | SoakFault::AgentKilled(pico)
        | SoakFault::Maintenance(pico) => seen.pico == pico,
        // The Platform moves with storage and address, and so does the UI.
        SoakFault::Move(pico) => {
            seen.pico == pico
                || (inject::is_on_shared_storage(pico) && inject::is_on_shared_storage(&seen.pico))
        }
        SoakFault::DaemonKilled(_, node) => seen.node == node && fenced.contains(&seen.node),
        SoakFault::Standby(node)
        | SoakFault::PowerCut(node)
        | SoakFault::CableCut(node)
        | SoakFault::CorosyncFrozen(node)
        | SoakFault::NodeStopped(node) => seen.node == node,
        SoakFault::Refresh | SoakFault::Cleanup | SoakFault::Reload(_) => false,
    };
    before.iter().filter(is_touched).map(|seen| seen.pico.as_str()).collect()
}

/// Violations in these lives, independent of the fault's target.
fn violations(
    fixture: &ClusterFixture,
    lives: &[PicoLifetime],
) -> Result<Vec<String>, TestkitError> {
    let expected: Vec<ExpectedPico<'_>> = PICOS
        .iter()
        .map(|&pico| ExpectedPico {
            pico,
            nodes: inject::may_run_on(pico),
            lifetimes: lives.iter().filter(|life| life.pico == pico).count(),
        })
        .collect();
    let mut broken = invariants::check_lifetimes(lives, &expected);
    broken.extend(fixture.heartbeat_violations(lives)?);
    Ok(broken.iter().map(ToString::to_string).collect())
}

/// Waits until the cluster is idle, all nodes are back, and each pico runs once, is ready, and is
/// where the cluster shows it.
fn wait_until_healthy(fixture: &ClusterFixture) -> TestResult {
    let well = |lives: &[PicoLifetime]| -> Result<(), TestkitError> {
        let status = fixture.lab.status()?;
        let member =
            status.members.iter().find(|member| !member.online || member.standby || member.unclean);
        let lost = PICOS.iter().find(|pico| {
            let alive: Vec<&PicoLifetime> =
                lives.iter().filter(|life| life.pico == **pico && life.ended.is_none()).collect();
            let [life] = alive.as_slice() else { return true };
            life.ready.is_none()
                || status.nodes_running(&format!("mz-{pico}")) != [life.node.as_str()]
        });
        match (member, lost) {
            (None, None) => Ok(()),
            (member, pico) => Err(TestkitError::TimedOut {
                what: "the cluster to be well".to_owned(),
                waited: CLUSTER_TIMEOUT,
                last_seen: format!("{member:?}, {pico:?}; {status}"),
            }),
        }
    };
    fixture.lab.wait_until(
        "all picos to run once where the cluster believes",
        CLUSTER_TIMEOUT * 2,
        |lab| {
            let look = || {
                lab.wait_until_settled()?;
                well(&fixture.lifetimes()?)
            };
            Ok(look().map_err(|error: TestkitError| error.to_string()))
        },
    )
}

fn fencing_counts(fixture: &ClusterFixture) -> Result<BTreeMap<String, usize>, TestkitError> {
    fixture
        .lab
        .nodes()
        .map(|node| Ok((node.name.to_owned(), fixture.fencing_count(node.name)?)))
        .collect()
}

/// Truncates the logs and cleans up failures, like an operator, before a node reaches its limit.
fn clean_up(fixture: &ClusterFixture, place: usize) -> TestResult {
    if place % 10 == 9 {
        for node in fixture.lab.nodes() {
            node.sh(&format!(
                "for log in /var/log/pacemaker/pacemaker.log /var/log/corosync/corosync.log; do
                    [ $(stat -c %s $log) -lt {MAX_LOG_BYTES} ] || {{ cp $log $log.before; : >$log; }}
                done"
            ))?;
        }
    }
    let status = fixture.lab.status()?;
    let often = |(resource, _, count): &&(String, String, String)| {
        resource == "mz-platform" && count != "1"
    };
    if status.fail_counts.iter().any(|count| often(&count)) {
        fixture.node("n1").exec(&["crm_resource", "--cleanup", "--resource", "mz-platform"])?;
        fixture.lab.wait_until_settled()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn initial_processes() -> Vec<WatchedProcess> {
        let nodes = [("platform", "n1"), ("ui", "n1"), ("ec1", "n3"), ("ec2", "n2"), ("sc1", "n3")];
        let seen = |(pico, node): (&str, &str)| {
            let (pico, node) = (pico.to_owned(), node.to_owned());
            WatchedProcess { pico, node, pid: 7, start_time: 70, began: 0, ended: None }
        };
        nodes.map(seen).to_vec()
    }

    #[test]
    fn fault_affects_only_its_pico_or_the_picos_of_its_node() {
        let places = initial_processes();
        assert_eq!(affected_picos(SoakFault::Kill("platform"), &places, &[]), ["platform"]);
        assert_eq!(affected_picos(SoakFault::PowerCut("n3"), &places, &[]), ["ec1", "sc1"]);
        assert_eq!(affected_picos(SoakFault::Standby("n2"), &places, &[]), ["ec2"]);
        assert_eq!(affected_picos(SoakFault::Move("sc1"), &places, &[]), ["sc1"]);
        assert_eq!(
            affected_picos(SoakFault::Move("ui"), &places, &[]),
            ["platform", "ui"],
            "both go with the address"
        );
        let controller = SoakFault::DaemonKilled("pacemaker-controld", "n2");
        assert_eq!(affected_picos(controller, &places, &["n2".to_owned()]), ["ec2"]);
        for fault in [SoakFault::Refresh, SoakFault::Cleanup, SoakFault::Reload("ec1"), controller]
        {
            assert!(affected_picos(fault, &places, &[]).is_empty(), "{fault}");
        }
    }

    #[test]
    fn only_an_isolated_node_may_be_fenced() {
        assert_eq!(may_be_fenced(SoakFault::CableCut("n2")), Some("n2"));
        for fault in
            [SoakFault::Standby("n2"), SoakFault::NodeStopped("n2"), SoakFault::Hang("ec1")]
        {
            assert_eq!(may_be_fenced(fault), None, "{fault}");
        }
    }

    #[test]
    fn aborted_soak_names_the_command_that_reproduces_it() {
        let (fault, why) = (Some(SoakFault::Hang("ec1")), "ec2 was restarted".to_owned());
        let said = SoakAborted { seed: 5, count: 17, fault, why }.to_string();
        assert_eq!(
            said,
            "fault 17 (SIGSTOP to a pico: ec1): ec2 was restarted\nagain: cargo xtask soak --seed 5 --faults 17"
        );
    }
}
