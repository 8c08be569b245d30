//! Errors of the test kit.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::NodeCommandOutput;

/// A failure of the kit, or of a command that a test ran with it. `Debug` is `Display`, because a
/// test that returns `Err` prints `Debug`.
#[derive(thiserror::Error)]
pub enum TestkitError {
    /// A program of the workspace is not built.
    #[error("{}: not found: {hint}", path.display())]
    NotBuilt {
        /// The path at which it was expected.
        path: PathBuf,
        /// The command that builds it.
        hint: String,
    },
    /// The namespaces could not be created or set up.
    #[error("no sandbox: {said}{hint}")]
    SandboxFailed {
        /// Output of unshare and the setup script.
        said: String,
        /// A possible remedy, if known.
        hint: &'static str,
    },
    /// A command ended with an unexpected result.
    #[error("{0}")]
    Command(Box<NodeCommandOutput>),
    /// The sandbox could not be entered, so the command did not run at all.
    #[error("`{argv}` did not run in the sandbox: {said}")]
    NotExecuted {
        argv: String,
        /// Output of nsenter or the executor.
        said: String,
    },
    /// A condition did not come true.
    #[error("waited {waited:?} for {what}; last seen: {last_seen}")]
    TimedOut {
        what: String,
        waited: Duration,
        /// The state that was seen last.
        last_seen: String,
    },
    /// An operation on a file or process of the sandbox.
    #[error("{operation} {}: {source}", path.display())]
    Io { operation: &'static str, path: PathBuf, source: io::Error },
}

impl TestkitError {
    pub(crate) fn io<'a>(
        operation: &'static str,
        path: &'a Path,
    ) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io { operation, path: path.to_owned(), source }
    }
}

impl fmt::Debug for TestkitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
