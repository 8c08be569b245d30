//! The results of a passed scenario for docs/evidence/reliability.md: a JSON file in
//! `target/lab/reports`. It has the faults, and the times when the cluster noticed, when it acted,
//! and when all picos ran again.
//!
//! The recovery time of a pico has four parts, in milliseconds:
//!
//! - `agents`: duration of the agent's stop and start after the cluster had noticed, as Pacemaker's
//!   executor measured them, less the product's own start time;
//! - `product`: the product's own start time, from the call of `mzsh startup` until the pico is
//!   ready, by its history;
//! - `since_noticed`: from noticed until the end of the start, including the time of Pacemaker and
//!   other agents;
//! - `away`: from the death until the pico is ready.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use mz_sim::history::HistoryEvent;
use serde::{Deserialize, Serialize};
use testkit::{TestResult, TestkitError};

use crate::Lab;
use crate::controller::io_error;
use crate::invariants::{self, PicoLifetime};
use crate::timeline::{self, TimedClusterEvent};

/// Packages whose versions are recorded; a star stands for several packages in the archive.
const PACKAGES: &str =
    "corosync pacemaker resource-agents resource-agents-base pcs crmsh openjdk-*-jre-headless";

/// See the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScenarioReport {
    /// `module::function`.
    pub test: String,
    /// End of the scenario, in UTC.
    pub date: String,
    /// Duration, including the lab's startup.
    pub seconds: f64,
    pub nodes: usize,
    /// Packages and the kernel, with their versions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<String, String>,
    /// Number of fencings.
    pub fenced: usize,
    /// The faults, in order.
    pub faults: Vec<FaultReport>,
}

/// One fault. Times are milliseconds since the fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FaultReport {
    pub what: String,
    /// When the cluster noticed.
    pub noticed: Option<u64>,
    /// The log's text for that.
    pub by: Option<String>,
    /// When the cluster acted.
    pub decided: Option<u64>,
    /// Its first action.
    pub action: Option<String>,
    /// When the last pico that the fault killed was ready again; `None` if it killed none.
    pub running: Option<u64>,
    /// The picos that the fault killed and that came back.
    pub back: Vec<Recovery>,
}

/// The recovery of one pico; see the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recovery {
    pub pico: String,
    /// The node where it died.
    pub from: String,
    /// The node where it is back.
    pub to: String,
    /// From the death until the pico is ready.
    pub away: u64,
    /// From noticed until the end of its start; `None` if a person started it.
    pub since_noticed: Option<u64>,
    /// The product's own start time.
    pub product: Option<u64>,
    /// The agent's share.
    pub agents: Option<u64>,
}

/// The sources of the time lines.
#[derive(Debug, Clone, Copy)]
pub struct ReportSources<'a> {
    /// Events in the logs of all nodes.
    pub moments: &'a [TimedClusterEvent],
    /// Lives of all picos.
    pub lives: &'a [PicoLifetime],
    /// Events that the picos and mzsh logged.
    pub history: &'a [HistoryEvent],
    /// Resources other than picos that are reported for comparison.
    pub followed: &'a [String],
}

