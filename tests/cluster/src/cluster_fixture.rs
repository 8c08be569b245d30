//! MediationZone on the lab's cluster. The configuration is that of the README's first page,
//! unchanged except for device and address, with a second EC.
//!
//! | what | where |
//! | --- | --- |
//! | `/opt/mz` with `platform` and `ui` | on the shared disk, which `mz-storage` mounts |
//! | `mzplat`, 10.99.0.100 | on the same node, by `mz-address` |
//! | `/opt/ec` with `ec1`, `ec2` and `sc1` | on each node's own disk |
//!
//! The Platform and the UI prefer n1 and may run on n2. `ec1` and `sc1` prefer n3 and may run on
//! n2; `ec2` prefers n2 and may run on n3. So the loss of n1 affects only the Platform and the UI.
//! In a cluster of two nodes the second has all other picos.

mod plan;

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use mz_sim::heartbeat;
use mz_sim::history::{self, HistoryEvent};
use serde_json::Value;
use testkit::{TestResult, TestkitError};

use crate::controller::io_error;
use crate::invariants::{self, ExpectedPico, PicoLifetime, Violation};
use crate::process_watcher::{self, WatchedProcess};
use crate::report::{self, ReportSources, ScenarioReport};
use crate::timeline;
use crate::{Lab, LabNode};

pub use plan::{
    ClusterPlan, ConfigurationTool, cluster_plan, ec_installation, example_for_lab,
    platform_installation,
};

/// Longer than any action of the cluster takes.
pub const CLUSTER_TIMEOUT: Duration = Duration::from_secs(60);

/// Longer than a booted node takes to join a healthy cluster.
const JOIN_TIMEOUT: Duration = Duration::from_secs(15);

/// The Platform's installation on the shared disk.
const SHARED_MZ_HOME: &str = "/srv/mz";

/// The mount point of the Platform's installation.
pub const MZ_HOME: &str = "/opt/mz";

/// The installation of the ECs and SCs on each node.
pub const EC_HOME: &str = "/opt/ec";

/// The directory of all picos' heartbeats: outside the nodes, and on no disk that a scenario makes
/// hang.
const HEARTBEAT_DIR: &str = "/srv/beats";

/// The longest life of a pico that the watcher can miss: the time between two scans, on a loaded
/// machine.
const MAX_UNSEEN_MS: u64 = 200;

/// True if the pico belongs to the Platform's installation.
fn is_in_platform_home(pico: &str) -> bool {
    matches!(pico, "platform" | "ui")
}

/// A running cluster.
#[derive(Debug)]
pub struct ClusterFixture {
    pub lab: Lab,
    /// The node of each pico after the first start.
    home_nodes: [(&'static str, &'static str); 5],
    /// The faults of the scenario, with their times in milliseconds since 1970.
    faults: RefCell<Vec<(u64, String)>>,
    /// Processes whose heartbeat the scenario has stopped: node, pid and start time.
    excused_heartbeats: RefCell<Vec<(String, u32, u64)>>,
    /// Resources other than picos that the report covers.
    followed: RefCell<Vec<String>>,
}

impl ClusterFixture {
    #[must_use]
    pub fn node<'a>(&'a self, name: &'a str) -> LabNode<'a> {
        self.lab.node(name)
    }

    /// Each pico and its preferred node.
    #[must_use]
    pub fn home_nodes(&self) -> &[(&'static str, &'static str)] {
        &self.home_nodes
    }

    /// Records the next fault and its time, which starts its time line.
    pub fn note_fault(&self, what: &str) {
        println!("{}: {what}", process_watcher::now_ms());
        self.faults.borrow_mut().push((process_watcher::now_ms(), what.to_owned()));
    }

    /// Adds a resource that is no pico to the report, for the time of its recovery.
    pub fn follow_resource(&self, resource: &str) {
        self.followed.borrow_mut().push(resource.to_owned());
    }

    /// Allows missing heartbeats of this pico, because the scenario stops it.
    pub fn excuse_heartbeat(&self, pico: &WatchedProcess) {
        self.excused_heartbeats.borrow_mut().push((pico.node.clone(), pico.pid, pico.start_time));
    }

