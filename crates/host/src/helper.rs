//! Asking what may never answer.
//!
//! A stat(2) on a dead NFS server, a name service whose daemon hangs, a resolver without a network: each
//! puts the process that asks to sleep, and some of these sleeps no signal ends. So a helper asks: a
//! child made by fork, which needs no disk to start. If it does not answer in time it is killed, and if it can't
//! be killed it is left behind; the caller goes on either way, with the fact that there was no answer.

use crate::fork::{Child, End, die_with};
use crate::process::{Pid, ProcessId, Stat, State};
use crate::wait::poll_until;
use rustix::event::{PollFd, PollFlags};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Resource, Rlimit};
use std::fs::File;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// Longest answer of [`ask`], in bytes. Far above any real one; it bounds the memory of the caller.
pub const LONGEST: usize = 2 << 20;

/// How long one that was killed is waited for.
const DIES_WITHIN: Duration = Duration::from_millis(50);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HelperError {
    /// Time is up. The helper was sent SIGKILL.
    #[error("no answer after {:.1} s{}", waited.as_secs_f64(), left.map_or_else(String::new, |id| format!(" (helper {id} hangs)")))]
    NoAnswer {
        /// The helper, if SIGKILL did not end it: it waits for a device, and is left behind.
        left: Option<ProcessId>,
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
    let mut helper = Helper::new(|mut mouth| mouth.write_all(&question()))?;
    let mut said = Vec::new();
    while helper.read(&mut said, until)? > 0 {
        if said.len() > LONGEST {
            helper.child.kill();
            return Err(HelperError::Unavailable(io::Error::other("the answer is longer than 2 MiB")));
        }
    }
    helper.end(until)?;
    Ok(said)
}

/// For a helper: no more address space than this, in bytes, for the rest of its life.
pub fn limit_memory(bytes: u64) {
    let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
    // A helper without limit is still one that ends at its time.
    let _ = rustix::process::setrlimit(Resource::As, limit);
}

/// A helper at work. It dies with the caller, if it can.
pub(crate) struct Helper {
    child: Child,
    answer: OwnedFd,
    begun: Instant,
}

impl Helper {
    /// Forks one that writes what it has to say.
    pub(crate) fn new(question: impl FnOnce(File) -> io::Result<()>) -> Result<Self, HelperError> {
        let unavailable = |e: Errno| HelperError::Unavailable(e.into());
        let (answer, mouth) = pipe_with(PipeFlags::CLOEXEC).map_err(unavailable)?;
        let parent = Pid::own();
        let mut answer = Some(answer);
        let child = Child::fork(|| {
            // The child's copy of the caller's end: where descriptors are few it needs this one for its own work.
            answer.take();
            let mouth = File::from(mouth);
            i32::from(die_with(parent).and_then(|()| question(mouth)).is_err())
        })
        .map_err(HelperError::Unavailable)?;
        // `mouth` was moved into the closure: the parent's copy is dropped with it inside `fork`. `answer` was taken in the child only.
        let answer = answer.ok_or_else(|| unavailable(Errno::BADF))?;
        rustix::io::ioctl_fionbio(&answer, true).map_err(unavailable)?;
        Ok(Self { child, answer, begun: Instant::now() })
    }

    /// Waits for more of what it says, and appends it; 0 at its end. When time is up it is killed.
    pub(crate) fn read(&mut self, said: &mut Vec<u8>, until: Instant) -> Result<usize, HelperError> {
        let mut buffer = [0_u8; 8192];
        loop {
            match rustix::io::read(&self.answer, &mut buffer) {
                Ok(n) => {
                    said.extend_from_slice(&buffer[..n]);
                    return Ok(n);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    let ready = poll_until(&mut [PollFd::new(&self.answer, PollFlags::IN)], until)
                        .map_err(HelperError::Unavailable)?;
                    if !ready {
                        return Err(self.give_up());
                    }
                }
                Err(e) => return Err(HelperError::Unavailable(e.into())),
            }
        }
    }

    /// Waits for its end, after all that it has said.
    pub(crate) fn end(&mut self, until: Instant) -> Result<(), HelperError> {
        match self.death(until) {
            HelperError::Died(End::Exited(0)) => Ok(()),
            other => Err(other),
        }
    }

    /// How it ended; one that does not is killed.
    pub(crate) fn death(&mut self, until: Instant) -> HelperError {
        match self.child.wait(until) {
            // The pipe is closed by its end, so this is a helper that closed it and went on: not ours.
            Ok(End::TimedOut) => self.give_up(),
            Ok(end) => HelperError::Died(end),
            Err(e) => HelperError::Unavailable(e),
        }
    }

    /// Kills it.
    pub(crate) fn give_up(&mut self) -> HelperError {
        self.child.kill();
        // Reaped if it can end at once; else it is init's when we are gone.
        let left = match self.child.wait(Instant::now() + DIES_WITHIN) {
            // One that is only slow to die is not left behind.
            Ok(End::TimedOut) => Stat::read(self.child.pid())
                .ok()
                .flatten()
                .filter(|stat| stat.state == State::DiskSleep)
                .map(|stat| stat.id()),
            _ => None,
        };
        HelperError::NoAnswer { left, waited: self.begun.elapsed() }
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
        // Killed and reaped: a helper that can end leaves nothing.
        assert!(matches!(error, HelperError::NoAnswer { left: None, .. }), "{error}");
        assert!(Instant::now() < until + Duration::from_secs(5));
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
