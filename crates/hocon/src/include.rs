//! Where included texts come from: the caller.

use crate::error::Place;

/// What an `include` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// `include "name"`: a file beside the one that includes it, perhaps without its extension.
    Beside(String),
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
    pub what: What,
    /// `required(...)`: it is an error if there is no such thing.
    pub required: bool,
    /// Where it stands.
    pub place: Place,
}

/// A text to be included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What it is called: the path of its file.
    pub origin: String,
    /// The text.
    pub text: String,
}

/// Who can read what is included.
pub trait Includes {
    /// The texts that an include stands for, the later over the earlier; none, if it is to be passed over.
    ///
    /// # Errors
    /// It can't be read; why.
    fn read(&mut self, include: &Include) -> Result<Vec<Source>, String>;
}

/// Refuses each include.
#[derive(Clone, Copy, Debug)]
pub struct NoIncludes;

impl Includes for NoIncludes {
    fn read(&mut self, _: &Include) -> Result<Vec<Source>, String> {
        Err("nothing can be included here".to_owned())
    }
}
