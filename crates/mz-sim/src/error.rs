//! What can go wrong outside of a simulated life: laying out, reading and changing an installation.

use std::io;
use std::path::PathBuf;

/// An error of the simulator itself, in words for the person who rehearses.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// An operation on a file or directory failed.
    #[error("can't {doing} {}: {source}", path.display())]
    File {
        /// What was tried, as in "can't {doing} PATH".
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file can be read but not understood.
    #[error("{}: {problem}", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is wrong in it.
        problem: String,
    },
    /// A value that was given on a command line or to a builder can't be used.
    #[error("{0}")]
    Invalid(String),
    /// The JDK's tools are missing or failed (only for installations with real JVMs).
    #[error("{0}")]
    Jdk(String),
}

impl SimError {
    /// For `map_err` on operations of `std::fs`.
    pub(crate) fn file(doing: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { doing, path, source }
    }
}
