//! Running a command, the one way there is.
//!
//! [`launch`] forks. In the child, before exec, it runs the caller's `prepare`: whatever must be looked up to
//! know what to execute (a user, the owner of a file on shared storage) may block there and not in the caller.
//! exec itself may block as well; `std::process::Command` would wait for it in the parent, which is why it is
//! not used here.
//!
//! The child waits for [`Running::go`] before it does anything. So a caller can write down who the child is first,
//! and if the caller is killed before that, the child ends without having run the command.

use crate::credentials::Credentials;
use crate::fork::{Child, End};
use crate::kept::Kept;
use crate::pidfd::PidFd;
use crate::process::{Pid, ProcessId, Signal, Stat};
use crate::wait::poll_until;
use rustix::event::{PollFd, PollFlags};
use rustix::fd::OwnedFd;
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Resource, Rlimit};
use std::convert::Infallible;
use std::ffi::{CString, OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
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
    /// Who it runs as; `None`: as the caller.
    pub user: Option<Credentials>,
}

/// In which company the command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Company {
    /// A process group of its own, and it dies with the caller: for questions.
    Group,
    /// A session of its own, and it outlives the caller: for what starts a service.
    Session,
}

/// What became of a command.
#[derive(Debug)]
pub struct Finished {
    /// How it ended.
    pub end: End,
    /// What it wrote to stdout and stderr, as far as kept.
    pub output: Vec<u8>,
    /// Why it was never executed: what `prepare` said, or exec.
    pub refused: Option<String>,
    /// From [`Running::go`] to the end.
    pub took: Duration,
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

/// Forks the child that will `prepare` and execute.
///
/// # Errors
/// No process, memory or descriptor left.
pub fn launch(company: Company, prepare: impl FnOnce() -> Result<Exec, String>) -> io::Result<Running> {
    let (gate, go) = pipe_with(PipeFlags::CLOEXEC)?;
    let (output, output_writer) = pipe_with(PipeFlags::CLOEXEC)?;
    let (refusal, refusal_writer) = pipe_with(PipeFlags::CLOEXEC)?;
    let parent = Pid::own();
    let child = Child::fork(move || {
        let why = in_child(company, parent, &gate, &output_writer, prepare);
        let _ = rustix::io::write(&refusal_writer, &why.as_bytes()[..why.len().min(4096)]);
        127
    })?;
    let stat = Stat::read(child.pid())?
        .ok_or_else(|| io::Error::other("the child vanished before it was let go"))?;
    rustix::io::ioctl_fionbio(&output, true)?;
    rustix::io::ioctl_fionbio(&refusal, true)?;
    let kept = Kept::default();
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

/// All that the child does. It comes back only with the reason why there was no exec.
fn in_child(
    company: Company,
    parent: Pid,
    gate: &OwnedFd,
    output: &OwnedFd,
    prepare: impl FnOnce() -> Result<Exec, String>,
) -> String {
    let attempt = || -> Result<(), String> {
        // Until it is let go it must not outlive the caller: it would be a start that nobody knows of.
        die_with(parent).map_err(|e| e.to_string())?;
        match company {
            Company::Group => rustix::process::setpgid(None, None).map_err(|e| e.to_string())?,
            Company::Session => drop(rustix::process::setsid().map_err(|e| e.to_string())?),
        }
        while rustix::io::read(gate, &mut [0_u8]) == Err(Errno::INTR) {}
        if company == Company::Session {
            rustix::process::set_parent_process_death_signal(None).map_err(|e| e.to_string())?;
        }
        let exec = prepare()?;
        let program = exec.program.display();
        let Err(error) = execute(&exec, company, parent, output);
        Err(match error.kind() {
            io::ErrorKind::NotFound => format!("{program} does not exist"),
            _ => format!("{program} can't be executed: {error}"),
        })
    };
    attempt().err().unwrap_or_default()
}

/// SIGKILL when the parent ends; the process ends at once if it has ended already.
fn die_with(parent: Pid) -> io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    if rustix::process::getppid() == Some(parent.as_rustix()) {
        return Ok(());
    }
    Err(io::Error::other("the caller has ended"))
}

/// Puts the process into the state that the command expects, and executes it.
fn execute(exec: &Exec, company: Company, parent: Pid, output: &OwnedFd) -> io::Result<Infallible> {
    rustix::stdio::dup2_stdout(output)?;
    rustix::stdio::dup2_stderr(output)?;
    rustix::process::umask(Mode::WGRP | Mode::WOTH);
    inherit_nothing();
    // The cluster's daemons are protected from the kernel's out-of-memory killer; what they start need not be.
    let _ = std::fs::write("/proc/self/oom_score_adj", "0");
    // pacemaker.service has systemd's default of 1024 open files, soft; a JVM wants what is allowed.
    let files = rustix::process::getrlimit(Resource::Nofile);
    let _ = rustix::process::setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files });
    if let Some(user) = &exec.user {
        user.become_them()?;
    }
    std::env::set_current_dir(&exec.directory)?;
    if company == Company::Group {
        // Again: a change of user clears it.
        die_with(parent)?;
    }
    let c = |text: &OsStr| CString::new(text.as_bytes()).map_err(io::Error::from);
    let mut arguments = vec![c(exec.program.as_os_str())?];
    for argument in &exec.arguments {
        arguments.push(c(argument)?);
    }
    let mut environment = Vec::new();
    for (name, value) in &exec.environment {
        let mut entry = name.clone();
        entry.push("=");
        entry.push(value);
        environment.push(c(&entry)?);
    }
    Ok(nix::unistd::execve(&arguments[0], &arguments, &environment)?)
}

