//! Storage of a node that hangs until the test releases it.
//!
//! The `hung-mount` program (src/bin/hung-mount.rs) covers a file or a directory of the node. A
//! process that requests a held operation sleeps in state D, and no signal ends that. The storage
//! comes back when the test releases it, or at the end of the node.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::sandbox::KIT_DIR;
use crate::{NodeProcess, Sandbox, TestkitError};

/// The operation that hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HungOperation {
    /// Each operation, including a stat and each access below a directory: a server that is gone.
    Everything,
    /// Each open of a file, and so its execution; a stat works.
    Open,
    /// Each execution of a file; a read works.
    Execution,
    /// Each read of a file; an open works.
    Read,
    /// Each write to a file; for a shared mapping, the write at its unmap.
    Write,
    /// Each close of an open file. A process that exits has no memory any more and is in state D.
    Close,
}

impl HungOperation {
    fn as_str(self) -> &'static str {
        match self {
            Self::Everything => "all",
            Self::Open => "open",
            Self::Execution => "exec",
            Self::Read => "read",
            Self::Write => "write",
            Self::Close => "close",
        }
    }
}

fn hung_mount_program() -> PathBuf {
    Path::new(KIT_DIR).join("bin/hung-mount")
}

/// True if this process is such a program and not the test's.
pub(crate) fn is_hung_mount(process: &NodeProcess) -> bool {
    process.argv.first().is_some_and(|first| Path::new(first) == hung_mount_program())
}

/// Storage that hangs until this value is dropped.
#[derive(Debug)]
#[must_use = "storage is back when this is dropped"]
pub struct HungStorage {
    /// nsenter, which executes the program.
    process: Child,
}

impl Sandbox {
    /// Covers `path` with storage that hangs. The path must exist: the cover has its type, mode and
    /// owner.
    ///
    /// # Errors
    /// [`TestkitError::NotExecuted`] with the output of the program.
    pub fn hang_storage(
        &self,
        path: impl AsRef<Path>,
        held: HungOperation,
    ) -> Result<HungStorage, TestkitError> {
        let path = path.as_ref();
        let argv = format!("hung-mount {} {}", path.display(), held.as_str());
        let mut holder = Command::new("/usr/bin/nsenter")
            .args(self.nsenter_args())
            .args([hung_mount_program().as_path(), path])
            .arg(held.as_str())
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|e| TestkitError::NotExecuted {
                argv: argv.clone(),
                said: format!("nsenter: {e}"),
            })?;
        let mut said = String::new();
        if let Some(out) = holder.stdout.take() {
            // Without a line the storage does not hang, and stderr has the reason.
            let _ = BufReader::new(out).read_line(&mut said);
        }
        let mut hung = HungStorage { process: holder };
        if said == "ready\n" {
            return Ok(hung);
        }
        drop(hung.process.stdin.take());
        if let Some(mut err) = hung.process.stderr.take() {
            let _ = err.read_to_string(&mut said);
        }
        Err(TestkitError::NotExecuted { argv, said: said.trim().to_owned() })
    }
}

impl HungStorage {
    /// Ends the hang: the covered files are visible again, and all waiting operations end, possibly
    /// with an error.
    pub fn release(self) {}
}

impl Drop for HungStorage {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // The process always ends, by itself now or because the node has ended it.
        let _ = self.process.wait();
    }
}
