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
//! can't be understood is an error of that property alone ([`Problem`]).

mod facts;
mod files;
mod layers;
mod script;
#[cfg(test)]
mod tests;

pub(super) use facts::HaValues;
pub use facts::{PicoFacts, Problem};
pub use script::Literals;

use super::survey::{Survey, SurveyedPico};
use super::trust::may_open;
use crate::settings::PicoName;
use layers::Layers;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::{fmt, io};

/// Below `mz_home`, the one that counts first.
const REGISTRIES: [&str; 2] = ["common/config/cell/default/.active", "common/config/cell/default/master"];

/// Most entries of a directory that are looked at.
const MOST: usize = 10_000;

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
    /// More than one container has a pico of this name, and it can't be told which is meant.
    Ambiguous {
        /// Those containers.
        containers: Vec<String>,
    },
    /// It can't be read or understood; why.
    Unreadable(String),
}

/// Names for people: `a, b`, or `none`.
pub(crate) fn list(names: &[String]) -> String {
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
            Self::Undefined { containers } => write!(f, "no such pico; containers: {}", list(containers)),
            Self::Ambiguous { containers } => write!(f, "in more than one container ({})", list(containers)),
            Self::Unreadable(why) => write!(f, "can't be read: {why}"),
        }
    }
}

/// Finds the pico in the registry below `home`: in `container`; or in the only one that has it; or, of several, in the one that
/// `bin/mzsh` is set to.
#[must_use]
pub fn find(home: &Path, container: Option<&str>, name: &PicoName) -> RegistryState {
    let state = Registry::of(home).and_then(|registry| {
        let containers = registry.with(container, name.as_str())?;
        match containers.as_slice() {
            [] if registry.is_active => Ok(registry.undefined_there(container, name)),
            [] => Ok(RegistryState::Undefined { containers: registry.containers(container)? }),
            [only] => registry.defined(only, name),
            _ => match registry.script.container.clone().filter(|own| containers.contains(own)) {
                Some(own) => registry.defined(&own, name),
                None => Ok(RegistryState::Ambiguous { containers }),
            },
        }
    });
    state.unwrap_or_else(RegistryState::Unreadable)
}

/// All picos of the registry below `home`.
///
/// # Errors
/// There is no registry, or it is laid out otherwise.
pub(super) fn all(home: &Path) -> Result<Survey, String> {
    let registry = Registry::of(home)?;
    let containers = registry.containers(None)?;
    let mut picos: Vec<SurveyedPico> = Vec::new();
    for container in &containers {
        for name in registry.picos(container) {
            let facts = registry.facts(container, &name);
            picos.push(SurveyedPico { container: container.clone(), name, facts });
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
    Ok(Survey { containers, script: registry.script, picos })
}

/// One of the two registries.
#[derive(Clone, Debug)]
struct Registry {
    home: PathBuf,
    root: PathBuf,
    is_active: bool,
    /// What `bin/mzsh` sets: read once, for the picos are many.
    script: Literals,
}

impl Registry {
    /// The one that counts.
    fn of(home: &Path) -> Result<Self, String> {
        let all = REGISTRIES.map(|name| home.join(name));
        let root = all.iter().find(|root| root.join("containers").is_dir());
        let root = root.ok_or_else(|| format!("{} has no containers directory", all[0].display()))?.clone();
        Ok(Self { home: home.to_owned(), is_active: root == all[0], root, script: Literals::of(home) })
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
        REGISTRIES.iter().map(|registry| self.home.join(registry).join(&path)).collect()
    }

    /// The containers that are to be looked at: the one that was named, or all.
    fn containers(&self, named: Option<&str>) -> Result<Vec<String>, String> {
        let directory = self.root.join("containers");
        match named {
            Some(name) => Ok(vec![name.to_owned()]),
            None => names(&directory).map_err(|e| format!("{}: {e}", directory.display())),
        }
    }

    /// Those of them that have this pico.
    fn with(&self, named: Option<&str>, pico: &str) -> Result<Vec<String>, String> {
        let mut containers = self.containers(named)?;
        containers.retain(|container| is_there(&self.pico_file(container, pico)));
        Ok(containers)
    }

    fn picos(&self, container: &str) -> Vec<String> {
        let files = names(&self.root.join("containers").join(container).join("picos")).unwrap_or_default();
        files.iter().filter_map(|file| file.strip_suffix(".conf")).map(str::to_owned).collect()
    }

    /// It is not in the active registry. Is it in the other?
    fn undefined_there(&self, container: Option<&str>, name: &PicoName) -> RegistryState {
        let master = Self { root: self.home.join(REGISTRIES[1]), is_active: false, ..self.clone() };
        match master.with(container, name.as_str()).unwrap_or_default().pop() {
            Some(container) => RegistryState::NotActivated { container },
            None => RegistryState::Undefined { containers: self.containers(container).unwrap_or_default() },
        }
    }

    fn defined(&self, container: &str, name: &PicoName) -> Result<RegistryState, String> {
        let mut facts = self.facts(container, name.as_str())?;
        if let Some(port) = facts.ha_port() {
            facts.same_ha_port = self.others_on(port, container, name);
        }
        Ok(RegistryState::Defined(Box::new(facts)))
    }

    fn facts(&self, container: &str, name: &str) -> Result<PicoFacts, String> {
        let layers = Layers::read(self, container, name)?;
        Ok(PicoFacts::of(self, container, name, &layers))
    }

    /// The other picos of the container whose `mz.ha.port` is `port`. One that can't be read is not the matter here.
    fn others_on(&self, port: u16, container: &str, name: &PicoName) -> Vec<String> {
        let mut others = self.picos(container);
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
fn is_there(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn names(directory: &Path) -> io::Result<Vec<String>> {
    may_open(directory)?;
    let mut names: Vec<String> = std::fs::read_dir(directory)?
        .take(MOST)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    Ok(names)
}
