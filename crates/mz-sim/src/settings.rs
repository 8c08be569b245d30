//! The settings of the simulator, from one table.
//!
//! `sim/settings.toml` of the installation holds them: lines `key = "value"`, and a table
//! `[pico.NAME]` for the differences of one pico. Every process reads the file when it starts. It
//! reads it again when a value matters during its life: the HA server at each ping, a stop at its
//! start. So `mz-sim set` changes the behaviour of running picos. A key that is not in [`KEYS`] is
//! refused: a test with a misspelt key would prove nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::SimError;
use crate::duration::parse_duration;
use crate::ha::clock::Clock;
use crate::ha::load_workload;

/// The type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// `true` or `false`.
    Switch,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A whole number with a unit: `200ms`, `3s`, `2m`.
    Duration,
    /// A [`SimStartupOutcome`].
    Outcome,
    /// `real`, `x100` or a duration: the clock of the HA Monitor Server.
    Clock,
    /// A [`crate::ha::Workload`] on one line, or the path of a file.
    Workload,
    /// One line of any text.
    Text,
}

/// One row of the table.
#[derive(Debug)]
pub struct Key {
    /// The name in the file and on the command line.
    pub name: &'static str,
    pub kind: ValueKind,
    /// The default.
    pub default: &'static str,
    /// The effect, in one line.
    pub about: &'static str,
}

macro_rules! keys {
    ($($ident:ident = $name:literal, $kind:expr, $default:literal, $about:literal;)*) => {
        $(#[doc = concat!("`", $name, "`: [`Key::about`] says what it does.")] pub static $ident: Key = Key { name: $name, kind: $kind, default: $default, about: $about };)*
        /// All settings.
        pub static KEYS: &[&Key] = &[$(&$ident),*];
    };
}

keys! {
    JVM = "jvm", ValueKind::Switch, "false", "picos are real JVMs; chosen at install, which compiles their classes";
    JVM_DETACHED = "jvm_detached", ValueKind::Switch, "true", "a pico gets a session of its own and writes to its log; false: it stays in mzsh's session and process group and keeps mzsh's stdout and stderr";
    MARKER = "marker", ValueKind::OneOf(&["both", "configname", "oom", "none-but-last-argument"]), "both", "what names the pico on its command line: -Dpico.configname=, the OnOutOfMemoryError option, both, or only the last argument";
    PID_FILE_SC = "pid_file_sc", ValueKind::Switch, "true", "an SC writes a pid file";
    PID_FILE_UI = "pid_file_ui", ValueKind::Switch, "true", "the Web UI writes a pid file";
    EC_STARTUP_WITHOUT_PLATFORM = "ec_startup_without_platform", ValueKind::OneOf(&["fail", "errors", "start"]), "fail", "startup of anything but the Platform while the Platform's RCP does not answer: fails, starts with errors, or starts well";
    OLD_INSTANCE_CODE = "old_instance_code", ValueKind::OneOf(&["255", "1"]), "255", "exit code of startup when an old instance is alive but can't be asked";
    SIGTERM_ORDERLY = "sigterm_orderly", ValueKind::Switch, "true", "SIGTERM stops a pico in order (stop_time, files removed); false: it dies at once";
    SHUTDOWN_FAILED = "shutdown_failed", ValueKind::OneOf(&["kill", "code-4"]), "kill", "what a shutdown that did not end the pico does: kill it, or exit with 4";
    STATUS_WITHOUT_PLATFORM_CODE = "status_without_platform_code", ValueKind::OneOf(&["0", "1"]), "0", "exit code of status for a pico that runs without contact with the Platform";
    STARTUP_OUTCOME = "startup_outcome", ValueKind::Outcome, "ok", "what startup comes to: ok, errors, no-such, code:N, dies, slow";
    HA_ANSWER = "ha_answer", ValueKind::Text, "OK", "what the HA Monitor Server answers: OK (which is FAILED and a reason where a threshold of mz.ha.* is not complied with), silent (none, and the client waits), closed (none, and from then on it listens no more), or this text in any case";
    WORKLOAD = "workload", ValueKind::Workload, "", "what the HA Monitor Server of an EC counts, on one line with ; between entries, or the path of a file; `mz-sim ha-replay --help` has the format";
    HA_CLOCK = "ha_clock", ValueKind::Clock, "real", "the time since the HA Monitor Server is up, by which it counts: real, so many times as fast (x100), or set to a time (80s)";
    HA_FIRST_INTERVAL = "ha_first_interval", ValueKind::OneOf(&["no-counts", "ok"]), "no-counts", "a ping before the first interval has ended: judged as if nothing had happened, or OK";
    HA_MIN_ACTIVATIONS = "ha_min_activations", ValueKind::OneOf(&["threshold", "gate"]), "threshold", "mz.ha.min_activations: fewer are FAILED, or with fewer the aborts do not count";
    HEARTBEATS = "heartbeats", ValueKind::Text, "", "an existing directory in which each pico writes a heartbeat every 100 ms, to a file of its own; empty: none";
    START_TIME = "start_time", ValueKind::Duration, "200ms", "from the start of a JVM until it is up";
    SLOW_START_TIME = "slow_start_time", ValueKind::Duration, "60s", "the same when startup_outcome is slow";
    STOP_TIME = "stop_time", ValueKind::Duration, "100ms", "an orderly stop";
    MZSH_TIME = "mzsh_time", ValueKind::Duration, "10ms", "what each call of mzsh costs before it does anything (seconds, in the product)";
    STATUS_WITHOUT_PLATFORM_TIME = "status_without_platform_time", ValueKind::Duration, "50ms", "what status costs more while the Platform's RCP refuses (4 s, in the product)";
    RCP_TIMEOUT = "rcp_timeout", ValueKind::Duration, "1s", "how long mzsh waits for an answer over RCP (60 s, in the product)";
    STARTUP_TIMEOUT = "startup_timeout", ValueKind::Duration, "180s", "how long startup waits for the pico to report that it is up";
    SHUTDOWN_RETRY = "shutdown_retry", ValueKind::Duration, "1s", "one of the retries (-r, 20 unless told) that shutdown waits for the end of the process";
    PLATFORM_RETRY = "platform_retry", ValueKind::Duration, "1s", "how often a pico that lost the Platform tries to reach it";
}

/// The result of a startup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SimStartupOutcome {
    /// The pico comes up.
    Ok,
    /// `Started with errors`: the process lives, its HA Monitor Server does not, and mzsh exits
    /// with 0.
    Errors,
    /// mzsh says that there is no such server process, and exits with 0.
    NoSuch,
    /// mzsh fails with this code; no process is started.
    Code(u8),
    /// The process dies during its start.
    Dies,
    /// The start takes `slow_start_time`.
    Slow,
}

