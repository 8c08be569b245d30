//! A checked resource and its state on this node.

use super::check_result::{Area, CheckResult};
use super::installation::{self, ExaminationResult};
use super::query::QueryTimeout;
use super::{operation_timeouts, ports, running};
use crate::cib::{CHECK_LEVEL, Cib, ConfiguredResource};
use crate::resource::Resource;
use host::Pid;
use host::addresses::look_up;
use ocf::{Deadline, ParameterError};
use pico::actions::validate;
use pico::addresses::{HostNameCheck, HostProperty};
use pico::identity::MzHome;
use pico::product::{Inspection, PicoFacts, RegistryState};
use pico::record::InstanceRecordFile;
use pico::verdict::{ObservationScope, PicoPresence, observe};
use pico::{PicoInstance, PicoType, Settings};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A resource, or a pico that the operator named.
#[derive(Debug)]
pub(super) struct CheckedResource {
    /// Name in the table.
    label: String,
    pub(super) resource: Resource,
    /// Settings that the agents derive from it.
    pub(super) settings: Settings,
    /// Invalid parameters.
    errors: Vec<ParameterError>,
    /// From the cluster's configuration.
    pub(super) configured: Option<ConfiguredResource>,
    /// `None`: not examined.
    examination: Option<ExaminationResult>,
}

impl CheckedResource {
    fn new(label: &str, resource: Resource, configured: Option<ConfiguredResource>) -> Self {
        let (settings, errors) = resource.settings();
        Self { label: label.to_owned(), resource, settings, errors, configured, examination: None }
    }

    pub(super) fn from_configuration(configured: &ConfiguredResource) -> Self {
        Self::new(configured.name(), configured.resource.clone(), Some(configured.clone()))
    }

    pub(super) fn from_record(name: &str) -> Option<Self> {
        Some(Self::new(name, Resource::from_record(name)?, None))
    }

    pub(super) fn from_arguments(
        kind: PicoType,
        pico: &str,
        home: &Path,
        parameters: &[(String, String)],
    ) -> Self {
        let own =
            [("mz_home", home.to_string_lossy().into_owned()), ("pico_name", pico.to_owned())];
        let own = own.map(|(name, value)| (name.to_owned(), value));
        let parameters = own.into_iter().chain(parameters.iter().cloned()).collect();
        Self::new(pico, Resource { name: None, kind, parameters }, None)
    }

    pub(super) fn inspection(&self) -> Option<&Inspection> {
        Some(&self.examination.as_ref()?.as_ref().ok()?.inspection)
    }

    /// Path of its installation, literal and resolved.
    pub(super) fn homes(&self) -> Vec<PathBuf> {
        let literal = self.settings.target.iter().map(|target| target.home.path().to_owned());
        literal
            .chain(self.inspection().and_then(|inspection| inspection.resolved.clone()))
            .collect()
    }

    pub(super) fn facts(&self) -> Option<&PicoFacts> {
        match &self.inspection()?.registry {
            RegistryState::Defined(facts) => Some(facts),
            _ => None,
        }
    }

    fn examine_installation(&self, timeout: QueryTimeout) -> ExaminationResult {
        // Half of its time is for the look.
        validate(&self.settings, Deadline::new(Instant::now(), timeout.timeout * 2))
    }

    pub(super) fn run_checks(&self, cib: Option<&Cib>, timeout: QueryTimeout) -> Vec<CheckResult> {
        let mut rows = self.check_parameters();
        if let (Some(looked), Ok(_)) = (&self.examination, &self.settings.target) {
            let name = installation::host_of_mzsh(looked);
            let found = name.and_then(|name| look_up(&[name], timeout.deadline()).pop());
            rows.extend(installation::check(
                &self.settings,
                looked,
                found.as_ref(),
                self.configured.as_ref(),
                cib,
            ));
        }
        if let Ok(target) = &self.settings.target {
            let until = timeout.deadline();
            let processes = self.processes(target, until);
            rows.extend(self.check_listeners(&processes, until));
            rows.extend(running::rows(&self.settings, self.facts(), &processes, until));
        }
        if let Some(configured) = &self.configured {
            let window = self.facts().map(|facts| Duration::from_secs(facts.ha.interval));
            rows.extend(operation_timeouts::check(configured, &self.settings, window));
        }
        rows.into_iter().map(|row| row.for_resource(&self.label)).collect()
    }

