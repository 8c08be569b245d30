//! A process that is held, so that its number can't be reused under our hands: by a pidfd where the kernel gives one.
//!
//! There may be none: Linux 4.18, which RHEL 8 has, knows no `pidfd_open(2)` (5.3) nor `pidfd_send_signal(2)` (5.1); a container's filter
//! that is older than these calls refuses them with EPERM, which they have no other use for; and a process may have no descriptor left.
//! None of these may cost an answer or leave a process alive that has to end. So then a process is held by what names it as well, only less
//! tightly: number and start time, compared immediately before each signal and at each look whether it has ended. A child of our
//! own needs neither: its number can't be reused before we have waited for it.

use crate::descriptors::is_in_reserve;
use crate::process::{self, ExitStatus, Pid, ProcessId, Signal, Stat};
use crate::wait::poll_until;
use nix::sys::signal::SigSet;
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use rustix::event::{PollFd, PollFlags};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::ioctl::{Updater, opcode};
use rustix::process::{PidfdFlags, kill_process, pidfd_open, pidfd_send_signal};
use std::io;
use std::time::{Duration, Instant};

/// Poll interval for the end of a process that has no pidfd. A look at it costs some 10 µs.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// `struct pidfd_info` of linux/pidfd.h, as it was at first.
#[repr(C)]
#[derive(Debug, Default)]
struct PidFdInfo {
    mask: u64,
    cgroupid: u64,
    /// Process, group leader and parent; users and groups: real, effective, saved and for files.
    ids: [u32; 11],
    /// A wait status.
    exit_code: i32,
}

/// `PIDFD_INFO_EXIT`
const PIDFD_INFO_EXIT: u64 = 1 << 3;

/// `PIDFD_GET_INFO`
const PIDFD_GET_INFO: rustix::ioctl::Opcode = opcode::read_write::<PidFdInfo>(0xff, 11);

/// One process, for as long as this is kept.
#[derive(Debug)]
pub struct PidFd(PidFdInner);

/// How it is held.
#[derive(Debug)]
enum PidFdInner {
    /// `pidfd_open(2)`.
    Pidfd(Pid, OwnedFd),
    /// By number and start time.
    PidAndStartTime(ProcessId),
    /// A child of this process, by its number.
    Child(Pid),
}

impl PidFd {
    /// Opens `pid`; `None` when there is no such process.
    ///
    /// # Errors
    /// There is no pidfd, and /proc can't be read either.
    pub fn open(pid: Pid) -> io::Result<Option<Self>> {
        match open_pidfd(pid) {
            Ok(held) => Ok(held.map(Self)),
            Err(_) => Ok(Stat::read(pid)?.map(|stat| Self(PidFdInner::PidAndStartTime(stat.id())))),
        }
    }

    /// Opens a child of this process that was not waited for yet; `None` when somebody else has reaped it.
    pub(crate) fn for_child(pid: Pid) -> Option<Self> {
        open_pidfd(pid).unwrap_or(Some(PidFdInner::Child(pid))).map(Self)
    }

    /// Does the kernel tell of its end by itself? Else a wait for that is a look every [`POLL_INTERVAL`].
    #[must_use]
    pub fn is_pollable(&self) -> bool {
        matches!(self.0, PidFdInner::Pidfd(..))
    }

    /// Is it this process? Asked once it is open: from then on a pidfd can't come to mean another one.
    pub(crate) fn refers_to(&self, id: ProcessId) -> io::Result<bool> {
        match self.0 {
            PidFdInner::PidAndStartTime(held) if held != id => Ok(false),
            _ => Ok(id.stat()?.is_some()),
        }
    }

