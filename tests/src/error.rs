//! What can go wrong in the kit, in the words of the person whose test just failed.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::NodeCommandOutput;

/// A failure of the kit, or of what a test ran with it. `Debug` is `Display`: it is what a test that returns `Err` prints.
#[derive(thiserror::Error)]
pub enum TestkitError {
    /// A program of the workspace is not built.
    #[error("{} is not there: {hint}", path.display())]
    NotBuilt {
        /// Where it was looked for.
        path: PathBuf,
        /// The command that builds it.
        hint: String,
    },
    /// The namespaces could not be made or furnished.
    #[error("no sandbox: {said}{hint}")]
    SandboxFailed {
        /// What unshare and the furnishing script said.
        said: String,
        /// What may help, when that is known.
        hint: &'static str,
    },
    /// A command ended otherwise than it had to.
    #[error("{0}")]
    Command(Box<NodeCommandOutput>),
    /// The way into the sandbox failed, so the command did not run at all.
    #[error("`{argv}` did not run in the sandbox: {said}")]
    NotExecuted {
        /// The command.
        argv: String,
        /// What nsenter or the executor said.
        said: String,
    },
    /// A condition did not come true.
    #[error("waited {waited:?} for {what}; last seen: {last_seen}")]
    TimedOut {
        /// The condition.
        what: String,
        /// For how long.
        waited: Duration,
        /// What was seen instead, the last time.
        last_seen: String,
    },
    /// An operation on a file or process of the sandbox.
    #[error("{operation} {}: {source}", path.display())]
    Io {
        /// What was done.
        operation: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

impl TestkitError {
    pub(crate) fn io<'a>(operation: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io { operation, path: path.to_owned(), source }
    }
}

impl fmt::Debug for TestkitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
