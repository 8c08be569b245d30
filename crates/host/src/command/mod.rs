//! Runs commands.
//!
//! [`launch`] forks. The child runs the caller's `prepare` before exec, so that lookups on shared storage block the child and not
//! the caller. [`launch_as`] first looks up the user in the child, and switches to it before `prepare`. exec may block as well;
//! `std::process::Command` would wait for it in the parent, so it is not used here.
//!
//! The child waits for [`RunningCommand::release`]. So the caller can record the child first; if the caller is killed before the
//! release, the child ends without running the command.
//!
//! At the deadline, a command that waits for storage is distinguished from one that waits for something else: its query was not
//! made. A process that survives SIGKILL (state D) is left behind and named.

mod child;
mod launch_error;

pub use launch_error::LaunchError;

use crate::bounded_output::{BoundedOutput, DEFAULT_OUTPUT_BYTES};
use crate::credentials::Credentials;
use crate::fork::ForkedChild;
use crate::pidfd::{PidFd, wait_for_any};
use crate::process::{self, ExitStatus, Pid, ProcessId, ProcessState, Signal, Stat};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use std::{fmt, io};

/// What to execute. It inherits nothing of the caller's environment.
#[derive(Clone, Debug)]
pub struct Exec {
    /// The program; no search path is used.
    pub program: PathBuf,
    /// Its arguments, `argv[0]` not among them.
    pub arguments: Vec<OsString>,
    /// Its whole environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Where it runs.
    pub directory: PathBuf,
}

/// Who a command runs as.
#[derive(Clone, Debug)]
pub struct RunAs {
    /// This user.
    pub user: Credentials,
    /// Its limits.
    pub limits: Limits,
}

/// Longest wait for a killed process, even on a slow node.
const REAP_TIMEOUT: Duration = Duration::from_secs(2);
/// Poll interval of that wait.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The limits of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open files (`RLIMIT_NOFILE`), soft and hard; `None`: as many as the caller's hard limit allows.
    pub open_files: Option<u64>,
    /// Processes and threads of its user (`RLIMIT_NPROC`), soft and hard; `None`: the caller's.
    pub processes: Option<u64>,
    /// The umask, of 0777.
    pub umask: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { open_files: None, processes: None, umask: 0o022 }
    }
}

/// The process group or session of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaderOf {
    /// A process group of its own, which dies with the caller and with the command: for queries.
    ProcessGroup,
    /// A session of its own, which outlives the caller: for a command that starts a service.
    Session,
}

/// The result of a command.
#[derive(Debug)]
pub struct FinishedCommand {
    /// How it ended.
    pub exit_status: ExitStatus,
    /// What it wrote to stdout, as far as kept: see [`RunningCommand::with_output_limit`].
    pub stdout: Vec<u8>,
    /// The same of stderr.
    pub stderr: Vec<u8>,
    /// Why it was not executed or could do nothing: the error of `prepare` or exec, or storage on which it waited at its
    /// deadline.
    pub launch_error: Option<LaunchError>,
    /// Whether it waited for storage (D) at its deadline.
    pub waited_for_storage: bool,
    /// The process that survived SIGKILL (state D).
    pub survivors: Vec<ProcessId>,
    /// From [`RunningCommand::release`] to the end.
    pub elapsed: Duration,
}

impl FinishedCommand {
    /// A command that was executed, wrote nothing to stderr and left no process; also for tests of code that judges commands.
    #[must_use]
    pub fn new(end: ExitStatus, stdout: impl Into<Vec<u8>>, took: Duration) -> Self {
        Self {
            exit_status: end,
            stdout: stdout.into(),
            stderr: Vec::new(),
            launch_error: None,
            waited_for_storage: false,
            survivors: Vec::new(),
            elapsed: took,
        }
    }

    /// stdout, and then stderr on lines of its own: for a command of which it is not known what it writes where. Which came first is not
    /// known.
    #[must_use]
    pub fn output(&self) -> Vec<u8> {
        let mut output = self.stdout.clone();
        if !self.stderr.is_empty() && output.last().is_some_and(|&last| last != b'\n') {
            output.push(b'\n');
        }
        output.extend_from_slice(&self.stderr);
        output
    }

    /// Why it was not executed, else how it ended.
    #[must_use]
    pub fn outcome(&self) -> &dyn fmt::Display {
        self.launch_error.as_ref().map_or(&self.exit_status, |error| error)
    }
}

/// A running command.
#[derive(Debug)]
pub struct RunningCommand {
    child: ForkedChild,
    id: ProcessId,
    leader_of: LeaderOf,
    release: OwnedFd,
    stdout: CapturedStream,
    stderr: CapturedStream,
    error_pipe: OwnedFd,
    launch_error: Option<LaunchError>,
    released_at: Instant,
}

/// stdout or stderr of a command.
#[derive(Debug)]
struct CapturedStream {
    /// `None`: its end was read.
    pipe: Option<OwnedFd>,
    kept: BoundedOutput,
}

