//! Storage of a node that hangs until the test releases it.
//!
//! The `hung-mount` program (see src/bin/hung-mount.rs) covers a file or a directory of the node. A process
//! that requests an operation that it holds back sleeps in state D, and no signal ends that. The storage
//! comes back when the test releases it, and with the end of the node at the latest.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::sandbox::KIT_DIR;
use crate::{NodeProcess, Sandbox, TestkitError};

/// The operation on a file or a directory that hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HungOperation {
    /// Everything, also a stat of it and each access below it: a server that is gone.
    Everything,
    /// Each open of a file, and so its execution; a stat is answered.
    Open,
    /// Each execution of a file; it can be read.
    Execution,
    /// Each read of a file that can be opened.
    Read,
    /// Each write to a file: of a shared mapping, when that is unmapped.
    Write,
    /// Each close of an open file, also by an exiting process, which then has no memory any more and is in
    /// state D.
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

/// Whether this process is such a program, and so none of the test's.
pub(crate) fn is_hung_mount(process: &NodeProcess) -> bool {
    process.argv.first().is_some_and(|first| Path::new(first) == hung_mount_program())
}

/// Storage that hangs until this is dropped.
#[derive(Debug)]
#[must_use = "storage is back when this is dropped"]
pub struct HungStorage {
    /// nsenter, which has executed the program.
    process: Child,
}

impl Sandbox {
    /// Covers `path` with storage that hangs. The path has to exist: its type, mode and owner are shown.
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
            .map_err(|e| TestkitError::NotExecuted { argv: argv.clone(), said: format!("nsenter: {e}") })?;
        let mut said = String::new();
        if let Some(out) = holder.stdout.take() {
            // Without a readable line the storage does not hang, and the error output says why.
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
    /// The storage is back: the covered files are visible again, and all waiting operations end, perhaps with
    /// an error.
    pub fn release(self) {}
}

impl Drop for HungStorage {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // The process always ends: either by itself now, or because the node has ended it.
        let _ = self.process.wait();
    }
}
