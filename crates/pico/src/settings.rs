//! The types of [`Settings`], of which [`parameters`](crate::parameters) has the rows.

use crate::identity::MzHome;
use host::command::Limits;
use ocf::{FromParameter, Parameter, ParameterError, ParameterValues};
use regex_lite::Regex;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::net::Ipv6Addr;
use std::ops::Deref;
use std::str::FromStr;

pub use crate::parameters::Settings;

/// The kinds of pico instances that are managed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum PicoType {
    /// The Platform: one active in the whole cluster.
    Platform,
    /// An Execution Context.
    ExecutionContext,
    /// A Service Context.
    ServiceContext,
    /// The web user interface.
    Ui,
}

impl PicoType {
    /// All of them, in the order of the documentation.
    pub const ALL: [Self; 4] =
        [Self::Platform, Self::ExecutionContext, Self::ServiceContext, Self::Ui];

    /// Its name as resource agent type.
    #[must_use]
    pub fn agent_name(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::ExecutionContext => "ec",
            Self::ServiceContext => "sc",
            Self::Ui => "ui",
        }
    }

    /// The type of a pico of which only the name is known. The one Platform is named `platform`; a Service Context is treated as an
    /// Execution Context, which is handled alike.
    #[must_use]
    pub fn guess_from_name(pico: &PicoName) -> Self {
        Self::guess_from_raw_name(pico.as_str().as_ref())
    }

    fn guess_from_raw_name(name: &OsStr) -> Self {
        if name == "platform" {
            Self::Platform
        } else if name == "ui" {
            Self::Ui
        } else {
            Self::ExecutionContext
        }
    }

    /// Can a pico of this name, which need not be a [`PicoName`], be of this type?
    #[must_use]
    pub fn may_be_named(self, name: &OsStr) -> bool {
        let alike = if self == Self::ServiceContext { Self::ExecutionContext } else { self };
        Self::guess_from_raw_name(name) == alike
    }
}

impl fmt::Display for PicoType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Platform => "Platform",
            Self::ExecutionContext => "Execution Context",
            Self::ServiceContext => "Service Context",
            Self::Ui => "web UI",
        })
    }
}

/// The name of a pico instance: letters, digits, `_`, `-` and `.`, the first no `-` (mzsh would take it for an
/// option), at most [`MAX_LEN`](Self::MAX_LEN).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PicoName(String);

impl PicoName {
    /// The product keeps a pico as the file `NAME.conf` in its registry, and a file's name has at most 255 bytes: there is no
    /// pico with a longer name. (Its log, `NAME_current.log`, allows 243; a pico with a longer name may still run.)
    pub const MAX_LEN: usize = 255 - ".conf".len();

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PicoName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
        let length = 1..=Self::MAX_LEN;
        if !length.contains(&text.len()) || text.starts_with('-') || !text.chars().all(allowed) {
            return Err("at most 250 letters, digits, '_', '-', '.'; the first not '-'");
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for PicoName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which pico instance is meant: its name and its installation.
#[derive(Clone, Debug)]
pub struct PicoInstance {
    /// Its name.
    pub name: PicoName,
    /// The installation it belongs to.
    pub home: MzHome,
    /// `process_match`: how its command line looks where the built-in markers don't fit.
    pub process_match: Option<Regex>,
}

impl PicoInstance {
    /// A warning about a `process_match` that contains neither the pico's name nor its installation.
    #[must_use]
    pub fn unspecific_pattern_warning(&self) -> Option<String> {
        // Escapes of the pattern are not in the path.
        let pattern = self.process_match.as_ref()?.as_str().replace('\\', "");
        let home = self.home.path().to_string_lossy();
        let is_specific = pattern.contains(self.name.as_str()) || pattern.contains(home.as_ref());
        (!is_specific).then(|| {
            let name = &self.name;
            format!("neither {name} nor {home} stands in it: it may match another pico")
        })
    }
}

/// What is known of the pico where a parameter that identifies it is invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableTarget {
    /// The parameter, and what is wrong with it.
    pub why: String,
    /// Its name; where that can't be read, what is set, if anything is.
    pub name: Result<PicoName, Option<OsString>>,
    /// Its installation, where that can be read.
    pub home: Option<MzHome>,
    /// `process_match` can't be read: the pico need not look like one.
    pub process_match_unreadable: bool,
}

impl fmt::Display for UnreadableTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

/// A host name or address, and a TCP port.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Endpoint {
    /// Name or address; an IPv6 address without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

impl Endpoint {
    /// The endpoint to connect to for a server of this node; loopback for one that listens everywhere.
    #[must_use]
    pub fn on_this_node(host: &str, port: u16) -> Self {
        let is_everywhere = host == "0.0.0.0" || host == "::";
        Self { host: if is_everywhere { "127.0.0.1" } else { host }.to_owned(), port }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Endpoint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "host:port, an IPv6 address in brackets";
        let (host, port) = text.rsplit_once(':').ok_or(EXPECTED)?;
        let port = port.parse().ok().filter(|&p| p != 0).ok_or(EXPECTED)?;
        let in_brackets = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
        let is_host = |host: &str| {
            let of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            !host.is_empty() && host.chars().all(of_name)
        };
        let is_address = |host: &str| {
            // The zone of a link-local address is the name of an interface.
            host.split('%').next().is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
        };
        match in_brackets {
            Some(address) if is_address(address) => Ok(Self { host: address.to_owned(), port }),
            None if is_host(host) => Ok(Self { host: host.to_owned(), port }),
            _ => Err(EXPECTED),
        }
    }
}

/// `wait_for`: each endpoint once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointList(Vec<Endpoint>);

impl Deref for EndpointList {
    type Target = [Endpoint];

