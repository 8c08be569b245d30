//! Decides whether a pico that does not run on this node has failed.
//!
//! It has failed only if it should run here. The verdict is unknown if the cluster has it active on another node, if the
//! installation does not define it, or if the installation cannot be inspected.

use crate::cib::{self, Cib, CibError};
use crate::health_verdict::HealthVerdict;
use crate::resource::Resource;
use host::files;
use ocf::Deadline;
use pico::product::{HomeState, Inspection, RegistryState, UserState, inspect};
use pico::{PicoInstance, Settings};
use std::time::Instant;

pub(super) struct Absence<'a> {
    pub(super) settings: &'a Settings,
    pub(super) target: &'a PicoInstance,
    /// Its resource in the cluster, if the operator named it.
    pub(super) resource: Option<&'a str>,
    /// An instance record of this boot names it: it was started or found here.
    pub(super) was_here: bool,
    pub(super) deadline: Deadline,
}

impl Absence<'_> {
    /// `reason`: result of the process scan. Returns the nodes where the cluster has it active, too.
    pub(super) fn judge(&self, reason: String) -> (HealthVerdict, Vec<String>) {
        let nodes = match self.active_on() {
            Ok(nodes) => nodes,
            // A stop removes the record, so it ended without one.
            Err(_) if self.was_here => return (HealthVerdict::Unhealthy(reason), Vec::new()),
            Err(why) => {
                let why = format!("{reason}; active node unknown ({why})");
                return (HealthVerdict::Unknown(why), Vec::new());
            }
        };
        if !nodes.is_empty() && !nodes.iter().any(|node| self.is_this_node(node)) {
            let why = format!("{reason}; active on {}; run `mzha health` there", nodes.join(", "));
            return (HealthVerdict::Unknown(why), nodes);
        }
        let verdict = match self.doubt().filter(|_| !self.was_here) {
            Some(doubt) => {
                HealthVerdict::Unknown(format!("{reason}; assigned node unknown ({doubt})"))
            }
            None => HealthVerdict::Unhealthy(reason),
        };
        (verdict, nodes)
    }

    /// Nodes where the cluster has it active; empty without a cluster that manages it.
    fn active_on(&self) -> Result<Vec<String>, CibError> {
        let resource = match self.resource {
            Some(name) => Some(name.to_owned()),
            None => self.in_cluster()?,
        };
        let Some(resource) = resource else { return Ok(Vec::new()) };
        cib::active_on(&resource, self.until())
    }

    fn in_cluster(&self) -> Result<Option<String>, CibError> {
        let cib = match Cib::query(self.until()) {
            Ok(cib) => cib,
            Err(CibError::NoTool(_) | CibError::NoCluster { .. }) => return Ok(None),
            Err(e) => return Err(e),
        };
        let is_it = |resource: &Resource| {
            let target = resource.settings().0.target;
            target.is_ok_and(|target| {
                target.name == self.target.name && target.home == self.target.home
            })
        };
        let found = cib.resources.iter().find(|configured| is_it(&configured.resource));
        Ok(found.map(|configured| configured.name().to_owned()))
    }

    fn is_this_node(&self, node: &str) -> bool {
        let hostname = files::read_small("/proc/sys/kernel/hostname").unwrap_or_default();
        node == String::from_utf8_lossy(&hostname).trim()
            || cib::this_node(self.until()).is_some_and(|own| own == node)
    }

    /// Why this node may not be the one that should run it.
    fn doubt(&self) -> Option<String> {
        match inspect(self.settings, self.target, self.until()) {
            Ok(inspection) => doubt(self.target, &inspection),
            Err(e) => Some(e.to_string()),
        }
    }

    /// Each query may take an eighth of the timeout.
    fn until(&self) -> Instant {
        self.deadline.instant_within(self.deadline.timeout() / 8)
    }
}

fn doubt(target: &PicoInstance, inspection: &Inspection) -> Option<String> {
    let home = target.home.path().display();
    match (&inspection.home, &inspection.user, &inspection.registry) {
        (HomeState::Filled, UserState::Known { .. }, RegistryState::Defined(_)) => None,
        (
            HomeState::Filled | HomeState::NotLookedAt,
            UserState::Unknown(_) | UserState::Unreadable(_),
            _,
        ) => Some(inspection.user.to_string()),
        (HomeState::Filled, _, registry) => Some(format!("registry of {home}: {registry}")),
        (state, ..) => Some(format!("{home} {state}")),
    }
}