impl CapturedStream {
    fn new(pipe: OwnedFd) -> Self {
        Self { pipe: Some(pipe), kept: BoundedOutput::new(DEFAULT_OUTPUT_BYTES) }
    }

    /// Reads what is available, but not for ever from a command that writes as fast as this reads.
    fn drain(&mut self) {
        let Some(pipe) = &self.pipe else { return };
        let mut buffer = [0_u8; 8192];
        for _ in 0..128 {
            match rustix::io::read(pipe, &mut buffer) {
                Ok(0) => {
                    self.pipe = None;
                    return;
                }
                Ok(n) => self.kept.push(&buffer[..n]),
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }
}

/// Forks the child that will `prepare` and execute, as the caller's user.
///
/// # Errors
/// No process, memory or descriptor left.
pub fn launch(
    leader_of: LeaderOf,
    prepare: impl FnOnce() -> Result<Exec, String>,
) -> io::Result<RunningCommand> {
    fork_child(leader_of, || Ok((None, Limits::default())), |_| prepare())
}

/// Forks the child that will ask `who` it runs as, switch to that user, and then `prepare` and execute.
///
/// # Errors
/// No process, memory or descriptor left.
pub fn launch_as(
    leader_of: LeaderOf,
    run_as: impl FnOnce() -> Result<RunAs, String>,
    prepare: impl FnOnce(&Credentials) -> Result<Exec, String>,
) -> io::Result<RunningCommand> {
    let user_and_limits = || run_as().map(|RunAs { user, limits }| (Some(user), limits));
    fork_child(leader_of, user_and_limits, |user| {
        prepare(user.ok_or("no user is known to run it")?)
    })
}

fn fork_child(
    leader_of: LeaderOf,
    run_as: impl FnOnce() -> Result<(Option<Credentials>, Limits), String>,
    prepare: impl FnOnce(Option<&Credentials>) -> Result<Exec, String>,
) -> io::Result<RunningCommand> {
    let (barrier, release) = pipe_with(PipeFlags::CLOEXEC)?;
    let (stdout, stdout_writer) = pipe_with(PipeFlags::CLOEXEC)?;
    let (stderr, stderr_writer) = pipe_with(PipeFlags::CLOEXEC)?;
    let (refusal, refusal_writer) = pipe_with(PipeFlags::CLOEXEC)?;
    let parent = Pid::own();
    let child = ForkedChild::fork(move || {
        let output = [&stdout_writer, &stderr_writer];
        let error = child::prepare_and_exec(leader_of, parent, &barrier, output, run_as, prepare);
        let _ = rustix::io::write(&refusal_writer, &error.to_message());
        127
    })?;
    let stat = Stat::read(child.pid())?
        .ok_or_else(|| io::Error::other("the child vanished before it was let go"))?;
    for pipe in [&stdout, &stderr, &refusal] {
        rustix::io::ioctl_fionbio(pipe, true)?;
    }
    Ok(RunningCommand {
        child,
        id: stat.id(),
        leader_of,
        release,
        stdout: CapturedStream::new(stdout),
        stderr: CapturedStream::new(stderr),
        error_pipe: refusal,
        launch_error: None,
        released_at: Instant::now(),
    })
}

/// Waits for the end of a killed process, only briefly if it is in state D. Returns whether it has ended.
fn wait_for_killed(id: ProcessId, until: Instant) -> io::Result<bool> {
    let Some(handle) = id.open()? else { return Ok(true) };
    loop {
        if handle.wait_for_end(until.min(Instant::now() + POLL_INTERVAL))? {
            return Ok(true);
        }
        if Instant::now() >= until || process::any_thread_in_state(id.pid, ProcessState::DiskSleep)
        {
            return Ok(false);
        }
    }
}

/// How a wait for a running command ended.
#[derive(Debug)]
pub enum CommandEvent {
    /// The command has ended.
    Finished(FinishedCommand),
    /// The other process has ended; the command goes on.
    OtherEnded(RunningCommand),
    /// The instant is reached; the command goes on.
    DeadlineReached(RunningCommand),
}

impl RunningCommand {
    /// The process of the command. Its pid is its process group and, with [`LeaderOf::Session`], its session.
    #[must_use]
    pub fn id(&self) -> ProcessId {
        self.id
    }

    /// Keeps up to so many bytes of stdout, and as many of stderr, instead of 64 KiB. Call this before the release.
    #[must_use]
    pub fn with_output_limit(mut self, longest: usize) -> Self {
        for stream in [&mut self.stdout, &mut self.stderr] {
            stream.kept = BoundedOutput::new(longest);
        }
        self
    }

    /// Lets the child run.
    ///
    /// # Errors
    /// It has ended: somebody killed it.
    pub fn release(&mut self) -> io::Result<()> {
        self.released_at = Instant::now();
        rustix::io::write(&self.release, b"!")?;
        Ok(())
    }

    /// Lets it run and waits for its end until the given instant; then its whole group is killed.
    ///
    /// # Errors
    /// What poll(2) and waitpid(2) say.
    pub fn run_until(mut self, until: Instant) -> io::Result<FinishedCommand> {
        self.release()?;
        match self.wait(until, None)? {
            CommandEvent::Finished(finished) => Ok(finished),
            CommandEvent::OtherEnded(running) | CommandEvent::DeadlineReached(running) => {
                running.kill()
            }
        }
    }

    /// Waits until it ends, `other` ends, or `until` is reached.
    ///
    /// # Errors
    /// What poll(2) and waitpid(2) say.
    pub fn wait(mut self, until: Instant, other: Option<&PidFd>) -> io::Result<CommandEvent> {
        loop {
            let open =
                [&self.stdout, &self.stderr].into_iter().filter_map(|stream| stream.pipe.as_ref());
            let open: Vec<_> = open.map(AsFd::as_fd).collect();
            let ended = wait_for_any([Some(self.child.pidfd()), other], &open, until)?;
            self.drain_output();
            // Also where it writes without end, so that there is always something to read.
            let over = Instant::now() >= until;
            match ended {
                [true, _] => return Ok(CommandEvent::Finished(self.collect(Instant::now())?)),
                [_, true] => return Ok(CommandEvent::OtherEnded(self)),
                _ if over => return Ok(CommandEvent::DeadlineReached(self)),
                _ => {}
            }
        }
    }

    /// Kills the command with its process group, or alone where it leads a session: that one may hold
    /// the service by now.
    ///
    /// # Errors
    /// What poll(2) and waitpid(2) say.
    pub fn kill(mut self) -> io::Result<FinishedCommand> {
        let members = self.group_members();
        let (prevented, on_storage) = self.blocked_by(&members);
        self.child.kill();
        if self.leader_of == LeaderOf::ProcessGroup {
            let _ = rustix::process::kill_process_group(self.id.pid.as_rustix(), Signal::KILL);
        }
        self.drain_output();
        let until = Instant::now() + REAP_TIMEOUT;
        let mut left = Vec::new();
        for member in members {
            // One that waits for a device is left behind; one that is only slow to die is not.
            if !wait_for_killed(member, until)?
                && process::any_thread_in_state(member.pid, ProcessState::DiskSleep)
            {
                left.push(member);
            }
        }
        let mut finished = self.collect(Instant::now())?;
        finished.exit_status = ExitStatus::TimedOut;
        finished.launch_error = finished.launch_error.or(prevented);
        finished.waited_for_storage = on_storage;
        finished.survivors = left;
        Ok(finished)
    }

    /// What blocks the command from outside; and whether that certainly is storage.
    fn blocked_by(&mut self, members: &[ProcessId]) -> (Option<LaunchError>, bool) {
        let seconds = self.released_at.elapsed().as_secs();
        let waits = |id: &&ProcessId| process::any_thread_in_state(id.pid, ProcessState::DiskSleep);
        let waiting = members.iter().find(waits).copied();
        let why = match (waiting, self.read_launch_error()) {
            (on_storage, Err(Errno::AGAIN)) => {
                Some(LaunchError::NotExecutedInTime { seconds, on_storage: on_storage.is_some() })
            }
            (Some(process), _) => Some(LaunchError::WaitedForStorage { process, seconds }),
            (None, _) => None,
        };
        (why, waiting.is_some())
    }

    /// Reads what the child says of its launch, once. Err(AGAIN): it is still to execute the command, for then its end of the pipe is
    /// closed.
    fn read_launch_error(&mut self) -> Result<(), Errno> {
        if self.launch_error.is_none() {
            let mut message = [0_u8; launch_error::MAX_MESSAGE_BYTES];
            let length = rustix::io::read(&self.error_pipe, &mut message)?;
            self.launch_error = LaunchError::from_message(&message[..length]);
        }
        Ok(())
    }

    /// The command, and its descendants in its group or session.
    fn group_members(&self) -> Vec<ProcessId> {
        let mut members = vec![self.id];
        if self.leader_of == LeaderOf::ProcessGroup
            && let Ok(all) = process::snapshot()
        {
            let of_group =
                |stat: &&Stat| stat.process_group == self.id.pid.as_raw() && stat.id() != self.id;
            members
                .extend(all.iter().filter(of_group).filter(|stat| !stat.is_dead()).map(Stat::id));
        }
        members
    }

    fn drain_output(&mut self) {
        self.stdout.drain();
        self.stderr.drain();
    }

    fn collect(mut self, until: Instant) -> io::Result<FinishedCommand> {
        if self.leader_of == LeaderOf::ProcessGroup && self.child.pidfd().wait_for_end(until)? {
            // It is not reaped yet, so its number can't have become another group's.
            let _ = rustix::process::kill_process_group(self.id.pid.as_rustix(), Signal::KILL);
        }
        let end = self.child.wait(until)?;
        self.drain_output();
        // A child that was killed has said nothing.
        let _ = self.read_launch_error();
        Ok(FinishedCommand {
            launch_error: self.launch_error,
            stderr: self.stderr.kept.into_bytes(),
            ..FinishedCommand::new(end, self.stdout.kept.into_bytes(), self.released_at.elapsed())
        })
    }
}

#[cfg(test)]
mod tests;
