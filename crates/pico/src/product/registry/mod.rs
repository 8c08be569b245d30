//! The registry (STR): what is configured for a pico, from the installation's own files.
//!
//! `common/config/cell/default/.active` is what the product runs by, `master` what was last written; both have
//! `cell.conf`, `containers/<container>/container.conf` and `containers/<container>/picos/<pico>.conf`, in HOCON. A
//! property of a pico is its own, else its template's (`templates/<namespace>/picos/<template>.conf`, which may inherit from
//! another), else the container's `common`, else the cell's.
//!
//! To be called in a helper: the files are on what may be shared storage, and whoever owns the installation may write into
//! them what he likes. How much is read, how deep, and how far substitutions are followed has limits ([`files`], and those of
//! the reader itself); in a moment there is an answer, if only "too much". A file that is broken makes the registry
//! unreadable, with file and line, for what stands in it may have been meant to hide what stands in the others. A property that
//! can't be understood is an error of that property alone ([`PropertyProblem`]).

mod facts;
mod files;
mod layers;
mod mzsh_variables;
#[cfg(test)]
mod tests;

pub(super) use facts::HaPropertyValues;
pub use facts::{PicoFacts, PropertyProblem};
pub use mzsh_variables::MzshVariables;

use super::permission_check::check_open_as_root;
use crate::settings::PicoName;
use layers::Layers;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::{fmt, io};

/// Memory limit of the worker process that reads the registry, in bytes: its files may include each other.
pub(super) const REGISTRY_MEMORY_LIMIT: u64 = 512 << 20;

/// Below `mz_home`, the one that counts first.
const REGISTRY_PATHS: [&str; 2] = ["common/config/cell/default/.active", "common/config/cell/default/master"];

/// Most entries of a directory that are looked at.
const MAX_ENTRIES: usize = 10_000;

/// What came of reading it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegistryState {
    /// The pico is defined.
    Defined(Box<PicoFacts>),
    /// It is in `master` alone: written, and not activated. The product does not know it yet.
    NotActivated {
        /// The container that it is in there.
        container: String,
    },
    /// The registry is there, and no container of it (or not the one that was named) has such a pico.
    Undefined {
        /// The containers that were looked at.
        containers: Vec<String>,
    },
    /// More than one container has a pico of this name, and none of them is named.
    Ambiguous {
        /// Those containers.
        containers: Vec<String>,
    },
    /// It can't be read or understood; why.
    Unreadable(String),
}

/// Names for people: `a, b`, or `none`.
pub(crate) fn join_names(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

impl fmt::Display for RegistryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Defined(facts) => {
                let state = if facts.enabled { "enabled" } else { "disabled (settings.state)" };
                write!(f, "in container {}, {state}", facts.container)
            }
            Self::NotActivated { container } => {
                write!(f, "in container {container} of master only: it is not activated")
            }
            Self::Undefined { containers } => {
                write!(f, "no such pico; containers: {}", join_names(containers))
            }
            Self::Ambiguous { containers } => {
                write!(f, "in more than one container ({})", join_names(containers))
            }
            Self::Unreadable(why) => write!(f, "can't be read: {why}"),
        }
    }
}

/// Finds the pico in the registry below `home`: in `container`; or in the only one that has it; or, of several, in the one that
/// `bin/mzsh` is set to.
#[must_use]
pub fn find(home: &Path, container: Option<&str>, name: &PicoName) -> RegistryState {
    let state = Registry::open(home).and_then(|registry| {
        let containers = registry.containers_with(container, name.as_str())?;
        match containers.as_slice() {
            [] if registry.is_active => Ok(registry.undefined_or_not_activated(container, name)),
            [] => Ok(RegistryState::Undefined { containers: registry.containers(container)? }),
            [only] => registry.defined_in(only, name),
            _ => match registry.script.container.clone().filter(|own| containers.contains(own)) {
                Some(own) => registry.defined_in(&own, name),
                None => Ok(RegistryState::Ambiguous { containers }),
            },
        }
    });
    state.unwrap_or_else(RegistryState::Unreadable)
}

/// What the registry of an installation holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceListing {
    /// The containers of the registry. Those of other nodes may be among them.
    pub containers: Vec<String>,
    /// What `bin/mzsh` sets: its `MZ_CONTAINER` is the container of this installation.
    pub script: MzshVariables,
    /// The picos of all containers, in order of container and name.
    pub picos: Vec<ListedInstance>,
}

/// One of the picos of an installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedInstance {
    /// Its container.
    pub container: String,
    /// Its name: that of its file.
    pub name: String,
    /// Its facts from the registry; or why they could not be read.
    pub facts: Result<PicoFacts, String>,
}