    /// The events of all picos on all nodes.
    pub fn history(&self) -> Result<Vec<HistoryEvent>, TestkitError> {
        let homes = self.lab.nodes().map(|node| self.lab.host_path(node.name, EC_HOME));
        let mut all = Vec::new();
        for home in homes.chain([self.lab.host_path("n1", SHARED_MZ_HOME)]) {
            let events = history::read(&home).map_err(|error| TestkitError::NotExecuted {
                argv: format!("the history of {}", home.display()),
                said: error.to_string(),
            })?;
            all.extend(events);
        }
        all.sort_by_key(|event| event.time);
        Ok(all)
    }

    /// The violations of the heartbeat rules in these lives.
    pub(crate) fn heartbeat_violations(
        &self,
        lives: &[PicoLifetime],
    ) -> Result<Vec<Violation>, TestkitError> {
        let (now, dir) = (process_watcher::now_ms(), self.lab.host_path("n1", HEARTBEAT_DIR));
        let hearts = heartbeat::read_all(&dir).map_err(|error| TestkitError::NotExecuted {
            argv: format!("the heartbeats in {}", dir.display()),
            said: error.to_string(),
        })?;
        Ok(invariants::check_heartbeats(lives, &hearts, &self.excused_heartbeats.borrow(), now))
    }

    /// All lives of all picos.
    pub fn lifetimes(&self) -> Result<Vec<PicoLifetime>, TestkitError> {
        let seen = self.lab.watcher().processes();
        Ok(invariants::lifetimes(&seen, &self.history()?, MAX_UNSEEN_MS))
    }

    /// The live process of a pico; any other number fails the test.
    pub fn single_process(&self, pico: &str) -> Result<WatchedProcess, TestkitError> {
        <[WatchedProcess; 1]>::try_from(self.lab.watcher().alive(pico)).map(|[seen]| seen).map_err(
            |alive| TestkitError::TimedOut {
                what: format!("{pico} to live once"),
                waited: Duration::ZERO,
                last_seen: format!("{alive:?}"),
            },
        )
    }

    /// The live process of each pico.
    pub fn all_processes(&self) -> Result<Vec<WatchedProcess>, TestkitError> {
        self.home_nodes.iter().map(|(pico, _)| self.single_process(pico)).collect()
    }

    /// Waits until a pico lives and is ready on a node.
    pub fn wait_until_ready(&self, pico: &str, node: &str) -> Result<PicoLifetime, TestkitError> {
        self.wait_until_ready_within(CLUSTER_TIMEOUT, pico, node)
    }

    /// The same with another timeout.
    pub fn wait_until_ready_within(
        &self,
        limit: Duration,
        pico: &str,
        node: &str,
    ) -> Result<PicoLifetime, TestkitError> {
        self.wait_for_lifetime(limit, &format!("{pico} to be ready on {node}"), |life| {
            life.pico == pico && life.node == node && life.ready.is_some() && life.ended.is_none()
        })
    }

    /// Waits until a pico is ready in another process than this one.
    pub fn wait_until_back(&self, before: &WatchedProcess) -> Result<PicoLifetime, TestkitError> {
        let what = format!("{} to be ready again", before.pico);
        self.wait_for_lifetime(CLUSTER_TIMEOUT, &what, |life| life.is_successor_of(before))
    }

    fn wait_for_lifetime(
        &self,
        limit: Duration,
        what: &str,
        is: impl Fn(&PicoLifetime) -> bool,
    ) -> Result<PicoLifetime, TestkitError> {
        self.lab.wait_until(what, limit, |_| {
            let lives = self.lifetimes()?;
            let story = || lives.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
            Ok(lives.iter().find(|life| is(life)).cloned().ok_or_else(story))
        })
    }

    /// Waits until a node is back: it is online, and the cluster is idle. It applies the doctor's
    /// remedy to a node that Pacemaker keeps pending.
    pub fn wait_until_online(&self, node: &str) -> TestResult {
        let began = Instant::now();
        self.lab.wait_until(&format!("{node} to be online"), CLUSTER_TIMEOUT, |lab| {
            let status = lab.status()?;
            if status.member(node).is_some_and(|member| member.online && !member.unclean) {
                return Ok(Ok(()));
            }
            if began.elapsed() > JOIN_TIMEOUT
                && let Some(cure) = self.stale_state_remedy(node)?
            {
                println!("{}: {node} is held for leaving: {cure}", process_watcher::now_ms());
                self.node(node).sh(&cure)?;
            }
            Ok(Err(status.to_string()))
        })?;
        self.lab.wait_until_settled()
    }

