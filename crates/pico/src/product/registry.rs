//! The registry (STR): what is configured for a pico, from the installation's own files.
//!
//! `common/config/cell/default/.active` is what the product runs by, `master` what was last written; both have
//! `cell.conf`, `containers/<container>/container.conf` and `containers/<container>/picos/<pico>.conf`, in HOCON. A
//! property of a pico is its own, else its template's (`master/templates/<namespace>/picos/<template>.conf`), else
//! the container's `common`, else the cell's.
//!
//! To be called in a helper: the files are on what may be shared storage.

use crate::record::HaFacts;
use crate::settings::{Endpoint, PicoName};
use hocon::Config;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::{fmt, io};

/// Below `mz_home`, the one that counts first.
const REGISTRIES: [&str; 2] = ["common/config/cell/default/.active", "common/config/cell/default/master"];

/// `mz.ha.interval` when it is not set, and the least that the product takes, in seconds.
const HA_INTERVAL: u64 = 40;

/// Port of the Platform's RCP service where the cell sets none.
const RCP_PORT: u16 = 6790;

/// What the registry says of one pico.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PicoFacts {
    /// The container that it is defined in.
    pub container: String,
    /// `settings.state` is not `disabled`.
    pub enabled: bool,
    /// The `mz.ha.*` properties.
    pub ha: HaFacts,
    /// `pico.rcp.server.host`, where set.
    pub server_host: Option<String>,
    /// `pico.rcp.platform.host` and `.port`, where a host is set.
    pub platform: Option<Endpoint>,
    /// TCP ports that it will listen on, and the property of each.
    pub ports: Vec<(String, u16)>,
    /// Names of picos of the same container with the same `mz.ha.port`.
    pub same_ha_port: Vec<String>,
}

/// What came of reading it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RegistryState {
    /// The pico is defined.
    Defined(Box<PicoFacts>),
    /// The registry is there, and no container of it (or not the one that was named) has such a pico.
    Undefined {
        /// The containers that were looked at.
        containers: Vec<String>,
    },
    /// More than one container has a pico of this name, and none was named.
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
            Self::Undefined { containers } => write!(f, "no such pico; containers: {}", list(containers)),
            Self::Ambiguous { containers } => write!(f, "in more than one container ({})", list(containers)),
            Self::Unreadable(why) => write!(f, "can't be read: {why}"),
        }
    }
}

/// Finds the pico in the registry below `home`, in `container` or in the only one that has it.
#[must_use]
pub fn find(home: &Path, container: Option<&str>, name: &PicoName) -> RegistryState {
    let Some(registry) = REGISTRIES.iter().map(|r| home.join(r)).find(|r| r.join("containers").is_dir())
    else {
        return RegistryState::Unreadable(format!(
            "{} has no containers directory",
            home.join(REGISTRIES[0]).display()
        ));
    };
    let containers = match container {
        Some(name) => vec![name.to_owned()],
        None => match names(&registry.join("containers")) {
            Ok(names) => names,
            Err(e) => return RegistryState::Unreadable(format!("{}/containers: {e}", registry.display())),
        },
    };
    let has = |c: &String| pico_file(&registry, c, name.as_str()).is_file();
    let mut with: Vec<String> = containers.iter().filter(|c| has(c)).cloned().collect();
    match with.len() {
        0 => RegistryState::Undefined { containers },
        1 => match read(home, &registry, with.remove(0), name) {
            Ok(facts) => RegistryState::Defined(Box::new(facts)),
            Err(why) => RegistryState::Unreadable(why),
        },
        _ => RegistryState::Ambiguous { containers: with },
    }
}

fn pico_file(registry: &Path, container: &str, pico: &str) -> PathBuf {
    registry.join("containers").join(container).join("picos").join(format!("{pico}.conf"))
}

fn names(directory: &Path) -> io::Result<Vec<String>> {
    let mut names: Vec<String> = std::fs::read_dir(directory)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    Ok(names)
}

