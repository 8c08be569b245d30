//! The resources that die, and the configuration of the cluster.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cluster_fixture::{ClusterPlan, EC_HOME, MZ_HOME, cluster_plan};
use crate::soak::sequence::PICOS;

/// The Dummy's only file. It is on the shared disk, so the test can remove it without entering a
/// node.
pub(super) const DUMMY_STATE_FILE: &str = "/srv/dummy.state";

/// The wait of a waiting monitor, in seconds.
const WAIT_SECONDS: u64 = 20;

/// The README's deeper monitors.
const DEEPER_MONITORS: [&str; 2] = [
    "op monitor interval=30s timeout=60s OCF_CHECK_LEVEL=10",
    "op monitor interval=120s timeout=210s OCF_CHECK_LEVEL=20",
];

/// A resource that dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Victim {
    Platform,
    Ec,
    Sc,
    Ui,
    /// Pacemaker's resource without a function.
    Dummy,
}

impl Victim {
    pub const PICOS: [Self; 4] = [Self::Platform, Self::Ec, Self::Sc, Self::Ui];

    /// The pico, if it is one.
    pub(super) fn pico(self) -> Option<&'static str> {
        match self {
            Self::Platform => Some("platform"),
            Self::Ec => Some("ec1"),
            Self::Sc => Some("sc1"),
            Self::Ui => Some("ui"),
            Self::Dummy => None,
        }
    }

    pub(super) fn resource(self) -> &'static str {
        match self {
            Self::Platform => "mz-platform",
            Self::Ec => "mz-ec1",
            Self::Sc => "mz-sc1",
            Self::Ui => "mz-ui",
            Self::Dummy => "dummy",
        }
    }
}

impl fmt::Display for Victim {
    /// The type of the pico.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Platform => "platform",
            Self::Ec => "ec",
            Self::Sc => "sc",
            Self::Ui => "ui",
            Self::Dummy => "ocf:pacemaker:Dummy",
        })
    }
}

/// The configuration of one cluster, and the resources that die there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeathSetup {
    /// True if the monitors of depth 0 have the default `wait`; false if `wait` is 0.
    pub wait: bool,
    /// Their interval, in seconds.
    pub interval: u64,
    /// The resources of a group die at once, one group after the other.
    pub groups: Vec<Vec<Victim>>,
    /// The number of rounds.
    pub rounds: usize,
}

impl DeathSetup {
    /// A monitor every second; one resource dies after the other.
    #[must_use]
    pub fn every_second(wait: bool, subjects: &[Victim], rounds: usize) -> Self {
        let groups = subjects.iter().map(|subject| vec![*subject]).collect();
        Self { wait, interval: 1, groups, rounds }
    }

    /// All setups of a whole measurement. The first list has those with a monitor every second,
    /// which need the machine for themselves. The second has those that mostly wait, the longest
    /// first. The arguments are the numbers of kills at intervals of 1, 10 and 120 s.
    #[must_use]
    pub fn all(kills: usize, slow_kills: usize, slowest_kills: usize) -> (Vec<Self>, Vec<Self>) {
        let platform = |wait| {
            if wait { vec![Victim::Platform] } else { vec![Victim::Platform, Victim::Dummy] }
        };
        let others = vec![Victim::Ec, Victim::Sc, Victim::Ui];
        let with_dummy = [&Victim::PICOS[..], &[Victim::Dummy]].concat();
        let often = [
            Self::every_second(true, &Victim::PICOS, kills),
            Self::every_second(false, &with_dummy, kills),
        ];
        let mut seldom = Vec::new();
        for wait in [true, false] {
            for group in [platform(wait), others.clone()] {
                seldom.push(Self {
                    wait,
                    interval: 120,
                    groups: vec![group],
                    rounds: slowest_kills,
                });
            }
        }
        for wait in [true, false] {
            seldom.push(Self {
                wait,
                interval: 10,
                groups: vec![platform(wait), others.clone()],
                rounds: slow_kills,
            });
        }
        let wanted = |mut settings: Vec<Self>| {
            settings.retain(|setting| setting.rounds > 0);
            settings
        };
        (wanted(often.to_vec()), wanted(seldom))
    }

    /// Its name, for a lab's directory.
    #[must_use]
    pub fn name(&self) -> String {
        let wait = if self.wait { "-waiting" } else { "" };
        let of = match self.groups.as_slice() {
            [group] => format!("-{:?}", group[0]).to_lowercase(),
            _ => String::new(),
        };
        format!("{}s{wait}{of}", self.interval)
    }

    /// The cluster. Only the first setting keeps the README's deeper monitors. With a long interval
    /// of depth 0 they would detect a death first. If depth 0 does not wait, a deeper monitor
    /// between its result and the stop is a second failure.
    #[must_use]
    pub fn plan(&self) -> ClusterPlan {
        let seconds = self.interval;
        let dummy = format!(
            "primitive dummy ocf:pacemaker:Dummy params state={DUMMY_STATE_FILE} op monitor interval={seconds}s timeout=20s \
            op start interval=0 timeout=20s op stop interval=0 timeout=20s\n\
            location dummy-on-n1 dummy 50: n1\nlocation dummy-never-on-n2 dummy -inf: n2\nlocation dummy-never-on-n3 dummy -inf: n3"
        );
        // The resource must not reach its failure limit on a node.
        let often = cluster_plan().replace_in_resource(
            "mz-platform",
            "migration-threshold=3",
            "migration-threshold=100000",
        );
        PICOS.iter().fold(often.with_crm_lines(&dummy), |mut plan, &pico| {
            let resource = format!("mz-{pico}");
            if !(self.wait && seconds == 1) {
                let deeper =
                    if pico == "platform" { &DEEPER_MONITORS[..] } else { &DEEPER_MONITORS[..1] };
                plan = deeper
                    .iter()
                    .fold(plan, |plan, monitor| plan.replace_in_resource(&resource, monitor, ""));
            }
            if !self.wait {
                let home = if matches!(pico, "platform" | "ui") { MZ_HOME } else { EC_HOME };
                let home = format!("mz_home={home}");
                plan = plan.replace_in_resource(&resource, &home, &format!("{home} wait=0"));
            }
            plan.replace_in_resource(
                &resource,
                "op monitor interval=1s ",
                &format!("op monitor interval={seconds}s "),
            )
        })
    }

    /// The period of a monitor: its wait and its interval. If a resource dies every few seconds,
    /// the wait never ends by itself, so it does not count.
    pub(super) fn monitor_period(&self) -> Duration {
        let wait = if self.wait && self.interval > 1 { WAIT_SECONDS } else { 0 };
        Duration::from_secs(self.interval + wait)
    }
}

impl fmt::Display for DeathSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wait = if self.wait { "on" } else { "off" };
        write!(f, "every {} s, wait {wait}", self.interval)
    }
}
