//! The typed content of the registry.
//!
//! An invalid property is a [`PropertyProblem`] with its name, value and file; the others stay
//! valid. For the HA Monitor Server an unclear property is also recorded. To assume that the server
//! is off or elsewhere would check nothing, or another server.

use super::Registry;
use super::layers::Layers;
use crate::identity::MzHome;
use crate::record::HaFacts;
use crate::settings::{Endpoint, PicoName, PicoType};
use hocon::LocatedText;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};

/// The default and the minimum of `mz.ha.interval`, in seconds.
const MIN_HA_INTERVAL: u64 = 40;

/// The port of the Platform's RCP service if the cell sets none.
const DEFAULT_RCP_PORT: u16 = 6790;

/// Properties with the ports on which a pico itself listens, if the pico or its template sets them.
/// Values of container or cell do not count: a Platform's web port there is for all who connect to
/// it.
const OWN_PORTS: [&str; 4] =
    ["mz.webserver.port", "ec.webserver.port", "ec.httpd.port", "pico.rcp.server.port"];

/// The registry's facts about one pico.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PicoFacts {
    /// The container of the pico.
    pub container: String,
    /// True if the active registry defines it. False if there is no active registry, and `master`
    /// defines it.
    pub active: bool,
    /// False if `settings.state` is `disabled`.
    pub enabled: bool,
    /// Its template, and the templates from which that one inherits.
    pub templates: Vec<String>,
    /// Its type, by the product's own template. `None` if it has no such template.
    pub kind: Option<PicoType>,
    /// The `mz.ha.*` properties.
    pub ha: HaFacts,
    /// The `mz.ha.*` properties without defaults.
    pub(in crate::product) ha_values: HaPropertyValues,
    /// `pico.rcp.server.host`, if set.
    pub server_host: Option<String>,
    /// `pico.rcp.platform.host` and `.port`, if a host is set.
    pub platform: Option<Endpoint>,
    /// The TCP ports on which it will listen, each with its property.
    pub ports: Vec<(String, u16)>,
    /// `mz.servicehost.port.range`, if set; its services take free ports of this range.
    pub service_ports: Option<(u16, u16)>,
    /// The picos of the same container with the same `mz.ha.port`.
    pub same_ha_port: Vec<String>,
    /// `pico.pid`, or the product's default. It nominates a process and proves nothing.
    pub pid_file: PathBuf,
    /// The properties that are set but invalid. The others stay valid.
    pub problems: Vec<PropertyProblem>,
}

/// A property that is set but invalid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PropertyProblem {
    /// Its name, such as `mz.ha.port`; or `registry` for a problem of a file.
    pub property: String,
    /// Its value and its file, the error, and the expected value.
    pub text: String,
    /// True if the files do not yield its value because a substitution is unresolved. False if the
    /// value is invalid.
    pub unresolved: bool,
}

/// The subjects of problems, by the names that findings use.
const PROBLEM_NAMES: [&str; 14] = [
    "settings.state",
    "mz.ha.enabled",
    "mz.ha.host",
    "mz.ha.port",
    "mz.ha.interval",
    "pico.pid",
    "pico.rcp.server.host",
    "pico.rcp.server.port",
    "pico.rcp.platform.host",
    "pico.rcp.platform.port",
    "mz.webserver.port",
    "ec.webserver.port",
    "ec.httpd.port",
    "mz.servicehost.port.range",
];

impl PropertyProblem {
    /// The subject as a stable name.
    pub(crate) fn stable_name(&self) -> &'static str {
        PROBLEM_NAMES.into_iter().find(|name| *name == self.property).unwrap_or("registry")
    }
}

impl fmt::Display for PropertyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.property, self.text)
    }
}

