//! Errors and their locations.

use std::fmt;
use std::rc::Rc;

/// A line of a file.
#[derive(Clone, PartialEq, Eq)]
pub struct Location {
    pub(crate) origin: Rc<str>,
    pub(crate) line: u32,
}

impl Location {
    /// Path of the file.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The line; the first is 1.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.line
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.origin, self.line)
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text or one of its values is malformed or can't be resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    location: Location,
    message: String,
    /// True if a substitution refers to itself.
    circular: bool,
}

impl Error {
    pub(crate) fn new(place: &Location, text: impl Into<String>) -> Self {
        Self { location: place.clone(), message: text.into(), circular: false }
    }

    pub(crate) fn circular(place: &Location, text: impl Into<String>) -> Self {
        Self { circular: true, ..Self::new(place, text) }
    }

    pub(crate) fn is_circular(&self) -> bool {
        self.circular
    }

    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// The error without its location.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location, self.message)
    }
}

impl std::error::Error for Error {}
