//! The command lines of all processes that may be of the product, whichever pico they are of.

use super::markers::{Arguments, may_be_of_the_product};
use host::process::{self, CommandLine, ExeLink, Link, Source, Stat};
use std::ffi::OsString;
use std::io;
use std::time::Instant;

/// Hands on those of the users that count, with the process and its user; of whatever program, if it is to be `any`.
pub(super) fn of_users(
    counts: impl Fn(u32) -> bool,
    any: bool,
    until: Instant,
    mut each: impl FnMut(&Stat, u32, Arguments<'_>),
) -> io::Result<()> {
    let all = process::all()?;
    let mut asked: Vec<(&Stat, u32, Option<OsString>)> = Vec::new();
    for stat in all.iter().filter(|stat| !stat.is_dead() && !stat.is_kernel_thread()) {
        let Some(owner) = process::owner(stat.pid)?.filter(|&owner| counts(owner)) else { continue };
        let program = match process::link(stat.pid.into(), "exe")? {
            Link::To(path) => ExeLink::of(&path).0.file_name().map(ToOwned::to_owned),
            Link::Denied => None,
            Link::Gone => continue,
        };
        if any || program.as_deref().is_none_or(may_be_of_the_product) {
            asked.push((stat, owner, program));
        }
    }
    let sources: Vec<Source> = asked.iter().map(|(stat, ..)| stat.pid.into()).collect();
    process::command_lines(&sources, until, |at, line| {
        if let CommandLine::Is(argv) | CommandLine::Beginning(argv) = line {
            let (stat, owner, program) = &asked[at];
            each(stat, *owner, Arguments { argv: &argv, program: program.as_deref() });
        }
    })
}
