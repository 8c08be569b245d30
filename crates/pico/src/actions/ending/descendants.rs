//! What a pico has started, and what of it must end with it.

use crate::identity::{Arguments, may_be_of_the_product, pico_of_anyone, program, role};
use crate::settings::Target;
use host::process::{self, CommandLine, Link, Source};
use host::{Pid, ProcessHandle, ProcessId};
use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::time::Instant;

/// The processes below `id`, but no other pico, no mzsh of one, and nothing below those: that is other resources'.
///
/// # Errors
/// /proc could not be read whole until the given instant.
pub(super) fn of(targets: &[Target], id: ProcessId, until: Instant) -> io::Result<Vec<ProcessHandle>> {
    let all = process::all()?;
    let caller: Vec<Pid> = std::iter::once(Pid::own()).chain(all.ancestors(Pid::own())).collect();
    let below = all.descendants(id.pid);
    let mut asked: Vec<(Source, Option<OsString>)> = Vec::new();
    for stat in &below {
        let program = match process::link(stat.pid.into(), "exe")? {
            Link::Gone => continue,
            exe => program(stat, &exe),
        };
        if program.as_deref().is_none_or(may_be_of_the_product) {
            asked.push((stat.pid.into(), program));
        }
    }
    let sources: Vec<Source> = asked.iter().map(|(source, _)| *source).collect();
    let mut others = HashSet::new();
    process::command_lines(&sources, until, |at, line| {
        let (source, program) = &asked[at];
        let is_other = match line {
            CommandLine::Is(argv) | CommandLine::Beginning(argv) => {
                let looks = Arguments { argv: &argv, program: program.as_deref() };
                pico_of_anyone(looks) && !targets.iter().any(|target| role(target, looks).is_some())
            }
            // It may be another pico.
            CommandLine::Stuck => true,
            CommandLine::Gone => false,
        };
        if is_other {
            others.insert(source.pid);
        }
    })?;
    let mut handles = Vec::new();
    for stat in below {
        let of_others = others.contains(&stat.pid) || all.ancestors(stat.pid).any(|a| others.contains(&a));
        if !of_others && !caller.contains(&stat.pid) {
            handles.extend(stat.id().open()?);
        }
    }
    Ok(handles)
}