    /// Sends `signal`; false when the process had ended.
    ///
    /// # Errors
    /// No permission. /proc can't be read, where that must tell whether it still is this process.
    pub fn signal(&self, signal: Signal) -> io::Result<bool> {
        let sent = match &self.0 {
            PidFdInner::Pidfd(pid, fd) => match pidfd_send_signal(fd, signal) {
                // A filter that lets only the other call pass. While the pidfd says that it lives, the number is its own.
                Err(Errno::NOSYS | Errno::PERM) if !self.has_ended()? => {
                    kill_process(pid.as_rustix(), signal)
                }
                Err(Errno::NOSYS | Errno::PERM) => return Ok(false),
                other => other,
            },
            PidFdInner::PidAndStartTime(id) if id.stat()?.is_some() => {
                kill_process(id.pid.as_rustix(), signal)
            }
            PidFdInner::Child(pid) if child_state(*pid)? != ChildState::Reaped => {
                kill_process(pid.as_rustix(), signal)
            }
            PidFdInner::PidAndStartTime(_) | PidFdInner::Child(_) => return Ok(false),
        };
        match sent {
            Ok(()) => Ok(true),
            Err(Errno::SRCH) => Ok(false),
            Err(e) => Err(e.into()),
        }
    }

    /// Waits until all threads of the process have ended (true) or `until` is reached (false).
    ///
    /// # Errors
    /// What poll(2) says; /proc can't be read.
    pub fn wait_for_end(&self, until: Instant) -> io::Result<bool> {
        Ok(wait_for_any([Some(self)], &[], until)?[0])
    }

    /// The same, but SIGTERM to this process ends the wait, too (false), and nothing else. Where there is no descriptor left for that,
    /// SIGTERM ends this process, as always.
    ///
    /// # Errors
    /// As [`ended_by`](Self::wait_for_end).
    pub fn wait_for_end_or_sigterm(&self, until: Instant) -> io::Result<bool> {
        let sigterm = SigtermFd::block().ok();
        let sigterm = sigterm.as_ref().map(|sigterm| sigterm.0.as_fd());
        Ok(wait_for_any([Some(self)], sigterm.as_slice(), until)?[0])
    }

    /// How the process has ended, once it was reaped (Linux 6.15).
    pub(crate) fn exit_status(&self) -> Option<ExitStatus> {
        let PidFdInner::Pidfd(_, fd) = &self.0 else { return None };
        let mut info = PidFdInfo { mask: PIDFD_INFO_EXIT, ..PidFdInfo::default() };
        // SAFETY: the request tells the kernel the size of `Info`, of which it writes no more, whatever version it is of; all its
        // bit patterns are valid. A kernel that does not know the request writes nothing.
        #[expect(unsafe_code, reason = "there is no safe wrapper of this request")]
        unsafe {
            rustix::ioctl::ioctl(fd, Updater::<PIDFD_GET_INFO, PidFdInfo>::new(&mut info)).ok()?;
        }
        (info.mask & PIDFD_INFO_EXIT != 0).then(|| ExitStatus::from_wait_status(info.exit_code))
    }

    /// Has the process ended, a zombie included?
    ///
    /// # Errors
    /// What poll(2) says; /proc can't be read.
    pub fn has_ended(&self) -> io::Result<bool> {
        match &self.0 {
            PidFdInner::Pidfd(_, fd) => {
                poll_until(&mut [PollFd::new(fd, PollFlags::IN)], Instant::now())
            }
            PidFdInner::PidAndStartTime(id) => Ok(id.live_stat()?.is_none()),
            PidFdInner::Child(pid) => Ok(child_state(*pid)? != ChildState::Running),
        }
    }

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        match &self.0 {
            PidFdInner::Pidfd(_, fd) => Some(fd.as_fd()),
            PidFdInner::PidAndStartTime(_) | PidFdInner::Child(_) => None,
        }
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
        process::wait_status(self.id)
            .map(ExitStatus::from_wait_status)
            .or_else(|| self.pidfd.exit_status())
    }

    /// What /proc says of it now; `None` when it is gone.
    ///
    /// # Errors
    /// /proc can't be read or understood.
    pub fn stat(&self) -> io::Result<Option<Stat>> {
        self.id.stat()
    }
}

