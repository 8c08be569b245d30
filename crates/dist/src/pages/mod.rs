//! The manual pages.

mod agent;
mod command;
mod mdoc;

use std::fs;

use devtools::{TaskError, workspace};
use pico::PicoType;

use crate::release::Release;

/// What a page is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ManualPage {
    /// The definition of an agent.
    Agent(PicoType),
    /// `mzha`, or one of its commands.
    Mzha(Option<&'static str>),
    MzSim,
    /// A file of `packaging/man`.
    Written(&'static str),
}

impl ManualPage {
    pub(crate) fn write(self, release: &Release) -> Result<String, TaskError> {
        let date = &release.long_date;
        Ok(match self {
            Self::Agent(kind) => agent::page(kind, date),
            Self::Mzha(task) => command::page(mzha::command(), task, 8, date),
            Self::MzSim => command::page(mz_sim::command(), None, 1, date),
            Self::Written(name) => {
                let path = workspace::root().join("packaging/man").join(name);
                let text = fs::read_to_string(&path).map_err(TaskError::file("read", &path))?;
                text.replace("@DATE@", date)
            }
        })
    }
}
