//! The registry (STR): the configuration of a pico, from the installation's own files.
//!
//! The product uses `common/config/cell/default/.active`; `master` has the last written state. Both
//! have `cell.conf`, `containers/<container>/container.conf` and
//! `containers/<container>/picos/<pico>.conf`, in HOCON. A property comes from the pico, then from
//! its template (`templates/<namespace>/picos/<template>.conf`, which may inherit from another),
//! then from the container's `common`, then from the cell's.
//!
//! Call this in a worker process: the files may be on shared storage, and the owner of the
//! installation may write anything into them. Size, depth and substitutions have limits ([`files`],
//! and those of the parser). So an answer comes within a moment, possibly "too much". A broken file
//! makes the registry unreadable, with file and line, because it may override the other files. An
//! invalid property is an error of that property alone ([`PropertyProblem`]).

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

/// Paths below `mz_home`, highest precedence first.
const REGISTRY_PATHS: [&str; 2] =
    ["common/config/cell/default/.active", "common/config/cell/default/master"];

/// Maximum number of entries read from a directory.
const MAX_ENTRIES: usize = 10_000;

/// The result of reading the registry for a pico.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegistryState {
    /// The pico is defined.
    Defined(Box<PicoFacts>),
    /// Only `master` has the pico: it is written but not activated. The product does not know it
    /// yet.
    NotActivated {
        /// Its container in `master`.
        container: String,
    },
    /// The registry exists, but no container in it, or not the named one, has such a pico.
    Undefined {
        /// The searched containers.
        containers: Vec<String>,
    },
    /// More than one container has a pico with this name, and the caller named none.
    Ambiguous { containers: Vec<String> },
    /// The registry is unreadable or malformed, for this reason.
    Unreadable(String),
}

/// Joins names for a message: `a, b`, or `none`.
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

/// Finds the pico in the registry below `home`. It searches `container` if the caller names one.
/// Otherwise it takes the only container with the pico; among several it takes the one that
/// `bin/mzsh` sets.
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

/// The picos and containers in the registry of an installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceListing {
    /// The containers of the registry. They may include those of other nodes.
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

/// Lists all picos of the registry below `home`.
///
/// # Errors
/// There is no registry, or its layout is unknown.
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
        .filter_map(|p| {
            Some((p.container.clone(), p.name.clone(), p.facts.as_ref().ok()?.ha_port()?))
        })
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

#[derive(Clone, Debug)]
struct Registry {
    home: PathBuf,
    root: PathBuf,
    is_active: bool,
    /// The variables of `bin/mzsh`, read once for all picos.
    script: MzshVariables,
}

impl Registry {
    /// Opens the registry with the highest precedence.
    fn open(home: &Path) -> Result<Self, String> {
        let all = REGISTRY_PATHS.map(|name| home.join(name));
        let root = all.iter().find(|root| root.join("containers").is_dir());
        let root = root
            .ok_or_else(|| format!("{} has no containers directory", all[0].display()))?
            .clone();
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

    /// The possible files of `namespace.template`; templates are usually in `master`.
    fn template_files(&self, template: &str) -> Vec<PathBuf> {
        let Some((namespace, short)) = template.split_once('.') else { return Vec::new() };
        let path = format!("templates/{namespace}/picos/{short}.conf");
        REGISTRY_PATHS.iter().map(|registry| self.home.join(registry).join(&path)).collect()
    }

    /// The containers to search: the named one, or all.
    fn containers(&self, named: Option<&str>) -> Result<Vec<String>, String> {
        let directory = self.root.join("containers");
        match named {
            Some(name) => Ok(vec![name.to_owned()]),
            None => entry_names(&directory).map_err(|e| format!("{}: {e}", directory.display())),
        }
    }

    /// The containers to search that have this pico.
    fn containers_with(&self, named: Option<&str>, pico: &str) -> Result<Vec<String>, String> {
        let mut containers = self.containers(named)?;
        containers.retain(|container| exists(&self.pico_file(container, pico)));
        Ok(containers)
    }

    fn pico_names(&self, container: &str) -> Vec<String> {
        let files = entry_names(&self.root.join("containers").join(container).join("picos"))
            .unwrap_or_default();
        files.iter().filter_map(|file| file.strip_suffix(".conf")).map(str::to_owned).collect()
    }

    /// Handles a pico that is missing in the active registry, which `master` may have.
    fn undefined_or_not_activated(
        &self,
        container: Option<&str>,
        name: &PicoName,
    ) -> RegistryState {
        let master =
            Self { root: self.home.join(REGISTRY_PATHS[1]), is_active: false, ..self.clone() };
        match master.containers_with(container, name.as_str()).unwrap_or_default().pop() {
            Some(container) => RegistryState::NotActivated { container },
            None => RegistryState::Undefined {
                containers: self.containers(container).unwrap_or_default(),
            },
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

    /// The other picos of the container with this `mz.ha.port`. It ignores unreadable ones.
    fn picos_with_ha_port(&self, port: u16, container: &str, name: &PicoName) -> Vec<String> {
        let mut others = self.pico_names(container);
        others.retain(|other| {
            let its_port = |layers: &Layers| Some(layers.own_property("mz.ha.port").ok()??.text);
            *other != name.as_str()
                && Layers::read(self, container, other).is_ok_and(|layers| {
                    its_port(&layers).and_then(|text| text.parse().ok()) == Some(port)
                })
        });
        others
    }
}

/// True for any type of file, even an unreadable one, which differs from a missing one.
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
