//! What a scenario that passed leaves behind for docs/reliability.md: a JSON file with what was done, when the cluster noticed, when it
//! acted, and when all ran again, in `target/lab/reports`.
//!
//! Of a pico's way back four shares are told, in milliseconds:
//!
//! - `agents`: what its stop and its start took from the moment the cluster had noticed, as Pacemaker's executor measured it, less the
//!   product's own start time;
//! - `product`: the product's own start time: from the call of `mzsh startup` until the pico is ready, by its history;
//! - `since_noticed`: from noticed until the start was done, all that Pacemaker and other agents do in it;
//! - `away`: from the death until it is ready.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use mz_sim::history::Event;
use serde::{Deserialize, Serialize};
use testkit::{Done, Error};

use crate::Lab;
use crate::control::io_error;
use crate::timeline::{self, Moment};
use crate::witness::{self, Life};

/// Packages whose versions are told; of those with a star there are several in the archive.
const PACKAGES: &str =
    "corosync pacemaker resource-agents resource-agents-base pcs crmsh openjdk-*-jre-headless";

/// See the module.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// `module::function`.
    pub test: String,
    /// When it ended, in UTC.
    pub date: String,
    /// How long it took, with the lab's coming up.
    pub seconds: f64,
    /// How many nodes.
    pub nodes: usize,
    /// Package and version, the kernel's too.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<String, String>,
    /// How many fencings there were.
    pub fenced: usize,
    /// What was done, in order.
    pub faults: Vec<Fault>,
}

/// One thing that was done. Times are milliseconds since then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// In words.
    pub what: String,
    /// When the cluster noticed.
    pub noticed: Option<u64>,
    /// By what.
    pub by: Option<String>,
    /// When it acted.
    pub decided: Option<u64>,
    /// By what.
    pub action: Option<String>,
    /// When the last pico that died of it was ready again; none if none died.
    pub running: Option<u64>,
    /// Who died of it and came back.
    pub back: Vec<Back>,
}

/// One pico's way back; see the module.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Back {
    /// The pico.
    pub pico: String,
    /// Where it died.
    pub from: String,
    /// Where it is back.
    pub to: String,
    /// From the death until it is ready.
    pub away: u64,
    /// From noticed until its start was done; none where a person started it.
    pub since_noticed: Option<u64>,
    /// The product's own start time.
    pub product: Option<u64>,
    /// What the agent took.
    pub agents: Option<u64>,
}

/// What the time lines are made of.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// What the logs of all nodes tell.
    pub moments: &'a [Moment],
    /// Who lived when.
    pub lives: &'a [Life],
    /// What the picos and mzsh wrote.
    pub history: &'a [Event],
    /// Resources that are no picos and are told of, too: to measure by.
    pub followed: &'a [String],
}

impl Evidence<'_> {
    /// What these faults came to, their moments in milliseconds since 1970. A fault ends where the next one begins.
    #[must_use]
    pub fn faults(self, faults: &[(u64, String)]) -> Vec<Fault> {
        let ends = faults.iter().skip(1).map(|(time, _)| *time).chain([u64::MAX]);
        faults.iter().zip(ends).map(|((at, what), next)| self.fault(*at, what, next)).collect()
    }

    fn fault(self, at: u64, what: &str, next: u64) -> Fault {
        let line = timeline::of(self.moments, at, next);
        let noticed = line.noticed.as_ref().map(|(time, _)| *time);
        let since = |time: u64| time.saturating_sub(at);
        let died = |life: &&Life| life.ended.is_some_and(|ended| (at..next).contains(&ended));
        let mut back: Vec<Back> =
            self.lives.iter().filter(died).filter_map(|dead| self.back(dead, noticed)).collect();
        let ready = self.lives.iter().filter(died).filter_map(|dead| witness::next(self.lives, dead)?.ready);
        let running = ready.max().map(since);
        if let Some(noticed) = noticed {
            let others = self.followed.iter();
            back.extend(others.filter_map(|resource| self.other(resource, at, noticed, next)));
        }
        let split = |what: Option<(u64, String)>| what.map(|(time, text)| (since(time), text)).unzip();
        let ((noticed, by), (decided, action)) = (split(line.noticed), split(line.decided));
        Fault { what: what.to_owned(), noticed, by, decided, action, running, back }
    }

    fn back(self, dead: &Life, noticed: Option<u64>) -> Option<Back> {
        let next = witness::next(self.lives, dead)?;
        let (ready, resource) = (next.ready?, format!("mz-{}", dead.pico));
        let product = called(self.history, next).map(|called| ready.saturating_sub(called));
        let times = noticed.zip(timeline::started(self.moments, &resource, ready).map(|(time, _)| time));
        let ran = times.map(|(noticed, started)| timeline::ran(self.moments, &resource, noticed, started));
        Some(Back {
            pico: dead.pico.clone(),
            from: dead.node.clone(),
            to: next.node.clone(),
            away: ready.saturating_sub(dead.ended?),
            since_noticed: times.map(|(noticed, started)| started.saturating_sub(noticed)),
            product,
            agents: ran.zip(product).map(|(ran, product)| ran.saturating_sub(product)),
        })
    }

    /// It has no life that anybody watches: it is back when its start is done, and away since the fault.
    fn other(self, resource: &str, at: u64, noticed: u64, next: u64) -> Option<Back> {
        let (started, node) = timeline::started(self.moments, resource, noticed)?;
        (started < next).then(|| Back {
            pico: resource.to_owned(),
            from: String::new(),
            to: node.to_owned(),
            away: started - at,
            since_noticed: Some(started - noticed),
            product: Some(0),
            agents: Some(timeline::ran(self.moments, resource, noticed, started)),
        })
    }
}

