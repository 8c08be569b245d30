//! Running a command, the one way there is.
//!
//! [`launch`] forks. In the child, before exec, it runs the caller's `prepare`: whatever must be looked up to
//! know what to execute (a file on shared storage) may block there and not in the caller. [`launch_as`] first asks there who the
//! command runs as, and switches to that user before `prepare` looks at anything.
//! exec itself may block as well; `std::process::Command` would wait for it in the parent, which is why it is
//! not used here.
//!
//! The child waits for [`Running::go`] before it does anything. So a caller can write down who the child is first,
//! and if the caller is killed before that, the child ends without having run the command.
//!
//! At the end of its time a command that waits for storage is told from one that waits for something else: what was
//! asked through it has not been asked then. What SIGKILL can't end (state D) is left behind, and named.

mod child;

use crate::credentials::Credentials;
use crate::fork::{Child, End};
use crate::kept::{KEPT, Kept};
use crate::pidfd::{PidFd, wait_for};
use crate::process::{self, Pid, ProcessId, Signal, Stat, State};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What to execute, with nothing of the caller's environment.
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
    /// What it may use, and may not do.
    pub limits: Limits,
}

/// Longest wait for what was killed, on a node where everything is slow.
const DIES_WITHIN: Duration = Duration::from_secs(2);
/// How long it is waited for between two looks.
const A_MOMENT: Duration = Duration::from_millis(50);

/// What a command may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open files (`RLIMIT_NOFILE`), soft and hard; `None`: as many as the caller's hard limit allows.
    pub open_files: Option<u64>,
    /// Processes and threads of its user (`RLIMIT_NPROC`), soft and hard; `None`: the caller's.
    pub processes: Option<u64>,
    /// The permission bits that its new files don't get, of 0777.
    pub umask: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { open_files: None, processes: None, umask: 0o022 }
    }
}

/// In which company the command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Company {
    /// A process group of its own, which dies with the caller, and what is left of it with the command: for questions.
    Group,
    /// A session of its own, and it outlives the caller: for what starts a service.
    Session,
}

/// What became of a command.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub end: End,
    /// What it wrote to stdout and stderr, as far as kept: see [`Running::keeping`].
    pub output: Vec<u8>,
    /// Why it was never executed, or could do nothing: what `prepare` said, or exec, or that it waited for storage when its
    /// time was over.
    pub refused: Option<String>,
    /// When its time was over, did it wait for storage (D)?
    pub waited_for_storage: bool,
    /// What of it SIGKILL could not end: it waits for a device.
    pub left: Vec<ProcessId>,
    /// From [`Running::go`] to the end.
    pub took: Duration,
}

impl Finished {
    /// A command that was executed, ended so, said this and left nothing: also for those who judge commands, to try their judgement on.
    #[must_use]
    pub fn new(end: End, output: impl Into<Vec<u8>>, took: Duration) -> Self {
        Self { end, output: output.into(), refused: None, waited_for_storage: false, left: Vec::new(), took }
    }
}

/// A command under way.
#[derive(Debug)]
pub struct Running {
    child: Child,
    id: ProcessId,
    company: Company,
    go: OwnedFd,
    output: Option<OwnedFd>,
    refusal: OwnedFd,
    kept: Kept,
    since: Instant,
}

/// Forks the child that will `prepare` and execute, as the caller's user.
///
/// # Errors
/// No process, memory or descriptor left.
pub fn launch(company: Company, prepare: impl FnOnce() -> Result<Exec, String>) -> io::Result<Running> {
    fork(company, || Ok((None, Limits::default())), |_| prepare())
}

/// Forks the child that will ask `who` it runs as, switch to that user, and then `prepare` and execute.
///
/// # Errors
/// No process, memory or descriptor left.
pub fn launch_as(
    company: Company,
    who: impl FnOnce() -> Result<RunAs, String>,
    prepare: impl FnOnce(&Credentials) -> Result<Exec, String>,
) -> io::Result<Running> {
    let who = || who().map(|RunAs { user, limits }| (Some(user), limits));
    fork(company, who, |user| prepare(user.ok_or("no user is known to run it")?))
}

