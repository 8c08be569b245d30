//! MediationZone on a cluster in the cloud, and the faults of the cloud.
//!
//! The configuration is that of [`crate::cluster_fixture`], with `fence_openstack`. No other action
//! of the cluster calls the cloud.

use std::time::Duration;

use testkit::{TestResult, TestkitError};

use super::{CloudProject, CloudService, OpenStack};
use crate::Lab;
use crate::cluster_fixture::{ClusterFixture, ClusterPlan};

/// Longer than Nova takes to stop a guest that does not react, and the cluster to recover.
const FENCING_TIMEOUT: Duration = Duration::from_secs(240);

/// How a service fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloudOutage {
    /// Nobody listens: connections are refused at once.
    Away,
    /// Connections are accepted and nothing answers.
    Hanging,
    /// Each answer takes about ten times as long.
    Slow,
}

/// The fencing device that works: each node is mapped to its server's id, and the timeouts exceed the
/// 60 s that Nova grants a guest.
#[must_use]
pub fn fence_openstack(project: &CloudProject) -> String {
    format!(
        "primitive power stonith:fence_openstack \
         params cloud=mz pcmk_host_map=\"{}\" pcmk_reboot_timeout=180s power_timeout=120 \
         op start timeout=60s op monitor interval=20s timeout=60s",
        project.host_map()
    )
}

/// A running cluster in a cloud.
#[derive(Debug)]
pub struct CloudFixture {
    pub cluster: ClusterFixture,
    pub cloud: OpenStack,
    pub project: CloudProject,
}

impl CloudFixture {
    /// Starts a lab of three nodes, the cloud and the planned cluster, with the fencing device that
    /// `fencing` returns. All picos are ready on their nodes.
    ///
    /// # Errors
    /// See [`Lab::up`] and [`OpenStack::up`].
    pub fn up(
        name: &str,
        plan: ClusterPlan,
        fencing: impl FnOnce(&CloudProject) -> String,
    ) -> Result<Self, TestkitError> {
        let lab = Lab::up_with_openstack_root(name, 3)?;
        let cloud = OpenStack::new(lab.controller());
        let project = cloud.up()?;
        let cluster = plan.with_fencing(&fencing(&project)).up_in(lab)?;
        Ok(Self { cluster, cloud, project })
    }

    /// Begins an outage of a service.
    ///
    /// # Errors
    /// [`TestkitError::Command`].
    pub fn begin_outage(&self, service: CloudService, kind: CloudOutage) -> TestResult {
        println!("{}: {service}: {kind:?}", crate::process_watcher::now_ms());
        self.cloud.signal(
            service,
            match kind {
                CloudOutage::Away => "KILL",
                CloudOutage::Hanging => "STOP",
                CloudOutage::Slow => "SLOW",
            },
        )
    }

    /// Ends an outage, and waits until the service answers.
    ///
    /// # Errors
    /// [`TestkitError::Command`].
    pub fn end_outage(&self, service: CloudService, kind: CloudOutage) -> TestResult {
        println!("{}: {service}: back", crate::process_watcher::now_ms());
        match kind {
            CloudOutage::Away => self.cloud.start(service),
            CloudOutage::Hanging | CloudOutage::Slow => self.cloud.signal(service, "CONT"),
        }
    }

    /// Waits until Nova reports this state of a node's server.
    ///
    /// # Errors
    /// [`TestkitError::TimedOut`].
    pub fn wait_for_server(&self, node: &str, status: &str) -> TestResult {
        let what = format!("Nova to report {node} as {status}");
        self.cluster.lab.wait_until(&what, FENCING_TIMEOUT, |_| {
            let seen = self.cloud.server_status(node)?;
            Ok(if seen == status { Ok(()) } else { Err(seen) })
        })
    }

    /// Waits until a pico lives and is ready on a node, as long as fencing through Nova takes.
    ///
    /// # Errors
    /// [`TestkitError::TimedOut`].
    pub fn wait_until_ready(&self, pico: &str, node: &str) -> TestResult {
        self.cluster.wait_until_ready_within(FENCING_TIMEOUT, pico, node).map(drop)
    }

    /// The numbers of successful and of failed fencings of a node, from the log of a peer that the
    /// scenario leaves alone.
    ///
    /// # Errors
    /// [`TestkitError::Io`].
    pub fn fencing_counts(&self, node: &str) -> Result<(usize, usize), TestkitError> {
        let log = self.cluster.pacemaker_log(if node == "n3" { "n2" } else { "n3" })?;
        let count =
            |result: &str| log.matches(&format!("Peer {node} was {result}terminated")).count();
        Ok((count(""), count("not ")))
    }

    /// Ends the scenario like [`ClusterFixture::finish`].
    ///
    /// # Errors
    /// See there.
    #[track_caller]
    pub fn finish(self, but: &[(&str, &[&str], usize)]) -> TestResult {
        self.cluster.finish(but)
    }
}
