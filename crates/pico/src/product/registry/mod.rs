//! The registry (STR): what is configured for a pico, from the installation's own files.
//!
//! `common/config/cell/default/.active` is what the product runs by, `master` what was last written; both have
//! `cell.conf`, `containers/<container>/container.conf` and `containers/<container>/picos/<pico>.conf`, in HOCON. A
//! property of a pico is its own, else its template's (`master/templates/<namespace>/picos/<template>.conf`), else
//! the container's `common`, else the cell's.
//!
//! To be called in a helper: the files are on what may be shared storage, and the reader of HOCON is young; whoever owns
//! the installation could write a file that takes it long, or too deep.
//!
//! Substitutions (`${...}`) are not followed. Much of what they name only the product knows; and a few hundred bytes of
//! them can stand for more text than the node has memory. A property that is wanted and holds one is an error.

mod facts;
mod script;

pub use facts::{PicoFacts, Problem};
pub use script::Literals;

use super::survey::{Survey, SurveyedPico};
use crate::record::HaFacts;
use crate::settings::{Endpoint, PicoName};
use hocon::{Config, ParseOptions};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::{fmt, io};

/// Below `mz_home`, the one that counts first.
const REGISTRIES: [&str; 2] = ["common/config/cell/default/.active", "common/config/cell/default/master"];

/// `mz.ha.interval` when it is not set, and the least that the product takes, in seconds.
const HA_INTERVAL: u64 = 40;

/// Port of the Platform's RCP service where the cell sets none.
const RCP_PORT: u16 = 6790;

/// Longest file that is read, in bytes. Real ones have a few thousand.
const LONGEST: usize = 256 << 10;

/// Most names in one path (`config.properties.mz.ha.port` has five). The reader goes a level deeper for each, and some thousands
/// end it for want of stack.
const DEEPEST: usize = 128;

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