impl ProcessId {
    /// Opens it for signals and waiting; `None` when it is gone or its number is another's.
    ///
    /// # Errors
    /// /proc can't be read.
    pub fn open(self) -> io::Result<Option<ProcessHandle>> {
        process::verify_own_pid_namespace()?;
        let Some(pidfd) = PidFd::open(self.pid)? else { return Ok(None) };
        // After the pidfd: now the number can't come to mean another process unseen.
        Ok(pidfd.refers_to(self)?.then_some(ProcessHandle { id: self, pidfd }))
    }
}

/// SIGTERM as a descriptor that can be read when it has come; as always again when this is dropped. One that has come is used up by then.
struct SigtermFd(SignalFd);

impl SigtermFd {
    fn block() -> io::Result<Self> {
        let set = SigSet::from(nix::sys::signal::SIGTERM);
        let descriptor =
            SignalFd::with_flags(&set, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK)?;
        set.thread_block()?;
        Ok(Self(descriptor))
    }
}

impl Drop for SigtermFd {
    fn drop(&mut self) {
        let _ = self.0.read_signal();
        let _ = SigSet::from(nix::sys::signal::SIGTERM).thread_unblock();
    }
}

/// A pidfd, where one can be had; `None`: there is no such process.
fn open_pidfd(pid: Pid) -> Result<Option<PidFdInner>, Errno> {
    match pidfd_open(pid.as_rustix(), PidfdFlags::empty()) {
        Ok(fd) if is_in_reserve(fd.as_fd()) => Err(Errno::MFILE),
        Ok(fd) => Ok(Some(PidFdInner::Pidfd(pid, fd))),
        // EINVAL: the number belongs to a thread that is no group leader.
        Err(Errno::SRCH | Errno::INVAL) => Ok(None),
        Err(e) => Err(e),
    }
}

/// Does the kernel give pidfds to this process?
pub(crate) fn are_supported() -> bool {
    !matches!(open_pidfd(Pid::own()), Err(Errno::NOSYS | Errno::PERM))
}

/// What wait(2) would say of a child, which stays as it is.
#[derive(PartialEq)]
enum ChildState {
    Running,
    Zombie,
    Reaped,
}

fn child_state(pid: Pid) -> io::Result<ChildState> {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    match waitid(Id::Pid(nix::unistd::Pid::from_raw(pid.as_raw())), flags) {
        Ok(WaitStatus::StillAlive) => Ok(ChildState::Running),
        Ok(_) => Ok(ChildState::Zombie),
        Err(nix::errno::Errno::ECHILD) => Ok(ChildState::Reaped),
        Err(e) => Err(e.into()),
    }
}

