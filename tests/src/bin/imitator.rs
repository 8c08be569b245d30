//! A program that imitates another one: any name, arguments and user, and any state of a JVM.
//!
//! `imitator FILE PROGRAM [ARGUMENT...]` executes PROGRAM, which is a copy of this program under
//! another name. The first ARGUMENT becomes its `argv[0]`. FILE has the steps, one per line, which
//! it then takes. They go into its environment (`IMITATE`), because the arguments belong to the
//! imitation. After the last step it waits for ever.
//!
//! | step | does |
//! |---|---|
//! | `ignore NAME...`, `default NAME...` | ignores these signals, or restores their default |
//! | `await` | waits for SIGUSR1, which is blocked from the start and so never comes too early |
//! | `run LINE` | runs this line in a shell in the background |
//! | `read FILE`, `hold FILE` | reads a file; keeps a file open |
//! | `map FILE` | writes to a shared mapping of the file |
//! | `unmap` | replaces the mapping; its memory is locked until the file is written |
//! | `pad BYTES` | executes itself again with this many more bytes of arguments |
//! | `fork N` | forks N processes, each the child of the one before; the caller continues |
//! | `many N` | forks N children, which take the other steps; the caller waits for ever |
//! | `zombie_leader` | ends its main thread; another lives on (a zombie thread-group leader) |
//! | `kill` | kills itself |
//! These states need raw system calls, hence the `unsafe` blocks. Only `zombie_leader`, which must
//! be the last step, starts a second thread.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::fd::IntoRawFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::ptr;
use std::thread;

use nix::libc;
use nix::sys::signal::{SigHandler, SigSet, SigmaskHow, Signal, kill, signal, sigprocmask};
use nix::unistd::{ForkResult, Pid, fork, pause};

/// The variable with the steps.
const STEPS_VARIABLE: &str = "IMITATE";
/// The longest argument of `pad`: the kernel accepts at most 128 KiB in one argument.
const MAX_ARGUMENT_BYTES: usize = 100 << 10;
const PAGE: usize = 4096;

fn main() -> ExitCode {
    let outcome =
        std::env::var(STEPS_VARIABLE).map_or_else(|_| exec_with_steps(), |steps| run_steps(&steps));
    if let Err(problem) = outcome {
        eprintln!("imitator: {problem}");
        return ExitCode::FAILURE;
    }
    wait_forever()
}

fn wait_forever() -> ! {
    loop {
        pause();
    }
}

fn exec_with_steps() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [file, program, name, rest @ ..] = arguments.as_slice() else {
        return Err(io::Error::other("usage: imitator FILE PROGRAM NAME [ARGUMENT...]"));
    };
    Err(Command::new(program)
        .arg0(name)
        .args(rest)
        .env(STEPS_VARIABLE, fs::read_to_string(file)?)
        .exec())
}

fn run_steps(steps: &str) -> io::Result<()> {
    let mut awaited = SigSet::empty();
    awaited.add(Signal::SIGUSR1);
    sigprocmask(SigmaskHow::SIG_BLOCK, Some(&awaited), None)?;
    let mut mapping = None;
    let mut rest = steps;
    while let Some((line, after)) =
        rest.split_once('\n').or_else(|| (!rest.is_empty()).then_some((rest, "")))
    {
        rest = after;
        let (step, what) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        match step {
            "" => {}
            "ignore" => set_dispositions(what, SigHandler::SigIgn)?,
            "default" => set_dispositions(what, SigHandler::SigDfl)?,
            "await" => drop(awaited.wait()?),
            "run" => drop(
                Command::new("/bin/sh").args(["-c", what]).env_remove(STEPS_VARIABLE).spawn()?,
            ),
            // Once the storage is released, an error is no failure.
            "read" => drop(File::open(what).and_then(|mut file| file.read(&mut [0; 1]))),
            // The kernel closes it when the process ends.
            "hold" => drop(OpenOptions::new().read(true).write(true).open(what)?.into_raw_fd()),
            "map" => mapping = Some(map_shared(what)?),
            "unmap" => replace_mapping(mapping.take())?,
            "pad" => return Err(exec_with_padding(parse_number(what)?, rest)?),
            "fork" => fork_chain(parse_number(what)?)?,
            "many" => {
                if !fork_many(parse_number(what)?)? {
                    wait_forever();
                }
            }
            "zombie_leader" => end_main_thread(),
            "kill" => kill(Pid::this(), Signal::SIGKILL)?,
            other => return Err(io::Error::other(format!("{other} is no step"))),
        }
    }
    Ok(())
}

