//! What the registry says, typed.

use crate::record::HaFacts;
use crate::settings::Endpoint;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::PathBuf;

/// What the registry says of one pico.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PicoFacts {
    /// The container that it is defined in.
    pub container: String,
    /// It is in the registry that the product runs by; false: only in `master`, written and not activated.
    pub active: bool,
    /// `settings.state` is not `disabled`.
    pub enabled: bool,
    /// The template that its own file names.
    pub template: Option<String>,
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
    /// `pico.pid`, or where the product puts it by itself. It nominates a process and proves nothing.
    pub pid_file: PathBuf,
    /// What is set and can't be understood. The rest counts all the same.
    pub problems: Vec<Problem>,
}

/// A property that is set and can't be understood.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Its name: `mz.ha.port`.
    pub property: String,
    /// Its value and its file, what is wrong with it, and what it should be.
    pub text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.property, self.text)
    }
}
