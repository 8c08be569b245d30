//! `/proc/PID/stat`.

use super::Pid;
use crate::files::{read_small, unreadable};
use nix::libc::{PF_EXITING, PF_KTHREAD};
use rustix::io::Errno;
use std::fmt;
use std::io;

/// Field 3 of `/proc/PID/stat`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessState {
    /// R: running or ready to.
    Running,
    /// S: asleep, wakes on a signal.
    Sleeping,
    /// D: asleep, waits for a device or for storage; no signal reaches it.
    DiskSleep,
    /// T: stopped by a signal.
    Stopped,
    /// t: stopped by a debugger.
    Traced,
    /// Z (or X): its main thread has ended. With one thread the process is dead; with more it lives.
    Zombie,
    /// Another letter (I, P and what newer kernels have): alive.
    Other(char),
}

impl ProcessState {
    fn from_letter(letter: u8) -> Self {
        match letter {
            b'R' => Self::Running,
            b'S' => Self::Sleeping,
            b'D' => Self::DiskSleep,
            b'T' => Self::Stopped,
            b't' => Self::Traced,
            b'Z' | b'X' | b'x' => Self::Zombie,
            other => Self::Other(char::from(other)),
        }
    }
}

impl fmt::Display for ProcessState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running => f.write_str("running (R)"),
            Self::Sleeping => f.write_str("sleeping (S)"),
            Self::DiskSleep => f.write_str("waiting for a device (D)"),
            Self::Stopped => f.write_str("stopped (T)"),
            Self::Traced => f.write_str("under a debugger (t)"),
            Self::Zombie => f.write_str("its main thread has ended (Z)"),
            Self::Other(c) => write!(f, "state {c}"),
        }
    }
}

/// What is used of one line of `/proc/PID/stat`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// Field 1.
    pub pid: Pid,
    /// Field 2 without the parentheses: the name of the main thread, at most 15 bytes.
    pub comm: Vec<u8>,
    /// Field 3.
    pub state: ProcessState,
    /// Field 4; `None` where the parent is outside of the namespace (0).
    pub parent: Option<Pid>,
    /// Field 5.
    pub process_group: i32,
    /// Field 6.
    pub session: i32,
    /// Field 9: the kernel's flags of the main thread (`PF_*` of linux/sched.h).
    pub flags: u32,
    /// Field 20. A dead process still counts its unreaped main thread.
    pub threads: u32,
    /// Field 22, in clock ticks since boot.
    pub start: u64,
}

/// A line that is not of the form of proc(5).
#[derive(Debug, thiserror::Error)]
#[error("/proc/PID/stat not understood: field {field} of {line:?}")]
pub struct ParseStatError {
    field: u8,
    line: String,
}

impl Stat {
    /// Parses the content of the file.
    ///
    /// # Errors
    /// It is not of the form of proc(5).
    pub fn parse(line: &[u8]) -> Result<Self, ParseStatError> {
        let err =
            |field| ParseStatError { field, line: String::from_utf8_lossy(line).into_owned() };
        // The name may hold spaces and parentheses: it ends at the last one.
        let open = line.iter().position(|&b| b == b'(').ok_or_else(|| err(2))?;
        let close =
            line.iter().rposition(|&b| b == b')').filter(|&c| c > open).ok_or_else(|| err(2))?;
        let pid =
            parse_number(line[..open].trim_ascii()).and_then(Pid::new).ok_or_else(|| err(1))?;
        let comm = line[open + 1..close].to_vec();

        let mut fields =
            line[close + 1..].split(|&b| b == b' ' || b == b'\n').filter(|f| !f.is_empty());
        let mut at = 2;
        let mut field = |wanted: u8| {
            let skip = usize::from(wanted - at - 1);
            at = wanted;
            fields.nth(skip).ok_or_else(|| err(wanted))
        };
        let state = ProcessState::from_letter(field(3)?[0]);
        let parent = parse_number::<i32>(field(4)?).ok_or_else(|| err(4))?;
        let group = parse_number(field(5)?).ok_or_else(|| err(5))?;
        let session = parse_number(field(6)?).ok_or_else(|| err(6))?;
        let flags = parse_number(field(9)?).ok_or_else(|| err(9))?;
        let threads = parse_number(field(20)?).ok_or_else(|| err(20))?;
        let start = parse_number(field(22)?).ok_or_else(|| err(22))?;
        Ok(Self {
            pid,
            comm,
            state,
            parent: Pid::new(parent),
            process_group: group,
            session,
            flags,
            threads,
            start,
        })
    }

