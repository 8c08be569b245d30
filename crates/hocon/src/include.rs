//! Included texts come from the caller.

use crate::error::Location;

/// Target of an `include`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IncludeTarget {
    /// `include "name"`: a file beside the one that includes it, perhaps without its extension.
    Relative(String),
    /// `include file("path")`.
    File(String),
    /// `include url("...")`.
    Url(String),
    /// `include classpath("...")`.
    Classpath(String),
}

/// An `include`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Include {
    pub target: IncludeTarget,
    /// `required(...)`: a missing target is an error.
    pub required: bool,
    pub location: Location,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncludedText {
    /// Path of the file.
    pub origin: String,
    /// The text.
    pub text: String,
}

/// Loads included texts.
pub trait IncludeLoader {
    /// Texts of an include, later over earlier; empty to skip it.
    ///
    /// # Errors
    /// It can't be read; why.
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