    /// The rows of `mzha doctor` on a node.
    pub fn doctor_results(&self, node: &str) -> Result<Vec<Value>, TestkitError> {
        let ran = self.node(node).try_exec(&["mzha", "doctor", "--json"])?;
        let document: Value = serde_json::from_str(&ran.stdout).map_err(|error| {
            TestkitError::NotExecuted { argv: ran.argv.clone(), said: format!("{error}: {ran}") }
        })?;
        Ok(document["rows"].as_array().cloned().unwrap_or_default())
    }

    /// The doctor's remedy if Pacemaker treats a node as leaving (stale `expected=down`); otherwise
    /// `None`.
    pub fn stale_state_remedy(&self, node: &str) -> Result<Option<String>, TestkitError> {
        let is_of_it = |row: &&Value| {
            row["check"] == "nodes"
                && row["seen"].as_str().is_some_and(|seen| seen.starts_with(&format!("{node} ")))
        };
        let rows = self.doctor_results(node)?;
        Ok(rows.iter().find(is_of_it).and_then(|row| row["todo"].as_str()).map(str::to_owned))
    }

    /// Waits until a node is no longer a full member: gone or pending.
    pub fn wait_until_offline(&self, node: &str) -> TestResult {
        self.lab.wait_until(&format!("{node} to be offline"), CLUSTER_TIMEOUT, |lab| {
            let status = lab.status()?;
            let online = status.member(node).is_some_and(|member| member.online);
            Ok(if online { Err(status.to_string()) } else { Ok(()) })
        })
    }

    /// The exit code of a resource's last probe on a node. It waits for a probe that started after
    /// the last fault.
    pub fn wait_for_probe(&self, resource: &str, node: &str) -> Result<u8, TestkitError> {
        let since = self.faults.borrow().last().map_or(0, |(when, _)| when / 1000);
        let operation = format!(
            "//node_state[@uname='{node}']//lrm_resource[@id='{resource}']/lrm_rsc_op[@operation='monitor'][@interval='0']"
        );
        self.lab.wait_until(&format!("a probe of {resource} on {node}"), CLUSTER_TIMEOUT, |_| {
            let mut last = String::from("no node has quorum");
            for asked in self.lab.nodes() {
                let ran = asked
                    .try_exec(&["timeout", "10", "cibadmin", "--query", "--xpath", &operation])?;
                last = format!("{}{}", ran.stdout, ran.stderr);
                let of = |name: &str| {
                    let (_, rest) = ran.stdout.split_once(&format!(" {name}=\""))?;
                    rest.split_once('"')?.0.parse::<u64>().ok()
                };
                // A running probe has the status -1.
                if let (Some(code), Some(when), Some(_)) =
                    (of("rc-code"), of("last-rc-change"), of("op-status"))
                    && when >= since
                {
                    return Ok(Ok(u8::try_from(code).unwrap_or(u8::MAX)));
                }
            }
            Ok(Err(last))
        })
    }

    /// Actions of the power switch (`reboot n1`), with times in milliseconds since 1970.
    pub fn power_switch_log(&self) -> Result<Vec<(u64, String)>, TestkitError> {
        let log = self.node("host").try_exec(&[
            "cat",
            &format!("{}/fs/power.log", self.lab.controller().dir().display()),
        ])?;
        let lines = log.stdout.lines().filter_map(|line| line.strip_suffix(" 0")?.split_once(' '));
        Ok(lines.filter_map(|(time, what)| Some((time.parse().ok()?, what.to_owned()))).collect())
    }

    /// Number of fencings of a node.
    pub fn fencing_count(&self, node: &str) -> Result<usize, TestkitError> {
        let reboot = format!("reboot {node}");
        Ok(self.power_switch_log()?.iter().filter(|(_, what)| *what == reboot).count())
    }