    fn check_parameters(&self) -> Vec<CheckResult> {
        let definition = agents::definition(self.resource.kind);
        let known = definition.parameters;
        let mut rows: Vec<CheckResult> = self
            .errors
            .iter()
            .map(|error| {
                let todo = if definition.is_reloadable(error.name()) {
                    "correct the parameter of the resource: its default is taken until then"
                } else {
                    "correct the parameter of the resource: a start is refused until then"
                };
                CheckResult::error(Area::Parameters, error.name(), error.problem(), todo)
            })
            .collect();
        if let Some(level) = self.resource.parameters.get(CHECK_LEVEL) {
            let seen = format!(
                "{level}, for the whole resource: Pacemaker gives it to every operation, so that each probe and each monitor without a level of its own runs at depth {level}"
            );
            let todo = format!(
                "remove the parameter; op monitor interval=30s timeout=60s {CHECK_LEVEL}={level} is an operation of that depth"
            );
            rows.push(CheckResult::error(Area::Parameters, CHECK_LEVEL, seen, todo));
        }
        let others = self.resource.parameters.keys().filter(|name| *name != CHECK_LEVEL);
        for name in others.filter(|name| !known.iter().any(|p| p.name == **name)) {
            let todo = "remove it; it has no effect";
            rows.push(CheckResult::warning(
                Area::Parameters,
                name,
                "the agent has no such parameter",
                todo,
            ));
        }
        for parameter in known.iter().filter(|p| self.resource.parameters.contains_key(p.name)) {
            if let Some(deprecated) = &parameter.deprecated {
                rows.push(CheckResult::warning(
                    Area::Parameters,
                    parameter.name,
                    deprecated.desc,
                    "remove it",
                ));
            }
        }
        if let Some(seen) =
            self.settings.target.as_ref().ok().and_then(PicoInstance::unspecific_pattern_warning)
        {
            let todo = "put pico_name or mz_home into process_match";
            rows.push(CheckResult::warning(Area::Parameters, "process_match", seen, todo));
        }
        if rows.is_empty() {
            rows.push(CheckResult::ok(
                Area::Parameters,
                "all",
                format!("{} set, all valid", self.resource.parameters.len()),
            ));
        }
        rows
    }

    fn check_listeners(&self, processes: &PicoPresence, until: Instant) -> Vec<CheckResult> {
        let (Some(facts), Some(Ok(looked))) = (self.facts(), &self.examination) else {
            return Vec::new();
        };
        let holders = match ports::find_listeners(facts, &looked.host_names, until) {
            Ok(holders) => holders,
            Err(e) => {
                let seen = format!("listeners unknown: {e}");
                return vec![CheckResult::warning(
                    Area::Ports,
                    "listeners",
                    seen,
                    "run it as root, on the node itself",
                )];
            }
        };
        let own: Vec<Pid> = match processes {
            PicoPresence::One { id, .. } => vec![id.pid],
            PicoPresence::Several(pids) => pids.clone(),
            _ => Vec::new(),
        };
        ports::check_listeners(facts, &holders, &own)
    }

    fn processes(&self, target: &PicoInstance, until: Instant) -> PicoPresence {
        let record = InstanceRecordFile::for_resource(self.settings.resource.as_deref())
            .read()
            .filter(|r| r.is_for(target));
        observe(&self.settings, target, record.as_ref(), ObservationScope::AllProcessesOnce, until)
    }
}

#[derive(Debug)]
pub(super) struct CheckedResources {
    /// In configuration order.
    pub(super) all: Vec<CheckedResource>,
}

impl CheckedResources {
    /// Examines each installation; one whose storage hung is not examined again for the next resource.
    pub(super) fn examine_all(mut all: Vec<CheckedResource>, timeout: QueryTimeout) -> Self {
        let mut silent: Vec<(MzHome, String)> = Vec::new();
        for subject in &mut all {
            let home = subject.settings.target.as_ref().ok().map(|target| target.home.clone());
            let known = silent
                .iter()
                .find(|(other, _)| Some(other) == home.as_ref())
                .map(|(_, why)| why.clone());
            let looked = match known {
                Some(why) => Err(why),
                None => subject.examine_installation(timeout),
            };
            if let (Err(why), Some(home)) = (&looked, home) {
                silent.push((home, why.clone()));
            }
            subject.examination = Some(looked);
        }
        Self { all }
    }

    /// Distinct installations that could be examined.
    pub(super) fn homes(&self) -> Vec<&MzHome> {
        let mut homes: Vec<&MzHome> = Vec::new();
        for subject in self.all.iter().filter(|subject| subject.facts().is_some()) {
            homes.extend(subject.settings.target.iter().map(|target| &target.home));
        }
        homes.sort_by_key(|home| home.path());
        homes.dedup();
        homes
    }

    /// What `pico.rcp.platform.host` of the picos resolves to on this node.
    pub(super) fn platform_hosts(&self) -> BTreeSet<IpAddr> {
        let examined =
            self.all.iter().filter_map(|subject| subject.examination.as_ref()?.as_ref().ok());
        let hosts = examined.flat_map(|examination| &examination.host_names);
        let hosts = hosts.filter(|host| host.property == HostProperty::PlatformHost);
        hosts.flat_map(HostNameCheck::addresses).copied().collect()
    }

    /// The first `os_user` of a resource in this installation.
    pub(super) fn os_user(&self, home: &MzHome) -> Option<&str> {
        let in_it = |subject: &&CheckedResource| {
            subject.settings.target.as_ref().is_ok_and(|target| target.home == *home)
        };
        self.all.iter().filter(in_it).find_map(|subject| subject.settings.os_user.as_deref())
    }

    pub(super) fn containers(&self, home: &MzHome) -> Vec<&str> {
        let in_it = |subject: &&CheckedResource| {
            subject.settings.target.as_ref().is_ok_and(|target| target.home == *home)
        };
        self.all
            .iter()
            .filter(in_it)
            .filter_map(|subject| Some(subject.facts()?.container.as_str()))
            .collect()
    }
}