/// All picos of the registry below `home`.
///
/// # Errors
/// There is no registry, or it is laid out otherwise.
pub(super) fn list_all(home: &Path) -> Result<InstanceListing, String> {
    let registry = Registry::open(home)?;
    let containers = registry.containers(None)?;
    let mut picos: Vec<ListedInstance> = Vec::new();
    for container in &containers {
        for name in registry.pico_names(container) {
            let facts = registry.facts(container, &name);
            picos.push(ListedInstance { container: container.clone(), name, facts });
        }
    }
    let ha_ports: Vec<(String, String, u16)> = picos
        .iter()
        .filter_map(|p| Some((p.container.clone(), p.name.clone(), p.facts.as_ref().ok()?.ha_port()?)))
        .collect();
    for pico in &mut picos {
        let Ok(facts) = &mut pico.facts else { continue };
        let own = facts.ha_port();
        let same = ha_ports.iter().filter(|(container, name, port)| {
            Some(*port) == own && *container == pico.container && *name != pico.name
        });
        facts.same_ha_port = same.map(|(_, name, _)| name.clone()).collect();
    }
    Ok(InstanceListing { containers, script: registry.script, picos })
}

/// One of the two registries.
#[derive(Clone, Debug)]
struct Registry {
    home: PathBuf,
    root: PathBuf,
    is_active: bool,
    /// What `bin/mzsh` sets: read once, for the picos are many.
    script: MzshVariables,
}

impl Registry {
    /// The one that counts.
    fn open(home: &Path) -> Result<Self, String> {
        let all = REGISTRY_PATHS.map(|name| home.join(name));
        let root = all.iter().find(|root| root.join("containers").is_dir());
        let root = root.ok_or_else(|| format!("{} has no containers directory", all[0].display()))?.clone();
        Ok(Self {
            home: home.to_owned(),
            is_active: root == all[0],
            root,
            script: MzshVariables::from_home(home),
        })
    }

    fn container_file(&self, container: &str) -> PathBuf {
        self.root.join("containers").join(container).join("container.conf")
    }

    fn pico_file(&self, container: &str, pico: &str) -> PathBuf {
        self.root.join("containers").join(container).join("picos").join(format!("{pico}.conf"))
    }

    /// Where `namespace.template` may be defined: templates are kept in `master`.
    fn template_files(&self, template: &str) -> Vec<PathBuf> {
        let Some((namespace, short)) = template.split_once('.') else { return Vec::new() };
        let path = format!("templates/{namespace}/picos/{short}.conf");
        REGISTRY_PATHS.iter().map(|registry| self.home.join(registry).join(&path)).collect()
    }

    /// The containers that are to be looked at: the one that was named, or all.
    fn containers(&self, named: Option<&str>) -> Result<Vec<String>, String> {
        let directory = self.root.join("containers");
        match named {
            Some(name) => Ok(vec![name.to_owned()]),
            None => entry_names(&directory).map_err(|e| format!("{}: {e}", directory.display())),
        }
    }

    /// Those of them that have this pico.
    fn containers_with(&self, named: Option<&str>, pico: &str) -> Result<Vec<String>, String> {
        let mut containers = self.containers(named)?;
        containers.retain(|container| exists(&self.pico_file(container, pico)));
        Ok(containers)
    }

    fn pico_names(&self, container: &str) -> Vec<String> {
        let files =
            entry_names(&self.root.join("containers").join(container).join("picos")).unwrap_or_default();
        files.iter().filter_map(|file| file.strip_suffix(".conf")).map(str::to_owned).collect()
    }

    /// It is not in the active registry. Is it in the other?
    fn undefined_or_not_activated(&self, container: Option<&str>, name: &PicoName) -> RegistryState {
        let master = Self { root: self.home.join(REGISTRY_PATHS[1]), is_active: false, ..self.clone() };
        match master.containers_with(container, name.as_str()).unwrap_or_default().pop() {
            Some(container) => RegistryState::NotActivated { container },
            None => RegistryState::Undefined { containers: self.containers(container).unwrap_or_default() },
        }
    }

    fn defined_in(&self, container: &str, name: &PicoName) -> Result<RegistryState, String> {
        let mut facts = self.facts(container, name.as_str())?;
        if let Some(port) = facts.ha_port() {
            facts.same_ha_port = self.picos_with_ha_port(port, container, name);
        }
        Ok(RegistryState::Defined(Box::new(facts)))
    }

    fn facts(&self, container: &str, name: &str) -> Result<PicoFacts, String> {
        let layers = Layers::read(self, container, name)?;
        Ok(PicoFacts::from_layers(self, container, name, &layers))
    }

    /// The other picos of the container whose `mz.ha.port` is `port`. One that can't be read is not the matter here.
    fn picos_with_ha_port(&self, port: u16, container: &str, name: &PicoName) -> Vec<String> {
        let mut others = self.pico_names(container);
        others.retain(|other| {
            let its_port = |layers: &Layers| Some(layers.own_property("mz.ha.port").ok()??.text);
            *other != name.as_str()
                && Layers::read(self, container, other)
                    .is_ok_and(|layers| its_port(&layers).and_then(|text| text.parse().ok()) == Some(port))
        });
        others
    }
}

/// Whatever it is: one that can't be read is another thing than one that is not there.
fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn entry_names(directory: &Path) -> io::Result<Vec<String>> {
    check_open_as_root(directory)?;
    let mut names: Vec<String> = std::fs::read_dir(directory)?
        .take(MAX_ENTRIES)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    Ok(names)
}