fn parse_number(what: &str) -> io::Result<usize> {
    what.parse().map_err(|e| io::Error::other(format!("{what}: {e}")))
}

fn set_dispositions(names: &str, how: SigHandler) -> io::Result<()> {
    for name in names.split_ascii_whitespace() {
        let which: Signal = format!("SIG{name}").parse()?;
        // SAFETY: both possible dispositions are constants of the kernel, not functions of this
        // program.
        unsafe { signal(which, how) }?;
    }
    Ok(())
}

/// Forks the calling process; true in the child.
fn fork_in_child() -> io::Result<bool> {
    // SAFETY: this process has one thread, so the child may call anything that this process may.
    Ok(matches!(unsafe { fork() }?, ForkResult::Child))
}

/// Forks this many children; true in each of them.
fn fork_many(number: usize) -> io::Result<bool> {
    for _ in 0..number {
        if fork_in_child()? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn fork_chain(number: usize) -> io::Result<()> {
    if number > 0 && fork_in_child()? {
        fork_chain(number - 1)?;
        wait_forever();
    }
    Ok(())
}

/// Writes to a shared mapping of a page of the file. The file stays open, because a close would
/// write the page back.
fn map_shared(path: &str) -> io::Result<*mut libc::c_void> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    // The kernel updates the size of a FUSE file by requesting its attributes.
    file.metadata()?;
    let rights = libc::PROT_READ | libc::PROT_WRITE;
    // SAFETY: a new mapping, at an address that the kernel chooses, overlaps no other.
    let at = unsafe {
        libc::mmap(ptr::null_mut(), PAGE, rights, libc::MAP_SHARED, file.into_raw_fd(), 0)
    };
    if at == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the address is the first byte of the mapping above, which is writable.
    unsafe { at.cast::<u8>().write_volatile(1) };
    Ok(at)
}

/// Replaces the mapping at its address by another one. mmap(2) keeps this process's memory locked
/// until that is done; munmap(2) does not.
fn replace_mapping(mapping: Option<*mut libc::c_void>) -> io::Result<()> {
    let at = mapping.ok_or_else(|| io::Error::other("unmap without map"))?;
    let rights = libc::PROT_READ | libc::PROT_WRITE;
    let how = libc::MAP_PRIVATE | libc::MAP_FIXED | libc::MAP_ANONYMOUS;
    // SAFETY: the address and the length are those of a mapping from `map`, and nothing refers to
    // it.
    let now = unsafe { libc::mmap(at, PAGE, rights, how, -1, 0) };
    if now == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Executes this program again; returns only on an error.
fn exec_with_padding(bytes: usize, rest: &str) -> io::Result<io::Error> {
    // The kernel limits arguments to a quarter of the stack limit, and to 6 MiB.
    let most = libc::rlimit { rlim_cur: 64 << 20, rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the limits outlive the call, which only reads them.
    if unsafe { libc::setrlimit(libc::RLIMIT_STACK, &raw const most) } != 0 {
        return Ok(io::Error::last_os_error());
    }
    let mut own = std::env::args();
    let name = own.next().unwrap_or_default();
    let padding =
        std::iter::repeat_n("x".repeat(MAX_ARGUMENT_BYTES - 1), bytes / MAX_ARGUMENT_BYTES);
    Ok(Command::new(fs::read_link("/proc/self/exe")?)
        .arg0(name)
        .args(own)
        .args(padding)
        .env(STEPS_VARIABLE, rest)
        .exec())
}

fn end_main_thread() -> ! {
    let other = thread::spawn(|| wait_forever());
    drop(other);
    loop {
        // SAFETY: exit(2) ends only the calling thread and runs no code of this program. No other
        // thread uses anything that it owns.
        unsafe { libc::syscall(libc::SYS_exit, 0) };
    }
}
