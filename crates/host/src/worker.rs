//! Worker processes for queries that may block for ever.
//!
//! A stat(2) on a dead NFS server, a hung name service or a resolver without a network blocks its caller, sometimes in state D,
//! where no signal ends it. So a forked child runs the query; fork needs no disk. If the child does not answer in time it is
//! killed, and if it survives that it is left behind. Either way the caller continues without an answer.

use crate::fork::{ForkedChild, die_with_parent};
use crate::process::{ExitStatus, Pid, ProcessId, ProcessState, Stat};
use crate::wait::poll_until;
use rustix::event::{PollFd, PollFlags};
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Resource, Rlimit};
use std::fs::File;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// Longest answer of [`run_in_child`], in bytes. It bounds the memory of the caller.
pub const MAX_ANSWER_BYTES: usize = 2 << 20;

/// Longest wait for the end of a killed worker.
const REAP_TIMEOUT: Duration = Duration::from_millis(50);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The deadline is reached. The worker was sent SIGKILL.
    #[error("no answer after {:.1} s{}", waited.as_secs_f64(), survivor.map_or_else(String::new, |id| format!(" (helper {id} hangs)")))]
    TimedOut {
        /// The worker, if it survived SIGKILL (state D) and was left behind.
        survivor: Option<ProcessId>,
        /// The time waited.
        waited: Duration,
    },
    /// The worker ended without an answer.
    #[error("the helper process ended without an answer: {0}")]
    Died(ExitStatus),
    /// The worker could not be started.
    #[error("no helper process: {0}")]
    Unavailable(io::Error),
}

/// Runs `question` in a child and returns its answer.
///
/// # Errors
/// [`WorkerError`].
pub fn run_in_child(
    until: Instant,
    question: impl FnOnce() -> Vec<u8>,
) -> Result<Vec<u8>, WorkerError> {
    let mut worker = Worker::spawn(|mut writer| writer.write_all(&question()))?;
    let mut said = Vec::new();
    while worker.read(&mut said, until)? > 0 {
        if said.len() > MAX_ANSWER_BYTES {
            worker.child.kill();
            return Err(WorkerError::Unavailable(io::Error::other(
                "the answer is longer than 2 MiB",
            )));
        }
    }
    worker.wait(until)?;
    Ok(said)
}

/// Limits the address space of a worker, in bytes.
pub fn limit_memory(bytes: u64) {
    let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
    // Without the limit the worker still ends at its deadline.
    let _ = rustix::process::setrlimit(Resource::As, limit);
}

/// A running worker. It dies with the caller unless it is in state D.
pub(crate) struct Worker {
    child: ForkedChild,
    pipe: OwnedFd,
    started: Instant,
}

impl Worker {
    /// Forks a worker that writes its answer to a pipe.
    pub(crate) fn spawn(
        question: impl FnOnce(File) -> io::Result<()>,
    ) -> Result<Self, WorkerError> {
        let unavailable = |e: Errno| WorkerError::Unavailable(e.into());
        let (answer, writer) = pipe_with(PipeFlags::CLOEXEC).map_err(unavailable)?;
        let parent = Pid::own();
        let mut answer = Some(answer);
        let child = ForkedChild::fork(|| {
            // The child may need this descriptor if few are left.
            answer.take();
            let writer = File::from(writer);
            i32::from(die_with_parent(parent).and_then(|()| question(writer)).is_err())
        })
        .map_err(WorkerError::Unavailable)?;
        // The closure owns `writer`, so `fork` drops the parent's copy. Only the child took `answer`.
        let answer = answer.ok_or_else(|| unavailable(Errno::BADF))?;
        rustix::io::ioctl_fionbio(&answer, true).map_err(unavailable)?;
        Ok(Self { child, pipe: answer, started: Instant::now() })
    }

    /// Waits for more output and appends it; 0 at its end. At the deadline the worker is killed.
    pub(crate) fn read(
        &mut self,
        said: &mut Vec<u8>,
        until: Instant,
    ) -> Result<usize, WorkerError> {
        let mut buffer = [0_u8; 8192];
        loop {
            match rustix::io::read(&self.pipe, &mut buffer) {
                Ok(n) => {
                    said.extend_from_slice(&buffer[..n]);
                    return Ok(n);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    let ready = poll_until(&mut [PollFd::new(&self.pipe, PollFlags::IN)], until)
                        .map_err(WorkerError::Unavailable)?;
                    if !ready {
                        return Err(self.kill());
                    }
                }
                Err(e) => return Err(WorkerError::Unavailable(e.into())),
            }
        }
    }

    /// Waits for its end, after its whole output was read.
    pub(crate) fn wait(&mut self, until: Instant) -> Result<(), WorkerError> {
        match self.wait_exit(until) {
            WorkerError::Died(ExitStatus::Exited(0)) => Ok(()),
            other => Err(other),
        }
    }

    /// Its exit status; it is killed if it does not end.
    pub(crate) fn wait_exit(&mut self, until: Instant) -> WorkerError {
        match self.child.wait(until) {
            // It closed the pipe without ending.
            Ok(ExitStatus::TimedOut) => self.kill(),
            Ok(end) => WorkerError::Died(end),
            Err(e) => WorkerError::Unavailable(e),
        }
    }

    pub(crate) fn kill(&mut self) -> WorkerError {
        self.child.kill();
        // If it can't end now, init reaps it after this process.
        let left = match self.child.wait(Instant::now() + REAP_TIMEOUT) {
            // Slow to die is not left behind.
            Ok(ExitStatus::TimedOut) => Stat::read(self.child.pid())
                .ok()
                .flatten()
                .filter(|stat| stat.state == ProcessState::DiskSleep)
                .map(|stat| stat.id()),
            _ => None,
        };
        WorkerError::TimedOut { survivor: left, waited: self.started.elapsed() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test_deadline() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    #[test]
    fn worker_answer_arrives_whole() {
        let said = run_in_child(test_deadline(), || vec![7; 300_000]).unwrap();
        assert_eq!(said, vec![7; 300_000]);
    }

    #[test]
    fn worker_is_another_process() {
        let said =
            run_in_child(test_deadline(), || std::process::id().to_string().into_bytes()).unwrap();
        assert_ne!(String::from_utf8(said).unwrap(), std::process::id().to_string());
    }

    #[test]
    fn hung_worker_does_not_block_the_caller() {
        let until = Instant::now() + Duration::from_millis(50);
        let error = run_in_child(until, || {
            loop {
                std::thread::park();
            }
        })
        .unwrap_err();
        // Killed and reaped.
        assert!(matches!(error, WorkerError::TimedOut { survivor: None, .. }), "{error}");
        assert!(Instant::now() < until + Duration::from_secs(5));
    }

    #[test]
    fn killed_worker_is_reported_as_died() {
        let error = run_in_child(test_deadline(), || {
            let _ = rustix::process::kill_process(rustix::process::getpid(), crate::Signal::KILL);
            Vec::new()
        })
        .unwrap_err();
        assert!(matches!(error, WorkerError::Died(ExitStatus::Signalled(9))), "{error}");
    }
}