impl PicoFacts {
    /// The facts about a pico in these layers. It does not read other picos.
    pub(super) fn from_layers(
        registry: &Registry,
        container: &str,
        name: &str,
        layers: &Layers,
    ) -> Self {
        let mut reader = PropertyReader { layers, problems: Vec::new() };
        for remark in &layers.remarks {
            let problem = PropertyProblem {
                property: "registry".to_owned(),
                text: remark.clone(),
                unresolved: false,
            };
            reader.problems.push(problem);
        }
        let (ha, ha_values) = reader.read_ha();
        let rcp_port = reader.port("pico.rcp.platform.port").unwrap_or(DEFAULT_RCP_PORT);
        let is_platform = layers.templates.iter().any(|template| template.ends_with("-platform"));
        let mut ports = Vec::new();
        ports.extend(ha.endpoint.iter().filter(|_| ha.enabled).map(|e| ("mz.ha.port", e.port)));
        for property in OWN_PORTS {
            let own = reader.parse_or_report(property, layers.own_property(property), parse_port);
            ports.extend(own.map(|port| (property, port)));
        }
        ports.extend(is_platform.then_some(("pico.rcp.platform.port", rcp_port)));
        let state = reader.parse_or_report(
            "settings.state",
            layers.own_text(&["settings", "state"]),
            parse_enabled,
        );
        Self {
            container: container.to_owned(),
            active: registry.is_active,
            enabled: state.unwrap_or(true),
            templates: layers.templates.clone(),
            kind: kind_of(&layers.templates),
            ha,
            ha_values,
            server_host: reader.text("pico.rcp.server.host"),
            platform: reader
                .text("pico.rcp.platform.host")
                .map(|host| Endpoint { host, port: rcp_port }),
            ports: ports.into_iter().map(|(property, port)| (property.to_owned(), port)).collect(),
            service_ports: reader.property("mz.servicehost.port.range", parse_port_range),
            same_ha_port: Vec::new(),
            pid_file: match reader.text("pico.pid") {
                Some(path) => registry.home.join(path),
                None => default_pid_file(&registry.home, name),
            },
            problems: reader.problems,
        }
    }

    /// The facts about a pico of which only these are known. `why` is the reason why the files are
    /// unreadable.
    pub(in crate::product) fn from_mzsh_topo(
        home: &MzHome,
        container: &str,
        name: &PicoName,
        ha: HaFacts,
        why: &str,
    ) -> Self {
        let text = format!("can't be read, mzsh topo get was asked: {why}");
        let mut facts = Self {
            container: container.to_owned(),
            active: true,
            enabled: true,
            templates: Vec::new(),
            kind: None,
            ha: HaFacts::default(),
            ha_values: HaPropertyValues::default(),
            server_host: None,
            platform: None,
            ports: Vec::new(),
            service_ports: None,
            same_ha_port: Vec::new(),
            pid_file: default_pid_file(home.path(), name.as_str()),
            problems: vec![PropertyProblem {
                property: "registry".to_owned(),
                text,
                unresolved: true,
            }],
        };
        facts.set_ha(ha);
        facts
    }

    /// True if the files do not yield this property, or yield nothing at all. An unknown property
    /// may be set.
    pub(crate) fn is_unresolved(&self, property: &str) -> bool {
        let about = |problem: &PropertyProblem| {
            problem.property == property || problem.property == "registry"
        };
        self.problems.iter().any(|problem| problem.unresolved && about(problem))
    }

    /// The problem behind [`HaFacts::unclear`].
    pub(crate) fn ha_problem(&self) -> Option<&PropertyProblem> {
        self.ha.unclear.as_ref().and_then(|_| ha_problem(&self.problems, self.ha.enabled))
    }

    /// Sets facts about the HA Monitor Server from another source.
    pub(in crate::product) fn set_ha(&mut self, ha: HaFacts) {
        self.ports.retain(|(property, _)| property != "mz.ha.port");
        let port =
            ha.endpoint.iter().filter(|_| ha.enabled).map(|e| ("mz.ha.port".to_owned(), e.port));
        self.ports.extend(port);
        self.ha = ha;
    }

    /// Its HA port, even if its HA Monitor Server is disabled.
    pub(super) fn ha_port(&self) -> Option<u16> {
        self.ha.endpoint.as_ref().map(|endpoint| endpoint.port)
    }
}

/// Uses the product's own template, such as `mz.standard-ec`. A site may name its templates freely.
fn kind_of(templates: &[String]) -> Option<PicoType> {
    let standard = templates.iter().find_map(|template| template.strip_prefix("mz.standard-"))?;
    PicoType::ALL.into_iter().find(|kind| kind.agent_name() == standard)
}

fn default_pid_file(home: &Path, name: &str) -> PathBuf {
    home.join(format!("log/{name}.pid"))
}

/// Reads properties and collects their problems.
struct PropertyReader<'a> {
    layers: &'a Layers,
    problems: Vec<PropertyProblem>,
}

/// Parses a text; the error describes the expected one.
type ParseText<T> = fn(&str) -> Result<T, &'static str>;

