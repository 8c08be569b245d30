//! What stops a task, in words.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

/// Why a task could not be done.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// A command ended with a failure; it has said why on the terminal, or in `output`.
    #[error("`{command}`: {status}{}{output}", if output.is_empty() { "" } else { "\n" })]
    Command { command: String, status: ExitStatus, output: String },
    /// A command did not start.
    #[error("`{command}` does not start: {source}")]
    Spawn { command: String, source: io::Error },
    /// A file.
    #[error("{operation} {}: {source}", path.display())]
    File { operation: &'static str, path: PathBuf, source: io::Error },
    /// What came back from another program is not what it should be.
    #[error("{what}: {said}")]
    Unreadable { what: String, said: String },
    /// The machine has not what a task needs.
    #[error("{what} can't be had here; this machine lacks {missing}")]
    MissingPrerequisite { what: String, missing: String },
    /// A generated file is not what the code says.
    #[error("{0} not what the code says: run `cargo xtask gen` and commit")]
    Stale(String),
    /// The fault suite and its table of mutants don't fit each other or the code; each line is a finding.
    #[error("{}", .0.join("\n"))]
    InconsistentTable(Vec<String>),
    /// The sandbox.
    #[error(transparent)]
    Sandbox(#[from] testkit::TestkitError),
}

impl TaskError {
    pub fn file<'a>(operation: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::File { operation, path: path.to_owned(), source }
    }

    pub fn unreadable<E: std::fmt::Display>(what: &str) -> impl FnOnce(E) -> Self {
        move |said| Self::Unreadable { what: what.to_owned(), said: said.to_string() }
    }
}
