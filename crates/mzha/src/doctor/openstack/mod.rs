//! A site on OpenStack: what the cloud, this node and the configuration have to have, so that a fail-over works and an outage of the
//! cloud's API stops nothing.
//!
//! Python reads and asks, as the fence agent and the openstack-* agents do: the same interpreter, libraries and files.

mod cloud;
mod configuration;
mod local;

use super::check_result::{Area, CheckResult};
use super::query::{QueryTimeout, run_program};
use crate::cib::{self, Cib, Fencing};
use cloud::CloudReport;
use local::LocalFacts;
use pico::Deployment;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

const AREA: Area = Area::OpenStack;

const FENCE_AGENT: &str = "fence_openstack";

/// Nova's default wait for a guest that does not react to an orderly stop.
const NOVA_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(60);

const PYTHON: &str = "/usr/bin/python3";
const LOCAL_FACTS: &str = include_str!("local_facts.py");
const CLOUD_FACTS: &str = include_str!("cloud_facts.py");

/// Requests to the cloud: log-in, servers, groups, ports, floating addresses, metadata.
const CLOUD_REQUESTS: u32 = 6;

/// `platform_hosts`: what `pico.rcp.platform.host` resolves to.
pub(super) fn check(
    cib: &Cib,
    platform_hosts: &BTreeSet<IpAddr>,
    timeout: QueryTimeout,
) -> Vec<CheckResult> {
    if !is_site(cib) {
        return Vec::new();
    }
    let mut rows = configuration::check(cib);
    let clouds = Clouds::of(cib);
    match python::<LocalFacts>(LOCAL_FACTS, &clouds.names(), timeout) {
        Ok(facts) => rows.extend(local::check(&facts, cib, &clouds)),
        Err(why) => {
            let todo =
                format!("{FENCE_AGENT} needs {PYTHON}, too: correct that, then run it again");
            rows.push(CheckResult::warning(AREA, "this node", format!("not read: {why}"), todo));
        }
    }
    let this_node = cib::this_node(timeout.deadline()).unwrap_or_else(super::query::node_name);
    for name in clouds.names() {
        let seconds = timeout.timeout.as_secs().to_string();
        let whole = QueryTimeout { timeout: timeout.timeout * CLOUD_REQUESTS };
        rows.extend(match python::<CloudReport>(CLOUD_FACTS, &[name, &seconds], whole) {
            Ok(report) => cloud::check(&report, name, &this_node, cib, platform_hosts),
            Err(why) => vec![cloud::not_asked(name, &why)],
        });
    }
    rows
}

fn fence_devices(cib: &Cib) -> impl Iterator<Item = &Fencing> {
    cib.fencing.iter().filter(|device| device.agent == FENCE_AGENT)
}

/// The parameter `cloud`: a name in clouds.yaml.
fn cloud_name(parameters: &BTreeMap<String, String>) -> Option<&str> {
    parameters.get("cloud").map(|name| name.trim()).filter(|name| !name.is_empty())
}

/// Something of the configuration is for OpenStack only.
fn is_site(cib: &Cib) -> bool {
    let of_ours = |resource: &cib::ConfiguredResource| {
        resource.resource.settings().0.deployment == Deployment::OpenStack
    };
    fence_devices(cib).next().is_some()
        || !cib.cloud_agents.is_empty()
        || cib.resources.iter().any(of_ours)
}

/// Names in clouds.yaml, with the resources that use them.
struct Clouds<'a> {
    by: Vec<(&'a str, &'a str)>,
}

impl<'a> Clouds<'a> {
    fn of(cib: &'a Cib) -> Self {
        let fencing = fence_devices(cib).map(|device| (device.name.as_str(), &device.parameters));
        let agents = cib.cloud_agents.iter().map(|agent| (agent.name.as_str(), &agent.parameters));
        let all = fencing.chain(agents);
        let by = all.filter_map(|(resource, parameters)| Some((cloud_name(parameters)?, resource)));
        Self { by: by.collect() }
    }

    fn names(&self) -> Vec<&'a str> {
        let names: BTreeSet<&str> = self.by.iter().map(|(name, _)| *name).collect();
        names.into_iter().collect()
    }

    /// Resources that use this cloud.
    fn users(&self, name: &str) -> Vec<&'a str> {
        self.by.iter().filter(|(of, _)| *of == name).map(|(_, resource)| *resource).collect()
    }
}

/// Runs a script and reads the document that it prints.
fn python<T: DeserializeOwned>(
    script: &str,
    arguments: &[&str],
    timeout: QueryTimeout,
) -> Result<T, String> {
    // Isolated: no module of the working directory or of a user's environment.
    let arguments = [&["-I", "-c", script], arguments].concat();
    let said = run_program(Path::new(PYTHON), &arguments, timeout)
        .map_err(|why| format!("{PYTHON}: {why}"))?;
    serde_json::from_str(&said).map_err(|e| format!("{PYTHON}: its answer is unreadable: {e}"))
}
