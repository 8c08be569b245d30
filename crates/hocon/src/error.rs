//! What is wrong, and where.

use std::fmt;
use std::rc::Rc;

/// A line of a text.
#[derive(Clone, PartialEq, Eq)]
pub struct Place {
    pub(crate) origin: Rc<str>,
    pub(crate) line: u32,
}

impl Place {
    /// What the text was called: the path of its file.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> u32 {
        self.line
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.origin, self.line)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text, or one of its values, can't be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    place: Place,
    text: String,
    /// A substitution leads back to itself.
    circular: bool,
}

impl Error {
    pub(crate) fn new(place: &Place, text: impl Into<String>) -> Self {
        Self { place: place.clone(), text: text.into(), circular: false }
    }

    pub(crate) fn circular(place: &Place, text: impl Into<String>) -> Self {
        Self { circular: true, ..Self::new(place, text) }
    }

    pub(crate) fn is_circular(&self) -> bool {
        self.circular
    }

    /// Where it was seen.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What is wrong, without the place.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.text)
    }
}

impl std::error::Error for Error {}
