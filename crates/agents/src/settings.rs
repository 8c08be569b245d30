//! From the environment's values to [`pico::Settings`].
//!
//! An invalid value is an error of start and validate-all. Monitor, stop and reload use the default instead: a typing mistake must
//! not block them. If the identity of the pico is invalid, `target` is an error and the record decides.

use crate::{definition, parameters as p};
use ocf::{Invocation, Parameter, ParameterError, ParameterValues};

use pico::identity::{MzHome, cluster_programs};
use pico::{
    Deployment, Endpoint, HaCheck, Limits, OnHaFailed, PicoInstance, PicoName, PicoType, Settings,
    UnreadableTarget,
};
use regex_lite::RegexBuilder;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Limit of the compiled `process_match` in bytes; a usual one has some hundreds. It runs on every command line of the node, and
/// a large one would take minutes on a long line.
const MAX_PATTERN_SIZE: usize = 16 << 10;

/// The settings, and the invalid parameters.
#[must_use]
pub fn read(kind: PicoType, call: &Invocation) -> (Settings, Vec<ParameterError>) {
    let mut reader = SettingsReader { pico_type: kind, values: call.values(), errors: Vec::new() };
    let target = reader.target();
    let settings = Settings {
        resource: call.has_instance_name().then(|| call.instance().to_owned()),
        pico_type: kind,
        target,
        os_user: reader.text(&p::OS_USER),
        java_home: reader.path(&p::JAVA_HOME),
        container: reader.container_name(&p::CONTAINER),
        mzsh_timeout: reader.duration(&p::MZSH_TIMEOUT),
        monitor_retries: reader.count(&p::MONITOR_RETRIES),
        failures_tolerated: reader.count(&p::FAILURES_TOLERATED),
        degraded: reader.boolean(&p::DEGRADED),
        unchecked_limit: reader.count(&p::UNCHECKED_LIMIT),
        wait: reader.duration(&p::WAIT),
        ha_check: match reader.choice(&p::HA_CHECK) {
            "yes" => HaCheck::Yes,
            "no" => HaCheck::No,
            _ => HaCheck::Auto,
        },
        ha_host: reader.text(&p::HA_HOST),
        ha_port: reader.port(&p::HA_PORT),
        ha_timeout: reader.duration(&p::HA_TIMEOUT),
        ha_grace: reader.optional(&p::HA_GRACE, ParameterValues::duration),
        on_ha_failed: match reader.choice(&p::ON_HA_FAILED) {
            "degrade" => OnHaFailed::Degrade,
            "ignore" => OnHaFailed::Ignore,
            _ => OnHaFailed::Fail,
        },
        deployment: match reader.choice(&p::DEPLOYMENT) {
            "openstack" => Deployment::OpenStack,
            "aws" => Deployment::Aws,
            _ => Deployment::Virtual,
        },
        wait_for: reader.endpoints(&p::WAIT_FOR),
        wait_for_timeout: reader.duration(&p::WAIT_FOR_TIMEOUT),
        republish_services: reader.boolean(&p::REPUBLISH_SERVICES),
        post_start: reader.path(&p::POST_START),
        limits: reader.limits(),
        thread_dump: reader.boolean(&p::THREAD_DUMP),
        parameters_in_force: reader.parameters_in_force(),
        pretend_not_installed: call.pretend_not_installed(),
    };
    reader.check_remaining();
    (settings, reader.errors)
}

struct SettingsReader<'a> {
    pico_type: PicoType,
    values: &'a ParameterValues,
    errors: Vec<ParameterError>,
}