    /// The report of this scenario.
    pub fn report(&self, lives: &[PicoLifetime]) -> Result<ScenarioReport, TestkitError> {
        let now = process_watcher::now_ms();
        let (moments, history) = (report::log_events(&self.lab, now), self.history()?);
        let followed = self.followed.borrow();
        let seen =
            ReportSources { moments: &moments, lives, history: &history, followed: &followed };
        let faults = seen.fault_reports(&self.faults.borrow());
        for fault in &faults {
            println!("{fault:?}");
        }
        let fenced: Result<Vec<usize>, TestkitError> =
            self.lab.nodes().map(|node| self.fencing_count(node.name)).collect();
        Ok(ScenarioReport {
            test: report::current_test(),
            date: timeline::format_utc(now),
            seconds: self.lab.uptime().as_secs_f64(),
            nodes: self.lab.nodes().count(),
            versions: report::versions(&self.lab)?,
            fenced: fenced?.iter().sum(),
            faults,
        })
    }

    /// Changes a setting of the simulator for a pico in the installation of this node. The pico may
    /// be running.
    pub fn set_simulator(&self, node: &str, pico: &str, assignment: &str) -> TestResult {
        let home = if is_in_platform_home(pico) { MZ_HOME } else { EC_HOME };
        let setting = format!("{pico}.{assignment}");
        self.node(node).exec(&["mz-sim", "set", home, &setting]).map(drop)
    }

    /// Waits for the death of this process of a pico.
    pub fn wait_until_dead(&self, before: &WatchedProcess) -> TestResult {
        self.lab.wait_until(
            &format!("the end of {} on {}", before.pico, before.node),
            CLUSTER_TIMEOUT,
            |lab| {
                let alive = lab.watcher().alive(&before.pico);
                let same = |seen: &&WatchedProcess| {
                    (seen.pid, seen.start_time, &seen.node)
                        == (before.pid, before.start_time, &before.node)
                };
                Ok(alive
                    .iter()
                    .find(same)
                    .map_or(Ok(()), |seen| Err(format!("pid {} lives", seen.pid))))
            },
        )
    }

    /// Switches maintenance mode on or off, and waits until the cluster has settled.
    pub fn set_maintenance_mode(&self, on: bool) -> TestResult {
        let value = if on { "true" } else { "false" };
        let update = ["crm_attribute", "--name", "maintenance-mode", "--update", value];
        self.node("n1").exec(&update)?;
        self.lab.wait_until_settled()
    }

    /// Restarts a pico by mzsh, like an administrator, and waits until it is ready.
    pub fn restart_by_hand(&self, pico: &WatchedProcess) -> Result<PicoLifetime, TestkitError> {
        let home = if is_in_platform_home(&pico.pico) { MZ_HOME } else { EC_HOME };
        let (mzsh, name) = (format!("setsid runuser -u mzadmin -- {home}/bin/mzsh"), &pico.pico);
        self.node(&pico.node).sh(&format!(
            "{{ {mzsh} shutdown {name} && {mzsh} startup {name}; }} </dev/null >/tmp/mzsh 2>&1"
        ))?;
        self.wait_until_back(pico)
    }

    /// Waits until a line of the node's Pacemaker log has all these words, in any case; returns the
    /// line.
    pub fn wait_for_log_line(&self, node: &str, words: &[&str]) -> Result<String, TestkitError> {
        self.lab.wait_until(&format!("{words:?} in {node}'s log"), CLUSTER_TIMEOUT, |_| {
            let text = self.pacemaker_log(node)?;
            // Pacemaker 3.0 writes "OK" where 2.1 has "ok".
            let has = |line: &str, word: &str| line.to_lowercase().contains(&word.to_lowercase());
            let found = text.lines().find(|line| words.iter().all(|word| has(line, word)));
            Ok(found.map(str::to_owned).ok_or_else(|| "no such line".to_owned()))
        })
    }

    /// Fails the test if the cluster records a failed action or a fencing.
    #[track_caller]
    pub fn assert_nothing_failed(&self) -> TestResult {
        let status = self.lab.status()?;
        assert!(status.fail_counts.is_empty() && status.failures.is_empty(), "{status}");
        for node in self.lab.nodes() {
            assert_eq!(self.fencing_count(node.name)?, 0, "{} was fenced", node.name);
        }
        Ok(())
    }

