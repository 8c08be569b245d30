//! Is it running? One answer, in one place.
//!
//! [`observe`] gathers the evidence, [`judge`] decides on it: a pure function, whose table is its test.

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

/// How alive one live process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// As far as /proc tells, well: R, S, and D, in which it waits for a device.
    Alive,
    /// Held by a debugger (t).
    Traced,
    /// Stopped by a signal (T), in every look over two seconds.
    Stopped,
    /// Its main thread has ended (Z) and others live: no signal but the end of those ends it.
    ZombieLeader {
        /// How many threads there are.
        threads: u32,
    },
}

/// What /proc shows of the pico.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PicoPresence {
    /// Nothing, after a look at all processes. With the process that the record named, if it named one.
    None {
        /// The one that has ended.
        ended: Option<ProcessId>,
    },
    /// Not the pico, but an mzsh that is starting it.
    Starting {
        /// That mzsh.
        mzsh: ProcessId,
    },
    /// One.
    One {
        /// It.
        id: ProcessId,
        /// How alive it is.
        liveness: Liveness,
    },
    /// More than one, twice in a row the same.
    Several(Vec<Pid>),
    /// It can't be told; why.
    Unknown(String),
}

/// A death that a monitor has seen come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Death {
    /// When it saw it.
    pub observed_at: SystemTime,
    /// How the process ended, where that can be known.
    pub end: Option<ExitStatus>,
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}", time_of_day(self.observed_at))?;
        self.end.map_or(Ok(()), |end| write!(f, " ({end})"))
    }
}

/// All evidence that there is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// What /proc shows.
    pub presence: PicoPresence,
    /// How the process that was known has ended, where that was seen.
    pub death: Option<Death>,
    /// For how long the process has lived.
    pub age: Duration,
    /// What its HA Monitor Server said, if it was to be asked.
    pub ha: Option<HaAnswer>,
    /// What mzsh said, if it was to be asked.
    pub status: Option<StatusAnswer>,
    /// Does the Platform's RCP port answer? Looked at where mzsh's answer is not good.
    pub platform_answers: Option<bool>,
}

impl Observation {
    /// Of the processes alone.
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
