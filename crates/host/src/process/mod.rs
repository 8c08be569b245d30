//! Processes as /proc shows them.
//!
//! A pid alone names nothing: numbers are reused. What is kept and compared is a [`ProcessId`], the pid with the
//! start time of field 22 of `/proc/PID/stat` (clock ticks since boot). What is signalled is a
//! [`ProcessHandle`](crate::ProcessHandle), opened in the order pidfd first, start time second: if the start time still is the one
//! expected, the pidfd holds that very process. (Where there is no pidfd: see [`PidFd`](crate::PidFd).)

mod exit_status;
mod procfs;
mod snapshot;
mod stat;

pub use exit_status::ExitStatus;
pub use procfs::{
    ExeLink, Ownership, ProcDir, ProcLink, any_thread_in_state, boot_id, describe_process,
    effective_uid, live_threads, ownership, paths_in_use, process_age, read_exe_link, read_link,
    split_nul, time_since_boot, to_clock_ticks,
};
pub use snapshot::{Snapshot, snapshot};
pub use stat::{ParseStatError, ProcessState, Stat};

pub(crate) use procfs::{command_line_bytes, none_if_gone, read_status, status_field};
pub(crate) use snapshot::verify_own_pid_namespace;
pub(crate) use stat::wait_status;

pub use rustix::process::Signal;
use std::num::NonZeroI32;
use std::{fmt, io};

/// A process number, always positive: never a group (negative) or "all" (0, -1) by mistake.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pid(NonZeroI32);

impl Pid {
    /// `None` unless `raw` is positive.
    #[must_use]
    pub fn new(raw: i32) -> Option<Self> {
        if raw > 0 { NonZeroI32::new(raw).map(Self) } else { None }
    }

    /// This process.
    #[must_use]
    pub fn own() -> Self {
        Self(rustix::process::getpid().as_raw_nonzero())
    }

    /// The number.
    #[must_use]
    pub fn as_raw(self) -> i32 {
        self.0.get()
    }

    pub(crate) fn as_rustix(self) -> rustix::process::Pid {
        // Positive by construction.
        rustix::process::Pid::from_raw(self.as_raw()).unwrap_or(rustix::process::Pid::INIT)
    }
}

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One process of this boot: its pid and its start time in clock ticks since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProcessId {
    /// The number.
    pub pid: Pid,
    /// Field 22 of `/proc/PID/stat`.
    pub start: u64,
}

impl ProcessId {
    /// What /proc says of it now; `None` when it is gone or its number is another's.
    ///
    /// # Errors
    /// /proc can't be read or understood, or is of another pid namespace.
    pub fn stat(self) -> io::Result<Option<Stat>> {
        snapshot::check_own_pid_namespace()?;
        Ok(Stat::read(self.pid)?.filter(|stat| stat.start == self.start))
    }

    /// The same, and `None` also when it is dead: a zombie without a living thread.
    ///
    /// # Errors
    /// /proc can't be read or understood.
    pub fn live_stat(self) -> io::Result<Option<Stat>> {
        Ok(self.stat()?.filter(|stat| !stat.is_dead()))
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {}", self.pid)
    }
}
