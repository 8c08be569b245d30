//! What the forked child does until it is the command.

use super::{Exec, LaunchError, LeaderOf, Limits};
use crate::credentials::Credentials;
use crate::fork::die_with_parent;
use crate::process::Pid;
use rustix::fd::OwnedFd;
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit};
use std::convert::Infallible;
use std::ffi::{CString, OsStr};
use std::io;
use std::os::unix::ffi::OsStrExt;

/// Runs in the child. Returns only if exec failed, with the error.
pub(super) fn prepare_and_exec(
    leader_of: LeaderOf,
    parent: Pid,
    barrier: &OwnedFd,
    output: [&OwnedFd; 2],
    run_as: impl FnOnce() -> Result<(Option<Credentials>, Limits), String>,
    prepare: impl FnOnce(Option<&Credentials>) -> Result<Exec, String>,
) -> LaunchError {
    let attempt = || -> Result<Infallible, LaunchError> {
        // Before the release it must not outlive the caller: nobody would know of this start.
        die_with_parent(parent).map_err(|e| e.to_string())?;
        match leader_of {
            LeaderOf::ProcessGroup => {
                rustix::process::setpgid(None, None).map_err(|e| e.to_string())?;
            }
            LeaderOf::Session => drop(rustix::process::setsid().map_err(|e| e.to_string())?),
        }
        while rustix::io::read(barrier, &mut [0_u8]) == Err(Errno::INTR) {}
        if leader_of == LeaderOf::Session {
            rustix::process::set_parent_process_death_signal(None).map_err(|e| e.to_string())?;
        }
        let (user, limits) = run_as()?;
        set_up_process(&limits, output).map_err(|e| e.to_string())?;
        if let Some(user) = &user {
            user.switch_user().map_err(|e| format!("can't switch to user {}: {e}", user.name))?;
        }
        let exec = prepare(user.as_ref())?;
        exec_command(exec, leader_of, parent)
    };
    let Err(error) = attempt();
    error
}

/// Puts the process into the state that the command expects, as far as that takes the caller's rights.
fn set_up_process(limits: &Limits, [stdout, stderr]: [&OwnedFd; 2]) -> io::Result<()> {
    rustix::stdio::dup2_stdout(stdout)?;
    rustix::stdio::dup2_stderr(stderr)?;
    rustix::process::umask(Mode::from_raw_mode(limits.umask & 0o777));
    reset_signals_and_descriptors();
    // The cluster's daemons are protected from the kernel's out-of-memory killer; what they start need not be.
    let _ = std::fs::write("/proc/self/oom_score_adj", "0");
    set_limits(limits);
    Ok(())
}

fn exec_command(exec: Exec, leader_of: LeaderOf, parent: Pid) -> Result<Infallible, LaunchError> {
    let Exec { program, directory, .. } = exec;
    if let Err(errno) = rustix::process::chdir(&directory) {
        return Err(LaunchError::DirectoryUnusable { directory, errno: errno.raw_os_error() });
    }
    if leader_of == LeaderOf::ProcessGroup {
        // Again: a change of user clears it.
        die_with_parent(parent).map_err(|e| e.to_string())?;
    }
    let c = |text: &OsStr| {
        CString::new(text.as_bytes())
            .map_err(|e| format!("{} can't be executed: {e}", program.display()))
    };
    let mut arguments = vec![c(program.as_os_str())?];
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
    let Err(error) = nix::unistd::execve(&arguments[0], &arguments, &environment);
    Err(match error {
        nix::errno::Errno::ENOENT => LaunchError::NotFound { program },
        errno => LaunchError::NotExecutable { program, errno: errno as i32 },
    })
}

/// Sets the limits, as far as the kernel lets the caller: root may raise them.
fn set_limits(limits: &Limits) {
    let files = rustix::process::getrlimit(Resource::Nofile);
    let files = match limits.open_files {
        Some(number) => soft_and_hard(number),
        // pacemaker.service has systemd's default of 1024 open files, soft; a JVM wants what is allowed.
        None => Rlimit { current: files.maximum, ..files },
    };
    let _ = rustix::process::setrlimit(Resource::Nofile, files);
    if let Some(number) = limits.processes {
        let _ = rustix::process::setrlimit(Resource::Nproc, soft_and_hard(number));
    }
}

fn soft_and_hard(number: u64) -> Rlimit {
    Rlimit { current: Some(number), maximum: Some(number) }
}

/// Signals as a fresh process has them (Rust's runtime ignores SIGPIPE, which exec would hand on), and no
/// descriptor above stderr.
fn reset_signals_and_descriptors() {
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
        nix::libc::syscall(
            nix::libc::SYS_close_range,
            3_u32,
            u32::MAX,
            nix::libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    if marked != 0 {
        set_cloexec_one_by_one();
    }
}

/// Longest list of descriptors that is gone through without knowing which there are.
const MAX_DESCRIPTORS: i32 = 1 << 16;

/// For kernels before 5.11, which don't know the flag.
pub(super) fn set_cloexec_one_by_one() {
    let numbers: Vec<i32> = if let Ok(listed) = std::fs::read_dir("/proc/self/fd") {
        listed.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
    } else {
        // None is left for the directory: then all that there can be are in use.
        let limit = rustix::process::getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        (0..i32::try_from(limit).unwrap_or(i32::MAX).min(MAX_DESCRIPTORS)).collect()
    };
    for number in numbers.into_iter().filter(|&number| number > 2) {
        #[expect(
            unsafe_code,
            reason = "a descriptor that is nobody's in this program has no safe type"
        )]
        // SAFETY: fcntl(2) with F_SETFD takes a number, and an open or a closed one does no harm; no memory is involved.
        let _ = unsafe { nix::libc::fcntl(number, nix::libc::F_SETFD, nix::libc::FD_CLOEXEC) };
    }
}
