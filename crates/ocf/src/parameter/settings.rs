//! From the declaration of a parameter to a typed field: [`settings!`](crate::settings!).

use super::{Parameter, ParameterError, ParameterValues};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A type that a parameter's value can be read as.
///
/// It is implemented for the types of numbers, durations, booleans, text and absolute paths, and by [`select_enum!`](crate::select_enum!).
/// A type that is text with a rule of its own reads it with [`ParameterValues::parse_text`].
pub trait FromParameter: Sized {
    /// What is set, else the default, else `None`.
    ///
    /// # Errors
    /// The value is none of this type, or the parameter is required and not set.
    fn from_parameter(
        values: &ParameterValues,
        parameter: &Parameter,
    ) -> Result<Option<Self>, ParameterError>;
}

impl FromParameter for bool {
    fn from_parameter(
        values: &ParameterValues,
        parameter: &Parameter,
    ) -> Result<Option<Self>, ParameterError> {
        values.boolean(parameter)
    }
}

impl FromParameter for Duration {
    fn from_parameter(
        values: &ParameterValues,
        parameter: &Parameter,
    ) -> Result<Option<Self>, ParameterError> {
        values.duration(parameter)
    }
}

macro_rules! from_integer {
    ($($type:ty),*) => {
        $(impl FromParameter for $type {
            fn from_parameter(
                values: &ParameterValues,
                parameter: &Parameter,
            ) -> Result<Option<Self>, ParameterError> {
                let Some(number) = values.integer(parameter)? else { return Ok(None) };
                Self::try_from(number).map(Some).map_err(|_| {
                    let expected = format!("a whole number from 0 to {}", Self::MAX);
                    ParameterError::new(parameter, &number.to_string(), &expected)
                })
            }
        })*
    };
}

from_integer!(u16, u32, u64);

/// Text without blanks around it.
impl FromParameter for String {
    fn from_parameter(
        values: &ParameterValues,
        parameter: &Parameter,
    ) -> Result<Option<Self>, ParameterError> {
        values.parse_text(parameter, |text| {
            (text.trim() == text).then(|| text.to_owned()).ok_or("no blanks around it")
        })
    }
}

/// An absolute path, without blanks around it.
impl FromParameter for PathBuf {
    fn from_parameter(
        values: &ParameterValues,
        parameter: &Parameter,
    ) -> Result<Option<Self>, ParameterError> {
        values.parse_text(parameter, |text| {
            let is_path = Path::new(text).is_absolute() && text.trim() == text;
            is_path.then(|| Self::from(text)).ok_or("an absolute path, without blanks around it")
        })
    }
}

/// The type of a field of [`settings!`](crate::settings!).
///
/// - `Option<T>`: `None` if nothing is set and there is no default, or if the value is invalid.
/// - `T`: the default if nothing is set or if the value is invalid. Such a parameter must have a default.
pub trait FieldType: Sized {
    /// May the parameter be without a default?
    const IS_OPTIONAL: bool;

    /// Reads the field, and adds an invalid value to `errors`.
    fn read(
        values: &ParameterValues,
        parameter: &Parameter,
        errors: &mut Vec<ParameterError>,
    ) -> Self;
}

impl<T: FromParameter> FieldType for Option<T> {
    const IS_OPTIONAL: bool = true;

    fn read(
        values: &ParameterValues,
        parameter: &Parameter,
        errors: &mut Vec<ParameterError>,
    ) -> Self {
        T::from_parameter(values, parameter).unwrap_or_else(|error| {
            errors.push(error);
            None
        })
    }
}

impl<T: FromParameter + Default> FieldType for T {
    const IS_OPTIONAL: bool = false;

    fn read(
        values: &ParameterValues,
        parameter: &Parameter,
        errors: &mut Vec<ParameterError>,
    ) -> Self {
        let value = Option::<T>::read(values, parameter, errors);
        let default = || T::from_parameter(&ParameterValues::default(), parameter).ok().flatten();
        // An agent must not panic: `T::default` stands in for a default that is declared wrong, which is an error above.
        value.or_else(default).unwrap_or_default()
    }
}

