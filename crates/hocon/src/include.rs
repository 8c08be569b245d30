//! Where included texts come from: the caller.

use crate::error::Location;

/// What an `include` names.
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
    /// What it names.
    pub target: IncludeTarget,
    /// `required(...)`: it is an error if there is no such thing.
    pub required: bool,
    /// Where it stands.
    pub location: Location,
}

/// A text to be included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncludedText {
    /// What it is called: the path of its file.
    pub origin: String,
    /// The text.
    pub text: String,
}

/// Who can read what is included.
pub trait IncludeLoader {
    /// The texts that an include stands for, the later over the earlier; none, if it is to be passed over.
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
