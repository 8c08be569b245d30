//! MediationZone on the lab's cluster, configured as on page one of the README: a group of storage, address and Platform, and
//! ECs beside it.
//!
//! | what | where |
//! | --- | --- |
//! | `/opt/mz`, the Platform's installation | on the nodes' shared disk; `mz-storage` mounts it on the node that has the Platform |
//! | `mzplat`, 10.99.0.100 | `mz-address` brings it to the same node |
//! | `/opt/ec`, the installation of `ec1` and `ec2` | on each node's own disk |
//!
//! The Platform prefers n1 and may go to n2; `ec1` and `ec2` prefer n3 and n2, and may go to each other's. So the loss of n1 is a
//! fault of the Platform alone.
#![expect(
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    reason = "all of them: the cluster can't be used, or is not as the test says; both end the test"
)]

use std::fs;
use std::time::Duration;

use mz_sim::history::{self, Event};
use testkit::{Done, Error};

use crate::control::{SIMULATOR, io_error};
use crate::watch::Seen;
use crate::witness::{self, Expected, Life};
use crate::{Lab, Node};

/// Longer than anything takes that the cluster has to do.
pub const SOON: Duration = Duration::from_secs(60);

/// The Platform's installation on the shared disk.
const STORAGE: &str = "/srv/mz";

/// The ECs' installation on each node.
const EC_HOME: &str = "/opt/ec";

/// How long a pico may have lived that the watch did not see: its time between two looks, on a loaded machine.
const GAP: u64 = 200;

/// In the order of the README; the address and the storage are what a site has, too.
const CONFIGURATION: &str = "\
property stonith-enabled=true
rsc_defaults resource-stickiness=100
primitive power stonith:fence_lab op monitor interval=30s timeout=20s
primitive mz-storage ocf:heartbeat:Filesystem \
    params device=/srv/mz directory=/opt/mz fstype=none options=bind \
    op start timeout=60s interval=0 op stop timeout=60s interval=0 op monitor interval=20s timeout=40s
primitive mz-address ocf:heartbeat:IPaddr2 params ip=10.99.0.100 cidr_netmask=24 \
    op start timeout=20s interval=0 op stop timeout=20s interval=0 op monitor interval=10s timeout=20s
primitive mz-platform ocf:mediationzone:platform params mz_home=/opt/mz \
    op start timeout=420s interval=0 op stop timeout={STOP} interval=0 on-fail=fence \
    op monitor interval=1s timeout=60s \
    op monitor interval=30s timeout=60s OCF_CHECK_LEVEL=10 \
    op monitor interval=120s timeout=210s OCF_CHECK_LEVEL=20 \
    meta priority=100 migration-threshold=3 failure-timeout=3600s
group mz mz-storage mz-address mz-platform
primitive mz-ec1 ocf:mediationzone:ec params mz_home=/opt/ec pico_name=ec1 \
    op start timeout=420s interval=0 op stop timeout=360s interval=0 on-fail=fence \
    op monitor interval=1s timeout=60s \
    op monitor interval=30s timeout=60s OCF_CHECK_LEVEL=10
primitive mz-ec2 ocf:mediationzone:ec params mz_home=/opt/ec pico_name=ec2 \
    op start timeout=420s interval=0 op stop timeout=360s interval=0 on-fail=fence \
    op monitor interval=1s timeout=60s \
    op monitor interval=30s timeout=60s OCF_CHECK_LEVEL=10
order platform-before-ec1 Optional: mz mz-ec1
order platform-before-ec2 Optional: mz mz-ec2
location mz-on-n1 mz 50: n1
location mz-not-on-n3 mz -inf: n3
location ec1-on-n3 mz-ec1 50: n3
location ec2-on-n2 mz-ec2 50: n2
location ec1-not-on-n1 mz-ec1 -inf: n1
location ec2-not-on-n1 mz-ec2 -inf: n1
";

/// The site on a cluster of three.
#[derive(Debug)]
pub struct Site {
    /// The cluster.
    pub lab: Lab,
}

impl Site {
    /// Brings all up and waits until all picos are ready where they belong.
    pub fn up() -> Result<Self, Error> {
        Self::with_stop_timeout("360s")
    }

    /// The same with another time-out for the stop of the Platform.
    pub fn with_stop_timeout(stop: &str) -> Result<Self, Error> {
        let site = Self { lab: Lab::up(3)? };
        site.install()?;
        site.configure(&CONFIGURATION.replace("{STOP}", stop))?;
        for (pico, node) in [("platform", "n1"), ("ec1", "n3"), ("ec2", "n2")] {
            site.until_ready(pico, node)?;
        }
        site.lab.settle()?;
        Ok(site)
    }

    /// A node.
    #[must_use]
    pub fn node<'a>(&'a self, name: &'a str) -> Node<'a> {
        self.lab.node(name)
    }