impl ReportSources<'_> {
    /// The results of these faults, whose times are milliseconds since 1970. The next fault ends
    /// the time of a fault.
    #[must_use]
    pub fn fault_reports(self, faults: &[(u64, String)]) -> Vec<FaultReport> {
        let ends = faults.iter().skip(1).map(|(time, _)| *time).chain([u64::MAX]);
        faults
            .iter()
            .zip(ends)
            .map(|((at, what), next)| self.fault_report(*at, what, next))
            .collect()
    }

    fn fault_report(self, at: u64, what: &str, next: u64) -> FaultReport {
        let line = timeline::of_fault(self.moments, at, next);
        let noticed = line.noticed.as_ref().map(|(time, _)| *time);
        let since = |time: u64| time.saturating_sub(at);
        let died =
            |life: &&PicoLifetime| life.ended.is_some_and(|ended| (at..next).contains(&ended));
        let mut back: Vec<Recovery> = self
            .lives
            .iter()
            .filter(died)
            .filter_map(|dead| self.recovery(dead, noticed))
            .collect();
        let ready = self
            .lives
            .iter()
            .filter(died)
            .filter_map(|dead| invariants::next_ready(self.lives, dead)?.ready);
        let running = ready.max().map(since);
        if let Some(noticed) = noticed {
            let others = self.followed.iter();
            back.extend(
                others.filter_map(|resource| self.resource_recovery(resource, at, noticed, next)),
            );
        }
        let split =
            |what: Option<(u64, String)>| what.map(|(time, text)| (since(time), text)).unzip();
        let ((noticed, by), (decided, action)) = (split(line.noticed), split(line.decided));
        FaultReport { what: what.to_owned(), noticed, by, decided, action, running, back }
    }

    fn recovery(self, dead: &PicoLifetime, noticed: Option<u64>) -> Option<Recovery> {
        let next = invariants::next_ready(self.lives, dead)?;
        let (ready, resource) = (next.ready?, format!("mz-{}", dead.pico));
        let product = mzsh_call_time(self.history, next).map(|called| ready.saturating_sub(called));
        let times = noticed
            .zip(timeline::start_completed(self.moments, &resource, ready).map(|(time, _)| time));
        let ran = times.map(|(noticed, started)| {
            timeline::action_time(self.moments, &resource, noticed, started)
        });
        Some(Recovery {
            pico: dead.pico.clone(),
            from: dead.node.clone(),
            to: next.node.clone(),
            away: ready.saturating_sub(dead.ended?),
            since_noticed: times.map(|(noticed, started)| started.saturating_sub(noticed)),
            product,
            agents: ran.zip(product).map(|(ran, product)| ran.saturating_sub(product)),
        })
    }

    /// The watcher does not see such a resource. It is back at the end of its start, and away since
    /// the fault.
    fn resource_recovery(
        self,
        resource: &str,
        at: u64,
        noticed: u64,
        next: u64,
    ) -> Option<Recovery> {
        let (started, node) = timeline::start_completed(self.moments, resource, noticed)?;
        (started < next).then(|| Recovery {
            pico: resource.to_owned(),
            from: String::new(),
            to: node.to_owned(),
            away: started - at,
            since_noticed: Some(started - noticed),
            product: Some(0),
            agents: Some(timeline::action_time(self.moments, resource, noticed, started)),
        })
    }
}

/// The time of the `mzsh startup` for this life: the last call on its node before its start.
fn mzsh_call_time(history: &[HistoryEvent], life: &PicoLifetime) -> Option<u64> {
    let of_pico = |event: &&HistoryEvent| {
        let mut words = event.reason.split(' ');
        event.event == "mzsh"
            && event.node == life.node
            && event.time <= life.ready.unwrap_or_default()
            && words.next() == Some("startup")
            && words.any(|word| word == life.pico)
    };
    history.iter().filter(of_pico).map(|event| event.time).max()
}

/// All events in the logs of the lab's nodes.
#[must_use]
pub fn log_events(lab: &Lab, near: u64) -> Vec<TimedClusterEvent> {
    let logs = lab.nodes().map(|node| lab.host_path(node.name, "/var/log/pacemaker/pacemaker.log"));
    // A node that never booted has no log.
    let logs = logs.map(|path| fs::read(path).unwrap_or_default());
    logs.flat_map(|log| timeline::parse_log(&String::from_utf8_lossy(&log), near)).collect()
}

/// The versions of packages and kernel on a node of the lab.
///
/// # Errors
/// [`TestkitError::Command`].
pub fn versions(lab: &Lab) -> Result<BTreeMap<String, String>, TestkitError> {
    // Missing packages are no failure.
    let list = format!(
        "dpkg-query -W -f '${{Package}} ${{Version}}\\n' {PACKAGES} 2>/dev/null; echo kernel $(uname -r)"
    );
    let said = lab.node("n1").sh(&list)?;
    let pairs = said
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(_, version)| !version.is_empty());
    Ok(pairs.map(|(name, version)| (name.to_owned(), version.to_owned())).collect())
}

