//! Errors outside a simulated pico: installing, reading and changing an installation.

use std::io;
use std::path::PathBuf;

/// An error of the simulator itself, as a message for its user.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// An operation on a file or directory failed.
    #[error("can't {doing} {}: {source}", path.display())]
    File {
        /// The attempted operation, as in "can't {doing} PATH".
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    /// A file is readable but malformed.
    #[error("{}: {problem}", path.display())]
    Malformed { path: PathBuf, problem: String },
    /// A value from a command line or a builder is invalid.
    #[error("{0}")]
    Invalid(String),
    /// The JDK's tools are missing or failed. Only installations with real JVMs need them.
    #[error("{0}")]
    Jdk(String),
}

impl SimError {
    /// Builds the error for `map_err` on operations of `std::fs`.
    pub(crate) fn file(
        doing: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { doing, path, source }
    }
}