    fn install(&self) -> Done {
        for node in self.lab.nodes() {
            node.sh(&format!(
                "set -e
                echo mzadmin:x:4711:4711::/home/mzadmin:/bin/bash >>/etc/passwd
                echo mzadmin:x:4711: >>/etc/group
                mkdir /home/mzadmin && chown 4711:4711 /home/mzadmin
                mkdir /opt/mz
                echo 10.99.0.100 mzplat >>/etc/hosts
                {SIMULATOR}/mz-sim install {EC_HOME} --container exec1 --owner mzadmin \
                    --pico ec1:ec --pico ec2:ec --common pico.rcp.platform.host=mzplat"
            ))?;
        }
        // Laid out where it will be mounted, so that every path in it is right.
        self.node("n1").sh(&format!(
            "set -e
            mkdir {STORAGE}
            mount --bind {STORAGE} /opt/mz
            {SIMULATOR}/mz-sim install /opt/mz --owner mzadmin --pico platform:platform \
                --common pico.rcp.server.host=mzplat --common pico.rcp.platform.host=mzplat
            umount /opt/mz"
        ))?;
        Ok(())
    }

    /// With crm: all lines at once, else the cluster acts on half of them.
    fn configure(&self, lines: &str) -> Done {
        let file = self.lab.path("n1", "/srv/configuration.crm");
        fs::write(&file, lines).map_err(io_error("write", &file))?;
        self.node("n1").sh("crm -w -F configure load update /srv/configuration.crm")?;
        Ok(())
    }

    /// What all picos wrote, on all nodes.
    pub fn history(&self) -> Result<Vec<Event>, Error> {
        let homes = self.lab.nodes().map(|node| self.lab.path(node.name, EC_HOME));
        let mut all = Vec::new();
        for home in homes.chain([self.lab.path("n1", STORAGE)]) {
            let events = history::read(&home).map_err(|error| Error::NotRun {
                argv: format!("the history of {}", home.display()),
                said: error.to_string(),
            })?;
            all.extend(events);
        }
        all.sort_by_key(|event| event.time);
        Ok(all)
    }

    /// All lives so far.
    pub fn lives(&self) -> Result<Vec<Life>, Error> {
        let seen = self.lab.watch().seen();
        Ok(witness::lives(&seen, &self.history()?, GAP))
    }

    /// The living process of a pico, which has to be one.
    #[must_use]
    #[track_caller]
    pub fn one(&self, pico: &str) -> Seen {
        let mut alive = self.lab.watch().alive(pico);
        assert_eq!(alive.len(), 1, "{pico}: {alive:?}");
        alive.remove(0)
    }

    /// Waits until a pico lives and is ready on a node.
    pub fn until_ready(&self, pico: &str, node: &str) -> Result<Life, Error> {
        self.until_life(&format!("{pico} to be ready on {node}"), |life| {
            life.pico == pico && life.node == node && life.ready.is_some() && life.ended.is_none()
        })
    }

    /// Waits until a pico is ready in another process than this.
    pub fn until_back(&self, before: &Seen) -> Result<Life, Error> {
        self.until_life(&format!("{} to be ready again", before.pico), |life| {
            let same = life.node == before.node && life.process == (before.pid, before.start_time);
            life.pico == before.pico && !same && life.ready.is_some() && life.ended.is_none()
        })
    }

    fn until_life(&self, what: &str, is: impl Fn(&Life) -> bool) -> Result<Life, Error> {
        self.lab.until(what, SOON, |_| {
            let lives = self.lives()?;
            let story = || lives.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
            Ok(lives.iter().find(|life| is(life)).cloned().ok_or_else(story))
        })
    }

    /// Waits until a node is back: online, and nothing left to do for the cluster.
    pub fn until_online(&self, node: &str) -> Done {
        self.lab.until(&format!("{node} to be online"), SOON, |lab| {
            let status = lab.status()?;
            let online = status.member(node).is_some_and(|member| member.online && !member.unclean);
            Ok(if online { Ok(()) } else { Err(status.to_string()) })
        })?;
        self.lab.settle()
    }

    /// Waits until the cluster sees a node no more.
    pub fn until_offline(&self, node: &str) -> Done {
        self.lab.until(&format!("{node} to be offline"), SOON, |lab| {
            let status = lab.status()?;
            let online = status.member(node).is_some_and(|member| member.online);
            Ok(if online { Err(status.to_string()) } else { Ok(()) })
        })
    }

    /// How often a node was fenced.
    pub fn fenced(&self, node: &str) -> Result<usize, Error> {
        let log = self
            .node("host")
            .try_exec(&["cat", &format!("{}/fs/power.log", self.lab.control().dir().display())])?;
        Ok(log.stdout.lines().filter(|line| line.ends_with(&format!(" reboot {node} 0"))).count())
    }

    /// Sends a signal to a pico, on its node.
    pub fn signal(&self, pico: &Seen, signal: &str) -> Done {
        self.node(&pico.node).exec(&["kill", "-s", signal, &pico.pid.to_string()]).map(drop)
    }

    /// The end of a scenario: the cluster comes to rest, the witness is heard, and all is taken down. The time line is written to
    /// the test's output.
    #[track_caller]
    pub fn witnessed(self, expected: &[(&str, &[&str], usize)]) -> Done {
        self.lab.settle()?;
        let lives = self.lives()?;
        for life in &lives {
            println!("{life}");
        }
        for away in witness::away(&lives) {
            println!("{away}");
        }
        let expected: Vec<Expected<'_>> =
            expected.iter().map(|&(pico, on, lives)| Expected { pico, on, lives }).collect();
        let broken = witness::judge(&lives, &expected);
        assert!(
            broken.is_empty(),
            "{}",
            broken.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        );
        self.lab.down()
    }
}