impl SimStartupOutcome {
    /// Parses `ok`, `errors`, `no-such`, `code:N`, `dies` or `slow`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "ok" => Self::Ok,
            "errors" => Self::Errors,
            "no-such" => Self::NoSuch,
            "dies" => Self::Dies,
            "slow" => Self::Slow,
            other => Self::Code(other.strip_prefix("code:")?.parse().ok()?),
        })
    }
}

impl Key {
    /// Finds a setting by name. The error lists all names.
    ///
    /// # Errors
    /// [`SimError::Invalid`] for a name that is not in the table.
    pub fn find(name: &str) -> Result<&'static Self, SimError> {
        KEYS.iter().find(|key| key.name == name).copied().ok_or_else(|| {
            let known: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
            SimError::Invalid(format!("{name}: unknown setting; known: {}", known.join(", ")))
        })
    }

    /// Describes the valid values of this key.
    #[must_use]
    pub fn describe_values(&self) -> String {
        match self.kind {
            ValueKind::Switch => "true or false".into(),
            ValueKind::OneOf(words) => words.join(", "),
            ValueKind::Duration => "a duration such as 200ms, 3s, 2m".into(),
            ValueKind::Outcome => "ok, errors, no-such, code:N, dies or slow".into(),
            ValueKind::Clock => "real, x100 or a duration such as 80s".into(),
            ValueKind::Workload => {
                "entries as in `from 0s consumes 25/40s; at 90s aborts 7`, or an absolute path"
                    .into()
            }
            ValueKind::Text => "a line of text".into(),
        }
    }

    fn accepts(&self, value: &str) -> bool {
        match self.kind {
            ValueKind::Switch => matches!(value, "true" | "false"),
            ValueKind::OneOf(words) => words.contains(&value),
            ValueKind::Duration => parse_duration(value).is_some(),
            ValueKind::Outcome => SimStartupOutcome::parse(value).is_some(),
            ValueKind::Clock => Clock::parse(value).is_some(),
            // A file is read when the HA Monitor Server uses it.
            ValueKind::Workload => value.starts_with('/') || load_workload(value).is_ok(),
            ValueKind::Text => !value.chars().any(char::is_control),
        }
    }
}

/// The checked settings of one installation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SimSettings {
    /// By pico (empty for all) and key.
    values: BTreeMap<(String, &'static str), String>,
}

impl SimSettings {
    const FILE: &str = "sim/settings.toml";

    /// Reads the settings of the installation at `home`; a missing file means defaults.
    ///
    /// # Errors
    /// [`SimError`] if the file can't be read, is not TOML, or holds an unknown key or an unusable
    /// value.
    pub fn load(home: &Path) -> Result<Self, SimError> {
        let path = home.join(Self::FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(SimError::file("read", path)(error)),
        };
        let malformed = |problem: String| SimError::Malformed { path: path.clone(), problem };
        let table: toml::Table =
            text.parse().map_err(|error: toml::de::Error| malformed(error.to_string()))?;
        let mut settings = Self::default();
        for (key, value) in &table {
            match value {
                toml::Value::Table(picos) if key == "pico" => {
                    for (pico, keys) in picos {
                        for (key, value) in keys.as_table().into_iter().flatten() {
                            settings
                                .put(pico, key, &toml_text(value))
                                .map_err(|error| malformed(error.to_string()))?;
                        }
                    }
                }
                value => {
                    settings
                        .put("", key, &toml_text(value))
                        .map_err(|error| malformed(error.to_string()))?;
                }
            }
        }
        Ok(settings)
    }

