//! The command lines of all processes that may belong to the product.

use super::markers::{ProcessArguments, may_be_product_program};
use host::command_lines::{CommandLine, read_command_lines};
use host::process::{self, ExeLink, Ownership, ProcDir, ProcLink, Stat};
use std::ffi::{OsStr, OsString};
use std::io;
use std::time::Instant;

/// `comm` of a process that has executed a file `java`.
pub(super) const JAVA_COMM: &[u8] = b"java";

/// The file name of its executable; `None`: permission denied. `comm` keeps the name where the file was renamed since: NFS renames a file
/// that is deleted while in use.
pub(crate) fn program_name(stat: &Stat, exe: &ProcLink) -> Option<OsString> {
    match exe {
        _ if stat.comm == JAVA_COMM => Some("java".into()),
        ProcLink::To(path) => ExeLink::from_link(path).0.file_name().map(OsStr::to_owned),
        ProcLink::Denied | ProcLink::Gone => None,
    }
}

/// The user because of whom a process does not count. For an effective user root the real user is checked, too: anybody can run a setuid
/// program of root's, and choose its command line.
pub(crate) fn foreign_user(of: Ownership, counts: impl Fn(u32) -> bool) -> Option<u32> {
    [of.effective_uid, if of.effective_uid == 0 { of.real_uid } else { of.effective_uid }]
        .into_iter()
        .find(|&user| !counts(user))
}

/// Calls `each` for the processes for which `wanted` gives a user; for other programs than the product's only with `any`.
pub(super) fn for_each_command_line(
    wanted: impl Fn(Ownership) -> Option<u32>,
    any: bool,
    until: Instant,
    mut each: impl FnMut(&Stat, u32, ProcessArguments<'_>),
) -> io::Result<()> {
    let all = process::snapshot()?;
    let mut asked: Vec<(&Stat, u32, Option<OsString>)> = Vec::new();
    for stat in all.iter().filter(|stat| !stat.is_dead() && !stat.is_kernel_thread()) {
        let Some(owner) = process::ownership(stat.pid)?.and_then(&wanted) else { continue };
        let program = match process::read_link(stat.pid.into(), "exe")? {
            ProcLink::Gone => continue,
            exe => program_name(stat, &exe),
        };
        if any || program.as_deref().is_none_or(may_be_product_program) {
            asked.push((stat, owner, program));
        }
    }
    let sources: Vec<ProcDir> = asked.iter().map(|(stat, ..)| stat.pid.into()).collect();
    read_command_lines(&sources, until, |at, line| {
        if let CommandLine::Complete(argv) | CommandLine::Truncated(argv) = line {
            let (stat, owner, program) = &asked[at];
            each(stat, *owner, ProcessArguments { argv: &argv, program: program.as_deref() });
        }
    })
}
