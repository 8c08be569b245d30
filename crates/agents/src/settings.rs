//! From the environment's values to [`pico::Settings`].
//!
//! An invalid value is an error of start and validate-all. Monitor, stop and reload use the default instead: a typing mistake must
//! not block them. If the identity of the pico is invalid, `target` is an error and the record decides.

use ocf::{Invocation, Parameter, ParameterError, ParameterReader, ParameterValues};
use pico::identity::{MzHome, cluster_programs};
use pico::{PicoInstance, PicoType, Settings, UnreadableTarget, parameters};
use regex_lite::{Regex, RegexBuilder};
use std::path::PathBuf;

/// Limit of the compiled `process_match` in bytes; a usual one has some hundreds. It runs on every command line of the node, and
/// a large one would take minutes on a long line.
const MAX_PATTERN_SIZE: usize = 16 << 10;

/// The settings, and the invalid parameters.
#[must_use]
pub fn read(kind: PicoType, call: &Invocation) -> (Settings, Vec<ParameterError>) {
    let table = parameters::for_type(kind);
    let mut reader = ParameterReader::new(call.values());
    let target = read_target(table, &mut reader);
    let settings = Settings::read(
        &mut reader,
        call.has_instance_name().then(|| call.instance().to_owned()),
        kind,
        target,
        parameters_in_force(table, call.values()),
        call.pretend_not_installed(),
    );
    (settings, reader.finish(table))
}

fn read_target(
    table: &[Parameter],
    reader: &mut ParameterReader<'_>,
) -> Result<PicoInstance, UnreadableTarget> {
    let process_match = reader.read_with(&parameters::PROCESS_MATCH, compile);
    let process_match_unreadable = !reader.errors().is_empty();
    // Monitor and stop use it all the same: a scan never takes a program of the cluster for the pico.
    if let Some(pattern) = &process_match
        && let Some(line) = cluster_programs::cluster_program_matched_by(pattern)
    {
        let expected = format!("one that does not match {line}");
        reader.add_error(ParameterError::new(
            &parameters::PROCESS_MATCH,
            pattern.as_str(),
            &expected,
        ));
    }
    let before = if process_match_unreadable { 0 } else { reader.errors().len() };
    // The table's entry: the default differs from agent to agent.
    let entry = table.iter().find(|entry| entry.name == parameters::PICO_NAME.name);
    let name = reader.read_with(entry.unwrap_or(&parameters::PICO_NAME), str::parse);
    let home = reader.read::<Option<PathBuf>>(&parameters::MZ_HOME).map(|home| MzHome::new(&home));
    match (name, home) {
        (Some(name), Some(home)) if reader.errors().len() == before => {
            Ok(PicoInstance { name, home, process_match })
        }
        (name, home) => {
            let why = reader.errors().get(before);
            let why = why.map_or_else(|| "pico_name: not set".to_owned(), ToString::to_string);
            let mut set =
                reader.values().iter().filter(|(name, _)| *name == parameters::PICO_NAME.name);
            let name = name.ok_or_else(|| set.next().map(|(_, value)| value.to_owned()));
            Err(UnreadableTarget { why, name, home, process_match_unreadable })
        }
    }
}

fn compile(pattern: &str) -> Result<Regex, &'static str> {
    let compiled = RegexBuilder::new(pattern).size_limit(MAX_PATTERN_SIZE).build();
    compiled.map_err(|_| "a regular expression, not too large")
}

/// All values as text, defaults included.
fn parameters_in_force(table: &[Parameter], values: &ParameterValues) -> Vec<(String, String)> {
    table
        .iter()
        .filter_map(|parameter| {
            let value = values.text(parameter).ok().flatten()?;
            Some((parameter.name.to_owned(), value.to_owned()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition;
    use ocf::Action;
    use pico::{HaCheck, OnHaFailed};
    use std::ffi::OsString;
    use std::path::Path;
    use std::time::Duration;

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
        assert_eq!(
            (settings.wait, settings.ha_timeout),
            (Duration::from_secs(20), Duration::from_secs(10))
        );
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
            assert_eq!(
                errors.iter().filter(|e| e.starts_with(name)).count(),
                1,
                "{name}: {errors:?}"
            );
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
            errors(r"(^|/)java .* -Dinstance=(ec1|ec_one)( .*)? com\.example\.\w+Launcher( |$)")
                .len(),
            0
        );
    }

    #[test]
    fn process_match_of_a_cluster_program_is_an_error_but_kept() {
        let (settings, errors) = read_with(PicoType::Platform, &[("process_match", "corosync")]);
        assert!(settings.target.unwrap().process_match.is_some());
        let expected = "process_match: is \"corosync\", expected one that does not match /usr/sbin/corosync -f";
        assert_eq!(errors, [expected]);
    }

    #[test]
    fn wait_for_list_accepts_spaces_and_commas() {
        let (settings, _) =
            read_with(PicoType::Platform, &[("wait_for", "db1:1521 ,[fd00::1]:1521")]);
        let words: Vec<String> =
            settings.wait_for.unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(words, ["db1:1521", "[fd00::1]:1521"]);
    }
}
