//! What a process has from its parent, and must not keep if it is to do its work: signals, and the limits of open files and of a file's
//! size.
//!
//! A parent that ignores SIGCHLD hands that on through exec, and then the kernel reaps every child at its end: a wait for one finds none,
//! and a question that was answered looks like one that was not. A blocked SIGTERM or SIGCHLD is handed on in the same way.
//! A limit of the size of files (`RLIMIT_FSIZE`, 0 in the extreme) ends whoever writes past it by SIGXFSZ; with that ignored it is an error of
//! the write, which costs a record or a log line and no answer.

use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, signal, sigprocmask};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// To be called first in `main`, before there is a child: SIGCHLD as a fresh process has it, SIGXFSZ ignored, no signal blocked, and
/// as many open files, of such a size, as this process may have. What it executes gets all signals as a fresh process has them
/// ([`command`](crate::command)).
pub fn reset_signals_and_limits() {
    for (which, how) in [(Signal::SIGCHLD, SigHandler::SigDfl), (Signal::SIGXFSZ, SigHandler::SigIgn)] {
        // SAFETY: neither installs a handler, so no code runs in a signal's context.
        #[expect(unsafe_code, reason = "signal(2) is unsafe for handlers, of which there is none")]
        // It can only fail for a signal that there is not.
        let _ = unsafe { signal(which, how) };
    }
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None);
    for resource in [Resource::Nofile, Resource::Fsize] {
        raise_limit(resource);
    }
}

/// Lets this process have as much as its hard limit allows.
fn raise_limit(resource: Resource) {
    let limit = getrlimit(resource);
    if limit.current != limit.maximum {
        // Where that is refused it works with what it has.
        let _ = setrlimit(resource, Rlimit { current: limit.maximum, ..limit });
    }
}
