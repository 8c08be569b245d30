//! The values from the environment, parsed by their declarations.

use super::{Parameter, ParameterKind, parse};
use crate::exit_reason::quoted;
use std::ffi::{OsStr, OsString};
use std::time::Duration;

/// Maximum characters of a wrong value in a message.
const MAX_SHOWN_CHARS: usize = 40;

/// An unusable parameter: an error of the resource's configuration, the same on every node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {problem}")]
pub struct ParameterError {
    name: &'static str,
    problem: String,
}

impl ParameterError {
    /// An error by an agent's own rule for a value. It quotes and shortens `seen`.
    #[must_use]
    pub fn new(parameter: &Parameter, seen: &str, expected: &str) -> Self {
        Self {
            name: parameter.name,
            problem: format!("is {}, expected {expected}", quoted(seen, MAX_SHOWN_CHARS)),
        }
    }

    fn missing(parameter: &Parameter) -> Self {
        Self { name: parameter.name, problem: "is required and not set".to_owned() }
    }

    fn not_utf8(parameter: &Parameter, seen: &OsStr) -> Self {
        let problem =
            format!("is {}, which is not UTF-8", quoted(&seen.to_string_lossy(), MAX_SHOWN_CHARS));
        Self { name: parameter.name, problem }
    }

    /// The parameter's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The wrong value and the expected one.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

/// The raw values of all parameters: `OCF_RESKEY_*` without Pacemaker's own `CRM_meta_*`.
///
/// A getter returns the set value, otherwise the default, otherwise `None`. An empty value counts
/// as not set: the CIB allows it, and nobody intends it.
#[derive(Clone, Debug, Default)]
pub struct ParameterValues {
    entries: Vec<(String, OsString)>,
}

impl ParameterValues {
    pub(crate) fn insert(&mut self, name: &str, value: OsString) {
        if !value.is_empty() {
            self.entries.push((name.to_owned(), value));
        }
    }

    /// The set values by name, as raw bytes and without defaults.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &OsStr)> {
        self.entries.iter().map(|(name, value)| (name.as_str(), value.as_os_str()))
    }

    /// True if the parameter is set.
    #[must_use]
    pub fn is_set(&self, parameter: &Parameter) -> bool {
        self.raw(parameter).is_some()
    }

    /// The value as text, for a parameter of any kind.
    ///
    /// # Errors
    /// The value is not UTF-8, not of its kind, or required and missing.
    pub fn text(&self, parameter: &Parameter) -> Result<Option<&str>, ParameterError> {
        self.get_with(parameter, |text| parse::is_valid(text, parameter.kind).then_some(text))
    }

    /// The value of a [`ParameterKind::Integer`].
    ///
    /// # Errors
    /// The value is not a whole number within the limits, or required and missing.
    pub fn integer(&self, parameter: &Parameter) -> Result<Option<i64>, ParameterError> {
        debug_assert!(
            matches!(parameter.kind, ParameterKind::Integer { .. }),
            "{} is no integer",
            parameter.name
        );
        self.get_with(parameter, |text| parse::integer(text, parameter.kind))
    }

    /// The value of a [`ParameterKind::Boolean`].
    ///
    /// # Errors
    /// The value is neither yes nor no in any spelling, or required and missing.
    pub fn boolean(&self, parameter: &Parameter) -> Result<Option<bool>, ParameterError> {
        debug_assert!(parameter.kind == ParameterKind::Boolean, "{} is no boolean", parameter.name);
        self.get_with(parameter, parse::boolean)
    }

