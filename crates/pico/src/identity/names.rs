//! Which picos run on this node, by their names alone: for those who can't name one.

use super::markers::{Arguments, name_of_pico};
use crate::settings::PicoName;
use host::process::{self, CommandLine};
use std::collections::BTreeSet;
use std::io;
use std::time::Instant;

/// The names that the live processes of this node have as picos, of whichever installation.
///
/// # Errors
/// /proc could not be read whole until the given instant.
pub fn of_all(until: Instant) -> io::Result<BTreeSet<PicoName>> {
    let all = process::all()?;
    let pids: Vec<_> = all.iter().filter(|stat| !stat.is_dead()).map(|stat| stat.pid).collect();
    let lines = process::command_lines(&pids, until)?;
    let names = lines.iter().filter_map(|(&pid, line)| {
        let CommandLine::Is(argv) = line else { return None };
        let link = process::executable(pid).ok().flatten();
        name_of_pico(Arguments { argv, program: link.as_ref().and_then(|l| l.0.file_name()) })
    });
    Ok(names.collect())
}
