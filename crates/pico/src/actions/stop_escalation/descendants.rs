//! The descendants of a pico that must end with it.

use crate::identity::{
    ProcessArguments, is_any_pico_or_mzsh, may_be_product_program, program_name, role,
};
use crate::settings::PicoInstance;
use host::command_lines::{self, CommandLine};
use host::process::{self, ProcDir, ProcLink};
use host::{Pid, ProcessHandle, ProcessId};
use std::collections::HashSet;
use std::ffi::OsString;
use std::io;
use std::time::Instant;

/// The descendants of `id`, without other picos, their mzsh, and the descendants of those: they belong to other resources.
///
/// # Errors
/// /proc could not be read completely before the given instant.
pub(super) fn descendants_to_stop(
    targets: &[PicoInstance],
    id: ProcessId,
    until: Instant,
) -> io::Result<Vec<ProcessHandle>> {
    let all = process::snapshot()?;
    let caller: Vec<Pid> = std::iter::once(Pid::own()).chain(all.ancestors(Pid::own())).collect();
    let below = all.descendants(id.pid);
    let mut asked: Vec<(ProcDir, Option<OsString>)> = Vec::new();
    for stat in &below {
        let program = match process::read_link(stat.pid.into(), "exe")? {
            ProcLink::Gone => continue,
            exe => program_name(stat, &exe),
        };
        if program.as_deref().is_none_or(may_be_product_program) {
            asked.push((stat.pid.into(), program));
        }
    }
    let sources: Vec<ProcDir> = asked.iter().map(|(source, _)| *source).collect();
    let mut others = HashSet::new();
    command_lines::read_command_lines(&sources, until, |at, line| {
        let (source, program) = &asked[at];
        let is_other = match line {
            CommandLine::Complete(argv) | CommandLine::Truncated(argv) => {
                let looks = ProcessArguments { argv: &argv, program: program.as_deref() };
                is_any_pico_or_mzsh(looks)
                    && !targets.iter().any(|target| role(target, looks).is_some())
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
        let of_others =
            others.contains(&stat.pid) || all.ancestors(stat.pid).any(|a| others.contains(&a));
        if !of_others && !caller.contains(&stat.pid) {
            handles.extend(stat.id().open()?);
        }
    }
    Ok(handles)
}
