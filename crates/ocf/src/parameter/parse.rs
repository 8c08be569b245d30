//! Parsers of parameter values. They return only `None` for a wrong value; [`ParameterKind`]
//! describes the expected one.

use super::ParameterKind;
use crate::time;
use std::time::Duration;

pub(super) fn integer(text: &str, kind: ParameterKind) -> Option<i64> {
    let number = text.trim().parse().ok()?;
    match kind {
        ParameterKind::Integer { min, max } => (min..=max).contains(&number).then_some(number),
        _ => None,
    }
}

/// Takes the spellings of true and false in resource-agents' shell functions.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "yes" | "true" | "1" | "on" | "y" | "ja" => Some(true),
        "no" | "false" | "0" | "off" | "n" | "nein" => Some(false),
        _ => None,
    }
}

pub(super) fn select(text: &str, kind: ParameterKind) -> Option<&'static str> {
    match kind {
        ParameterKind::Select(words) => words.iter().copied().find(|&word| word == text.trim()),
        _ => None,
    }
}

pub(super) fn duration(text: &str, kind: ParameterKind) -> Option<Duration> {
    let duration = time::parse_duration(text)?;
    match kind {
        ParameterKind::Duration { min, max } => (min..=max).contains(&duration).then_some(duration),
        _ => None,
    }
}

/// Checks a value of kind [`ParameterKind::Text`] only; each other kind has its own parser.
pub(super) fn is_text(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

pub(super) fn is_valid(text: &str, kind: ParameterKind) -> bool {
    match kind {
        ParameterKind::Text => is_text(text),
        ParameterKind::Integer { .. } => integer(text, kind).is_some(),
        ParameterKind::Boolean => boolean(text).is_some(),
        ParameterKind::Select(_) => select(text, kind).is_some(),
        ParameterKind::Duration { .. } => duration(text, kind).is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_parse_as_in_shell_agents() {
        for yes in ["yes", "true", "1", "YES", "TRUE", "True", "ja", "on", "ON"] {
            assert_eq!(boolean(yes), Some(true), "{yes}");
        }
        for no in ["no", "false", "0", "off", "NO", "Off"] {
            assert_eq!(boolean(no), Some(false), "{no}");
        }
        assert_eq!(boolean("perhaps"), None);
    }

    #[test]
    fn values_outside_their_limits_are_rejected() {
        let kind = ParameterKind::Integer { min: 0, max: 10 };
        assert_eq!(
            (integer("10", kind), integer("11", kind), integer("-1", kind)),
            (Some(10), None, None)
        );
        let kind =
            ParameterKind::Duration { min: Duration::from_secs(1), max: Duration::from_secs(60) };
        assert_eq!(
            (duration("1m", kind), duration("61", kind)),
            (Some(Duration::from_secs(60)), None)
        );
        assert_eq!(select("b", ParameterKind::Select(&["a", "b"])), Some("b"));
        assert_eq!(select("B", ParameterKind::Select(&["a", "b"])), None);
    }
}
