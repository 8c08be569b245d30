//! Runs a program and its descendants as on an older kernel.
//!
//! `old-kernel ENOSYS|EPERM PROGRAM [ARGUMENT...]`
//!
//! With ENOSYS every system call added after Linux 4.18, the version of RHEL 8's kernel, fails as
//! unknown. With EPERM only the pidfd calls fail, as in a container whose filter is older than they
//! are.
//!
//! The filter can't be removed, and every child inherits it. Setuid programs keep their caller's
//! user under it.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use nix::errno::Errno;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

/// `pidfd_send_signal`, `pidfd_open`, `pidfd_getfd`.
const PIDFD_CALLS: [i64; 3] = [424, 434, 438];

/// Calls added after Linux 4.18. The first one, `pidfd_send_signal`, came with 5.1; from there on
/// all architectures share the numbers.
const CALLS_AFTER_4_18: std::ops::Range<i64> = 424..600;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let (refusal, command) = (arguments.next().unwrap_or_default(), arguments.collect::<Vec<_>>());
    let Err(problem) = run(&refusal, &command);
    eprintln!("old-kernel: {problem}");
    ExitCode::from(2)
}

fn run(refusal: &OsString, command: &[OsString]) -> Result<std::convert::Infallible, String> {
    let [program, arguments @ ..] = command else {
        return Err("the program is missing".to_owned());
    };
    match refusal.to_str() {
        Some("ENOSYS") => install_filter(Errno::ENOSYS, CALLS_AFTER_4_18),
        Some("EPERM") => install_filter(Errno::EPERM, PIDFD_CALLS),
        _ => Err(format!("{}: neither ENOSYS nor EPERM", refusal.display())),
    }?;
    Err(format!(
        "{} does not start: {}",
        program.display(),
        Command::new(program).args(arguments).exec()
    ))
}

fn install_filter(errno: Errno, calls: impl IntoIterator<Item = i64>) -> Result<(), String> {
    let rules: BTreeMap<_, _> = calls.into_iter().map(|number| (number, Vec::new())).collect();
    let machine = std::env::consts::ARCH.try_into().map_err(|e| format!("{e}"))?;
    let action = SeccompAction::Errno((errno as i32).cast_unsigned());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, machine)
        .map_err(|e| e.to_string())?;
    let program = BpfProgram::try_from(filter).map_err(|e| e.to_string())?;
    seccompiler::apply_filter(&program).map_err(|e| e.to_string())
}
