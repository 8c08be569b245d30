//! What is looked at: a resource, and what was seen of it on this node.

use super::installation::{self, Looked};
use super::questions::Question;
use super::row::{Area, Row};
use super::{operations, ports, running};
use crate::cib::{CHECK_LEVEL, Cib, Configured};
use crate::resource::Resource;
use host::Pid;
use host::addresses::look_up;
use ocf::ParameterError;
use pico::actions::examine;
use pico::identity::Home;
use pico::product::{Inspection, PicoFacts, RegistryState};
use pico::record::RecordFile;
use pico::verdict::{Look, Processes, observe};
use pico::{Budget, PicoType, Settings, Target};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A resource, or a pico that a person named.
#[derive(Debug)]
pub(super) struct Subject {
    /// How it is called in the table.
    label: String,
    /// Type and parameters.
    pub(super) resource: Resource,
    /// What the agents make of them.
    pub(super) settings: Settings,
    /// Parameters that can't be read.
    errors: Vec<ParameterError>,
    /// As it stands in the cluster's configuration, if it does.
    pub(super) configured: Option<Configured>,
    /// What was seen of its installation; `None`: not looked at.
    looked: Option<Looked>,
}

impl Subject {
    fn new(label: &str, resource: Resource, configured: Option<Configured>) -> Self {
        let (settings, errors) = resource.settings();
        Self { label: label.to_owned(), resource, settings, errors, configured, looked: None }
    }

    /// From the cluster's configuration.
    pub(super) fn configured(configured: &Configured) -> Self {
        Self::new(configured.name(), configured.resource.clone(), Some(configured.clone()))
    }

    /// From its record on this node.
    pub(super) fn recorded(name: &str) -> Option<Self> {
        Some(Self::new(name, Resource::recorded(name)?, None))
    }

    /// From what a person says.
    pub(super) fn given(kind: PicoType, pico: &str, home: &Path, parameters: &[(String, String)]) -> Self {
        let own = [("mz_home", home.to_string_lossy().into_owned()), ("pico_name", pico.to_owned())];
        let own = own.map(|(name, value)| (name.to_owned(), value));
        let parameters = own.into_iter().chain(parameters.iter().cloned()).collect();
        Self::new(pico, Resource { name: None, kind, parameters }, None)
    }

    /// What the look at its installation gave.
    pub(super) fn inspection(&self) -> Option<&Inspection> {
        Some(&self.looked.as_ref()?.as_ref().ok()?.inspection)
    }

    /// Where its installation is, by its name and behind links.
    pub(super) fn homes(&self) -> Vec<PathBuf> {
        let literal = self.settings.target.iter().map(|target| target.home.path().to_owned());
        literal.chain(self.inspection().and_then(|inspection| inspection.resolved.clone())).collect()
    }

    /// What its registry says of it.
    pub(super) fn facts(&self) -> Option<&PicoFacts> {
        match &self.inspection()?.registry {
            RegistryState::Defined(facts) => Some(facts),
            _ => None,
        }
    }

    /// Looks at its installation.
    fn look(&self, question: Question) -> Looked {
        // Half of its time is for the look.
        let begun = Instant::now();
        examine(&self.settings, Budget { begun, end: begun + question.limit * 2 })
    }

    /// All rows that are about it alone.
    pub(super) fn rows(&self, cib: Option<&Cib>, question: Question) -> Vec<Row> {
        let mut rows = self.parameters();
        if let (Some(looked), Ok(_)) = (&self.looked, &self.settings.target) {
            let name = installation::host_of_mzsh(looked);
            let found = name.and_then(|name| look_up(&[name], question.until()).pop());
            rows.extend(installation::rows(
                &self.settings,
                looked,
                found.as_ref(),
                self.configured.as_ref(),
                cib,
            ));
        }
        if let Ok(target) = &self.settings.target {
            let until = question.until();
            let processes = self.processes(target, until);
            rows.extend(self.held_ports(&processes, until));
            rows.extend(running::rows(&self.settings, self.facts(), &processes, until));
        }
        if let Some(configured) = &self.configured {
            let window = self.facts().map(|facts| Duration::from_secs(facts.ha.interval));
            rows.extend(operations::rows(configured, &self.settings, window));
        }
        rows.into_iter().map(|row| row.of(&self.label)).collect()
    }

