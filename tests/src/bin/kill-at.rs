//! Runs a program and kills it at one of its system calls.
//!
//! `kill-at N PROGRAM [ARGUMENT...]`: the program gets SIGKILL as it enters its N-th system call,
//! which the kernel then does not execute. The first is the one after execve. The last line on
//! standard output is the result, which [`testkit::KillAtResult`] parses. It names the call at
//! which the program was killed, or its earlier end.
//!
//! ptrace(2) stops at every call of the program itself and at none of its children's. They are not
//! traced, and live on, as they do when Pacemaker's executor loses an agent. The program leads a
//! process group of its own, as under the executor. Environment, umask, directory and descriptors
//! are inherited. If this program is killed, the kernel kills the traced one.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use nix::libc;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{Pid, setpgid};
use testkit::KillAtResult;

/// Replaces the number when this program executes itself as the traced child.
const TRACEE: &str = "tracee";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (first, command) = (arguments.next().unwrap_or_default(), arguments.collect::<Vec<_>>());
    let outcome = if first == TRACEE { become_tracee(&command) } else { run(&first, &command) };
    match outcome {
        Ok(killed) => {
            println!("{killed}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            eprintln!("kill-at: {problem}");
            ExitCode::from(2)
        }
    }
}

fn run(number: &OsString, command: &[OsString]) -> Result<KillAtResult, String> {
    let number: u64 =
        number.to_string_lossy().parse().map_err(|e| format!("{}: {e}", number.display()))?;
    let own = std::env::current_exe().map_err(|e| e.to_string())?;
    // `pre_exec` is unsafe, so this program executes itself to become the traced process.
    let child = Command::new(own).arg(TRACEE).args(command).spawn().map_err(|e| e.to_string())?;
    let pid = Pid::from_raw(i32::try_from(child.id()).map_err(|e| e.to_string())?);
    trace(pid, number)
        .map_err(|e| format!("{}: {e}", command.first().unwrap_or(&OsString::new()).display()))
}

fn become_tracee(command: &[OsString]) -> Result<KillAtResult, String> {
    let [program, arguments @ ..] = command else {
        return Err("the program is missing".to_owned());
    };
    setpgid(Pid::from_raw(0), Pid::from_raw(0)).map_err(|e| e.to_string())?;
    // From here on a successful execve stops this process with SIGTRAP.
    ptrace::traceme().map_err(|e| e.to_string())?;
    Err(format!(
        "{} does not start: {}",
        program.display(),
        Command::new(program).args(arguments).exec()
    ))
}

/// Resumes the program from call to call.
fn trace(pid: Pid, number: u64) -> nix::Result<KillAtResult> {
    let mut calls = 0;
    let mut inside = false;
    let mut begun = false;
    loop {
        let pass_on = match waitpid(pid, None)? {
            WaitStatus::Exited(_, code) => {
                return Ok(KillAtResult::Ended { end: format!("code {code}"), calls });
            }
            WaitStatus::Signaled(_, signal, _) => {
                return Ok(KillAtResult::Ended { end: signal.to_string(), calls });
            }
            WaitStatus::Stopped(_, Signal::SIGTRAP) if !begun => {
                begun = true;
                ptrace::setoptions(
                    pid,
                    Options::PTRACE_O_TRACESYSGOOD | Options::PTRACE_O_EXITKILL,
                )?;
                None
            }
            WaitStatus::Stopped(_, signal) => Some(signal),
            WaitStatus::PtraceSyscall(_) => {
                inside = !inside;
                calls += u64::from(inside);
                if inside && calls == number {
                    let call = syscall_name(pid);
                    kill(pid, Signal::SIGKILL)?;
                    while !matches!(
                        waitpid(pid, None)?,
                        WaitStatus::Signaled(..) | WaitStatus::Exited(..)
                    ) {}
                    return Ok(KillAtResult::KilledAt { number, call });
                }
                None
            }
            _ => None,
        };
        ptrace::syscall(pid, pass_on)?;
    }
}

/// The name of the system call of a stopped process, or its number if the table lacks it.
fn syscall_name(pid: Pid) -> String {
    // The first field is the number. Registers would differ between architectures.
    let line = std::fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
    let number = line.split(' ').next().unwrap_or_default();
    let mut names = NAMES.iter().chain(OLD_NAMES);
    let known =
        number.parse().ok().and_then(|number: i64| names.find(|(known, _)| *known == number));
    known.map_or_else(|| format!("system call {number}"), |(_, name)| (*name).to_owned())
}

macro_rules! names {
    ($($constant:ident $name:literal,)*) => { &[$((libc::$constant, $name)),*] };
}

/// System calls of an agent that every architecture has.
const NAMES: &[(i64, &str)] = names! {
    SYS_brk "brk", SYS_clock_gettime "clock_gettime", SYS_clock_nanosleep "clock_nanosleep", SYS_clone "clone",
    SYS_clone3 "clone3", SYS_close "close", SYS_connect "connect", SYS_execve "execve",
    SYS_exit_group "exit_group", SYS_fchmod "fchmod", SYS_fcntl "fcntl", SYS_fstat "fstat",
    SYS_ftruncate "ftruncate", SYS_getdents64 "getdents64", SYS_getpid "getpid", SYS_getppid "getppid",
    SYS_getrandom "getrandom", SYS_geteuid "geteuid", SYS_getuid "getuid", SYS_ioctl "ioctl", SYS_kill "kill",
    SYS_lseek "lseek", SYS_madvise "madvise", SYS_mkdirat "mkdirat", SYS_mmap "mmap", SYS_mprotect "mprotect",
    SYS_mremap "mremap", SYS_munmap "munmap", SYS_nanosleep "nanosleep", SYS_newfstatat "newfstatat",
    SYS_openat "openat", SYS_pidfd_open "pidfd_open", SYS_pidfd_send_signal "pidfd_send_signal",
    SYS_pipe2 "pipe2", SYS_ppoll "ppoll", SYS_prctl "prctl", SYS_pread64 "pread64", SYS_prlimit64 "prlimit64",
    SYS_read "read", SYS_readlinkat "readlinkat", SYS_renameat "renameat", SYS_renameat2 "renameat2",
    SYS_rseq "rseq", SYS_rt_sigaction "rt_sigaction", SYS_rt_sigprocmask "rt_sigprocmask",
    SYS_sched_getaffinity "sched_getaffinity", SYS_sendto "sendto", SYS_set_robust_list "set_robust_list",
    SYS_set_tid_address "set_tid_address", SYS_sigaltstack "sigaltstack", SYS_socket "socket",
    SYS_statx "statx", SYS_umask "umask", SYS_uname "uname", SYS_unlinkat "unlinkat", SYS_wait4 "wait4",
    SYS_waitid "waitid", SYS_write "write", SYS_writev "writev",
};

/// System calls that only the older architectures have.
#[cfg(target_arch = "x86_64")]
const OLD_NAMES: &[(i64, &str)] = names! {
    SYS_access "access", SYS_arch_prctl "arch_prctl", SYS_fork "fork", SYS_lstat "lstat", SYS_mkdir "mkdir",
    SYS_open "open", SYS_pipe "pipe", SYS_poll "poll", SYS_readlink "readlink", SYS_rename "rename",
    SYS_stat "stat", SYS_unlink "unlink", SYS_vfork "vfork",
};
#[cfg(not(target_arch = "x86_64"))]
const OLD_NAMES: &[(i64, &str)] = &[];
