//! pidfd: a process held by descriptor, so that its number can't be reused under our hands.

use crate::fork::End;
use crate::process::{Pid, Signal};
use crate::wait::poll_until;
use rustix::event::{PollFd, PollFlags};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::ioctl::{Updater, opcode};
use rustix::process::{PidfdFlags, pidfd_open, pidfd_send_signal};
use std::io;
use std::time::Instant;

/// `struct pidfd_info` of linux/pidfd.h, as it was at first.
#[repr(C)]
#[derive(Debug, Default)]
struct Info {
    mask: u64,
    cgroup: u64,
    /// Process, group leader and parent; users and groups: real, effective, saved and for files.
    numbers: [u32; 11],
    /// A wait status.
    exit: i32,
}

/// `PIDFD_INFO_EXIT`
const EXIT: u64 = 1 << 3;

/// `PIDFD_GET_INFO`
const GET_INFO: rustix::ioctl::Opcode = opcode::read_write::<Info>(0xff, 11);

/// A descriptor that refers to one process for as long as it is open (`pidfd_open(2)`, Linux 5.3).
#[derive(Debug)]
pub struct PidFd(OwnedFd);

impl PidFd {
    /// Opens `pid`; `None` when there is no such process.
    ///
    /// # Errors
    /// No descriptor left, no kernel support (older than 5.3).
    pub fn open(pid: Pid) -> io::Result<Option<Self>> {
        match pidfd_open(pid.as_rustix(), PidfdFlags::empty()) {
            Ok(fd) => Ok(Some(Self(fd))),
            // EINVAL: the number belongs to a thread that is no group leader.
            Err(Errno::SRCH | Errno::INVAL) => Ok(None),
            Err(e) => Err(e.into()),
        }
    }

    /// Sends `signal`; false when the process had ended.
    ///
    /// # Errors
    /// No permission.
    pub fn signal(&self, signal: Signal) -> io::Result<bool> {
        match pidfd_send_signal(&self.0, signal) {
            Ok(()) => Ok(true),
            Err(Errno::SRCH) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    /// Waits until all threads of the process have ended (true) or `until` is reached (false).
    ///
    /// # Errors
    /// What poll(2) says.
    pub fn ended_by(&self, until: Instant) -> io::Result<bool> {
        poll_until(&mut [PollFd::new(&self.0, PollFlags::IN)], until)
    }

    /// How the process has ended, once it was reaped (Linux 6.15).
    pub(crate) fn end(&self) -> Option<End> {
        let mut info = Info { mask: EXIT, ..Info::default() };
        // SAFETY: the request tells the kernel the size of `Info`, of which it writes no more, whatever version it is of; all its
        // bit patterns are valid. A kernel that does not know the request writes nothing.
        #[expect(unsafe_code, reason = "there is no safe wrapper of this request")]
        unsafe {
            rustix::ioctl::ioctl(&self.0, Updater::<GET_INFO, Info>::new(&mut info)).ok()?;
        }
        (info.mask & EXIT != 0).then(|| End::of_wait_status(info.exit))
    }

    /// Has the process ended, a zombie included?
    ///
    /// # Errors
    /// What poll(2) says.
    pub fn has_ended(&self) -> io::Result<bool> {
        self.ended_by(Instant::now())
    }
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