impl PropertyReader<'_> {
    fn property<T>(&mut self, name: &str, understand: ParseText<T>) -> Option<T> {
        self.parse_or_report(name, self.layers.property(name), understand)
    }

    fn text(&mut self, name: &str) -> Option<String> {
        self.property(name, |text| Ok(text.to_owned()))
    }

    fn port(&mut self, name: &str) -> Option<u16> {
        self.property(name, parse_port)
    }

    fn parse_or_report<T>(
        &mut self,
        name: &str,
        found: Result<Option<LocatedText>, String>,
        understand: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        let (text, unresolved) = match found {
            Ok(None) => return None,
            Err(why) => (why, true),
            Ok(Some(LocatedText { text, location: place })) => match understand(&text) {
                Ok(value) => return Some(value),
                Err(expected) => {
                    let place = place.map_or_else(String::new, |place| format!(" in {place}"));
                    let short: String = text.chars().take(40).collect();
                    (format!("{short:?}{place}: {expected}"), false)
                }
            },
        };
        self.problems.push(PropertyProblem { property: name.to_owned(), text, unresolved });
        None
    }

    fn read_ha(&mut self) -> (HaFacts, HaPropertyValues) {
        let before = self.problems.len();
        let mut values = HaPropertyValues::default();
        for name in HaPropertyValues::NAMES {
            self.parse_or_report(name, self.layers.property(name), |text| values.set(name, text));
        }
        let mut ha = values.clone().into_facts();
        let problems = &self.problems[before..];
        if problems.iter().any(|problem| problem.property == "mz.ha.host") {
            // A check of another address would wrongly report that nothing answers.
            (ha.host, ha.endpoint) = (None, None);
        }
        ha.unclear = ha_problem(problems, ha.enabled).map(ToString::to_string);
        (ha, values)
    }
}

/// The problem because of which it is unclear whether the HA Monitor Server is on, or where.
fn ha_problem(problems: &[PropertyProblem], enabled: bool) -> Option<&PropertyProblem> {
    let problem = |name: &str| problems.iter().find(|problem| problem.property == name);
    let [is_on, host, port, _] = HaPropertyValues::NAMES.map(problem);
    // The address of a disabled server does not matter.
    is_on.or(host.or(port).filter(|_| enabled))
}

/// The properties of an HA Monitor Server that a check needs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::product) struct HaPropertyValues {
    pub(in crate::product) enabled: Option<bool>,
    host: Option<String>,
    port: Option<u16>,
    interval: Option<u64>,
}

impl HaPropertyValues {
    /// Their names, in the order of `mzsh topo get`.
    pub(in crate::product) const NAMES: [&str; 4] =
        ["mz.ha.enabled", "mz.ha.host", "mz.ha.port", "mz.ha.interval"];

    /// Sets one of them; the error describes the expected text.
    pub(in crate::product) fn set(&mut self, name: &str, text: &str) -> Result<(), &'static str> {
        match name {
            "mz.ha.enabled" => self.enabled = Some(parse_bool(text)?),
            "mz.ha.host" => self.host = Some(text.to_owned()),
            "mz.ha.port" => self.port = Some(parse_port(text)?),
            _ => self.interval = Some(parse_seconds(text)?),
        }
        Ok(())
    }

    /// Fills unset properties with the product's defaults.
    pub(in crate::product) fn into_facts(self) -> HaFacts {
        let host = self.host.or_else(HaFacts::default_host);
        HaFacts {
            enabled: self.enabled.unwrap_or(false),
            endpoint: host.clone().zip(self.port).map(|(host, port)| Endpoint { host, port }),
            host,
            interval: self.interval.unwrap_or(MIN_HA_INTERVAL).max(MIN_HA_INTERVAL),
            unclear: None,
        }
    }
}

fn parse_port(text: &str) -> Result<u16, &'static str> {
    text.trim().parse().ok().filter(|&port| port != 0).ok_or("expected a port, 1 to 65535")
}

fn parse_bool(text: &str) -> Result<bool, &'static str> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("expected true or false"),
    }
}

fn parse_seconds(text: &str) -> Result<u64, &'static str> {
    text.trim().parse().map_err(|_| "expected a number of seconds")
}

fn parse_enabled(text: &str) -> Result<bool, &'static str> {
    match text.trim().to_ascii_lowercase().as_str() {
        "enabled" => Ok(true),
        "disabled" => Ok(false),
        _ => Err("expected enabled or disabled"),
    }
}

fn parse_port_range(text: &str) -> Result<(u16, u16), &'static str> {
    const EXPECTED: &str = "expected a range of ports, such as 5451-5500";
    let (first, last) = text.split_once('-').ok_or(EXPECTED)?;
    match (parse_port(first), parse_port(last)) {
        (Ok(first), Ok(last)) if first <= last => Ok((first, last)),
        _ => Err(EXPECTED),
    }
}
