//! What lies on storage is asked by helpers, and of one pico no more than one of them hangs at a time.
//!
//! Dead storage keeps a process in a sleep that not even SIGKILL ends. A monitor that came every half minute and left one
//! such process behind each time would fill the node in a day. So what is left behind is written down, and while it is
//! there the storage has not answered: it is not asked again, and the answer is there at once.

use crate::settings::Target;
use crate::{process_list, record};
use host::command::{self, Company, Exec, RunAs, Running};
use host::credentials::Credentials;
use host::helper::{self, HelperError};
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
    NoHelper(HelperError),
}

/// The storage of one pico.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Storage<'a> {
    target: &'a Target,
}

impl<'a> Storage<'a> {
    /// Of this pico's installation.
    pub(crate) fn of(target: &'a Target) -> Self {
        Self { target }
    }

    /// Asks by a helper, as [`helper::ask`] does.
    pub(crate) fn ask(
        self,
        until: Instant,
        question: impl FnOnce() -> Vec<u8>,
    ) -> Result<Vec<u8>, StorageError> {
        self.answers()?;
        helper::ask(until, question).map_err(|e| match e {
            HelperError::NoAnswer { left, waited } => {
                self.remember(left.as_slice());
                let (seconds, home) = (waited.as_secs(), self.target.home.path().to_owned());
                match left {
                    Some(_) => StorageError::Hangs { seconds, home },
                    None => StorageError::NoAnswer { seconds, home },
                }
            }
            other => StorageError::NoHelper(other),
        })
    }

    /// Launches a command, as [`command::launch_as`] does.
    pub(crate) fn launch_as(
        self,
        company: Company,
        who: impl FnOnce() -> Result<RunAs, String>,
        prepare: impl FnOnce(&Credentials) -> Result<Exec, String>,
    ) -> io::Result<Running> {
        self.answers().map_err(io::Error::other)?;
        command::launch_as(company, who, prepare)
    }

    /// Launches a question of the product's: a JVM that no pico is. That is written down before it is executed, for when it hangs in
    /// its exit nothing else tells it from a pico ([`launched`]).
    pub(crate) fn question(
        self,
        who: impl FnOnce() -> Result<RunAs, String>,
        prepare: impl FnOnce(&Credentials) -> Result<Exec, String>,
    ) -> io::Result<Running> {
        let running = self.launch_as(Company::Group, who, prepare)?;
        if let Err(e) = write_down(running.id()) {
            tracing::debug!("{}: {} can't be written down: {e}", self.target.name, running.id());
        }
        Ok(running)
    }

    /// Writes down what of a command, or which helper, SIGKILL did not end.
    pub(crate) fn remember(self, left: &[ProcessId]) {
        if left.is_empty() {
            return;
        }
        let written = record::hung_path(self.target).and_then(|path| {
            let known =
                files::read_own(&path).map(|content| process_list::parse(&content)).unwrap_or_default();
            let all = known.into_iter().filter(hangs).chain(left.iter().copied());
            files::replace(&path, process_list::text(all).as_bytes())
        });
        tracing::warn!("{}: {left:?} can't be ended, they wait for storage", self.target.name);
        if let Err(e) = written {
            tracing::warn!("{}: which can't be written down: {e}", self.target.name);
        }
    }

    /// Does it hang, by what was written down?
    pub(crate) fn hangs(self) -> bool {
        self.answers().is_err()
    }

    /// Does nothing hang that asked before?
    fn answers(self) -> Result<(), StorageError> {
        // What can't be read is no reason to ask nothing any more.
        let Ok(path) = record::hung_path(self.target) else { return Ok(()) };
        let Ok(content) = files::read_own(&path) else { return Ok(()) };
        if let Some(id) = process_list::parse(&content).into_iter().find(hangs) {
            let home = self.target.home.path().to_owned();
            return Err(StorageError::Hangs { seconds: process::uptime(id).as_secs(), home });
        }
        // Should another action have written it anew just now, one helper more may come to hang.
        let _ = std::fs::remove_file(path);
        Ok(())
    }
}

/// One file a command, so that no two agents write to the same one. What has ended is removed by the next.
fn write_down(id: ProcessId) -> io::Result<()> {
    let directory = record::commands_path()?;
    for (path, known) in commands(&directory) {
        if known.is_none_or(|known| !hangs(&known)) {
            let _ = std::fs::remove_file(path);
        }
    }
    files::replace(&directory.join(format!("{}.{}", id.pid, id.start)), b"")
}

/// The commands that agents of this node have launched as questions and that have not ended.
pub(crate) fn launched() -> Vec<ProcessId> {
    let Ok(directory) = record::commands_path() else { return Vec::new() };
    commands(&directory).into_iter().filter_map(|(_, id)| id).filter(hangs).collect()
}

fn commands(directory: &Path) -> Vec<(PathBuf, Option<ProcessId>)> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let id = |name: &str| process_list::process(name, '.');
    let entries = entries.filter_map(|entry| Some(entry.ok()?.path()));
    entries.map(|path| (path.clone(), path.file_name().and_then(|name| id(name.to_str()?)))).collect()
}

fn hangs(id: &ProcessId) -> bool {
    id.live().is_ok_and(|stat| stat.is_some())
}