/// Signals as a fresh process has them (Rust's runtime ignores SIGPIPE, which exec would hand on), and no
/// descriptor above stderr.
fn inherit_nothing() {
    use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal as NixSignal, sigprocmask};
    let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None);
    for signal in NixSignal::iterator() {
        // SAFETY: SigDfl installs no handler, so no code runs in a signal's context.
        #[expect(unsafe_code, reason = "signal(2) is unsafe for handlers, of which there is none")]
        let _ = unsafe { nix::sys::signal::signal(signal, SigHandler::SigDfl) };
    }
    // By number: glibc has the function only since 2.34, and the agents are to run on older ones.
    // SAFETY: the flag closes nothing now; descriptors are marked to be closed at exec, which is what follows.
    #[expect(unsafe_code, reason = "close_range(2) has no wrapper in nix or rustix")]
    let marked = unsafe {
        nix::libc::syscall(nix::libc::SYS_close_range, 3_u32, u32::MAX, nix::libc::CLOSE_RANGE_CLOEXEC)
    };
    if marked != 0 {
        mark_one_by_one();
    }
}

/// For kernels before 5.11, which don't know the flag.
fn mark_one_by_one() {
    let Ok(descriptors) = std::fs::read_dir("/proc/self/fd") else { return };
    let numbers = descriptors.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    for number in numbers.filter(|&number| number > 2) {
        // SAFETY: fcntl(2) with F_SETFD takes a number, and an open or a closed one does no harm; no memory is involved.
        #[expect(unsafe_code, reason = "a descriptor that is nobody's in this program has no safe type")]
        let _ = unsafe { nix::libc::fcntl(number, nix::libc::F_SETFD, nix::libc::FD_CLOEXEC) };
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
            let mut fds = vec![PollFd::new(self.child.pidfd(), PollFlags::IN)];
            fds.extend(other.map(|fd| PollFd::new(fd, PollFlags::IN)));
            fds.extend(self.output.as_ref().map(|fd| PollFd::new(fd, PollFlags::IN)));
            let ready = poll_until(&mut fds, until)?;
            let ended = !fds[0].revents().is_empty();
            let other_ended = other.is_some() && !fds[1].revents().is_empty();
            drop(fds);
            self.drain();
            if ended {
                return Ok(Event::Finished(self.finish(Instant::now())?));
            } else if other_ended {
                return Ok(Event::OtherEnded(self));
            } else if !ready {
                return Ok(Event::Time(self));
            }
        }
    }

    /// Kills the command with its process group, or alone where it leads a session: that one may hold
    /// the service by now.
    ///
    /// # Errors
    /// What poll(2) and waitpid(2) say.
    pub fn kill_group(mut self) -> io::Result<Finished> {
        self.child.kill();
        if self.company == Company::Group {
            let _ = rustix::process::kill_process_group(self.id.pid.as_rustix(), Signal::KILL);
        }
        self.drain();
        // It may be in a sleep that no signal ends; then it is left behind.
        let mut finished = self.finish(Instant::now() + Duration::from_millis(50))?;
        finished.end = End::TimedOut;
        Ok(finished)
    }

    fn drain(&mut self) {
        let Some(output) = &self.output else { return };
        let mut buffer = [0_u8; 8192];
        loop {
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
        let end = self.child.wait(until)?;
        self.drain();
        let mut why = [0_u8; 4096];
        let length = rustix::io::read(&self.refusal, &mut why).unwrap_or(0);
        let refused = (length > 0).then(|| String::from_utf8_lossy(&why[..length]).into_owned());
        Ok(Finished { end, output: self.kept.into_bytes(), refused, took: self.since.elapsed() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    fn shell(script: &str) -> Exec {
        Exec {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), script.into()],
            environment: vec![("PATH".into(), "/usr/bin:/bin".into()), ("GREETING".into(), "hello".into())],
            directory: "/".into(),
            user: None,
        }
    }

    fn run(script: &'static str) -> Finished {
        launch(Company::Group, move || Ok(shell(script))).unwrap().run(soon()).unwrap()
    }

    #[test]
    fn code_output_and_environment_are_the_commands() {
        let finished = run("echo $GREETING; echo oops >&2; env | wc -l; umask; pwd; exit 7");
        assert_eq!(finished.end, End::Exited(7));
        // PATH, GREETING, and PWD, which the shell adds.
        assert_eq!(String::from_utf8(finished.output).unwrap(), "hello\noops\n3\n0022\n/\n");
        assert_eq!(finished.refused, None);
    }

    #[test]
    fn a_signal_is_told_from_a_code() {
        assert_eq!(run("kill -9 $$").end, End::Signalled(9));
    }

    #[test]
    fn the_command_leads_a_group_or_a_session() {
        for company in [Company::Group, Company::Session] {
            let running = launch(company, || {
                Ok(shell("read -r a b c d group session e < /proc/$$/stat; echo $group $session"))
            })
            .unwrap();
            let pid = running.id().pid;
            let output = String::from_utf8(running.run(soon()).unwrap().output).unwrap();
            let ids: Vec<i32> = output.split_whitespace().map(|n| n.parse().unwrap()).collect();
            assert_eq!(ids[0], pid.as_raw());
            assert_eq!(ids[1] == pid.as_raw(), company == Company::Session);
        }
    }

    #[test]
    fn nothing_runs_before_go() {
        let dir = tempfile::tempdir().unwrap();
        let ran = dir.path().join("ran");
        let script = format!("touch {}", ran.display());
        let running = launch(Company::Session, || Ok(shell(&script))).unwrap();
        let id = running.id();
        running.kill_group().unwrap();
        assert_eq!(id.stat().unwrap(), None);
        assert!(!ran.exists());
    }

    #[test]
    fn a_descriptor_of_the_callers_does_not_reach_the_command() {
        let file = std::fs::File::open("/dev/null").unwrap();
        rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&file);
        let script = format!("[ -e /proc/$$/fd/{number} ] && echo inherited");
        let ran = launch(Company::Group, || Ok(shell(&script))).unwrap().run(soon()).unwrap();
        assert_eq!(ran.output, b"");
        mark_one_by_one();
        assert!(rustix::io::fcntl_getfd(&file).unwrap().contains(rustix::io::FdFlags::CLOEXEC));
    }

    #[test]
    fn a_command_that_hangs_is_ended_with_its_children() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        let script = format!("sleep 1000 & echo $!; mkfifo {0}; cat {0}", fifo.display());
        let mut running = launch(Company::Group, || Ok(shell(&script))).unwrap();
        running.go().unwrap();
        // The FIFO is there: the sleep was started before.
        let until = soon();
        while !fifo.exists() {
            assert!(Instant::now() < until, "the command never came to its FIFO");
            let Event::Time(same) = running.wait(Instant::now() + Duration::from_millis(5), None).unwrap()
            else {
                panic!("it ended")
            };
            running = same;
        }
        let finished = running.kill_group().unwrap();
        assert_eq!(finished.end, End::TimedOut);
        let sleeper: i32 = String::from_utf8(finished.output).unwrap().trim().parse().unwrap();
        let sleeper = Pid::new(sleeper).unwrap();
        let until = soon();
        while Stat::read(sleeper).unwrap().is_some_and(|s| !s.is_dead()) {
            assert!(Instant::now() < until, "the child of the command lives");
            crate::pause(Duration::from_millis(5), until);
        }
    }

    #[test]
    fn output_is_read_to_the_end_of_the_command_not_of_the_pipe() {
        let begun = Instant::now();
        // The sleeper keeps the pipe open. It is in the command's group, which ends with the test below.
        let finished = run("sleep 1000 & echo $!");
        assert_eq!(finished.end, End::Exited(0));
        assert!(begun.elapsed() < Duration::from_secs(15));
        let sleeper: i32 = String::from_utf8(finished.output).unwrap().trim().parse().unwrap();
        let sleeper = Stat::read(Pid::new(sleeper).unwrap()).unwrap().unwrap().id();
        sleeper.open().unwrap().unwrap().signal(Signal::KILL).unwrap();
    }

    #[test]
    fn megabytes_are_read_and_bounded() {
        let finished = run("echo first; head -c 5000000 /dev/zero | tr '\\0' x; echo; echo last");
        assert_eq!(finished.end, End::Exited(0));
        let text = String::from_utf8(finished.output).unwrap();
        assert!(text.len() < crate::kept::KEPT + 100, "{}", text.len());
        assert!(text.starts_with("first\n") && text.ends_with("\nlast\n"));
        assert!(text.contains("bytes left out"));
    }

    #[test]
    fn what_prevents_the_command_is_said() {
        let finished =
            launch(Company::Group, || Err("mz_home: not there".into())).unwrap().run(soon()).unwrap();
        assert_eq!(finished.refused.as_deref(), Some("mz_home: not there"));

        let missing = Exec { program: "/no/such/program".into(), ..shell("") };
        let finished = launch(Company::Group, || Ok(missing)).unwrap().run(soon()).unwrap();
        assert_eq!(finished.refused.as_deref(), Some("/no/such/program does not exist"));

        let directory = Exec { program: Path::new("/etc").into(), ..shell("") };
        let finished = launch(Company::Group, || Ok(directory)).unwrap().run(soon()).unwrap();
        assert!(finished.refused.unwrap().starts_with("/etc can't be executed: "));
    }

    #[test]
    fn a_preparation_that_hangs_does_not_hold_the_caller() {
        let begun = Instant::now();
        let hung = launch(Company::Group, || {
            loop {
                std::thread::park();
            }
        })
        .unwrap();
        let finished = hung.run(begun + Duration::from_millis(50)).unwrap();
        assert_eq!(finished.end, End::TimedOut);
        assert!(begun.elapsed() < Duration::from_secs(10));
    }
}
