//! The data that mzsh passes to a new pico: registry and settings, resolved. So neither the native
//! pico nor the Java one needs a parser for them.
//!
//! One environment variable holds it, as lines `key=value`. An argument that the product does not
//! have could mislead an agent.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::PicoKind;
use crate::ha;
use crate::ha::HaProperties;
use crate::registry::{SimPicoDefinition, SimRegistry};
use crate::settings::{
    KEYS, PID_FILE_SC, PID_FILE_UI, SLOW_START_TIME, START_TIME, SimSettings, SimStartupOutcome,
};

/// See the module.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct LaunchSpec {
    pub(crate) name: String,
    pub(crate) home: PathBuf,
    /// The port on loopback where `mzsh startup` waits for the report.
    pub(crate) callback: u16,
    /// `ok`, `errors` or `dies`.
    pub(crate) outcome: String,
    /// In the syntax of [`crate::duration::parse_duration`].
    pub(crate) start_time: String,
    /// `host:port` to listen on; may be empty.
    pub(crate) rcp: String,
    pub(crate) web: String,
    pub(crate) ha: String,
    /// `platform`, `ec`, `sc`, `ui`.
    pub(crate) kind: String,
    pub(crate) ha_properties: HaProperties,
    /// `host:port` of the Platform's RCP, to stay connected to; empty for the Platform itself.
    pub(crate) platform: String,
    /// May be empty.
    pub(crate) pid_file: PathBuf,
    /// All settings at the time of the start, as `key=value`.
    pub(crate) settings: Vec<String>,
}

impl LaunchSpec {
    pub(crate) const VARIABLE: &str = "MZ_SIM_RUN";

    pub(crate) fn new(
        home: &Path,
        registry: &SimRegistry,
        pico: &SimPicoDefinition,
        settings: &SimSettings,
        outcome: SimStartupOutcome,
        callback: u16,
    ) -> Self {
        let name = &pico.name;
        let host = registry.property(pico, "pico.rcp.server.host").unwrap_or("127.0.0.1");
        let (platform, rcp_port) = registry.platform_rcp();
        let at = |host: &str, port: Option<&str>| {
            port.map(|port| format!("{host}:{port}")).unwrap_or_default()
        };
        let is_platform = pico.kind == PicoKind::Platform;
        let ha_properties = registry.properties_below(pico, "mz.ha.");
        let ha_port =
            registry.property(pico, "mz.ha.port").filter(|_| ha::is_enabled(&ha_properties));
        let web_port = pico
            .kind
            .web_port_property()
            .and_then(|(property, _)| registry.property(pico, property));
        let start_time =
            if outcome == SimStartupOutcome::Slow { &SLOW_START_TIME } else { &START_TIME };
        let has_pid_file = match pico.kind {
            PicoKind::Platform | PicoKind::Ec => true,
            PicoKind::Sc => settings.is_on(&PID_FILE_SC, name),
            PicoKind::Ui => settings.is_on(&PID_FILE_UI, name),
        };
        let outcome = match outcome {
            SimStartupOutcome::Errors => "errors",
            SimStartupOutcome::Dies => "dies",
            _ => "ok",
        };
        Self {
            name: name.clone(),
            home: home.to_owned(),
            callback,
            outcome: outcome.into(),
            start_time: settings.text(start_time, name).to_owned(),
            rcp: if is_platform { at(host, Some(rcp_port)) } else { String::new() },
            web: at(host, web_port),
            ha: at(registry.property(pico, "mz.ha.host").unwrap_or("127.0.0.1"), ha_port),
            kind: pico.kind.name().to_owned(),
            ha_properties,
            platform: if is_platform { String::new() } else { at(platform, Some(rcp_port)) },
            pid_file: if has_pid_file {
                pid_file_path(home, registry, pico)
            } else {
                PathBuf::new()
            },
            settings: KEYS
                .iter()
                .map(|key| format!("{}={}", key.name, settings.text(key, name)))
                .collect(),
        }
    }

    pub(crate) fn encode(&self) -> String {
        let mut text = format!(
            "name={}\nkind={}\nhome={}\ncallback={}\noutcome={}\nstart_time={}\nrcp={}\nweb={}\nha={}\nplatform={}\npid_file={}\n",
            self.name,
            self.kind,
            self.home.display(),
            self.callback,
            self.outcome,
            self.start_time,
            self.rcp,
            self.web,
            self.ha,
            self.platform,
            self.pid_file.display()
        );
        for (name, value) in &self.ha_properties {
            // No valid value is a list; its line ends would break the format.
            let _ = writeln!(text, "ha.{name}={}", value.replace('\n', ","));
        }
        for setting in &self.settings {
            text.push_str("set.");
            text.push_str(setting);
            text.push('\n');
        }
        text
    }

    pub(crate) fn decode(text: &str) -> Self {
        let mut run = Self::default();
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            let text = value.to_owned();
            match key {
                "name" => run.name = text,
                "kind" => run.kind = text,
                "home" => run.home = text.into(),
                "callback" => run.callback = value.parse().unwrap_or(0),
                "outcome" => run.outcome = text,
                "start_time" => run.start_time = text,
                "rcp" => run.rcp = text,
                "web" => run.web = text,
                "ha" => run.ha = text,
                "platform" => run.platform = text,
                "pid_file" => run.pid_file = text.into(),
                key => {
                    if let Some(name) = key.strip_prefix("ha.") {
                        run.ha_properties.insert(name.to_owned(), text);
                    } else if let Some(key) = key.strip_prefix("set.") {
                        run.settings.push(format!("{key}={value}"));
                    }
                }
            }
        }
        run
    }
}

/// `pico.pid`, by default `log/<pico>.pid`.
pub(crate) fn pid_file_path(
    home: &Path,
    registry: &SimRegistry,
    pico: &SimPicoDefinition,
) -> PathBuf {
    match registry.property(pico, "pico.pid") {
        Some(path) => home.join(path),
        None => home.join("log").join(format!("{}.pid", pico.name)),
    }
}
