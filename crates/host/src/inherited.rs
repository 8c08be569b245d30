//! Resets inherited attributes: signals, and the limits of open files and of file sizes.
//!
//! An ignored SIGCHLD survives exec, and then the kernel reaps every child at its end: a wait finds none, and an answer looks like
//! a missing one. A blocked SIGTERM or SIGCHLD survives exec as well. A write beyond `RLIMIT_FSIZE` ends the process by SIGXFSZ; if
//! that is ignored the write fails, which costs a record or a log line but no answer.

use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, signal, sigprocmask};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Call this first in `main`, before there is a child: it resets SIGCHLD, ignores SIGXFSZ, unblocks all signals, and raises the
/// limits of open files and file sizes to the hard limits. [`command`](crate::command) resets all signals of what it executes.
pub fn reset_signals_and_limits() {
    for (which, how) in
        [(Signal::SIGCHLD, SigHandler::SigDfl), (Signal::SIGXFSZ, SigHandler::SigIgn)]
    {
        // SAFETY: neither installs a handler, so no code runs in a signal's context.
        #[expect(unsafe_code, reason = "signal(2) is unsafe for handlers, of which there is none")]
        // It fails only for an invalid signal.
        let _ = unsafe { signal(which, how) };
    }
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None);
    for resource in [Resource::Nofile, Resource::Fsize] {
        raise_limit(resource);
    }
}

fn raise_limit(resource: Resource) {
    let limit = getrlimit(resource);
    if limit.current != limit.maximum {
        // On an error the soft limit remains.
        let _ = setrlimit(resource, Rlimit { current: limit.maximum, ..limit });
    }
}
