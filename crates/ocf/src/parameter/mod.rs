//! The parameter table declares each parameter of an agent once.
//!
//! The declaration yields the metadata, the default, the parsing and the error. A default is the
//! text that a person would set. The metadata shows that text and the code parses it, so the two
//! can't differ.
//!
//! Declarations are `const`, so a table costs nothing when the agent starts:
//!
//! ```
//! use std::time::Duration;
//! use ocf::Parameter;
//!
//! pub const CONFIG: Parameter =
//!     Parameter::text("config").required().unique_group("config").describe(
//!         "Configuration file",
//!         "The file that the daemon reads. It must be on a file system that every node sees.",
//!     );
//! pub const PING: Parameter =
//!     Parameter::duration("ping_timeout", Duration::from_secs(1), Duration::from_secs(600))
//!         .default_to("10s")
//!         .reloadable()
//!         .describe("Longest ping", "A ping that takes longer has failed.");
//! pub static PARAMETERS: &[Parameter] = &[CONFIG, PING];
//! ```

mod parse;
mod settings;
mod values;

pub(crate) use parse::boolean;
pub use settings::{FieldType, FromParameter, ParameterReader};
pub use values::{ParameterError, ParameterValues};

use crate::time::format_duration;
use std::fmt;
use std::time::Duration;

/// The type of a parameter's values. A duration is a string in the metadata: OCF 1.1 has no type
/// for it that every tool knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterKind {
    /// Text without control characters.
    Text,
    /// An integer.
    Integer {
        /// The minimum.
        min: i64,
        /// The maximum.
        max: i64,
    },
    /// A boolean, in all spellings that shell agents accept.
    Boolean,
    /// One of these words.
    Select(&'static [&'static str]),
    /// A duration in Pacemaker's syntax: `90`, `90s`, `2m`, `1500ms`, `1h`.
    Duration {
        /// The minimum.
        min: Duration,
        /// The maximum.
        max: Duration,
    },
}

impl ParameterKind {
    /// The content type in the metadata.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Text | Self::Duration { .. } => "string",
            Self::Integer { .. } => "integer",
            Self::Boolean => "boolean",
            Self::Select(_) => "select",
        }
    }
}

/// Describes the expected value, for an error message.
impl fmt::Display for ParameterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => f.write_str("text without control characters"),
            Self::Integer { min: i64::MIN, max: i64::MAX } => f.write_str("a whole number"),
            Self::Integer { min, max: i64::MAX } => write!(f, "a whole number, at least {min}"),
            Self::Integer { min, max } => write!(f, "a whole number from {min} to {max}"),
            Self::Boolean => f.write_str("yes or no"),
            Self::Select(words) => write!(f, "one of: {}", words.join(", ")),
            Self::Duration { min, max } => {
                write!(
                    f,
                    "a time such as 90s or 2m, from {} to {}",
                    format_duration(*min),
                    format_duration(*max)
                )
            }
        }
    }
}

/// Marks a parameter that the agent still accepts but nobody should set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deprecation {
    /// The replacement, if there is one.
    pub replaced_with: Option<&'static str>,
    /// The reason, in a sentence.
    pub desc: &'static str,
}

/// The declaration of one parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// The name; the agent gets the value as `OCF_RESKEY_<name>`.
    pub name: &'static str,
    /// The type of its values.
    pub kind: ParameterKind,
    /// The value of an unset parameter, as a person would write it.
    pub default: Option<&'static str>,
    /// True if the parameter must be set.
    pub required: bool,
    /// Two resources of the agent must differ in the parameters of a group, as a combination.
    pub unique_group: Option<&'static str>,
    /// True if reload-agent applies a change, without a restart.
    pub reloadable: bool,
    /// Present if nobody should set the parameter any more.
    pub deprecated: Option<Deprecation>,
    /// A short description, for forms.
    pub shortdesc: &'static str,
    /// Sentences for `pcs resource describe`. The first must stand by itself.
    pub longdesc: &'static str,
}

impl Parameter {
    /// A parameter of this kind, without a default, descriptions or attributes.
    #[must_use]
    pub const fn new(name: &'static str, kind: ParameterKind) -> Self {
        Self {
            name,
            kind,
            default: None,
            required: false,
            unique_group: None,
            reloadable: false,
            deprecated: None,
            shortdesc: "",
            longdesc: "",
        }
    }

    /// A parameter of kind [`ParameterKind::Text`].
    #[must_use]
    pub const fn text(name: &'static str) -> Self {
        Self::new(name, ParameterKind::Text)
    }

    /// A parameter of kind [`ParameterKind::Integer`], from `min` to `max`.
    #[must_use]
    pub const fn integer(name: &'static str, min: i64, max: i64) -> Self {
        Self::new(name, ParameterKind::Integer { min, max })
    }

    /// A parameter of kind [`ParameterKind::Boolean`].
    #[must_use]
    pub const fn boolean(name: &'static str) -> Self {
        Self::new(name, ParameterKind::Boolean)
    }

    /// A parameter of kind [`ParameterKind::Select`].
    #[must_use]
    pub const fn select(name: &'static str, words: &'static [&'static str]) -> Self {
        Self::new(name, ParameterKind::Select(words))
    }

    /// A parameter of kind [`ParameterKind::Duration`], from `min` to `max`.
    #[must_use]
    pub const fn duration(name: &'static str, min: Duration, max: Duration) -> Self {
        Self::new(name, ParameterKind::Duration { min, max })
    }

    /// Sets the value of an unset parameter, as a person would write it.
    #[must_use]
    pub const fn default_to(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }

    /// Marks the parameter as required.
    #[must_use]
    pub const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// Adds the parameter to a group: two resources must differ in its parameters, as a
    /// combination.
    #[must_use]
    pub const fn unique_group(self, group: &'static str) -> Self {
        Self { unique_group: Some(group), ..self }
    }

    /// Marks the parameter as reloadable: reload-agent applies a change.
    #[must_use]
    pub const fn reloadable(self) -> Self {
        Self { reloadable: true, ..self }
    }

    /// Marks the parameter as deprecated.
    #[must_use]
    pub const fn deprecated(self, replaced_with: Option<&'static str>, desc: &'static str) -> Self {
        Self { deprecated: Some(Deprecation { replaced_with, desc }), ..self }
    }

    /// Sets a short description for forms, and sentences for `pcs resource describe`.
    #[must_use]
    pub const fn describe(self, shortdesc: &'static str, longdesc: &'static str) -> Self {
        Self { shortdesc, longdesc, ..self }
    }
}
