//! Asking what may never answer.
//!
//! A stat(2) on a dead NFS server, a name service whose daemon hangs, a resolver without a network: each
//! puts the process that asks to sleep, and some of these sleeps no signal ends. So a helper asks: a
//! child made by fork, which needs no disk to start. If it does not answer in time it is killed, and if it can't
//! be killed it is left behind; the caller goes on either way, with the fact that there was no answer.

use crate::fork::{Child, End};
use crate::process::Pid;
use crate::wait::poll_until;
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use std::fs::File;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// Longest answer, in bytes. Far above any real one; it bounds the memory of the caller.
const LONGEST: usize = 1 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HelperError {
    /// Time is up. The helper was sent SIGKILL; whether it could end is not known.
    #[error("no answer after {:.1} s (helper pid {pid})", waited.as_secs_f64())]
    NoAnswer {
        /// The helper.
        pid: Pid,
        /// How long it was waited for.
        waited: Duration,
    },
    /// It ended without an answer.
    #[error("the helper process ended without an answer: {0}")]
    Died(End),
    /// There could be no helper.
    #[error("no helper process: {0}")]
    Unavailable(io::Error),
}

/// Runs `question` in a child and returns its answer.
///
/// # Errors
/// [`HelperError`]; each leaves the caller free to go on.
pub fn ask(until: Instant, question: impl FnOnce() -> Vec<u8>) -> Result<Vec<u8>, HelperError> {
    let begun = Instant::now();
    let (answer, mouth) = pipe_with(PipeFlags::CLOEXEC).map_err(|e| HelperError::Unavailable(e.into()))?;
    let child = Child::fork(move || {
        // The helper's copy of our end must not keep the pipe from breaking; it is closed with the helper.
        let said = question();
        i32::from(File::from(mouth).write_all(&said).is_err())
    })
    .map_err(HelperError::Unavailable)?;
    // `mouth` was moved into the closure: the parent's copy is dropped with it inside `fork`.

    rustix::io::ioctl_fionbio(&answer, true).map_err(|e| HelperError::Unavailable(e.into()))?;
    let mut said = Vec::new();
    let mut buffer = [0_u8; 4096];
    loop {
        match rustix::io::read(&answer, &mut buffer) {
            Ok(0) => break,
            Ok(n) if said.len() + n > LONGEST => {
                child.kill();
                return Err(HelperError::Unavailable(io::Error::other("the answer is longer than 1 MiB")));
            }
            Ok(n) => said.extend_from_slice(&buffer[..n]),
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => {
                let ready = poll_until(&mut [PollFd::new(&answer, PollFlags::IN)], until)
                    .map_err(HelperError::Unavailable)?;
                if !ready {
                    child.kill();
                    // Reaped if it can end at once; else it is init's when we are gone.
                    let _ = child.wait(Instant::now() + Duration::from_millis(20));
                    return Err(HelperError::NoAnswer { pid: child.pid(), waited: begun.elapsed() });
                }
            }
            Err(e) => return Err(HelperError::Unavailable(e.into())),
        }
    }
    match child.wait(until).map_err(HelperError::Unavailable)? {
        End::Exited(0) => Ok(said),
        // The pipe is closed by its end, so this is a helper that closed it and went on: not ours.
        End::TimedOut => {
            child.kill();
            Err(HelperError::NoAnswer { pid: child.pid(), waited: begun.elapsed() })
        }
        other => Err(HelperError::Died(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn an_answer_comes_back_whole() {
        let said = ask(soon(), || vec![7; 300_000]).unwrap();
        assert_eq!(said, vec![7; 300_000]);
    }

    #[test]
    fn the_question_is_asked_in_another_process() {
        let said = ask(soon(), || std::process::id().to_string().into_bytes()).unwrap();
        assert_ne!(String::from_utf8(said).unwrap(), std::process::id().to_string());
    }

    #[test]
    fn a_question_that_hangs_does_not_hold_the_caller() {
        let until = Instant::now() + Duration::from_millis(50);
        let error = ask(until, || {
            loop {
                std::thread::park();
            }
        })
        .unwrap_err();
        let HelperError::NoAnswer { pid, .. } = error else { panic!("{error}") };
        // Killed and reaped: a helper that can end leaves nothing.
        assert!(Instant::now() < until + Duration::from_secs(5));
        assert_eq!(crate::process::Stat::read(pid).unwrap().filter(|s| !s.is_dead()), None);
    }

    #[test]
    fn a_helper_that_dies_is_told_from_one_that_hangs() {
        let error = ask(soon(), || {
            let _ = rustix::process::kill_process(rustix::process::getpid(), crate::Signal::KILL);
            Vec::new()
        })
        .unwrap_err();
        assert!(matches!(error, HelperError::Died(End::Signalled(9))), "{error}");
    }
}