fn fork(
    company: Company,
    who: impl FnOnce() -> Result<(Option<Credentials>, Limits), String>,
    prepare: impl FnOnce(Option<&Credentials>) -> Result<Exec, String>,
) -> io::Result<Running> {
    let (gate, go) = pipe_with(PipeFlags::CLOEXEC)?;
    let (output, output_writer) = pipe_with(PipeFlags::CLOEXEC)?;
    let (refusal, refusal_writer) = pipe_with(PipeFlags::CLOEXEC)?;
    let parent = Pid::own();
    let child = Child::fork(move || {
        let why = child::run(company, parent, &gate, &output_writer, who, prepare);
        let _ = rustix::io::write(&refusal_writer, &why.as_bytes()[..why.len().min(4096)]);
        127
    })?;
    let stat = Stat::read(child.pid())?
        .ok_or_else(|| io::Error::other("the child vanished before it was let go"))?;
    rustix::io::ioctl_fionbio(&output, true)?;
    rustix::io::ioctl_fionbio(&refusal, true)?;
    let kept = Kept::new(KEPT);
    Ok(Running {
        child,
        id: stat.id(),
        company,
        go,
        output: Some(output),
        refusal,
        kept,
        since: Instant::now(),
    })
}

/// Waits for the end of a process that was killed, but no longer than for a moment where it waits for a device. Has it ended?
fn ends(id: ProcessId, until: Instant) -> io::Result<bool> {
    let Some(handle) = id.open()? else { return Ok(true) };
    loop {
        if handle.ended_by(until.min(Instant::now() + A_MOMENT))? {
            return Ok(true);
        }
        if Instant::now() >= until || process::any_thread_is(id.pid, State::DiskSleep) {
            return Ok(false);
        }
    }
}

/// What a wait on a running command ended with.
#[derive(Debug)]
pub enum Event {
    /// The command has ended.
    Finished(Finished),
    /// The other process has ended; the command goes on.
    OtherEnded(Running),
    /// The instant is reached; the command goes on.
    Time(Running),
}

impl Running {
    /// The process of the command. Its pid is its process group and, with [`Company::Session`], its session.
    #[must_use]
    pub fn id(&self) -> ProcessId {
        self.id
    }

    /// Keeps up to so many bytes of what it says, instead of 64 KiB. To be called before it says anything.
    #[must_use]
    pub fn keeping(self, longest: usize) -> Self {
        Self { kept: Kept::new(longest), ..self }
    }

    /// Lets the child run.
    ///
    /// # Errors
    /// It has ended: somebody killed it.
    pub fn go(&mut self) -> io::Result<()> {
        self.since = Instant::now();
        rustix::io::write(&self.go, b"!")?;
        Ok(())
    }

    /// Lets it run and waits for its end until the given instant; then its whole group is killed.
    ///
    /// # Errors
    /// What poll(2) and waitpid(2) say.
    pub fn run(mut self, until: Instant) -> io::Result<Finished> {
        self.go()?;
        match self.wait(until, None)? {
            Event::Finished(finished) => Ok(finished),
            Event::OtherEnded(running) | Event::Time(running) => running.kill_group(),
        }
    }

    /// Waits until it ends, `other` ends, or `until` is reached.
    ///
    /// # Errors
    /// What poll(2) and waitpid(2) say.
    pub fn wait(mut self, until: Instant, other: Option<&PidFd>) -> io::Result<Event> {
        loop {
            let output = self.output.as_ref().map(AsFd::as_fd);
            let ended = wait_for([Some(self.child.pidfd()), other], output, until)?;
            self.drain();
            // Also where it writes without end, so that there is always something to read.
            let over = Instant::now() >= until;
            match ended {
                [true, _] => return Ok(Event::Finished(self.finish(Instant::now())?)),
                [_, true] => return Ok(Event::OtherEnded(self)),
                _ if over => return Ok(Event::Time(self)),
                _ => {}
            }
        }
    }