    /// Reads it; `None` when there is no such process.
    ///
    /// # Errors
    /// /proc can't be read or understood.
    pub fn read(pid: Pid) -> io::Result<Option<Self>> {
        let file = format!("/proc/{pid}/stat");
        match read_small(&file) {
            // A process that ends while it is read gives ESRCH or nothing.
            Ok(line) if line.is_empty() => Ok(None),
            Ok(line) => Self::parse(&line).map(Some).map_err(io::Error::other),
            Err(e) if is_no_such_process(&e) => Ok(None),
            Err(e) => Err(unreadable(file)(e)),
        }
    }

    /// Which process this is.
    #[must_use]
    pub fn id(&self) -> super::ProcessId {
        super::ProcessId { pid: self.pid, start: self.start }
    }

    /// A zombie without a living thread. (With threads it lives, and no signal but the end of those ends it.)
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.state == ProcessState::Zombie && self.threads <= 1
    }

    /// Its main thread is in its exit (`PF_EXITING`): killed, or at the end of its program. It gives up its memory first, its files
    /// next, and is dead after that; while storage hangs it can stay in between.
    #[must_use]
    pub fn is_exiting(&self) -> bool {
        self.flags & PF_EXITING.cast_unsigned() != 0
    }

    /// A thread of the kernel: it has neither a program nor a command line.
    #[must_use]
    pub fn is_kernel_thread(&self) -> bool {
        self.flags & PF_KTHREAD.cast_unsigned() != 0
    }
}

/// Field 52, the wait status of a process that has ended and was not reaped yet. `None` too where it is 0, which is also what the kernel shows
/// to one who may not see it.
pub(crate) fn wait_status(of: super::ProcessId) -> Option<i32> {
    let line = read_small(format!("/proc/{}/stat", of.pid)).ok()?;
    let stat = Stat::parse(&line).ok()?;
    let status = line.trim_ascii_end().rsplit(|&b| b == b' ').next().and_then(parse_number)?;
    (stat.id() == of && stat.is_dead() && status != 0).then_some(status)
}

/// ENOENT or ESRCH: how /proc says that a process is gone.
pub(super) fn is_no_such_process(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::NOENT | Errno::SRCH))
}

fn parse_number<T: std::str::FromStr>(bytes: &[u8]) -> Option<T> {
    std::str::from_utf8(bytes).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &[u8] = b"4711 (java) S 1 4711 4711 0 -1 4194304 1 0 0 0 5 3 0 0 20 0 37 0 123456 99 1 18446744073709551615\n";

    #[test]
    fn stat_fields_are_those_of_proc_5() {
        let stat = Stat::parse(LINE).unwrap();
        assert_eq!(stat.pid.as_raw(), 4711);
        assert_eq!(stat.comm, b"java");
        assert_eq!(stat.state, ProcessState::Sleeping);
        assert_eq!(stat.parent, Pid::new(1));
        assert_eq!((stat.process_group, stat.session), (4711, 4711));
        assert_eq!((stat.flags, stat.is_kernel_thread()), (0x0040_0000, false));
        assert!(!stat.is_exiting());
        assert_eq!(stat.threads, 37);
        assert_eq!(stat.start, 123_456);
    }

    #[test]
    fn exiting_process_is_known_by_its_flags() {
        let line = std::str::from_utf8(LINE).unwrap().replace("4194304", "4194572");
        assert!(Stat::parse(line.as_bytes()).unwrap().is_exiting());
    }

    #[test]
    fn process_name_with_spaces_and_parentheses_shifts_no_field() {
        let line = String::from_utf8(LINE.to_vec()).unwrap().replace("(java)", "(a) R 1 (b)");
        let stat = Stat::parse(line.as_bytes()).unwrap();
        assert_eq!(stat.comm, b"a) R 1 (b");
        assert_eq!(stat.start, 123_456);
    }

    #[test]
    fn truncated_stat_line_does_not_panic() {
        for end in 0..LINE.len() {
            let _ = Stat::parse(&LINE[..end]);
        }
        assert!(Stat::parse(b"").is_err());
        assert!(Stat::parse(b"0 (x) S 1 1 1").is_err());
    }

    #[test]
    fn own_stat_is_read_and_unused_pid_has_none() {
        let own = Stat::read(Pid::own()).unwrap().unwrap();
        assert_eq!(own.pid, Pid::own());
        assert!(!own.is_dead());
        // Above the largest pid_max (4194304).
        assert_eq!(Stat::read(Pid::new(4_194_305).unwrap()).unwrap(), None);
    }

    #[test]
    fn zombie_leader_with_threads_is_not_dead() {
        let mut stat = Stat::parse(LINE).unwrap();
        stat.state = ProcessState::Zombie;
        assert!(!stat.is_dead());
        stat.threads = 1;
        assert!(stat.is_dead());
    }
}