/// Reads parameters into fields and collects the invalid ones.
#[derive(Debug)]
pub struct ParameterReader<'a> {
    values: &'a ParameterValues,
    errors: Vec<ParameterError>,
}

impl<'a> ParameterReader<'a> {
    /// For these values.
    #[must_use]
    pub fn new(values: &'a ParameterValues) -> Self {
        Self { values, errors: Vec::new() }
    }

    /// The values.
    #[must_use]
    pub fn values(&self) -> &'a ParameterValues {
        self.values
    }

    /// A parameter as the type of its field.
    pub fn read<T: FieldType>(&mut self, parameter: &Parameter) -> T {
        T::read(self.values, parameter, &mut self.errors)
    }

    /// A parameter of kind text by a rule of its own, as [`ParameterValues::parse_text`]; `None` if it is invalid.
    pub fn read_with<T>(
        &mut self,
        parameter: &Parameter,
        parse: impl FnOnce(&str) -> Result<T, &'static str>,
    ) -> Option<T> {
        let value = self.values.parse_text(parameter, parse);
        value.map_err(|error| self.errors.push(error)).ok().flatten()
    }

    /// Adds an error that the agent found.
    pub fn add_error(&mut self, error: ParameterError) {
        self.errors.push(error);
    }

    /// What is invalid so far, in the order of reading.
    #[must_use]
    pub fn errors(&self) -> &[ParameterError] {
        &self.errors
    }

    /// All that is invalid, each parameter once. Those of the table that nobody read come last.
    #[must_use]
    pub fn finish(mut self, table: &[Parameter]) -> Vec<ParameterError> {
        for error in self.values.check_all(table) {
            if !self.errors.iter().any(|known| known.name() == error.name()) {
                self.errors.push(error);
            }
        }
        self.errors
    }
}

impl Parameter {
    /// For [`settings!`](crate::settings!), at compile time.
    ///
    /// # Panics
    /// The parameter is not named as the field, or has no default and the field needs one.
    pub const fn assert_is_of_field<T: FieldType>(&self, field: &str) {
        let (name, field) = (self.name.as_bytes(), field.as_bytes());
        assert!(name.len() == field.len(), "the parameter is not named as the field");
        let mut at = 0;
        while at < name.len() {
            assert!(name[at] == field[at], "the parameter is not named as the field");
            at += 1;
        }
        assert!(
            T::IS_OPTIONAL || self.default.is_some(),
            "a field that is no Option needs default_to()"
        );
    }
}