fn read(home: &Path, registry: &Path, container: String, name: &PicoName) -> Result<PicoFacts, String> {
    let layers = Layers::read(home, registry, &container, name.as_str())?;
    let ha_host = layers.property("mz.ha.host").unwrap_or_else(|| "127.0.0.1".to_owned());
    let ha_port = layers.port("mz.ha.port");
    let ha = HaFacts {
        enabled: layers.property("mz.ha.enabled").is_some_and(|v| v.eq_ignore_ascii_case("true")),
        endpoint: ha_port.map(|port| Endpoint { host: ha_host, port }),
        interval: layers
            .property("mz.ha.interval")
            .and_then(|v| v.parse().ok())
            .map_or(HA_INTERVAL, |seconds: u64| seconds.max(HA_INTERVAL)),
    };
    let rcp_port = layers.port("pico.rcp.platform.port").unwrap_or(RCP_PORT);
    let platform = layers.property("pico.rcp.platform.host").map(|host| Endpoint { host, port: rcp_port });
    let mut ports: Vec<(String, u16)> =
        ["mz.ha.port", "mz.webserver.port", "ec.webserver.port", "pico.rcp.server.port"]
            .into_iter()
            .filter(|&property| property != "mz.ha.port" || ha.enabled)
            .filter_map(|property| Some((property.to_owned(), layers.port(property)?)))
            .collect();
    if layers.own("template").is_some_and(|t| t.ends_with("-platform")) {
        ports.push(("pico.rcp.platform.port".to_owned(), rcp_port));
    }
    let same_ha_port =
        ha_port.map_or_else(Vec::new, |port| others_on(home, registry, &container, name, port));
    Ok(PicoFacts {
        enabled: !layers.own("settings.state").is_some_and(|s| s.eq_ignore_ascii_case("disabled")),
        server_host: layers.property("pico.rcp.server.host"),
        container,
        ha,
        platform,
        ports,
        same_ha_port,
    })
}

/// The other picos of the container whose `mz.ha.port` is `port`.
fn others_on(home: &Path, registry: &Path, container: &str, name: &PicoName, port: u16) -> Vec<String> {
    let picos = names(&registry.join("containers").join(container).join("picos")).unwrap_or_default();
    let others = picos.iter().filter_map(|file| file.strip_suffix(".conf")).filter(|&o| o != name.as_str());
    others
        .filter(|other| {
            Layers::read(home, registry, container, other)
                .is_ok_and(|l| l.own_port("mz.ha.port") == Some(port))
        })
        .map(str::to_owned)
        .collect()
}

/// The files that speak about a pico, the nearest first.
struct Layers {
    pico: Config,
    template: Option<Config>,
    container: Option<Config>,
    cell: Option<Config>,
}

impl Layers {
    fn read(home: &Path, registry: &Path, container: &str, pico: &str) -> Result<Self, String> {
        let own = parse(&pico_file(registry, container, pico))?;
        let template = value(&own, "template").and_then(|template| {
            let (namespace, short) = template.split_once('.')?;
            let path = format!("templates/{namespace}/picos/{short}.conf");
            parse_if_there(&home.join(REGISTRIES[1]).join(path)).transpose()
        });
        Ok(Self {
            pico: own,
            template: template.transpose()?,
            container: parse_if_there(&registry.join("containers").join(container).join("container.conf"))?,
            cell: parse_if_there(&registry.join("cell.conf"))?,
        })
    }

    /// A value of the pico's own configuration or its template's.
    fn own(&self, path: &str) -> Option<String> {
        [Some(&self.pico), self.template.as_ref()].into_iter().flatten().find_map(|c| value(c, path))
    }

    /// A property: `config.properties.*` of the pico, else `common.*` of container or cell. Empty is unset.
    fn property(&self, name: &str) -> Option<String> {
        let own = [Some(&self.pico), self.template.as_ref()].into_iter().flatten();
        let own = own.map(|config| (config, "config.properties"));
        let shared = [self.container.as_ref(), self.cell.as_ref()].into_iter().flatten();
        let shared = shared.map(|config| (config, "common"));
        own.chain(shared)
            .find_map(|(config, prefix)| below(config, prefix, name))
            .filter(|value| !value.is_empty())
    }

    fn port(&self, name: &str) -> Option<u16> {
        self.property(name)?.parse().ok().filter(|&port| port != 0)
    }

    /// A port that is set for this pico itself, not for all of the container.
    fn own_port(&self, name: &str) -> Option<u16> {
        below(&self.pico, "config.properties", name)?.parse().ok()
    }
}

fn parse_if_there(path: &Path) -> Result<Option<Config>, String> {
    if path.is_file() { parse(path).map(Some) } else { Ok(None) }
}

fn parse(path: &Path) -> Result<Config, String> {
    hocon::parse_file(path).map_err(|e| format!("{}: {e}", path.display()))
}