/// Waits until one of `processes` has ended, one of `outputs` can be read, or `until` is reached. Which of them have ended?
pub(crate) fn wait_for_any<const N: usize>(
    processes: [Option<&PidFd>; N],
    outputs: &[BorrowedFd<'_>],
    until: Instant,
) -> io::Result<[bool; N]> {
    if !processes.iter().flatten().all(|process| process.is_pollable()) {
        return poll_for_any(processes, outputs, until);
    }
    let fds = processes.iter().flatten().filter_map(|process| process.descriptor());
    let fds = fds.chain(outputs.iter().copied());
    let mut fds: Vec<PollFd<'_>> =
        fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
    poll_until(&mut fds, until)?;
    let mut ready = fds.iter().map(|fd| !fd.revents().is_empty());
    Ok(processes.map(|process| process.is_some() && ready.next() == Some(true)))
}

/// The same by looking again and again.
fn poll_for_any<const N: usize>(
    processes: [Option<&PidFd>; N],
    outputs: &[BorrowedFd<'_>],
    until: Instant,
) -> io::Result<[bool; N]> {
    loop {
        let mut ended = [false; N];
        for (ended, process) in ended.iter_mut().zip(processes) {
            *ended = process.map_or(Ok(false), PidFd::has_ended)?;
        }
        let now = Instant::now();
        let done = ended.contains(&true) || now >= until;
        let step = if done { now } else { until.min(now + POLL_INTERVAL) };
        let mut fds: Vec<PollFd<'_>> =
            outputs.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
        // Without output this is a pause.
        if poll_until(&mut fds, step)? || done {
            return Ok(ended);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Child, Command, Stdio};

    /// A process, and how it is held without a pidfd: by its number, or as a child.
    fn sleeper(held: impl FnOnce(ProcessId) -> PidFdInner) -> (Child, PidFd) {
        let process = Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap();
        let pid = Pid::new(i32::try_from(process.id()).unwrap()).unwrap();
        let held = held(Stat::read(pid).unwrap().unwrap().id());
        (process, PidFd(held))
    }

    fn test_deadline() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn process_without_pidfd_is_signalled_and_its_end_is_noticed() {
        for held in [PidFdInner::PidAndStartTime, |id: ProcessId| PidFdInner::Child(id.pid)] {
            let (mut process, held) = sleeper(held);
            assert!(!held.is_pollable());
            assert!(!held.wait_for_end(Instant::now() + POLL_INTERVAL * 2).unwrap());
            assert!(held.signal(Signal::KILL).unwrap());
            // As a zombie it has ended.
            assert!(held.wait_for_end(test_deadline()).unwrap());
            process.wait().unwrap();
            assert!(held.has_ended().unwrap());
            assert!(!held.signal(Signal::KILL).unwrap());
        }
    }

    #[test]
    fn reused_pid_without_pidfd_gets_no_signal() {
        let (mut process, held) = sleeper(|id| {
            PidFdInner::PidAndStartTime(ProcessId { start: id.start.wrapping_sub(1), ..id })
        });
        assert!(!held.signal(Signal::KILL).unwrap());
        assert!(held.has_ended().unwrap(), "the one that is meant");
        assert_eq!(process.try_wait().unwrap(), None);
        process.kill().unwrap();
        process.wait().unwrap();
    }

    #[test]
    fn wait_without_pidfd_ends_when_output_is_readable() {
        let (mut process, held) = sleeper(PidFdInner::PidAndStartTime);
        let (output, writer) = rustix::pipe::pipe().unwrap();
        rustix::io::write(&writer, b"!").unwrap();
        assert_eq!(
            wait_for_any([Some(&held), None], &[output.as_fd()], test_deadline()).unwrap(),
            [false, false]
        );
        process.kill().unwrap();
        assert_eq!(wait_for_any([None, Some(&held)], &[], test_deadline()).unwrap(), [false, true]);
        process.wait().unwrap();
    }

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
            let mut child = command
                .args(["-c", &format!("read line; {last}")])
                .stdin(Stdio::piped())
                .spawn()
                .unwrap();
            let pid = Pid::new(i32::try_from(child.id()).unwrap()).unwrap();
            let handle = Stat::read(pid).unwrap().unwrap().id().open().unwrap().unwrap();
            assert_eq!(handle.exit_status(), None);
            drop(child.stdin.take());
            assert!(handle.wait_for_end(Instant::now() + Duration::from_secs(20)).unwrap());
            // A child of ours that we have not waited for.
            assert_eq!(handle.exit_status(), Some(expected));
            child.wait().unwrap();
            assert_eq!(
                handle.exit_status(),
                (kernel_version() >= PIDFD_INFO_EXIT_SINCE).then_some(expected)
            );
        }
    }

    #[test]
    fn missing_process_or_other_start_time_is_not_opened() {
        let own = Stat::read(Pid::own()).unwrap().unwrap().id();
        assert!(own.open().unwrap().is_some());
        assert!(ProcessId { start: own.start + 1, ..own }.open().unwrap().is_none());
        let mut child = Command::new("true").spawn().unwrap();
        let id = Stat::read(Pid::new(i32::try_from(child.id()).unwrap()).unwrap())
            .unwrap()
            .unwrap()
            .id();
        child.wait().unwrap();
        assert!(id.open().unwrap().is_none());
    }
}