/// When `mzsh startup` was called for this life: the last call on its node before it began.
fn called(history: &[Event], life: &Life) -> Option<u64> {
    let of_pico = |event: &&Event| {
        let mut words = event.reason.split(' ');
        event.event == "mzsh"
            && event.node == life.node
            && event.time <= life.ready.unwrap_or_default()
            && words.next() == Some("startup")
            && words.any(|word| word == life.pico)
    };
    history.iter().filter(of_pico).map(|event| event.time).max()
}

/// All that the logs of the lab's nodes tell.
#[must_use]
pub fn moments(lab: &Lab, near: u64) -> Vec<Moment> {
    let logs = lab.nodes().map(|node| lab.path(node.name, "/var/log/pacemaker/pacemaker.log"));
    // A node that never came up has none.
    let logs = logs.map(|path| fs::read(path).unwrap_or_default());
    logs.flat_map(|log| timeline::read(&String::from_utf8_lossy(&log), near)).collect()
}

/// Package and version, the kernel's too, as a node of the lab has them.
///
/// # Errors
/// [`Error::Command`].
pub fn versions(lab: &Lab) -> Result<BTreeMap<String, String>, Error> {
    // Those that are not installed are no failure.
    let list = format!(
        "dpkg-query -W -f '${{Package}} ${{Version}}\\n' {PACKAGES} 2>/dev/null; echo kernel $(uname -r)"
    );
    let said = lab.node("n1").sh(&list)?;
    let pairs =
        said.lines().filter_map(|line| line.split_once(' ')).filter(|(_, version)| !version.is_empty());
    Ok(pairs.map(|(name, version)| (name.to_owned(), version.to_owned())).collect())
}

/// The name of the running test, which is that of its thread.
pub(crate) fn test() -> String {
    thread::current().name().unwrap_or("lab").to_owned()
}

/// Where the reports of a lab's neighbours are, too: beside it.
#[must_use]
pub fn directory(lab: &Path) -> PathBuf {
    lab.with_file_name("reports")
}

impl Report {
    /// Writes it, in place of the last one of this test.
    pub(crate) fn save(&self, lab: &Lab) -> Done {
        let dir = directory(lab.control().dir());
        let path = dir.join(self.test.replace("::", "-")).with_extension("json");
        let text = serde_json::to_string_pretty(self).unwrap_or_default() + "\n";
        fs::create_dir_all(&dir).and_then(|()| fs::write(&path, text)).map_err(io_error("write", &path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(began: u64, ready: u64, ended: Option<u64>) -> Life {
        let process = (u32::try_from(began).unwrap(), began);
        Life { pico: "ec1".into(), node: "n1".into(), process, began, ready: Some(ready), ended }
    }

    fn ran(time: u64, action: &str, took: u64) -> Moment {
        let (node, resource, action) = ("n1".to_owned(), "mz-ec1".to_owned(), action.to_owned());
        (time, timeline::Told::Ran { node, resource, action, took })
    }

    fn mzsh(time: u64, reason: &str) -> Event {
        let (event, pico, node) = ("mzsh".into(), String::new(), "n1".into());
        Event { time, event, pico, node, pid: 1, starttime: 1, reason: reason.into() }
    }

    #[test]
    fn the_agents_share_is_their_time_less_the_products() {
        let moments = [
            ran(50, "start", 40),
            (
                1020,
                timeline::Told::Noticed("Result of monitor operation for mz-ec1 on n1: not running".into()),
            ),
            (1030, timeline::Told::Ordered("mz-ec1_stop_0 on n1".into())),
            ran(1060, "stop", 15),
            ran(1400, "start", 320),
            ran(5000, "stop", 1000),
        ];
        let lives = [life(10, 40, Some(1001)), life(1100, 1350, None)];
        let history = [mzsh(5, "startup ec1"), mzsh(1090, "startup -f ec1"), mzsh(1095, "startup -f ec10")];
        let told = Evidence { moments: &moments, lives: &lives, history: &history, followed: &[] }
            .faults(&[(1000, "kill".into()), (4000, "stop".into())]);
        assert_eq!(told.len(), 2);
        let kill = &told[0];
        assert_eq!((kill.noticed, kill.decided, kill.running), (Some(20), Some(30), Some(350)));
        let back = &kill.back[0];
        assert_eq!((back.away, back.since_noticed, back.product), (349, Some(380), Some(260)));
        assert_eq!(back.agents, Some(15 + 320 - 260));
        assert_eq!((told[1].noticed, told[1].back.len()), (None, 0));
    }

    #[test]
    fn who_was_started_by_a_person_has_no_share_of_the_agents() {
        let lives = [life(10, 40, Some(1001)), life(1100, 1350, None)];
        let history = [mzsh(1090, "startup ec1")];
        let told = Evidence { moments: &[], lives: &lives, history: &history, followed: &[] }
            .faults(&[(1000, "by hand".into())]);
        assert_eq!((told[0].running, told[0].back[0].agents), (Some(350), None));
    }
}