    /// The value of a [`ParameterKind::Select`]: one of the declared words.
    ///
    /// # Errors
    /// The value is not one of the words, or required and missing.
    pub fn select(&self, parameter: &Parameter) -> Result<Option<&'static str>, ParameterError> {
        debug_assert!(
            matches!(parameter.kind, ParameterKind::Select(_)),
            "{} is no select",
            parameter.name
        );
        self.get_with(parameter, |text| parse::select(text, parameter.kind))
    }

    /// The value of a [`ParameterKind::Duration`].
    ///
    /// # Errors
    /// The value is not a duration within the limits, or required and missing.
    pub fn duration(&self, parameter: &Parameter) -> Result<Option<Duration>, ParameterError> {
        debug_assert!(
            matches!(parameter.kind, ParameterKind::Duration { .. }),
            "{} is no duration",
            parameter.name
        );
        self.get_with(parameter, |text| parse::duration(text, parameter.kind))
    }

    /// The value of a [`ParameterKind::Text`] that follows a rule: the error of `parse` says what is expected.
    ///
    /// # Errors
    /// It is not UTF-8, not text, refused by `parse`, or required and missing.
    pub fn parse_text<T>(
        &self,
        parameter: &Parameter,
        parse: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Result<Option<T>, ParameterError> {
        let Some(text) = self.text(parameter)? else { return Ok(None) };
        parse(text).map(Some).map_err(|expected| ParameterError::new(parameter, text, expected))
    }

    /// The errors of all parameters, in the order of the table.
    #[must_use]
    pub fn check_all(&self, table: &[Parameter]) -> Vec<ParameterError> {
        table.iter().filter_map(|parameter| self.text(parameter).err()).collect()
    }

    fn raw(&self, parameter: &Parameter) -> Option<&OsStr> {
        self.entries
            .iter()
            .find(|(name, _)| name == parameter.name)
            .map(|(_, value)| value.as_os_str())
    }

    fn get_with<'a, T>(
        &'a self,
        parameter: &Parameter,
        parse: impl Fn(&'a str) -> Option<T>,
    ) -> Result<Option<T>, ParameterError> {
        let text = match self.raw(parameter) {
            Some(raw) => raw.to_str().ok_or_else(|| ParameterError::not_utf8(parameter, raw))?,
            None => match parameter.default {
                Some(default) => default,
                None if parameter.required => return Err(ParameterError::missing(parameter)),
                None => return Ok(None),
            },
        };
        let error = || ParameterError::new(parameter, text, &parameter.kind.to_string());
        parse(text).map(Some).ok_or_else(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::ffi::OsStringExt;

    const HOME: Parameter = Parameter::text("home").default_to("/opt/x");
    const NAME: Parameter = Parameter::text("name").required();
    const TRIES: Parameter = Parameter::integer("tries", 0, 9);
    const WAIT: Parameter =
        Parameter::duration("wait", Duration::ZERO, Duration::from_secs(3600)).default_to("20s");
    const DEEP: Parameter = Parameter::boolean("deep").default_to("no");
    const MODE: Parameter = Parameter::select("mode", &["auto", "never"]).default_to("auto");
    const TABLE: &[Parameter] = &[HOME, NAME, TRIES, WAIT, DEEP, MODE];

    fn values(set: &[(&str, &str)]) -> ParameterValues {
        let mut values = ParameterValues::default();
        for (name, value) in set {
            values.insert(name, value.into());
        }
        values
    }

    #[test]
    fn empty_value_counts_as_not_set() {
        let values = values(&[("home", ""), ("name", "a"), ("wait", "")]);
        assert_eq!(values.text(&HOME), Ok(Some("/opt/x")));
        assert_eq!(values.duration(&WAIT), Ok(Some(Duration::from_secs(20))));
        assert_eq!(values.integer(&TRIES), Ok(None));
        assert_eq!(values.boolean(&DEEP), Ok(Some(false)));
        assert_eq!(values.select(&MODE), Ok(Some("auto")));
        assert_eq!(values.check_all(TABLE), []);
    }

    #[test]
    fn parameter_error_gives_name_value_and_expectation() {
        let set = values(&[
            ("home", "a\u{7}b\n"),
            ("tries", "10"),
            ("wait", "2 days"),
            ("deep", "\u{fc}"),
            ("mode", "x"),
        ]);
        let messages: Vec<String> = set.check_all(TABLE).iter().map(ToString::to_string).collect();
        assert_eq!(
            messages,
            [
                "home: is \"a\\u{7}b \", expected text without control characters",
                "name: is required and not set",
                "tries: is \"10\", expected a whole number from 0 to 9",
                "wait: is \"2 days\", expected a time such as 90s or 2m, from 0s to 3600s",
                "deep: is \"?\", expected yes or no",
                "mode: is \"x\", expected one of: auto, never",
            ]
        );
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_value_or_a_printable_error(bytes in prop::collection::vec(1u8.., 1..200)) {
            let mut values = ParameterValues::default();
            for parameter in TABLE {
                values.insert(parameter.name, OsString::from_vec(bytes.clone()));
            }
            for error in values.check_all(TABLE) {
                let message = error.to_string();
                prop_assert!(message.starts_with(error.name()) && message.len() < 200, "{message}");
                prop_assert!(message.bytes().all(|b| (b' '..=b'~').contains(&b)), "{message}");
            }
        }
    }
}
