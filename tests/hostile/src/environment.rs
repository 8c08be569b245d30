//! The environment with which Pacemaker, a tool or a person calls the agent.

use crate::assertions::{assert_printable, assert_valid_reason};
use agents::{PicoAgent, definition, settings};
use ocf::{Action, Agent, CloneKind, ErrorCode, Invocation, ParameterError};
use pico::{PicoName, PicoType, Settings, UnreadableTarget};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

type Variable = (OsString, OsString);

/// `bytes` are the content of `/proc/PID/environ`: `NAME=value`, each ended by NUL. `OCF_RESOURCE_TYPE`
/// selects the agent, else the Platform's is called.
///
/// - Nothing panics; with any environment there is a name, a deadline and an answer.
/// - An accepted value is within the limits of its declaration, and is the same after it was recorded and set
///   again.
/// - A refused value is named once, in a readable line, and counts as not set; but the pico that is meant may
///   stay the same.
/// - validate-all at level 0 reports every refused value, and nothing else.
pub fn environment(bytes: &[u8]) {
    let variables: Vec<Variable> =
        host::process::split_nul(bytes).iter().filter_map(|v| parse_variable(v)).collect();
    let named = |name: &str| variables.iter().find(|(n, _)| n == name).map(|(_, value)| value);
    let asked = named("OCF_RESOURCE_TYPE");
    let kind =
        PicoType::ALL.into_iter().find(|kind| asked.is_some_and(|name| name == kind.agent_name()));
    let kind = kind.unwrap_or(PicoType::Platform);

    let call = Invocation::new(definition(kind), Action::Monitor, variables.clone());
    assert_answerable(&call);
    let (settings, errors) = settings::read(kind, &call);
    assert_readable(&errors, call.reason_prefix());
    if errors.is_empty() {
        assert_within_limits(&settings);
        assert_round_trip(kind, &settings);
    } else {
        assert_refused_is_as_unset(kind, &variables, &settings, &errors);
        assert_validate_all_agrees(kind, variables, &errors);
    }
}

/// Parsed like in the C library.
fn parse_variable(entry: &OsStr) -> Option<Variable> {
    let bytes = entry.as_bytes();
    let at = bytes.iter().skip(1).position(|&b| b == b'=')? + 1;
    Some((
        OsStr::from_bytes(&bytes[..at]).to_owned(),
        OsStr::from_bytes(&bytes[at + 1..]).to_owned(),
    ))
}

fn read_settings(kind: PicoType, variables: Vec<Variable>) -> (Settings, Vec<ParameterError>) {
    settings::read(kind, &Invocation::new(definition(kind), Action::Monitor, variables))
}

fn assert_answerable(call: &Invocation) {
    for word in [call.instance(), call.resource_type(), call.reason_prefix()] {
        assert!(!word.is_empty());
        assert_printable(word);
    }
    call.node().into_iter().chain(call.provider()).for_each(assert_printable);
    assert!(!call.deadline().timeout().is_zero());
    assert_eq!(call.is_probe(), call.interval().is_none());
    assert!(!call.is_recurring_monitor() || !call.is_probe());
}

fn assert_readable(errors: &[ParameterError], prefix: &str) {
    for (at, error) in errors.iter().enumerate() {
        let text = error.to_string();
        assert!(text.starts_with(error.name()) && text.len() < 200, "{text}");
        assert_printable(&text);
        assert_valid_reason(&text, prefix);
        assert!(errors[..at].iter().all(|e| e.name() != error.name()), "{errors:?}");
    }
}

