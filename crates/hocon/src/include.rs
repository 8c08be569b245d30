//! Included texts come from the caller.

use crate::error::Location;

/// The target of an `include`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IncludeTarget {
    /// `include "name"`: a file beside the including one, possibly without its extension.
    Relative(String),
    /// `include file("path")`.
    File(String),
    /// `include url("...")`.
    Url(String),
    /// `include classpath("...")`.
    Classpath(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Include {
    pub target: IncludeTarget,
    /// True for `required(...)`: a missing target is an error.
    pub required: bool,
    pub location: Location,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncludedText {
    /// The path of the file.
    pub origin: String,
    pub text: String,
}

/// Loads included texts.
pub trait IncludeLoader {
    /// The texts of an include; a later one overrides an earlier one. Empty skips the include.
    ///
    /// # Errors
    /// The reason why a text can't be read.
    fn load(&mut self, include: &Include) -> Result<Vec<IncludedText>, String>;
}

/// Refuses each include.
#[derive(Clone, Copy, Debug)]
pub struct RejectIncludes;

impl IncludeLoader for RejectIncludes {
    fn load(&mut self, _: &Include) -> Result<Vec<IncludedText>, String> {
        Err("nothing can be included here".to_owned())
    }
}