    fn parameters(&self) -> Vec<Row> {
        let definition = agents::definition(self.resource.kind);
        let known = definition.parameters;
        let mut rows: Vec<Row> = self
            .errors
            .iter()
            .map(|error| {
                let todo = if definition.is_reloadable(error.name()) {
                    "correct the parameter of the resource: its default is taken until then"
                } else {
                    "correct the parameter of the resource: a start is refused until then"
                };
                Row::error(Area::Parameters, error.name(), error.problem(), todo)
            })
            .collect();
        if let Some(level) = self.resource.parameters.get(CHECK_LEVEL) {
            let seen = format!(
                "{level}, for the whole resource: Pacemaker gives it to every operation, so that each probe and each monitor without a level of its own runs at depth {level}"
            );
            let todo = format!(
                "remove the parameter; op monitor interval=30s timeout=60s {CHECK_LEVEL}={level} is an operation of that depth"
            );
            rows.push(Row::error(Area::Parameters, CHECK_LEVEL, seen, todo));
        }
        let others = self.resource.parameters.keys().filter(|name| *name != CHECK_LEVEL);
        for name in others.filter(|name| !known.iter().any(|p| p.name == **name)) {
            let todo = "remove it: what it should do is not done";
            rows.push(Row::warning(Area::Parameters, name, "the agent has no such parameter", todo));
        }
        for parameter in known.iter().filter(|p| self.resource.parameters.contains_key(p.name)) {
            if let Some(deprecated) = &parameter.deprecated {
                rows.push(Row::warning(Area::Parameters, parameter.name, deprecated.desc, "remove it"));
            }
        }
        if let Some(seen) = self.settings.target.as_ref().ok().and_then(Target::unspecific_pattern) {
            let todo = "put pico_name or mz_home into process_match";
            rows.push(Row::warning(Area::Parameters, "process_match", seen, todo));
        }
        if rows.is_empty() {
            rows.push(Row::ok(
                Area::Parameters,
                "all",
                format!("{} set, all can be read", self.resource.parameters.len()),
            ));
        }
        rows
    }

    fn held_ports(&self, processes: &Processes, until: Instant) -> Vec<Row> {
        let (Some(facts), Some(Ok(looked))) = (self.facts(), &self.looked) else { return Vec::new() };
        let holders = match ports::holders(facts, &looked.names, until) {
            Ok(holders) => holders,
            Err(e) => {
                let seen = format!("who listens can't be told: {e}");
                return vec![Row::warning(
                    Area::Ports,
                    "listeners",
                    seen,
                    "run it as root, on the node itself",
                )];
            }
        };
        let own: Vec<Pid> = match processes {
            Processes::One { id, .. } => vec![id.pid],
            Processes::Several(pids) => pids.clone(),
            _ => Vec::new(),
        };
        ports::held(facts, &holders, &own)
    }

    /// What runs of it on this node.
    fn processes(&self, target: &Target, until: Instant) -> Processes {
        let record = RecordFile::of(self.settings.resource.as_deref()).read().filter(|r| r.is_for(target));
        observe(&self.settings, target, record.as_ref(), Look::Once, until)
    }
}

/// All that is looked at.
#[derive(Debug)]
pub(super) struct Subjects {
    /// Each, in the order of the configuration.
    pub(super) all: Vec<Subject>,
}

impl Subjects {
    /// Looks at the installation of each. One whose storage did not answer is not asked for the next resource again.
    pub(super) fn look(mut all: Vec<Subject>, question: Question) -> Self {
        let mut silent: Vec<(Home, String)> = Vec::new();
        for subject in &mut all {
            let home = subject.settings.target.as_ref().ok().map(|target| target.home.clone());
            let known =
                silent.iter().find(|(other, _)| Some(other) == home.as_ref()).map(|(_, why)| why.clone());
            let looked = match known {
                Some(why) => Err(why),
                None => subject.look(question),
            };
            if let (Err(why), Some(home)) = (&looked, home) {
                silent.push((home, why.clone()));
            }
            subject.looked = Some(looked);
        }
        Self { all }
    }

    /// The installations that could be looked at, each once.
    pub(super) fn homes(&self) -> Vec<&Home> {
        let mut homes: Vec<&Home> = Vec::new();
        for subject in self.all.iter().filter(|subject| subject.facts().is_some()) {
            homes.extend(subject.settings.target.iter().map(|target| &target.home));
        }
        homes.sort_by_key(|home| home.path());
        homes.dedup();
        homes
    }

    /// The `os_user` of a resource that is in this installation, if one is set.
    pub(super) fn os_user(&self, home: &Home) -> Option<&str> {
        let in_it =
            |subject: &&Subject| subject.settings.target.as_ref().is_ok_and(|target| target.home == *home);
        self.all.iter().filter(in_it).find_map(|subject| subject.settings.os_user.as_deref())
    }

    /// The containers of the resources that are in this installation.
    pub(super) fn containers(&self, home: &Home) -> Vec<&str> {
        let in_it =
            |subject: &&Subject| subject.settings.target.as_ref().is_ok_and(|target| target.home == *home);
        self.all
            .iter()
            .filter(in_it)
            .filter_map(|subject| Some(subject.facts()?.container.as_str()))
            .collect()
    }
}
