//! Is the pico running?
//!
//! [`observe`] gathers the evidence, [`judge`] decides: a pure function, tested by a table.

mod judge;
pub(crate) mod node_context;
mod observe;
mod possible_target;

pub use judge::{Check, MonitorKind, Policy, Verdict, VerdictKind, judge};
pub use observe::{ObservationScope, observe};
pub(crate) use possible_target::find_possible_target;

use crate::product::{HaAnswer, StatusAnswer};
use crate::time_of_day::time_of_day;
use host::{ExitStatus, Pid, ProcessId};
use std::fmt;
use std::time::{Duration, SystemTime};

/// State of a live process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// R, S or D (waiting for a device).
    Alive,
    /// Traced by a debugger (t).
    Traced,
    /// Stopped by a signal (T), for two seconds.
    Stopped,
    /// Zombie thread-group leader (Z): the main thread has exited, others live. The process ends when they do.
    ZombieLeader {
        /// Number of threads.
        threads: u32,
    },
}

/// What /proc shows of the pico.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PicoPresence {
    /// No process, after a scan of all processes.
    None {
        /// The process that the record names, if it names one; it has exited.
        ended: Option<ProcessId>,
    },
    /// No pico process, but an mzsh that is starting it.
    Starting {
        /// The mzsh process.
        mzsh: ProcessId,
    },
    /// One process.
    One {
        /// The process.
        id: ProcessId,
        /// Its state.
        liveness: Liveness,
    },
    /// More than one, the same in two scans.
    Several(Vec<Pid>),
    /// Could not be determined; why.
    Unknown(String),
}

/// A death that a monitor observed as it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Death {
    /// When the monitor saw it.
    pub observed_at: SystemTime,
    /// Exit status, where known.
    pub end: Option<ExitStatus>,
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}", time_of_day(self.observed_at))?;
        self.end.map_or(Ok(()), |end| write!(f, " ({end})"))
    }
}

/// The evidence for a verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// What /proc shows.
    pub presence: PicoPresence,
    /// The death of the recorded process, if it was observed.
    pub death: Option<Death>,
    /// Age of the process.
    pub age: Duration,
    /// Answer of the HA Monitor Server; `None`: not asked.
    pub ha: Option<HaAnswer>,
    /// Answer of `mzsh status`; `None`: not asked.
    pub status: Option<StatusAnswer>,
    /// Does the Platform's RCP port answer? Checked where `mzsh status` is not good.
    pub platform_answers: Option<bool>,
}

impl Observation {
    /// With the evidence of /proc alone.
    #[must_use]
    pub fn from_processes(processes: PicoPresence) -> Self {
        Self {
            presence: processes,
            death: None,
            age: Duration::ZERO,
            ha: None,
            status: None,
            platform_answers: None,
        }
    }
}
