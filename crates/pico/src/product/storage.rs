//! Access to storage in worker processes, of which at most one per pico hangs at a time.
//!
//! A process that waits for dead storage survives SIGKILL. A monitor every half minute that left one such process each time would fill
//! the node in a day. So surviving processes are recorded. While one of them lives, storage counts as hung and is not accessed again.

use crate::settings::PicoInstance;
use crate::{process_list, record};
use host::command::{self, Exec, LeaderOf, RunAs, RunningCommand};
use host::credentials::Credentials;
use host::worker::{self, WorkerError};
use host::{ProcessId, private_files, process};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Why storage gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// It hangs: a worker process survived SIGKILL.
    #[error("storage has not answered for {seconds} s: {}", home.display())]
    Hangs {
        /// For how long the worker process has hung.
        seconds: u64,
        /// The installation.
        home: PathBuf,
    },
    /// Storage or the name service was too slow.
    #[error("storage or name service has not answered for {seconds} s: {}", home.display())]
    NoAnswer {
        /// Time waited.
        seconds: u64,
        /// The installation.
        home: PathBuf,
    },
    /// There was no worker process.
    #[error(transparent)]
    WorkerFailed(WorkerError),
}

/// The storage of one pico.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Storage<'a> {
    target: &'a PicoInstance,
}

impl<'a> Storage<'a> {
    /// Of this pico's installation.
    pub(crate) fn for_target(target: &'a PicoInstance) -> Self {
        Self { target }
    }

    /// [`worker::run_in_child`], unless storage hangs.
    pub(crate) fn run_in_child(
        self,
        until: Instant,
        question: impl FnOnce() -> Vec<u8>,
    ) -> Result<Vec<u8>, StorageError> {
        self.check_not_hung()?;
        worker::run_in_child(until, question).map_err(|e| match e {
            WorkerError::TimedOut { survivor: left, waited } => {
                self.record_hung_processes(left.as_slice());
                let (seconds, home) = (waited.as_secs(), self.target.home.path().to_owned());
                match left {
                    Some(_) => StorageError::Hangs { seconds, home },
                    None => StorageError::NoAnswer { seconds, home },
                }
            }
            other => StorageError::WorkerFailed(other),
        })
    }

    /// [`command::launch_as`], unless storage hangs.
    pub(crate) fn launch_as(
        self,
        company: LeaderOf,
        who: impl FnOnce() -> Result<RunAs, String>,
        prepare: impl FnOnce(&Credentials) -> Result<Exec, String>,
    ) -> io::Result<RunningCommand> {
        self.check_not_hung().map_err(io::Error::other)?;
        command::launch_as(company, who, prepare)
    }

    /// Launches a query of the product: a JVM that is no pico. It is recorded before its exec, since nothing else distinguishes it from a pico
    /// when it hangs while it exits ([`running_agent_commands`]).
    pub(crate) fn launch_query(
        self,
        who: impl FnOnce() -> Result<RunAs, String>,
        prepare: impl FnOnce(&Credentials) -> Result<Exec, String>,
    ) -> io::Result<RunningCommand> {
        let running = self.launch_as(LeaderOf::ProcessGroup, who, prepare)?;
        if let Err(e) = record_command(running.id()) {
            tracing::debug!("{}: could not record {}: {e}", self.target.name, running.id());
        }
        Ok(running)
    }

    /// Records processes of a command, or a worker process, that survived SIGKILL.
    pub(crate) fn record_hung_processes(self, left: &[ProcessId]) {
        if left.is_empty() {
            return;
        }
        let written = record::hung_processes_path(self.target).and_then(|path| {
            let known = private_files::read_private(&path)
                .map(|content| process_list::parse(&content))
                .unwrap_or_default();
            let all = known.into_iter().filter(is_alive).chain(left.iter().copied());
            private_files::replace_atomically(&path, process_list::format(all).as_bytes())
        });
        tracing::warn!("{}: {left:?} survived SIGKILL, waiting for storage", self.target.name);
        if let Err(e) = written {
            tracing::warn!("{}: could not record the hung processes: {e}", self.target.name);
        }
    }

    /// Does a recorded process still hang?
    pub(crate) fn hangs(self) -> bool {
        self.check_not_hung().is_err()
    }

    /// Err: a recorded process still hangs.
    fn check_not_hung(self) -> Result<(), StorageError> {
        // An unreadable record must not block storage access.
        let Ok(path) = record::hung_processes_path(self.target) else { return Ok(()) };
        let Ok(content) = private_files::read_private(&path) else { return Ok(()) };
        if let Some(id) = process_list::parse(&content).into_iter().find(is_alive) {
            let home = self.target.home.path().to_owned();
            return Err(StorageError::Hangs { seconds: process::process_age(id).as_secs(), home });
        }
        // If another action has just rewritten it, one more worker process may hang.
        let _ = std::fs::remove_file(path);
        Ok(())
    }
}

/// One file for each command, so that no two agents write the same file. The next command removes those of exited processes.
fn record_command(id: ProcessId) -> io::Result<()> {
    let directory = record::agent_commands_path()?;
    for (path, known) in recorded_commands(&directory) {
        if known.is_none_or(|known| !is_alive(&known)) {
            let _ = std::fs::remove_file(path);
        }
    }
    private_files::replace_atomically(&directory.join(format!("{}.{}", id.pid, id.start)), b"")
}

/// The queries that agents of this node have launched and that still run.
pub(crate) fn running_agent_commands() -> Vec<ProcessId> {
    let Ok(directory) = record::agent_commands_path() else { return Vec::new() };
    recorded_commands(&directory).into_iter().filter_map(|(_, id)| id).filter(is_alive).collect()
}

fn recorded_commands(directory: &Path) -> Vec<(PathBuf, Option<ProcessId>)> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let id = |name: &str| process_list::parse_process(name, '.');
    let entries = entries.filter_map(|entry| Some(entry.ok()?.path()));
    entries
        .map(|path| (path.clone(), path.file_name().and_then(|name| id(name.to_str()?))))
        .collect()
}

fn is_alive(id: &ProcessId) -> bool {
    id.live_stat().is_ok_and(|stat| stat.is_some())
}