    /// Sets `key=value` for all picos, or `PICO.key=value` for one.
    ///
    /// # Errors
    /// [`SimError::Invalid`]; it names the known keys or the expected value.
    pub fn set(&mut self, assignment: &str) -> Result<(), SimError> {
        let Some((name, value)) = assignment.split_once('=') else {
            return Err(SimError::Invalid(format!(
                "{assignment}: expected key=value or PICO.key=value"
            )));
        };
        let (pico, key) = name.rsplit_once('.').unwrap_or(("", name));
        self.put(pico, key, value)
    }

    fn put(&mut self, pico: &str, key: &str, value: &str) -> Result<(), SimError> {
        let key = Key::find(key)?;
        if !key.accepts(value) {
            return Err(SimError::Invalid(format!(
                "{}: expected {}, not {value:?}",
                key.name,
                key.describe_values()
            )));
        }
        self.values.insert((pico.to_owned(), key.name), value.to_owned());
        Ok(())
    }

    /// Replaces the file of the installation at `home` atomically.
    ///
    /// # Errors
    /// [`SimError::File`] if it can't be written.
    pub fn save(&self, home: &Path) -> Result<(), SimError> {
        let mut text = String::from(
            "# Settings of the simulated MediationZone; `mz-sim settings` explains them.\n",
        );
        let mut table = "";
        for ((pico, key), value) in &self.values {
            if pico != table {
                table = pico;
                let _ = writeln!(text, "\n[pico.{}]", toml::Value::from(pico.as_str()));
            }
            let _ = writeln!(text, "{key} = {}", toml::Value::from(value.as_str()));
        }
        let path = home.join(Self::FILE);
        let new = path.with_extension(format!("new.{}", std::process::id()));
        fs::write(&new, text).map_err(SimError::file("write", &new))?;
        fs::rename(&new, &path).map_err(SimError::file("replace", path))
    }

    /// The value for this pico, or for all with `""`, as text.
    #[must_use]
    pub fn text(&self, key: &Key, pico: &str) -> &str {
        let own = self.values.get(&(pico.to_owned(), key.name));
        own.or_else(|| self.values.get(&(String::new(), key.name)))
            .map_or(key.default, String::as_str)
    }

    #[must_use]
    pub fn is_on(&self, key: &Key, pico: &str) -> bool {
        self.text(key, pico) == "true"
    }

    /// The value as a duration; zero for a key of another type.
    #[must_use]
    pub fn duration(&self, key: &Key, pico: &str) -> Duration {
        parse_duration(self.text(key, pico)).unwrap_or_default()
    }

    /// The outcome of the next startup of this pico.
    #[must_use]
    pub fn startup_outcome(&self, pico: &str) -> SimStartupOutcome {
        SimStartupOutcome::parse(self.text(&STARTUP_OUTCOME, pico)).unwrap_or(SimStartupOutcome::Ok)
    }
}

fn toml_text(value: &toml::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_accepts_its_default() {
        for key in KEYS {
            assert!(key.accepts(key.default), "{}: {:?}", key.name, key.default);
        }
    }

    #[test]
    fn misspelt_key_is_refused_with_the_list_of_keys() {
        let error = SimSettings::default().set("start_tmie=1s").unwrap_err().to_string();
        assert!(error.contains("start_tmie") && error.contains("start_time"), "{error}");
        assert!(SimSettings::default().set("start_time=1 s").is_err());
        assert!(SimSettings::default().set("start_time").is_err());
        assert!(SimSettings::default().set("startup_outcome=code:300").is_err());
    }

    #[test]
    fn saved_settings_load_unchanged_and_a_pico_overrides_all() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("sim")).unwrap();
        let mut settings = SimSettings::default();
        for assignment in
            ["start_time=2s", "ec.1.start_time=5ms", "ec2.ha_answer=FAILED a \"b\" [c]=d"]
        {
            settings.set(assignment).unwrap();
        }
        settings.save(home.path()).unwrap();
        let loaded = SimSettings::load(home.path()).unwrap();
        assert_eq!(loaded, settings);
        assert_eq!(loaded.duration(&START_TIME, "ec.1"), Duration::from_millis(5));
        assert_eq!(loaded.duration(&START_TIME, "ec2"), Duration::from_secs(2));
        assert_eq!(loaded.text(&HA_ANSWER, "ec2"), "FAILED a \"b\" [c]=d");
        assert_eq!(loaded.text(&HA_ANSWER, "ec.1"), "OK");
    }
}