    /// Kills the command with its process group, or alone where it leads a session: that one may hold
    /// the service by now.
    ///
    /// # Errors
    /// What poll(2) and waitpid(2) say.
    pub fn kill_group(mut self) -> io::Result<Finished> {
        let members = self.members();
        let (prevented, on_storage) = self.prevented(&members);
        self.child.kill();
        if self.company == Company::Group {
            let _ = rustix::process::kill_process_group(self.id.pid.as_rustix(), Signal::KILL);
        }
        self.drain();
        let until = Instant::now() + DIES_WITHIN;
        let mut left = Vec::new();
        for member in members {
            // One that waits for a device is left behind; one that is only slow to die is not.
            if !ends(member, until)? && process::any_thread_is(member.pid, State::DiskSleep) {
                left.push(member);
            }
        }
        let mut finished = self.finish(Instant::now())?;
        finished.end = End::TimedOut;
        finished.refused = finished.refused.or(prevented);
        finished.waited_for_storage = on_storage;
        finished.left = left;
        Ok(finished)
    }

    /// What keeps it from doing anything, if that is not its own doing; and is that storage for certain?
    fn prevented(&self, members: &[ProcessId]) -> (Option<String>, bool) {
        let seconds = self.since.elapsed().as_secs();
        // The child closes this pipe when it is executed.
        let executed = rustix::io::read(&self.refusal, &mut [0_u8; 1]) != Err(Errno::AGAIN);
        let waits = |id: &&ProcessId| process::any_thread_is(id.pid, State::DiskSleep);
        let why = match (members.iter().find(waits), executed) {
            (Some(_), false) => format!("storage has not answered for {seconds} s"),
            (Some(id), true) => format!("{id} has waited for storage (D), {seconds} s in all"),
            (None, false) => format!("storage or name service has not answered for {seconds} s"),
            (None, true) => return (None, false),
        };
        (Some(why), members.iter().any(|id| waits(&id)))
    }

    /// The command, and what it has started in its own company.
    fn members(&self) -> Vec<ProcessId> {
        let mut members = vec![self.id];
        if self.company == Company::Group
            && let Ok(all) = process::all()
        {
            let of_group = |stat: &&Stat| stat.group == self.id.pid.as_raw() && stat.id() != self.id;
            members.extend(all.iter().filter(of_group).filter(|stat| !stat.is_dead()).map(Stat::id));
        }
        members
    }

    /// Takes what there is, but not without end from one that writes as fast as it is read.
    fn drain(&mut self) {
        let Some(output) = &self.output else { return };
        let mut buffer = [0_u8; 8192];
        for _ in 0..128 {
            match rustix::io::read(output, &mut buffer) {
                Ok(0) => {
                    self.output = None;
                    return;
                }
                Ok(n) => self.kept.push(&buffer[..n]),
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }

    fn finish(mut self, until: Instant) -> io::Result<Finished> {
        if self.company == Company::Group && self.child.pidfd().ended_by(until)? {
            // It is not reaped yet, so its number can't have become another group's.
            let _ = rustix::process::kill_process_group(self.id.pid.as_rustix(), Signal::KILL);
        }
        let end = self.child.wait(until)?;
        self.drain();
        let mut why = [0_u8; 4096];
        let length = rustix::io::read(&self.refusal, &mut why).unwrap_or(0);
        let refused = (length > 0).then(|| String::from_utf8_lossy(&why[..length]).into_owned());
        Ok(Finished { refused, ..Finished::new(end, self.kept.into_bytes(), self.since.elapsed()) })
    }
}

#[cfg(test)]
mod tests;