/// Declares parameters and the struct that their values are read into: a parameter is one row.
///
/// A row is a field with its declaration. The field's type ([`FieldType`]) chooses how the value is read, and whether the parameter
/// must have a default. A row that begins with `const` is a parameter without a field, for what an agent reads by itself or ignores.
/// A row must have its field's name, which is checked at compile time.
///
/// The struct's own block has the fields that are no parameters. The macro generates `PARAMETERS`, the rows in their order, for
/// [`Definition`](crate::Definition); and `read`, which reads the rows in their order and takes the other fields as arguments.
///
/// ```
/// use ocf::{Parameter, ParameterReader, ParameterValues};
/// use std::time::Duration;
///
/// ocf::select_enum! {
///     /// How much is logged.
///     #[derive(Debug, PartialEq)]
///     pub enum Verbosity {
///         /// Errors.
///         Quiet = "quiet",
///         /// All.
///         Loud = "loud",
///     }
/// }
///
/// ocf::settings! {
///     /// What is configured for a daemon.
///     pub struct DaemonSettings {
///         /// The resource's name.
///         pub resource: String,
///     }
///     parameters {
///         const CONFIG = Parameter::text("config").required().describe("Configuration", "The file.");
///
///         /// Longest ping.
///         pub ping: Duration = Parameter::duration("ping", Duration::ZERO, Duration::MAX).default_to("10s");
///         /// `None`: any port.
///         pub port: Option<u16> = Parameter::integer("port", 1, 65535);
///         /// What the daemon logs.
///         pub verbosity: Verbosity = Parameter::select("verbosity", Verbosity::WORDS).default_to("loud");
///     }
/// }
///
/// let values = ParameterValues::default();
/// let mut reader = ParameterReader::new(&values);
/// let settings = DaemonSettings::read(&mut reader, "daemon-1".to_owned());
/// assert_eq!((settings.ping, settings.port), (Duration::from_secs(10), None));
/// assert_eq!(settings.verbosity, Verbosity::Loud);
/// let errors = reader.finish(DaemonSettings::PARAMETERS);
/// assert_eq!(errors[0].to_string(), "config: is required and not set");
/// ```
///
/// A row whose name differs from its field's does not compile, nor does one without the default that it needs:
///
/// ```compile_fail,E0080
/// ocf::settings! {
///     pub struct Misnamed {}
///     parameters { pub port: Option<u16> = ocf::Parameter::integer("prot", 1, 9); }
/// }
/// ```
///
/// ```compile_fail,E0080
/// ocf::settings! {
///     pub struct WithoutDefault {}
///     parameters { pub port: u16 = ocf::Parameter::integer("port", 1, 9); }
/// }
/// ```
#[macro_export]
macro_rules! settings {
    (
        $(#[$attribute:meta])*
        $visibility:vis struct $name:ident {
            $($(#[$other_attribute:meta])* pub $other:ident: $other_type:ty,)*
        }
        parameters {
            $(
                $(const $constant:ident)?
                $($(#[$field_attribute:meta])* pub $field:ident: $field_type:ty)?
                = $declaration:expr;
            )*
        }
    ) => {
        $(#[$attribute])*
        $visibility struct $name {
            $($(#[$other_attribute])* pub $other: $other_type,)*
            $($($(#[$field_attribute])* pub $field: $field_type,)?)*
        }

        impl $name {
            /// The declarations of all parameters, in the order of the rows.
            $visibility const PARAMETERS: &'static [$crate::Parameter] = &[$($declaration),*];

            /// Reads the parameters, in the order of the rows.
            #[must_use]
            $visibility fn read(reader: &mut $crate::ParameterReader<'_>, $($other: $other_type),*) -> Self {
                Self {
                    $($other,)*
                    $($($field: reader.read(const { &$declaration }),)?)*
                }
            }
        }

        $($(
            #[doc = concat!("The parameter of the row `", stringify!($constant), "`.")]
            $visibility const $constant: $crate::Parameter = $declaration;
        )?)*
        $($(const _: () = $crate::Parameter::assert_is_of_field::<$field_type>(&$declaration, stringify!($field));)?)*
    };
}

/// Declares an enum whose values are the words of a [`ParameterKind::Select`](crate::ParameterKind::Select): `WORDS` is for
/// [`Parameter::select`], and the enum is a [`FromParameter`]. It is also `Clone`, `Copy`, and `Default`: the first word.
///
/// [`settings!`](crate::settings!) has an example.
#[macro_export]
macro_rules! select_enum {
    (
        $(#[$attribute:meta])*
        $visibility:vis enum $name:ident { $(#[$first_attribute:meta])* $first:ident = $first_word:literal,
            $($(#[$variant_attribute:meta])* $variant:ident = $word:literal,)* }
    ) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Default)]
        $visibility enum $name {
            $(#[$first_attribute])*
            #[default]
            $first,
            $($(#[$variant_attribute])* $variant,)*
        }

        impl $name {
            /// The words, in the order of the variants.
            $visibility const WORDS: &'static [&'static str] = &[$first_word, $($word),*];
        }

        impl $crate::FromParameter for $name {
            fn from_parameter(
                values: &$crate::ParameterValues,
                parameter: &$crate::Parameter,
            ) -> Result<Option<Self>, $crate::ParameterError> {
                let value = |word| match word {
                    $first_word => Some(Self::$first),
                    $($word => Some(Self::$variant),)*
                    _ => None,
                };
                Ok(values.select(parameter)?.and_then(value))
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::select_enum! {
        /// Words.
        #[derive(Debug, PartialEq)]
        enum TestMode {
            /// The default of the type.
            Auto = "auto",
            /// The default of the row.
            Never = "never",
        }
    }

    crate::settings! {
        /// A field of each type.
        struct TestSettings {
            /// No parameter.
            pub resource: &'static str,
        }
        parameters {
            const HOME = Parameter::text("home").required();
            pub wait: Duration = Parameter::duration("wait", Duration::ZERO, Duration::from_secs(60)).default_to("20s");
            pub tries: u32 = Parameter::integer("tries", 0, 9).default_to("3");
            pub deep: bool = Parameter::boolean("deep").default_to("yes");
            pub mode: TestMode = Parameter::select("mode", TestMode::WORDS).default_to("never");
            pub user: Option<String> = Parameter::text("user");
            pub java: Option<PathBuf> = Parameter::text("java").default_to("/opt/java");
            pub port: Option<u16> = Parameter::integer("port", 1, 100_000);
            pub wrong_default: u32 = Parameter::integer("wrong_default", 1, 9).default_to("10");
            const IGNORED = Parameter::boolean("ignored");
        }
    }

    fn read(set: &[(&str, &str)]) -> (TestSettings, Vec<String>) {
        let mut values = ParameterValues::default();
        for (name, value) in set {
            values.insert(name, value.into());
        }
        let mut reader = ParameterReader::new(&values);
        let settings = TestSettings::read(&mut reader, "r1");
        let errors = reader.finish(TestSettings::PARAMETERS);
        (settings, errors.iter().map(ToString::to_string).collect())
    }

    fn describe(settings: &TestSettings) -> String {
        let TestSettings { resource, wait, tries, deep, mode, user, java, port, wrong_default } =
            settings;
        format!(
            "{resource} {wait:?} {tries} {deep} {mode:?} {user:?} {java:?} {port:?} {wrong_default}"
        )
    }

    #[test]
    fn unset_parameter_is_its_declared_default_and_a_wrong_default_is_an_error() {
        let (settings, errors) = read(&[(HOME.name, "/h")]);
        assert_eq!(describe(&settings), "r1 20s 3 true Never None Some(\"/opt/java\") None 0");
        assert_eq!(errors, ["wrong_default: is \"10\", expected a whole number from 1 to 9"]);
    }

    #[test]
    fn invalid_value_is_the_default_or_none_and_an_error_once() {
        let (settings, errors) = read(&[
            (IGNORED.name, "perhaps"),
            ("port", "65536"),
            ("java", "jdk"),
            ("user", " u"),
            ("mode", "x"),
            ("deep", "x"),
            ("tries", "10"),
            ("wait", "2m"),
            ("wrong_default", "5"),
        ]);
        assert_eq!(describe(&settings), "r1 20s 3 true Never None None None 5");
        assert_eq!(
            errors,
            [
                "wait: is \"2m\", expected a time such as 90s or 2m, from 0s to 60s",
                "tries: is \"10\", expected a whole number from 0 to 9",
                "deep: is \"x\", expected yes or no",
                "mode: is \"x\", expected one of: auto, never",
                "user: is \" u\", expected no blanks around it",
                "java: is \"jdk\", expected an absolute path, without blanks around it",
                "port: is \"65536\", expected a whole number from 0 to 65535",
                "home: is required and not set",
                "ignored: is \"perhaps\", expected yes or no",
            ]
        );
    }

    #[test]
    fn valid_values_are_read_as_the_types_of_their_fields() {
        let (settings, _) = read(&[
            ("wait", "1m"),
            ("tries", "0"),
            ("deep", "no"),
            ("mode", "auto"),
            ("user", "u"),
            ("java", "/j"),
            ("port", "7"),
            ("wrong_default", "5"),
        ]);
        assert_eq!(describe(&settings), "r1 60s 0 false Auto Some(\"u\") Some(\"/j\") Some(7) 5");
    }
}