/// The name of the running test, which is the name of its thread.
pub(crate) fn current_test() -> String {
    thread::current().name().unwrap_or("lab").to_owned()
}

/// The reports directory, next to the lab's directory.
#[must_use]
pub fn reports_directory(lab: &Path) -> PathBuf {
    lab.with_file_name("reports")
}

impl ScenarioReport {
    /// Writes the report and replaces the last one of this test.
    pub(crate) fn save(&self, lab: &Lab) -> TestResult {
        let dir = reports_directory(lab.controller().dir());
        let path = dir.join(self.test.replace("::", "-")).with_extension("json");
        let text = serde_json::to_string_pretty(self).unwrap_or_default() + "\n";
        fs::create_dir_all(&dir)
            .and_then(|()| fs::write(&path, text))
            .map_err(io_error("write", &path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lifetime(began: u64, ready: u64, ended: Option<u64>) -> PicoLifetime {
        let process = (u32::try_from(began).unwrap(), began);
        PicoLifetime {
            pico: "ec1".into(),
            node: "n1".into(),
            process,
            began,
            ready: Some(ready),
            ended,
        }
    }

    fn ran(time: u64, action: &str, took: u64) -> TimedClusterEvent {
        let (node, resource, action) = ("n1".to_owned(), "mz-ec1".to_owned(), action.to_owned());
        (time, timeline::ClusterLogEvent::Ran { node, resource, action, took })
    }

    fn mzsh(time: u64, reason: &str) -> HistoryEvent {
        let (event, pico, node) = ("mzsh".into(), String::new(), "n1".into());
        HistoryEvent { time, event, pico, node, pid: 1, starttime: 1, reason: reason.into() }
    }

    #[test]
    fn agent_share_is_agent_time_less_product_time() {
        let moments = [
            ran(50, "start", 40),
            (
                1020,
                timeline::ClusterLogEvent::Noticed(
                    "Result of monitor operation for mz-ec1 on n1: not running".into(),
                ),
            ),
            (1030, timeline::ClusterLogEvent::Ordered("mz-ec1_stop_0 on n1".into())),
            ran(1060, "stop", 15),
            ran(1400, "start", 320),
            ran(5000, "stop", 1000),
        ];
        let lives = [lifetime(10, 40, Some(1001)), lifetime(1100, 1350, None)];
        let history =
            [mzsh(5, "startup ec1"), mzsh(1090, "startup -f ec1"), mzsh(1095, "startup -f ec10")];
        let told =
            ReportSources { moments: &moments, lives: &lives, history: &history, followed: &[] }
                .fault_reports(&[(1000, "kill".into()), (4000, "stop".into())]);
        assert_eq!(told.len(), 2);
        let kill = &told[0];
        assert_eq!((kill.noticed, kill.decided, kill.running), (Some(20), Some(30), Some(350)));
        let back = &kill.back[0];
        assert_eq!((back.away, back.since_noticed, back.product), (349, Some(380), Some(260)));
        assert_eq!(back.agents, Some(15 + 320 - 260));
        assert_eq!((told[1].noticed, told[1].back.len()), (None, 0));
    }

    #[test]
    fn pico_started_by_hand_has_no_agent_share() {
        let lives = [lifetime(10, 40, Some(1001)), lifetime(1100, 1350, None)];
        let history = [mzsh(1090, "startup ec1")];
        let told = ReportSources { moments: &[], lives: &lives, history: &history, followed: &[] }
            .fault_reports(&[(1000, "by hand".into())]);
        assert_eq!((told[0].running, told[0].back[0].agents), (Some(350), None));
    }
}