/// A property may be written `mz.ha.port : 1` (nested objects to HOCON) or `"mz.ha.port" : 1` (one key).
fn below(config: &Config, prefix: &str, name: &str) -> Option<String> {
    value(config, &format!("{prefix}.{name}")).or_else(|| value(config, &format!("{prefix}.\"{name}\"")))
}

fn value(config: &Config, path: &str) -> Option<String> {
    config.get_string(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn installation(files: &[(&str, &str)]) -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = home.path().join("common/config/cell/default").join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        home
    }

    fn defined(files: &[(&str, &str)], name: &str) -> PicoFacts {
        let home = installation(files);
        match find(home.path(), None, &name.parse().unwrap()) {
            RegistryState::Defined(facts) => *facts,
            other => panic!("{other:?}"),
        }
    }

    const CELL: (&str, &str) =
        (".active/cell.conf", "common { pico.rcp.platform.host : mzplat, pico.rcp.platform.port : 7790 }");

    #[test]
    fn a_pico_is_found_with_its_container_and_properties_in_both_spellings() {
        for properties in
            ["mz.ha.enabled : true, mz.ha.port : 26001", "\"mz.ha.enabled\" : true, \"mz.ha.port\" : 26001"]
        {
            let pico = format!("template : mz.standard-ec\nconfig {{ properties {{ {properties} }} }}");
            let facts = defined(&[CELL, (".active/containers/exec1/picos/ec1.conf", &pico)], "ec1");
            assert_eq!(facts.container, "exec1");
            assert!(facts.enabled);
            assert!(facts.ha.enabled);
            assert_eq!(facts.ha.endpoint.unwrap().to_string(), "127.0.0.1:26001");
            assert_eq!(facts.ha.interval, 40);
            assert_eq!(facts.platform.unwrap().to_string(), "mzplat:7790");
            assert_eq!(facts.server_host, None);
        }
    }

    #[test]
    fn the_nearest_layer_speaks() {
        let facts = defined(
            &[
                (
                    "master/templates/mz/picos/standard-ec.conf",
                    "config.properties { mz.ha.port : 1, mz.ha.interval : 90 }",
                ),
                (
                    ".active/containers/c/container.conf",
                    "common { mz.ha.enabled : true, pico.rcp.server.host : vip }",
                ),
                (
                    ".active/containers/c/picos/ec1.conf",
                    "template : mz.standard-ec, config.properties.mz.ha.port : 2",
                ),
                (
                    ".active/containers/c/picos/ec2.conf",
                    "config.properties.mz.ha.port : 2, settings.state : disabled",
                ),
            ],
            "ec1",
        );
        assert_eq!(facts.ha.endpoint.unwrap().port, 2);
        assert_eq!(facts.ha.interval, 90);
        assert!(facts.ha.enabled);
        assert_eq!(facts.server_host.as_deref(), Some("vip"));
        assert_eq!(facts.same_ha_port, ["ec2"]);
    }

    #[test]
    fn a_pico_that_is_disabled_missing_or_there_twice_is_said_to_be() {
        let home = installation(&[
            (".active/containers/a/picos/ec1.conf", "settings.state : disabled"),
            (".active/containers/b/picos/ec2.conf", ""),
            (".active/containers/a/picos/ec2.conf", ""),
        ]);
        let find = |container, name: &str| find(home.path(), container, &name.parse().unwrap());
        assert!(matches!(find(None, "ec1"), RegistryState::Defined(facts) if !facts.enabled));
        assert_eq!(find(None, "ec3"), RegistryState::Undefined { containers: vec!["a".into(), "b".into()] });
        assert_eq!(find(None, "ec2"), RegistryState::Ambiguous { containers: vec!["a".into(), "b".into()] });
        assert!(matches!(find(Some("b"), "ec2"), RegistryState::Defined(facts) if facts.container == "b"));
    }

    #[test]
    fn broken_files_are_unreadable_never_guessed() {
        let home = installation(&[(".active/containers/a/picos/ec1.conf", "config { properties {")]);
        assert!(matches!(find(home.path(), None, &"ec1".parse().unwrap()), RegistryState::Unreadable(_)));
        let empty = tempfile::tempdir().unwrap();
        assert!(matches!(find(empty.path(), None, &"ec1".parse().unwrap()), RegistryState::Unreadable(_)));
    }
}
