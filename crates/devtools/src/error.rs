use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// A command failed; the reason is on the terminal or in `output`.
    #[error("`{command}`: {status}{}{output}", if output.is_empty() { "" } else { "\n" })]
    Command { command: String, status: ExitStatus, output: String },
    #[error("`{command}`: cannot start ({source})")]
    Spawn { command: String, source: io::Error },
    #[error("{operation} {}: {source}", path.display())]
    File { operation: &'static str, path: PathBuf, source: io::Error },
    /// Unexpected output of another program.
    #[error("{what}: {said}")]
    Unreadable { what: String, said: String },
    #[error("{what}: not available (missing: {missing})")]
    MissingPrerequisite { what: String, missing: String },
    /// A generated file differs from the code.
    #[error("{0} stale; run `cargo xtask gen` and commit")]
    Stale(String),
    /// The table of mutants does not match the fault suite or the code; one finding per line.
    #[error("{}", .0.join("\n"))]
    InconsistentTable(Vec<String>),
    #[error(transparent)]
    Sandbox(#[from] testkit::TestkitError),
}

impl TaskError {
    pub fn file<'a>(
        operation: &'static str,
        path: &'a Path,
    ) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::File { operation, path: path.to_owned(), source }
    }

    pub fn unreadable<E: std::fmt::Display>(what: &str) -> impl FnOnce(E) -> Self {
        move |said| Self::Unreadable { what: what.to_owned(), said: said.to_string() }
    }
}
