//! A child made by fork(2), without exec: it has the caller's memory, so it needs nothing from any disk to run.

use crate::pidfd::PidFd;
use crate::process::{ExitStatus, Pid, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use rustix::fd::{AsRawFd, IntoRawFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::{Errno, FdFlags};
use std::io;
use std::time::Instant;

/// A child of this process. Dropping it neither ends nor reaps it.
#[derive(Debug)]
pub struct ForkedChild {
    pid: Pid,
    pidfd: PidFd,
}

impl ForkedChild {
    /// Forks a child that runs `body` and exits with what it returns. Its stdin, stdout and stderr are `/dev/null`
    /// before `body` begins: a child that is abandoned must not hold the caller's pipes open, for
    /// whoever reads them (Pacemaker's executor, ocf-tester's backquotes) would wait for it.
    ///
    /// The caller must not be using threads that may hold locks `body` needs: agents have one thread. (glibc keeps
    /// its allocator usable in the child of a threaded process, which is what the tests here live by.)
    ///
    /// # Errors
    /// No process or memory left.
    pub(crate) fn fork(body: impl FnOnce() -> i32) -> io::Result<Self> {
        // SAFETY: fork(2) itself has no memory-safety precondition in a process of one thread, which agents are.
        // In the test harness, which has more, `body` stays within what glibc makes safe after fork (its
        // allocator) and system calls; it takes no lock that another thread could have held.
        #[expect(unsafe_code, reason = "fork(2) has no safe wrapper")]
        match unsafe { fork() }? {
            ForkResult::Child => {
                redirect_stdio_to_null();
                let code = body();
                // SAFETY: _exit(2) ends the process at once; no destructor or atexit handler of the parent's
                // runs a second time in this copy of it.
                unsafe { nix::libc::_exit(code) }
            }
            ForkResult::Parent { child } => {
                let pid =
                    Pid::new(child.as_raw()).ok_or_else(|| io::Error::other("fork gave pid 0"))?;
                // An unreaped child of ours can't be gone.
                let pidfd = PidFd::for_child(pid).ok_or_else(|| {
                    io::Error::other("the child vanished: somebody else reaps our children")
                })?;
                Ok(Self { pid, pidfd })
            }
        }
    }

    /// Its number.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Its pidfd.
    #[must_use]
    pub fn pidfd(&self) -> &PidFd {
        &self.pidfd
    }

    /// Waits for its end until the given instant, and reaps it.
    ///
    /// # Errors
    /// It is not ours to wait for.
    pub fn wait(&self, until: Instant) -> io::Result<ExitStatus> {
        if !self.pidfd.wait_for_end(until)? {
            return Ok(ExitStatus::TimedOut);
        }
        match waitpid(nix::unistd::Pid::from_raw(self.pid.as_raw()), Some(WaitPidFlag::WNOHANG))? {
            WaitStatus::Exited(_, code) => Ok(ExitStatus::Exited(code)),
            WaitStatus::Signaled(_, signal, _) => Ok(ExitStatus::Signalled(signal as i32)),
            other => {
                Err(io::Error::other(format!("unexpected state of an ended child: {other:?}")))
            }
        }
    }

    /// Sends SIGKILL to it alone; [`ForkedChild::wait`] tells whether it ends.
    pub fn kill(&self) {
        // Its failure can only mean that the child has ended or is another user's by now; wait tells.
        let _ = self.pidfd.signal(Signal::KILL);
    }
}

/// For a child: SIGKILL when the parent ends; an error where it has ended already.
pub(crate) fn die_with_parent(parent: Pid) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    if rustix::process::getppid() == Some(parent.as_rustix()) {
        return Ok(());
    }
    Err(io::Error::other("the caller has ended"))
}

/// Replaces stdin, stdout and stderr with `/dev/null`. Errors are ignored.
fn redirect_stdio_to_null() {
    let open = || rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty());
    let null = open().or_else(|e| {
        if e != Errno::MFILE {
            return Err(e);
        }
        // None is left but those that are to be replaced: the number of stdin is free once that is closed.
        // SAFETY: stdin is open or this closes nothing, nobody else in this new process holds it, and it is replaced before anything else
        // could take its number.
        #[expect(unsafe_code, reason = "stdin is owned by nobody, so that taking it is unsafe")]
        drop(unsafe { rustix::stdio::take_stdin() });
        open()
    });
    if let Ok(null) = null {
        if null.as_raw_fd() != 0 {
            let _ = rustix::stdio::dup2_stdin(&null);
        }
        let _ = rustix::stdio::dup2_stdout(&null);
        let _ = rustix::stdio::dup2_stderr(&null);
        if null.as_raw_fd() == 0 {
            // It is stdin: neither closed here nor at exec.
            let _ = rustix::io::fcntl_setfd(&null, FdFlags::empty());
            let _ = null.into_raw_fd();
        }
    }
}