fn assert_within_limits(settings: &Settings) {
    let target = settings.target.as_ref().expect("no error, so a target");
    let name = target.name.as_str();
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
    assert!(name.bytes().all(allowed) && !name.is_empty() && !name.starts_with('-'), "{name:?}");
    assert!(name.len() <= PicoName::MAX_LEN, "{name:?}");
    let paths =
        [Some(target.home.path()), settings.java_home.as_deref(), settings.post_start.as_deref()];
    assert!(paths.into_iter().flatten().all(|path| path.is_absolute() && path.to_str().is_some()));
    assert!(
        settings
            .container
            .as_ref()
            .is_none_or(|c| c.bytes().all(allowed) && !c.starts_with(['-', '.']))
    );
    for at_least_a_second in [settings.mzsh_timeout, settings.ha_timeout] {
        assert!((Duration::from_secs(1)..=DAY).contains(&at_least_a_second));
    }
    assert!(settings.wait <= DAY && settings.wait_for_timeout <= DAY);
    assert!(settings.ha_grace.is_none_or(|grace| grace <= DAY));
    assert!(settings.monitor_retries <= 10 && settings.failures_tolerated <= 100);
    assert!((1..=10_000).contains(&settings.unchecked_limit));
    assert_ne!(settings.ha_port, Some(0));
    assert!(settings.umask.0 <= 0o777);
    for endpoint in settings.wait_for.as_deref().unwrap_or_default() {
        assert_ne!(endpoint.port, 0);
        assert_eq!(endpoint.to_string().parse().as_ref(), Ok(endpoint));
    }
    for text in settings.os_user.iter().chain(&settings.ha_host) {
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
}

fn assert_round_trip(kind: PicoType, settings: &Settings) {
    let recorded = settings
        .parameters_in_force
        .iter()
        .map(|(name, value)| (format!("OCF_RESKEY_{name}").into(), value.into()));
    let (again, errors) = read_settings(kind, recorded.collect());
    assert_eq!(errors, []);
    assert_eq!(describe_values(&again), describe_values(settings));
    assert_eq!(again.parameters_in_force, settings.parameters_in_force);
}

fn assert_refused_is_as_unset(
    kind: PicoType,
    variables: &[Variable],
    settings: &Settings,
    errors: &[ParameterError],
) {
    let refused = |name: &OsStr| {
        let name = name.as_bytes().strip_prefix(b"OCF_RESKEY_");
        errors.iter().any(|error| name == Some(error.name().as_bytes()))
    };
    let rest = variables.iter().filter(|(name, _)| !refused(name)).cloned();
    let (without, errors) = read_settings(kind, rest.collect());
    // The only possible error now is that a required parameter is not set, and only the pico's name has no
    // default.
    assert!(errors.iter().all(|error| error.name() == "pico_name"), "{errors:?}");
    let but_for_the_target = |settings: &Settings| {
        let target = Err(UnreadableTarget {
            why: String::new(),
            name: Err(None),
            home: None,
            process_match_unreadable: false,
        });
        describe_values(&Settings { target, ..settings.clone() })
    };
    assert_eq!(but_for_the_target(&without), but_for_the_target(settings));
}

/// All values, except the caller's and the texts.
fn describe_values(settings: &Settings) -> String {
    let silent = Settings {
        resource: None,
        parameters_in_force: Vec::new(),
        pretend_not_installed: false,
        ..settings.clone()
    };
    format!("{silent:?}")
}

fn assert_validate_all_agrees(
    kind: PicoType,
    mut variables: Vec<Variable>,
    errors: &[ParameterError],
) {
    // A deeper level checks the node, which is not ours here.
    variables.retain(|(name, _)| name != "OCF_CHECK_LEVEL");
    let call = Invocation::new(definition(kind), Action::ValidateAll, variables);
    let findings = PicoAgent::new(kind).validate_all(&call);
    let lines = findings.lines(call.reason_prefix());
    // A value that is valid, but truncated, too broad, or run on several nodes, gives one warning.
    let (wrong, warned): (Vec<&str>, Vec<&str>) =
        lines.lines().partition(|line| line.starts_with("ERROR: "));
    let refused_clone = usize::from(call.clone_kind() == Some(CloneKind::GloballyUnique));
    assert_eq!(wrong.len(), errors.len() + refused_clone);
    let mut about: Vec<&str> = ["wait", "process_match", "clone"].to_vec();
    for line in warned {
        let words = line.strip_prefix("WARNING: ").and_then(|text| text.split_once(": "));
        let at = about.iter().position(|name| words.is_some_and(|(of, _)| of == *name));
        about.remove(at.unwrap_or_else(|| panic!("{line}")));
    }
    lines.lines().for_each(assert_printable);
    match findings.deciding_error() {
        None => assert!(wrong.is_empty()),
        Some((class, reason)) => {
            assert!(!wrong.is_empty());
            assert_eq!(class, ErrorCode::NotConfigured);
            assert_valid_reason(&reason, call.reason_prefix());
        }
    }
}
