//! Runs one program as Pacemaker's executor runs an agent, and prints its result as JSON.
//!
//! `executor LIMIT-MS UMASK DIRECTORY UID|- PROGRAM [ARGUMENT...]`; the environment is passed on
//! unchanged.
//!
//! Like Pacemaker's executor it gives the program a process group of its own in the session of its
//! caller, and an empty standard input. It reads the output until the program *itself* exits; a
//! daemon that kept the pipe delays nothing. At the timeout the whole group gets SIGKILL, and no
//! other signal before. The executor runs inside the sandbox, so its times include neither the
//! entry into the sandbox nor the test's own load.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use testkit::executor::ExecutorReport;

/// A killed child takes some time to exit. The executor does not wait longer for one that hangs in
/// the kernel.
const REAP_TIMEOUT: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    match run() {
        Ok(report) => {
            println!("{}", serde_json::to_string(&report).expect("a report is plain data"));
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("executor: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExecutorReport, String> {
    let mut arguments = std::env::args_os().skip(1);
    let mut next = |what: &str| arguments.next().ok_or_else(|| format!("{what} is missing"));
    let limit = parse_number(&next("the time limit")?, 10)?;
    let umask = parse_number(&next("the umask")?, 8)?;
    let directory = next("the directory")?;
    let uid = next("the user")?;
    let program = next("the program")?;

    let mut command = Command::new(&program);
    command.args(arguments).current_dir(&directory).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if uid != "-" {
        let uid = u32::try_from(parse_number(&uid, 10)?).map_err(|e| e.to_string())?;
        command.uid(uid).gid(uid);
    }
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(
        u32::try_from(umask).map_err(|e| e.to_string())?,
    ));

    let started = Instant::now();
    let child =
        command.spawn().map_err(|e| format!("{} does not start: {e}", program.display()))?;
    supervise(child, started, Duration::from_millis(limit))
        .map_err(|e| format!("{}: {e}", program.display()))
}

fn parse_number(text: &OsString, radix: u32) -> Result<u64, String> {
    let text = text.to_string_lossy();
    u64::from_str_radix(&text, radix).map_err(|e| format!("{text}: {e}"))
}

/// Reads the child's output until it ends or times out.
fn supervise(mut child: Child, started: Instant, limit: Duration) -> io::Result<ExecutorReport> {
    let pid = Pid::from_child(&child);
    let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
    let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut timed_out = false;
    for pipe in [out.as_ref().map(AsFd::as_fd), err.as_ref().map(AsFd::as_fd)].into_iter().flatten()
    {
        rustix::io::ioctl_fionbio(pipe, true)?;
    }
    let wall = loop {
        let left = limit.saturating_sub(started.elapsed());
        if left.is_zero() && !timed_out {
            timed_out = true;
            kill_process_group(pid, Signal::KILL)?;
        }
        if timed_out && started.elapsed() > limit + REAP_TIMEOUT {
            return Err(io::Error::other(format!("not gone {REAP_TIMEOUT:?} after SIGKILL")));
        }
        let patience = if timed_out { Duration::from_millis(100) } else { left };
        let ended = wait_for_event(pidfd.as_fd(), out.as_ref(), err.as_ref(), patience)?;
        let wall = started.elapsed();
        read_available(&mut out, &mut stdout)?;
        read_available(&mut err, &mut stderr)?;
        if ended {
            break wall;
        }
    };
    let status = child.wait()?;
    Ok(ExecutorReport {
        code: status.code(),
        signal: status.signal(),
        timed_out,
        wall_us: u64::try_from(wall.as_micros()).unwrap_or(u64::MAX),
        most_kib: peak_rss_kib()?,
        stdout: String::from_utf8_lossy(&stdout).into_owned(),
        stderr: String::from_utf8_lossy(&stderr).into_owned(),
    })
}

/// Covers this program and its only child.
fn peak_rss_kib() -> io::Result<u64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    u64::try_from(usage.max_rss()).map_err(io::Error::other)
}

/// Waits for an event; true once the child has ended.
fn wait_for_event(
    pidfd: BorrowedFd<'_>,
    out: Option<&impl AsFd>,
    err: Option<&impl AsFd>,
    patience: Duration,
) -> io::Result<bool> {
    let mut fds = vec![PollFd::from_borrowed_fd(pidfd, PollFlags::IN)];
    fds.extend(out.map(|o| PollFd::new(o, PollFlags::IN)));
    fds.extend(err.map(|e| PollFd::new(e, PollFlags::IN)));
    let patience = Timespec::try_from(patience).map_err(io::Error::other)?;
    match poll(&mut fds, Some(&patience)) {
        Ok(_) => Ok(!fds[0].revents().is_empty()),
        Err(Errno::INTR) => Ok(false),
        Err(e) => Err(e.into()),
    }
}

/// Reads the available data; drops the pipe when its writers are gone.
fn read_available(pipe: &mut Option<impl Read>, into: &mut Vec<u8>) -> io::Result<()> {
    let Some(reader) = pipe else { return Ok(()) };
    match reader.read_to_end(into) {
        Ok(_) => *pipe = None,
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
        Err(e) => return Err(e),
    }
    Ok(())
}