    /// Fails the test unless this resource failed once, on this node, no other failed and no node
    /// was fenced.
    #[track_caller]
    pub fn assert_failed_once(&self, resource: &str, on: &str) -> TestResult {
        let status = self.lab.status()?;
        assert_eq!(status.fail_count(resource, on), "1", "{status}");
        assert_eq!(status.fail_counts.len(), 1, "{status}");
        for node in self.lab.nodes() {
            assert_eq!(self.fencing_count(node.name)?, 0, "{} was fenced", node.name);
        }
        Ok(())
    }

    /// Waits until no process of a pico lives.
    pub fn wait_until_none_alive(&self, pico: &str) -> TestResult {
        self.lab.wait_until(&format!("the end of {pico}"), CLUSTER_TIMEOUT, |lab| {
            let alive = lab.watcher().alive(pico);
            Ok(if alive.is_empty() { Ok(()) } else { Err(format!("{alive:?}")) })
        })
    }

    /// The log of Pacemaker and the agents on a node.
    pub fn pacemaker_log(&self, node: &str) -> Result<String, TestkitError> {
        let file = self.lab.host_path(node, "/var/log/pacemaker/pacemaker.log");
        fs::read_to_string(&file).map_err(io_error("read", &file))
    }

    /// Sends SIGKILL to picos, one right after the other. The last fault gets the time just before
    /// the first signal.
    pub fn kill_processes(&self, picos: &[WatchedProcess]) -> TestResult {
        let mut first = None;
        for pico in picos {
            let killed = self.lab.watcher().kill(pico);
            let killed = killed
                .map_err(io_error("kill", Path::new(&format!("{} on {}", pico.pico, pico.node))))?;
            first.get_or_insert(killed);
        }
        if let (Some((when, _)), Some(first)) = (self.faults.borrow_mut().last_mut(), first) {
            *when = first;
        }
        Ok(())
    }

    /// Sends a signal to a pico on its node. A stopped pico needs no heartbeat. For SIGKILL see
    /// [`Self::kill_processes`].
    pub fn signal(&self, pico: &WatchedProcess, signal: &str) -> TestResult {
        if signal == "KILL" {
            return self.kill_processes(std::slice::from_ref(pico));
        }
        if signal == "STOP" {
            self.excuse_heartbeat(pico);
        }
        self.node(&pico.node).exec(&["kill", "-s", signal, &pico.pid.to_string()]).map(drop)
    }

    /// The most common fault: records it, sends SIGKILL to a pico, and waits until it is ready
    /// again.
    pub fn kill_pico(&self, pico: &str, what: &str) -> Result<PicoLifetime, TestkitError> {
        let before = self.single_process(pico)?;
        self.note_fault(what);
        self.kill_and_wait_until_back(&before)
    }

    /// The same for a fault that is already recorded.
    pub fn kill_and_wait_until_back(
        &self,
        before: &WatchedProcess,
    ) -> Result<PicoLifetime, TestkitError> {
        self.signal(before, "KILL")?;
        self.wait_until_back(before)
    }

    /// Ends a scenario. It waits until the cluster is idle, checks the invariants and ends the lab.
    /// Each pico must be on its first node, in its first life. The exceptions name other nodes and
    /// the number of lives. The test's output gets the time line. A passed scenario writes a
    /// [`ScenarioReport`].
    #[track_caller]
    pub fn finish(self, but: &[(&str, &[&str], usize)]) -> TestResult {
        self.lab.wait_until_settled()?;
        let lives = self.lifetimes()?;
        for life in &lives {
            println!("{life}");
        }
        for away in invariants::outages(&lives) {
            println!("{away}");
        }
        let named = |pico: &str| but.iter().any(|(named, ..)| *named == pico);
        let placed: Vec<_> = self
            .home_nodes
            .iter()
            .filter(|(pico, _)| !named(pico))
            .map(|(pico, on)| (*pico, [*on]))
            .collect();
        let others = placed.iter().map(|(pico, on)| ExpectedPico { pico, nodes: on, lifetimes: 1 });
        let expected =
            but.iter().map(|&(pico, on, lives)| ExpectedPico { pico, nodes: on, lifetimes: lives });
        let mut broken =
            invariants::check_lifetimes(&lives, &expected.chain(others).collect::<Vec<_>>());
        broken.extend(self.heartbeat_violations(&lives)?);
        assert!(
            broken.is_empty(),
            "{}",
            broken.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        );
        self.report(&lives)?.save(&self.lab)?;
        self.lab.down()
    }
}
