//! What a process has from its parent, and must not keep if it is to do its work: signals and the limit of open files.
//!
//! A parent that ignores SIGCHLD hands that on through exec, and then the kernel reaps every child at its end: a wait for one finds none,
//! and a question that was answered looks like one that was not. A blocked SIGTERM or SIGCHLD is handed on in the same way.

use crate::descriptors;
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, signal, sigprocmask};

/// To be called first in `main`, before there is a child: SIGCHLD as a fresh process has it, no signal blocked, and as many open
/// files as this process may have.
pub fn reset() {
    // SAFETY: SigDfl installs no handler, so no code runs in a signal's context.
    #[expect(unsafe_code, reason = "signal(2) is unsafe for handlers, of which there is none")]
    // It can only fail for a signal that there is not.
    let _ = unsafe { signal(Signal::SIGCHLD, SigHandler::SigDfl) };
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None);
    descriptors::raise_limit();
}