impl<'a> SettingsReader<'a> {
    /// The table's entry: the default of `pico_name` differs from agent to agent.
    fn entry(&self, parameter: &Parameter) -> &'static Parameter {
        let table = definition(self.pico_type).parameters;
        table.iter().find(|entry| entry.name == parameter.name).unwrap_or(&p::PICO_NAME)
    }

    fn optional<T>(
        &mut self,
        parameter: &Parameter,
        read: impl Fn(&'a ParameterValues, &Parameter) -> Result<Option<T>, ParameterError>,
    ) -> Option<T> {
        match read(self.values, parameter) {
            Ok(value) => value,
            Err(e) => {
                self.errors.push(e);
                None
            }
        }
    }

    fn text(&mut self, parameter: &Parameter) -> Option<String> {
        self.text_with_rule(parameter, "no blanks around it", |text| {
            (text.trim() == text).then(|| text.to_owned())
        })
    }

    fn boolean(&mut self, parameter: &Parameter) -> bool {
        let default = ParameterValues::default().boolean(parameter).ok().flatten().unwrap_or(false);
        self.optional(parameter, ParameterValues::boolean).unwrap_or(default)
    }

    fn duration(&mut self, parameter: &Parameter) -> Duration {
        let default = ParameterValues::default().duration(parameter).ok().flatten().unwrap_or_default();
        self.optional(parameter, ParameterValues::duration).unwrap_or(default)
    }

    fn count(&mut self, parameter: &Parameter) -> u32 {
        let default = ParameterValues::default().integer(parameter).ok().flatten().unwrap_or_default();
        let value = self.optional(parameter, ParameterValues::integer).unwrap_or(default);
        u32::try_from(value).unwrap_or_default()
    }

    fn choice(&mut self, parameter: &Parameter) -> &'static str {
        let default = ParameterValues::default().select(parameter).ok().flatten().unwrap_or_default();
        self.optional(parameter, ParameterValues::select).unwrap_or(default)
    }

    fn port(&mut self, parameter: &Parameter) -> Option<u16> {
        self.optional(parameter, ParameterValues::integer).and_then(|port| u16::try_from(port).ok())
    }

    fn text_with_rule<T>(
        &mut self,
        parameter: &Parameter,
        expected: &str,
        rule: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let text = self.optional(parameter, ParameterValues::text)?;
        let value = rule(text);
        if value.is_none() {
            self.errors.push(ParameterError::new(parameter, text, expected));
        }
        value
    }

    fn path(&mut self, parameter: &Parameter) -> Option<PathBuf> {
        self.text_with_rule(parameter, "an absolute path, without blanks around it", |text| {
            (Path::new(text).is_absolute() && text.trim() == text).then(|| PathBuf::from(text))
        })
    }

    /// It becomes a part of a path.
    fn container_name(&mut self, parameter: &Parameter) -> Option<String> {
        self.text_with_rule(parameter, "letters, digits, '_', '-' and '.'", |text| {
            text.parse::<PicoName>().ok().filter(|_| !text.starts_with('.')).map(|name| name.to_string())
        })
    }

    fn endpoints(&mut self, parameter: &Parameter) -> Option<Vec<Endpoint>> {
        let expected = "host:port, each once, separated by blanks or commas; an IPv6 address in brackets";
        self.text_with_rule(parameter, expected, |text| {
            let words = text.split([' ', ',']).filter(|word| !word.is_empty());
            let all: Vec<Endpoint> = words.map(|word| word.parse().ok()).collect::<Option<_>>()?;
            let is_twice = |(at, endpoint): (usize, &Endpoint)| all[..at].contains(endpoint);
            (!all.iter().enumerate().any(is_twice)).then_some(all)
        })
    }

    fn limits(&mut self) -> Limits {
        let number = |limit: i64| u64::try_from(limit).ok();
        Limits {
            open_files: self.optional(&p::LIMIT_NOFILE, ParameterValues::integer).and_then(number),
            processes: self.optional(&p::LIMIT_NPROC, ParameterValues::integer).and_then(number),
            umask: self
                .text_with_rule(&p::UMASK, "an octal number up to 0777", |text| {
                    let octal =
                        !text.is_empty() && text.len() <= 4 && text.bytes().all(|b| b.is_ascii_digit());
                    u32::from_str_radix(text, 8).ok().filter(|&mask| octal && mask <= 0o777)
                })
                .unwrap_or(Limits::default().umask),
        }
    }

    fn target(&mut self) -> Result<PicoInstance, UnreadableTarget> {
        let before = self.errors.len();
        let process_match =
            self.text_with_rule(&p::PROCESS_MATCH, "a regular expression, not too large", |text| {
                RegexBuilder::new(text).size_limit(MAX_PATTERN_SIZE).build().ok()
            });
        let by_pattern = self.errors.len() > before;
        // Monitor and stop use it all the same: a scan never takes a program of the cluster for the pico.
        if let Some(pattern) = &process_match
            && let Some(line) = cluster_programs::cluster_program_matched_by(pattern)
        {
            let expected = format!("one that does not match {line}");
            self.errors.push(ParameterError::new(&p::PROCESS_MATCH, pattern.as_str(), &expected));
        }
        let before = if by_pattern { before } else { self.errors.len() };
        let entry = self.entry(&p::PICO_NAME);
        let name = self.text_with_rule(
            entry,
            "at most 250 letters, digits, '_', '-', '.'; the first not '-'",
            |text| text.parse().ok(),
        );
        let home = self.path(&p::MZ_HOME);
        match (name, home) {
            (Some(name), Some(home)) if self.errors.len() == before => {
                Ok(PicoInstance { name, home: MzHome::new(&home), process_match })
            }
            (name, home) => {
                let why = self.errors.get(before);
                let why = why.map_or_else(|| "pico_name: not set".to_owned(), ToString::to_string);
                let mut set = self.values.iter().filter(|(name, _)| *name == entry.name);
                let name = name.ok_or_else(|| set.next().map(|(_, value)| value.to_owned()));
                let home = home.map(|home| MzHome::new(&home));
                Err(UnreadableTarget { why, name, home, process_match_unreadable: by_pattern })
            }
        }
    }

    /// All values as text, defaults included.
    fn parameters_in_force(&self) -> Vec<(String, String)> {
        let table = definition(self.pico_type).parameters.iter();
        table
            .filter_map(|parameter| {
                let value = self.values.text(parameter).ok().flatten()?;
                Some((parameter.name.to_owned(), value.to_owned()))
            })
            .collect()
    }

    /// Checks the parameters that are no settings: those of the trace, and ignored ones.
    fn check_remaining(&mut self) {
        for error in self.values.check_all(definition(self.pico_type).parameters) {
            if !self.errors.iter().any(|known| known.name() == error.name()) {
                self.errors.push(error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocf::Action;
    use std::ffi::OsString;

    fn read_with(kind: PicoType, set: &[(&str, &str)]) -> (Settings, Vec<String>) {
        let variables =
            set.iter().map(|(n, v)| (OsString::from(format!("OCF_RESKEY_{n}")), OsString::from(v)));
        let call = Invocation::new(definition(kind), Action::Start, variables);
        let (settings, errors) = read(kind, &call);
        (settings, errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn unset_parameters_have_the_documented_defaults() {
        let (settings, errors) = read_with(PicoType::Platform, &[]);
        assert_eq!(errors, Vec::<String>::new());
        let target = settings.target.unwrap();
        assert_eq!((target.name.as_str(), target.home.path()), ("platform", Path::new("/opt/mz")));
        assert_eq!(settings.mzsh_timeout, Duration::from_secs(90));
        assert_eq!((settings.monitor_retries, settings.failures_tolerated), (1, 0));
        assert_eq!(settings.unchecked_limit, 10);
        assert_eq!((settings.wait, settings.ha_timeout), (Duration::from_secs(20), Duration::from_secs(10)));
        assert_eq!((settings.ha_check, settings.on_ha_failed), (HaCheck::Auto, OnHaFailed::Fail));
        assert_eq!(settings.wait_for_timeout, Duration::from_secs(30));
        assert!(settings.thread_dump && !settings.degraded && !settings.republish_services);
        assert_eq!(settings.wait_for, None);
        assert_eq!(read_with(PicoType::Ui, &[]).0.target.unwrap().name.as_str(), "ui");
        let (settings, errors) = read_with(PicoType::ExecutionContext, &[]);
        assert!(settings.target.is_err());
        assert_eq!(errors, ["pico_name: is required and not set"]);
    }

    #[test]
    fn invalid_value_is_reported_once_and_falls_back_to_the_default() {
        let wrong = [
            ("mzsh_timeout", "soon"),
            ("wait_for", "db1:1521, nonsense"),
            ("ha_check", "maybe"),
            ("java_home", "jdk"),
            ("pico_port", "x"),
            ("limit_nofile", "many"),
            ("umask", "9"),
        ];
        let (settings, errors) = read_with(PicoType::Platform, &wrong);
        for (name, _) in wrong {
            assert_eq!(errors.iter().filter(|e| e.starts_with(name)).count(), 1, "{name}: {errors:?}");
        }
        assert_eq!(errors.len(), wrong.len(), "{errors:?}");
        assert!(settings.target.is_ok());
        assert_eq!(settings.mzsh_timeout, Duration::from_secs(90));
        assert_eq!(settings.ha_check, HaCheck::Auto);
    }

    #[test]
    fn invalid_identity_parameter_gives_no_target() {
        for (name, value) in [("pico_name", "-f"), ("mz_home", "opt/mz"), ("process_match", "(")] {
            let (settings, errors) = read_with(PicoType::Platform, &[(name, value)]);
            let unreadable = settings.target.unwrap_err();
            assert!(unreadable.why.starts_with(name));
            assert_eq!(errors.len(), 1);
            assert_eq!(unreadable.name.err(), (name == "pico_name").then(|| Some("-f".into())));
            assert_eq!(unreadable.home.is_none(), name == "mz_home");
            assert_eq!(unreadable.process_match_unreadable, name == "process_match");
        }
    }

    #[test]
    fn process_match_too_large_is_refused() {
        let errors = |pattern: &str| read_with(PicoType::Platform, &[("process_match", pattern)]).1;
        // 134 s on 64 KiB.
        assert_eq!(errors("(a?){20000}b").len(), 1);
        assert_eq!(
            errors(r"(^|/)java .* -Dinstance=(ec1|ec_one)( .*)? com\.example\.\w+Launcher( |$)").len(),
            0
        );
    }

    #[test]
    fn process_match_of_a_cluster_program_is_an_error_but_kept() {
        let (settings, errors) = read_with(PicoType::Platform, &[("process_match", "corosync")]);
        assert!(settings.target.unwrap().process_match.is_some());
        let expected =
            "process_match: is \"corosync\", expected one that does not match /usr/sbin/corosync -f";
        assert_eq!(errors, [expected]);
    }

    #[test]
    fn wait_for_list_accepts_spaces_and_commas() {
        let (settings, _) = read_with(PicoType::Platform, &[("wait_for", "db1:1521 ,[fd00::1]:1521")]);
        let words: Vec<String> = settings.wait_for.unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(words, ["db1:1521", "[fd00::1]:1521"]);
    }
}
