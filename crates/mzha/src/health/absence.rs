//! The pico does not run on this node: is that a failure?
//!
//! Only of a pico that should be here. The cluster may have it on another node; and of one that the installation does not have, or whose
//! installation can't be looked at, nobody knows whether it should.

use crate::cib::{self, Cib, CibError};
use crate::health_verdict::HealthVerdict;
use crate::resource::Resource;
use host::files;
use pico::product::{HomeState, Inspection, RegistryState, UserState, inspect};
use pico::{ActionDeadline, PicoInstance, Settings};
use std::time::Instant;

pub(super) struct Absence<'a> {
    pub(super) settings: &'a Settings,
    pub(super) target: &'a PicoInstance,
    /// Its resource in the cluster, where that was named.
    pub(super) resource: Option<&'a str>,
    /// A record of this boot says that it was started here, or found.
    pub(super) was_here: bool,
    pub(super) budget: ActionDeadline,
}

impl Absence<'_> {
    /// `reason`: what the look at all processes came to. With the nodes that the cluster has it active on.
    pub(super) fn judge(&self, reason: String) -> (HealthVerdict, Vec<String>) {
        let nodes = match self.active_on() {
            Ok(nodes) => nodes,
            // A stop takes the record away: nobody has stopped it, and it has ended.
            Err(_) if self.was_here => return (HealthVerdict::Unhealthy(reason), Vec::new()),
            Err(why) => {
                let why = format!("{reason}; whether another node has it is not known: {why}");
                return (HealthVerdict::Unknown(why), Vec::new());
            }
        };
        if !nodes.is_empty() && !nodes.iter().any(|node| self.is_this_node(node)) {
            let why = format!("{reason}; the cluster has it active on {}: ask there", nodes.join(", "));
            return (HealthVerdict::Unknown(why), nodes);
        }
        let verdict = match self.doubt().filter(|_| !self.was_here) {
            Some(doubt) => {
                HealthVerdict::Unknown(format!("{reason}; whether it should run here is not known: {doubt}"))
            }
            None => HealthVerdict::Unhealthy(reason),
        };
        (verdict, nodes)
    }

    /// Where the cluster has it; nowhere, where there is no cluster, or none that manages it.
    fn active_on(&self) -> Result<Vec<String>, CibError> {
        let resource = match self.resource {
            Some(name) => Some(name.to_owned()),
            None => self.in_cluster()?,
        };
        let Some(resource) = resource else { return Ok(Vec::new()) };
        cib::active_on(&resource, self.until())
    }

    /// The resource that manages it.
    fn in_cluster(&self) -> Result<Option<String>, CibError> {
        let cib = match Cib::query(self.until()) {
            Ok(cib) => cib,
            Err(CibError::NoTool(_) | CibError::NoCluster { .. }) => return Ok(None),
            Err(e) => return Err(e),
        };
        let is_it = |resource: &Resource| {
            let target = resource.settings().0.target;
            target.is_ok_and(|target| target.name == self.target.name && target.home == self.target.home)
        };
        let found = cib.resources.iter().find(|configured| is_it(&configured.resource));
        Ok(found.map(|configured| configured.name().to_owned()))
    }

    fn is_this_node(&self, node: &str) -> bool {
        let hostname = files::read_small("/proc/sys/kernel/hostname").unwrap_or_default();
        node == String::from_utf8_lossy(&hostname).trim()
            || cib::this_node(self.until()).is_some_and(|own| own == node)
    }

    /// Why it is not known whether this node should run it.
    fn doubt(&self) -> Option<String> {
        match inspect(self.settings, self.target, self.until()) {
            Ok(inspection) => doubt(self.target, &inspection),
            Err(e) => Some(e.to_string()),
        }
    }

    /// Each question has an eighth of the time, from now on.
    fn until(&self) -> Instant {
        self.budget.end.min(Instant::now() + self.budget.timeout() / 8)
    }
}

fn doubt(target: &PicoInstance, inspection: &Inspection) -> Option<String> {
    let home = target.home.path().display();
    match (&inspection.home, &inspection.user, &inspection.registry) {
        (HomeState::Filled, UserState::Known { .. }, RegistryState::Defined(_)) => None,
        (HomeState::Filled | HomeState::NotLookedAt, UserState::Unknown(_) | UserState::Unreadable(_), _) => {
            Some(inspection.user.to_string())
        }
        (HomeState::Filled, _, registry) => Some(format!("registry of {home}: {registry}")),
        (state, ..) => Some(format!("{home} {state}")),
    }
}
