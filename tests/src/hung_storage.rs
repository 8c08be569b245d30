//! Storage of a node that hangs until it is let go.
//!
//! The `hung-mount` program (src/bin/hung-mount.rs, which tells how) covers a file or a directory of the node. Whoever asks for
//! what it holds back sleeps in state D, and no signal ends that. It comes back when the test lets go of it, and with the end of the
//! node at the latest.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::sandbox::KIT_DIR;
use crate::{NodeProcess, Sandbox, TestkitError};

/// What of a file or a directory hangs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HungOperation {
    /// Everything, a stat of it and each look below it: a server that is gone.
    Everything,
    /// Each open of a file, and so its execution; a stat is answered.
    Open,
    /// Each execution of a file; it can be read.
    Execution,
    /// Each read of a file that can be opened.
    Read,
    /// Each write to a file: of a shared mapping, when that is given up.
    Write,
    /// Each close of a file that was opened, also by the end of a process: it has no memory any more and is in state D.
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

/// Where the program is in a node.
fn hung_mount_program() -> PathBuf {
    Path::new(KIT_DIR).join("bin/hung-mount")
}

/// Is this process such a program, and so none of the test's?
pub(crate) fn is_hung_mount(process: &NodeProcess) -> bool {
    process.argv.first().is_some_and(|first| Path::new(first) == hung_mount_program())
}

/// Storage that hangs as long as this lives.
#[derive(Debug)]
#[must_use = "storage is back when this is dropped"]
pub struct HungStorage {
    /// nsenter, and through it the program.
    process: Child,
}

impl Sandbox {
    /// Covers `path` with storage that hangs. What is covered has to be there: its type, mode and owner are shown.
    ///
    /// # Errors
    /// [`TestkitError::NotExecuted`] with the words of the program.
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
            // A line that can't be read is storage that does not hang, and the error output tells why.
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
    /// The storage is back: what lies below shows again, and all that waited goes on, if only to an error.
    pub fn release(self) {}
}

impl Drop for HungStorage {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // It can't fail to end: either it ends by itself now, or the node has ended it.
        let _ = self.process.wait();
    }
}