/// All picos of the registry below `home`.
///
/// # Errors
/// There is no registry, or it is laid out otherwise.
pub(super) fn all(home: &Path) -> Result<Survey, String> {
    let registry = REGISTRIES.iter().map(|r| home.join(r)).find(|r| r.join("containers").is_dir());
    let registry = registry
        .ok_or_else(|| format!("{} has no containers directory", home.join(REGISTRIES[0]).display()))?;
    let containers =
        names(&registry.join("containers")).map_err(|e| format!("{}/containers: {e}", registry.display()))?;
    let mut picos = Vec::new();
    for container in &containers {
        let files = names(&registry.join("containers").join(container).join("picos")).unwrap_or_default();
        for name in files.iter().filter_map(|file| file.strip_suffix(".conf")) {
            let facts = name
                .parse()
                .map_err(|e| format!("no name of a pico: {e}"))
                .and_then(|name| read(home, &registry, container.clone(), &name));
            picos.push(SurveyedPico { container: container.clone(), name: name.to_owned(), facts });
        }
    }
    Ok(Survey { containers, script: Literals::of(home), picos })
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
    let ha_host = layers.property("mz.ha.host")?.unwrap_or_else(|| "127.0.0.1".to_owned());
    let ha_port = layers.port("mz.ha.port")?;
    let ha = HaFacts {
        enabled: layers.property("mz.ha.enabled")?.is_some_and(|v| v.eq_ignore_ascii_case("true")),
        endpoint: ha_port.map(|port| Endpoint { host: ha_host, port }),
        interval: layers
            .property("mz.ha.interval")?
            .and_then(|v| v.parse().ok())
            .map_or(HA_INTERVAL, |seconds: u64| seconds.max(HA_INTERVAL)),
    };
    // What is no question of life and death may be unreadable: the address checks go without it.
    let rcp_port = layers.port("pico.rcp.platform.port").unwrap_or_default().unwrap_or(RCP_PORT);
    let platform = layers.property("pico.rcp.platform.host").unwrap_or_default();
    let platform = platform.map(|host| Endpoint { host, port: rcp_port });
    let mut ports: Vec<(String, u16)> = Vec::new();
    for property in ["mz.ha.port", "mz.webserver.port", "ec.webserver.port", "pico.rcp.server.port"] {
        let port =
            layers.port(property).unwrap_or_default().filter(|_| property != "mz.ha.port" || ha.enabled);
        ports.extend(port.map(|port| (property.to_owned(), port)));
    }
    if layers.own("template").unwrap_or_default().is_some_and(|t| t.ends_with("-platform")) {
        ports.push(("pico.rcp.platform.port".to_owned(), rcp_port));
    }
    let same_ha_port =
        ha_port.map_or_else(Vec::new, |port| others_on(home, registry, &container, name, port));
    let template = layers.own("template").unwrap_or_default();
    Ok(PicoFacts {
        active: registry.ends_with(REGISTRIES[0]),
        template,
        pid_file: layers
            .property("pico.pid")
            .unwrap_or_default()
            .map_or_else(|| home.join(format!("log/{name}.pid")), PathBuf::from),
        problems: Vec::new(),
        enabled: !layers.own("settings.state")?.is_some_and(|s| s.eq_ignore_ascii_case("disabled")),
        server_host: layers.property("pico.rcp.server.host").unwrap_or_default(),
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
                .is_ok_and(|l| l.own_port("mz.ha.port") == Ok(Some(port)))
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
        let template = value(&own, "template")?.and_then(|template| {
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
    fn own(&self, path: &str) -> Result<Option<String>, String> {
        let own = [Some(&self.pico), self.template.as_ref()].into_iter().flatten();
        own.map(|c| value(c, path)).find_map(Result::transpose).transpose()
    }

    /// A property: `config.properties.*` of the pico, else `common.*` of container or cell. Empty is unset.
    fn property(&self, name: &str) -> Result<Option<String>, String> {
        let own = [Some(&self.pico), self.template.as_ref()].into_iter().flatten();
        let own = own.map(|config| (config, "config.properties"));
        let shared = [self.container.as_ref(), self.cell.as_ref()].into_iter().flatten();
        let shared = shared.map(|config| (config, "common"));
        let found = own
            .chain(shared)
            .map(|(c, prefix)| below(c, prefix, name))
            .find_map(Result::transpose)
            .transpose()?;
        Ok(found.filter(|value| !value.is_empty()))
    }

    fn port(&self, name: &str) -> Result<Option<u16>, String> {
        Ok(self.property(name)?.and_then(|text| text.parse().ok()).filter(|&port| port != 0))
    }

    /// A port that is set for this pico itself, not for all of the container.
    fn own_port(&self, name: &str) -> Result<Option<u16>, String> {
        Ok(below(&self.pico, "config.properties", name)?.and_then(|text| text.parse().ok()))
    }
}

fn parse_if_there(path: &Path) -> Result<Option<Config>, String> {
    if path.is_file() { parse(path).map(Some) } else { Ok(None) }
}

fn parse(path: &Path) -> Result<Config, String> {
    let say = |why: &dyn fmt::Display| format!("{}: {why}", path.display());
    let content = host::files::read_capped(path, LONGEST + 1).map_err(|e| say(&e))?;
    if content.len() > LONGEST {
        return Err(say(&format_args!("is longer than {} KiB", LONGEST >> 10)));
    }
    let text = String::from_utf8(content).map_err(|e| say(&e))?;
    let paths = text.split(|c: char| c.is_whitespace() || "=:,{}[]\"".contains(c));
    let names = |path: &str| path.split('.').filter(|name| !name.is_empty()).count();
    if paths.map(names).any(|names| names > DEEPEST) {
        return Err(say(&format_args!("has a path of more than {DEEPEST} names")));
    }
    // Relative to which file an `include` is.
    let directory = path.parent().unwrap_or(path).to_owned();
    let options = ParseOptions::defaults().with_resolve_substitutions(false).with_base_dir(directory);
    hocon::parse_string_with_options(&text, options).map_err(|e| say(&e))
}

/// A property may be written `mz.ha.port : 1` (nested objects to HOCON) or `"mz.ha.port" : 1` (one key).
fn below(config: &Config, prefix: &str, name: &str) -> Result<Option<String>, String> {
    match value(config, &format!("{prefix}.{name}"))? {
        Some(value) => Ok(Some(value)),
        None => value(config, &format!("{prefix}.\"{name}\"")),
    }
}

/// `None`: there is no such value, or it is no text.
fn value(config: &Config, path: &str) -> Result<Option<String>, String> {
    match config.get_string(path) {
        Ok(value) => Ok(Some(value)),
        Err(e) if e.is_not_resolved() => Err(format!("{path} is a substitution (${{...}}): write its value")),
        Err(_) => Ok(None),
    }
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
    fn a_substitution_is_not_followed_and_only_one_that_is_wanted_is_an_error() {
        let own = "config { jvmargs : [${pico.name}], properties { a : ${?b}, mz.ha.port : 26001 } }";
        assert_eq!(defined(&[(".active/containers/c/picos/ec1.conf", own)], "ec1").ports, []);
        let wanted = "port : 26001, config.properties { mz.ha.enabled : true, mz.ha.port : ${port} }";
        let home = installation(&[(".active/containers/c/picos/ec1.conf", wanted)]);
        let state = find(home.path(), None, &"ec1".parse().unwrap());
        let RegistryState::Unreadable(why) = state else { panic!("{state:?}") };
        assert_eq!(why, "config.properties.mz.ha.port is a substitution (${...}): write its value");
    }

    #[test]
    fn a_few_hundred_bytes_that_double_themselves_do_not_eat_the_memory() {
        // 2^60 times ten bytes, were it followed.
        let lines = (1..60).map(|i| format!("a{i} : ${{a{}}}${{a{}}}\n", i - 1, i - 1));
        let pico = format!("a0 : xxxxxxxxxx\n{}", lines.collect::<String>());
        assert!(defined(&[(".active/containers/c/picos/ec1.conf", &pico)], "ec1").enabled);
    }

    #[test]
    fn a_file_without_end_is_not_read_to_its_end() {
        let pico = "#".repeat(LONGEST + 1);
        let home = installation(&[(".active/containers/c/picos/ec1.conf", &pico)]);
        let state = find(home.path(), None, &"ec1".parse().unwrap());
        assert!(
            matches!(&state, RegistryState::Unreadable(why) if why.ends_with("longer than 256 KiB")),
            "{state:?}"
        );
    }

    #[test]
    fn a_path_of_many_names_is_refused_and_does_not_end_its_reader() {
        let pico = format!("# {}\n{}a : 1", ".".repeat(1000), "a.".repeat(20_000));
        let home = installation(&[(".active/containers/c/picos/ec1.conf", &pico)]);
        let state = find(home.path(), None, &"ec1".parse().unwrap());
        let refused = "ec1.conf: has a path of more than 128 names";
        assert!(matches!(&state, RegistryState::Unreadable(why) if why.ends_with(refused)), "{state:?}");
        let line = format!("# {}\nsettings.state : enabled", ".".repeat(1000));
        assert!(defined(&[(".active/containers/c/picos/ec1.conf", &line)], "ec1").enabled);
    }

    #[test]
    fn broken_files_are_unreadable_never_guessed() {
        let home = installation(&[(".active/containers/a/picos/ec1.conf", "config { properties {")]);
        assert!(matches!(find(home.path(), None, &"ec1".parse().unwrap()), RegistryState::Unreadable(_)));
        let empty = tempfile::tempdir().unwrap();
        assert!(matches!(find(empty.path(), None, &"ec1".parse().unwrap()), RegistryState::Unreadable(_)));
    }
}
