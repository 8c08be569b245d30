//! What lies on storage is asked by helpers, and of one pico no more than one of them hangs at a time.
//!
//! Dead storage keeps a process in a sleep that not even SIGKILL ends. A monitor that came every half minute and left one
//! such process behind each time would fill the node in a day. So what is left behind is written down, and while it is
//! there the storage has not answered: it is not asked again, and the answer is there at once.

use crate::settings::PicoInstance;
use crate::{process_list, record};
use host::command::{self, Exec, LeaderOf, RunAs, RunningCommand};
use host::credentials::Credentials;
use host::worker::{self, WorkerError};
use host::{ProcessId, files, process};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Why storage gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// It hangs: a helper that asked it can't be ended.
    #[error("storage has not answered for {seconds} s: {}", home.display())]
    Hangs {
        /// For how long the helper has hung.
        seconds: u64,
        /// The installation.
        home: PathBuf,
    },
    /// It was too slow, or the name service was.
    #[error("storage or name service has not answered for {seconds} s: {}", home.display())]
    NoAnswer {
        /// How long it was waited for.
        seconds: u64,
        /// The installation.
        home: PathBuf,
    },
    /// There was no helper to ask.
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

    /// Asks by a helper, as [`worker::run_in_child`] does.
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

    /// Launches a command, as [`command::launch_as`] does.
    pub(crate) fn launch_as(
        self,
        company: LeaderOf,
        who: impl FnOnce() -> Result<RunAs, String>,
        prepare: impl FnOnce(&Credentials) -> Result<Exec, String>,
    ) -> io::Result<RunningCommand> {
        self.check_not_hung().map_err(io::Error::other)?;
        command::launch_as(company, who, prepare)
    }

    /// Launches a question of the product's: a JVM that no pico is. That is written down before it is executed, for when it hangs in
    /// its exit nothing else tells it from a pico ([`running_agent_commands`]).
    pub(crate) fn launch_query(
        self,
        who: impl FnOnce() -> Result<RunAs, String>,
        prepare: impl FnOnce(&Credentials) -> Result<Exec, String>,
    ) -> io::Result<RunningCommand> {
        let running = self.launch_as(LeaderOf::ProcessGroup, who, prepare)?;
        if let Err(e) = record_command(running.id()) {
            tracing::debug!("{}: {} can't be written down: {e}", self.target.name, running.id());
        }
        Ok(running)
    }

    /// Writes down what of a command, or which helper, SIGKILL did not end.
    pub(crate) fn record_hung_processes(self, left: &[ProcessId]) {
        if left.is_empty() {
            return;
        }
        let written = record::hung_processes_path(self.target).and_then(|path| {
            let known =
                files::read_private(&path).map(|content| process_list::parse(&content)).unwrap_or_default();
            let all = known.into_iter().filter(is_alive).chain(left.iter().copied());
            files::replace_atomically(&path, process_list::format(all).as_bytes())
        });
        tracing::warn!("{}: {left:?} can't be ended, they wait for storage", self.target.name);
        if let Err(e) = written {
            tracing::warn!("{}: which can't be written down: {e}", self.target.name);
        }
    }

    /// Does it hang, by what was written down?
    pub(crate) fn hangs(self) -> bool {
        self.check_not_hung().is_err()
    }

    /// Does nothing hang that asked before?
    fn check_not_hung(self) -> Result<(), StorageError> {
        // What can't be read is no reason to ask nothing any more.
        let Ok(path) = record::hung_processes_path(self.target) else { return Ok(()) };
        let Ok(content) = files::read_private(&path) else { return Ok(()) };
        if let Some(id) = process_list::parse(&content).into_iter().find(is_alive) {
            let home = self.target.home.path().to_owned();
            return Err(StorageError::Hangs { seconds: process::process_age(id).as_secs(), home });
        }
        // Should another action have written it anew just now, one helper more may come to hang.
        let _ = std::fs::remove_file(path);
        Ok(())
    }
}

/// One file a command, so that no two agents write to the same one. What has ended is removed by the next.
fn record_command(id: ProcessId) -> io::Result<()> {
    let directory = record::agent_commands_path()?;
    for (path, known) in recorded_commands(&directory) {
        if known.is_none_or(|known| !is_alive(&known)) {
            let _ = std::fs::remove_file(path);
        }
    }
    files::replace_atomically(&directory.join(format!("{}.{}", id.pid, id.start)), b"")
}

/// The commands that agents of this node have launched as questions and that have not ended.
pub(crate) fn running_agent_commands() -> Vec<ProcessId> {
    let Ok(directory) = record::agent_commands_path() else { return Vec::new() };
    recorded_commands(&directory).into_iter().filter_map(|(_, id)| id).filter(is_alive).collect()
}

fn recorded_commands(directory: &Path) -> Vec<(PathBuf, Option<ProcessId>)> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let id = |name: &str| process_list::parse_process(name, '.');
    let entries = entries.filter_map(|entry| Some(entry.ok()?.path()));
    entries.map(|path| (path.clone(), path.file_name().and_then(|name| id(name.to_str()?)))).collect()
}

fn is_alive(id: &ProcessId) -> bool {
    id.live_stat().is_ok_and(|stat| stat.is_some())
}