    fn deref(&self) -> &[Endpoint] {
        &self.0
    }
}

impl FromParameter for EndpointList {
    fn from_parameter(
        values: &ParameterValues,
        parameter: &Parameter,
    ) -> Result<Option<Self>, ParameterError> {
        values.parse_text(parameter, |text| {
            let words = text.split([' ', ',']).filter(|word| !word.is_empty());
            let all: Option<Vec<Endpoint>> = words.map(|word| word.parse().ok()).collect();
            let is_twice = |all: &[Endpoint]| {
                all.iter().enumerate().any(|(at, endpoint)| all[..at].contains(endpoint))
            };
            all.filter(|all| !is_twice(all)).map(Self).ok_or(
                "host:port, each once, separated by blanks or commas; an IPv6 address in brackets",
            )
        })
    }
}

/// `container`. It becomes a part of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerName(String);

impl Deref for ContainerName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl FromParameter for ContainerName {
    fn from_parameter(
        values: &ParameterValues,
        parameter: &Parameter,
    ) -> Result<Option<Self>, ParameterError> {
        values.parse_text(parameter, |text| {
            let name = text.parse::<PicoName>().ok().filter(|_| !text.starts_with('.'));
            name.map(|name| Self(name.0)).ok_or("letters, digits, '_', '-' and '.'")
        })
    }
}

/// `systemd_properties`, each as `NAME=VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemdProperties(Vec<String>);

impl Deref for SystemdProperties {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

impl FromParameter for SystemdProperties {
    fn from_parameter(
        values: &ParameterValues,
        parameter: &Parameter,
    ) -> Result<Option<Self>, ParameterError> {
        let is_property = |word: &str| {
            word.split_once('=').is_some_and(|(name, value)| {
                name.starts_with(|c: char| c.is_ascii_uppercase())
                    && name.chars().all(|c| c.is_ascii_alphanumeric())
                    && !value.is_empty()
                    && !value.contains(char::is_control)
            })
        };
        values.parse_text(parameter, |text| {
            let words: Vec<String> =
                text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
            let all = words.iter().all(|word| is_property(word)).then_some(Self(words));
            all.ok_or("NAME=VALUE, separated by blanks")
        })
    }
}

/// `umask`, of 0777.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Umask(pub u32);

impl Default for Umask {
    fn default() -> Self {
        Self(Limits::default().umask)
    }
}

impl FromParameter for Umask {
    fn from_parameter(
        values: &ParameterValues,
        parameter: &Parameter,
    ) -> Result<Option<Self>, ParameterError> {
        values.parse_text(parameter, |text| {
            // `from_str_radix` takes a sign, too.
            let is_octal = text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
            let mask = u32::from_str_radix(text, 8).ok().filter(|&mask| is_octal && mask <= 0o777);
            mask.map(Self).ok_or("an octal number up to 0777")
        })
    }
}

ocf::select_enum! {
    /// `ha_check`: is the HA Monitor Server asked?
    #[derive(Debug, PartialEq, Eq)]
    pub enum HaCheck {
        /// When the registry has `mz.ha.enabled` for the pico.
        Auto = "auto",
        /// Always.
        Yes = "yes",
        /// Never.
        No = "no",
    }
}

ocf::select_enum! {
    /// `scope`: does the pico get a scope of systemd of its own?
    #[derive(Debug, PartialEq, Eq)]
    pub enum Scope {
        /// Where systemd runs.
        Auto = "auto",
        /// No.
        No = "no",
    }
}

ocf::select_enum! {
    /// `on_ha_failed`: what a FAILED of the HA Monitor Server means.
    #[derive(Debug, PartialEq, Eq)]
    pub enum OnHaFailed {
        /// The resource has failed.
        Fail = "fail",
        /// The resource is degraded.
        Degrade = "degrade",
        /// A line in the log.
        Ignore = "ignore",
    }
}

ocf::select_enum! {
    /// `deployment`: which addresses the two `pico.rcp.*.host` names must resolve to.
    #[derive(Debug, PartialEq, Eq)]
    pub enum Deployment {
        /// Virtual addresses that move.
        Virtual = "virtual",
        /// OpenStack: local and floating addresses.
        OpenStack = "openstack",
        /// Amazon: local and elastic addresses.
        Aws = "aws",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pico_type_is_guessed_from_names_platform_and_ui() {
        let by_name = |name: &str| PicoType::guess_from_name(&name.parse().unwrap()).agent_name();
        assert_eq!(
            ["platform", "ui", "ec1", "sc1", "platform2"].map(by_name),
            ["platform", "ui", "ec", "ec", "ec"]
        );
    }

    #[test]
    fn pico_name_rejects_options_and_paths() {
        for good in ["platform", "EC1", "EC_LTEES_1", "wd.x", "_a", &"x".repeat(PicoName::MAX_LEN)]
        {
            assert!(good.parse::<PicoName>().is_ok(), "{good}");
        }
        for bad in ["", "-f", "a b", "a/b", "ec1\n", "\u{e4}", &"x".repeat(PicoName::MAX_LEN + 1)] {
            assert!(bad.parse::<PicoName>().is_err(), "{bad}");
        }
    }

    #[test]
    fn process_match_without_pico_name_or_home_is_unspecific() {
        let of = |pattern: &str| PicoInstance {
            name: "ec1".parse().unwrap(),
            home: MzHome::new(std::path::Path::new("/opt/mz.9")),
            process_match: Some(Regex::new(pattern).unwrap()),
        };
        for well in ["wrapped-ec1( |$)", r"^/opt/mz\.9/bin/odd ", "-Dinstance=(ec1|x)"] {
            assert_eq!(of(well).unspecific_pattern_warning(), None, "{well}");
        }
        for bad in ["java", "launcher-[a-z]+", "/opt/mz/bin"] {
            assert!(of(bad).unspecific_pattern_warning().is_some(), "{bad}");
        }
        assert_eq!(
            PicoInstance { process_match: None, ..of("x") }.unspecific_pattern_warning(),
            None
        );
    }

    #[test]
    fn endpoint_round_trips_and_rejects_malformed_text() {
        for text in ["db1:1521", "10.0.0.1:6790", "[fd00::1]:6790"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
        for bad in [
            "db1",
            "db1:",
            ":1",
            "db1:0",
            "db1:65536",
            "a b:1",
            "::1",
            "fd00::1:1521",
            "[db1]:1521",
            "[fd00::1]",
            "db1:1521;db2:1521",
            "db1;db2:1521",
            "[::1:1521",
            "http://db1:80",
        ] {
            assert!(bad.parse::<Endpoint>().is_err(), "{bad}");
        }
    }
}
