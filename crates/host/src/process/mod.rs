//! Processes as /proc shows them.
//!
//! A pid alone names nothing: numbers are reused. What is kept and compared is a [`ProcessId`], the pid with the
//! start time of field 22 of `/proc/PID/stat` (clock ticks since boot). What is signalled is a
//! [`ProcessHandle`], opened in the order pidfd first, start time second: if the start time still is the one
//! expected, the pidfd holds that very process. (Where there is no pidfd: see [`PidFd`].)

mod command_lines;
mod procfs;
mod snapshot;
mod stat;

pub use command_lines::{
    CommandLine, MAX_COMMAND_LINE_BYTES, ProcDir, read_command_line, read_command_lines,
};
pub use procfs::{
    ExeLink, Ownership, ProcLink, any_thread_in_state, boot_id, describe_process, effective_uid,
    live_threads, ownership, paths_in_use, process_age, read_environment, read_exe_link, read_link,
    split_nul, time_since_boot, to_clock_ticks,
};
pub use snapshot::{Snapshot, hidepid_restriction, snapshot};
pub use stat::{ParseStatError, ProcessState, Stat};

use crate::fork::ExitStatus;
use crate::pidfd::PidFd;
pub use rustix::process::Signal;
use std::num::NonZeroI32;
use std::time::Instant;
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

    /// Opens it for signals and waiting; `None` when it is gone or its number is another's.
    ///
    /// # Errors
    /// /proc can't be read.
    pub fn open(self) -> io::Result<Option<ProcessHandle>> {
        snapshot::verify_own_pid_namespace()?;
        let Some(pidfd) = PidFd::open(self.pid)? else { return Ok(None) };
        // After the pidfd: now the number can't come to mean another process unseen.
        Ok(pidfd.refers_to(self)?.then_some(ProcessHandle { id: self, pidfd }))
    }
}

impl fmt::Display for ProcessId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pid {}", self.pid)
    }
}

/// A process of known identity, held so that its number can't come to mean another one.
#[derive(Debug)]
pub struct ProcessHandle {
    id: ProcessId,
    pidfd: PidFd,
}

impl ProcessHandle {
    /// Which process it is.
    #[must_use]
    pub fn id(&self) -> ProcessId {
        self.id
    }

    /// Its pidfd.
    #[must_use]
    pub fn pidfd(&self) -> &PidFd {
        &self.pidfd
    }

    /// Sends `signal`; false when the process had ended.
    ///
    /// # Errors
    /// No permission; without a pidfd, /proc can't be read.
    pub fn signal(&self, signal: Signal) -> io::Result<bool> {
        self.pidfd.signal(signal)
    }

    /// Waits until it has ended (true) or `until` is reached (false).
    ///
    /// # Errors
    /// What poll(2) says. Without a pidfd: /proc can't be read.
    pub fn wait_for_end(&self, until: Instant) -> io::Result<bool> {
        self.pidfd.wait_for_end(until)
    }

    /// How it has ended, where that can be known to one who is not its parent: while it was not reaped, and on Linux 6.15 and later. `None`
    /// also while it lives.
    #[must_use]
    pub fn exit_status(&self) -> Option<ExitStatus> {
        stat::wait_status(self.id).map(ExitStatus::from_wait_status).or_else(|| self.pidfd.exit_status())
    }

    /// What /proc says of it now; `None` when it is gone.
    ///
    /// # Errors
    /// /proc can't be read or understood.
    pub fn stat(&self) -> io::Result<Option<Stat>> {
        self.id.stat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};
    use std::time::Duration;

    /// Since when a pidfd tells how a process that was reaped has ended.
    const PIDFD_INFO_EXIT_SINCE: (u32, u32) = (6, 15);

    fn kernel_version() -> (u32, u32) {
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        let mut numbers =
            release.split(|c: char| !c.is_ascii_digit()).map(|digits| digits.parse().unwrap_or(0));
        (numbers.next().unwrap(), numbers.next().unwrap())
    }

    #[test]
    fn exit_status_is_known_until_reaped_and_later_on_new_kernels() {
        for (last, expected) in [
            ("kill -9 $$", ExitStatus::Signalled(9)),
            ("kill -SEGV $$", ExitStatus::Signalled(11)),
            ("exit 3", ExitStatus::Exited(3)),
        ] {
            let mut command = Command::new("sh");
            let mut child =
                command.args(["-c", &format!("read line; {last}")]).stdin(Stdio::piped()).spawn().unwrap();
            let pid = Pid::new(i32::try_from(child.id()).unwrap()).unwrap();
            let handle = Stat::read(pid).unwrap().unwrap().id().open().unwrap().unwrap();
            assert_eq!(handle.exit_status(), None);
            drop(child.stdin.take());
            assert!(handle.wait_for_end(Instant::now() + Duration::from_secs(20)).unwrap());
            // A child of ours that we have not waited for.
            assert_eq!(handle.exit_status(), Some(expected));
            child.wait().unwrap();
            assert_eq!(handle.exit_status(), (kernel_version() >= PIDFD_INFO_EXIT_SINCE).then_some(expected));
        }
    }

    #[test]
    fn missing_process_or_other_start_time_is_not_opened() {
        let own = Stat::read(Pid::own()).unwrap().unwrap().id();
        assert!(own.open().unwrap().is_some());
        assert!(ProcessId { start: own.start + 1, ..own }.open().unwrap().is_none());
        let mut child = Command::new("true").spawn().unwrap();
        let id = Stat::read(Pid::new(i32::try_from(child.id()).unwrap()).unwrap()).unwrap().unwrap().id();
        child.wait().unwrap();
        assert!(id.open().unwrap().is_none());
    }
}
