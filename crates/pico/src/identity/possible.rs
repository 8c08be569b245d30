//! Live picos by their names alone, of whichever installation and user: where it can't be read which one is meant.

use super::lines;
use super::markers::{Arguments, home_in_environment, home_on_command_line, name_of_pico, names_to_start};
use crate::settings::PicoName;
use host::ProcessId;
use host::process::{self, Ownership};
use std::io;
use std::path::PathBuf;
use std::time::Instant;

/// A process that is a pico, or an mzsh that starts one.
#[derive(Clone, Debug)]
pub struct Possible {
    /// The process.
    pub id: ProcessId,
    /// The pico.
    pub name: PicoName,
    /// The installation that it claims.
    pub home: Option<PathBuf>,
}

/// Those with a name that is `meant`.
///
/// # Errors
/// /proc could not be read whole until the given instant, or does not show everything.
pub fn possible(meant: impl Fn(&PicoName) -> bool, until: Instant) -> io::Result<Vec<Possible>> {
    if let Some(why) = process::hidden()? {
        return Err(io::Error::other(why));
    }
    let names = |process: Arguments<'_>| {
        name_of_pico(process).into_iter().chain(names_to_start(process)).find(|name| meant(name))
    };
    let of_this_node = |of: Ownership| (of.namespaces == 1).then_some(of.effective);
    let mut found = Vec::new();
    lines::of_users(of_this_node, false, until, |stat, _, process| {
        let home = home_on_command_line(process);
        found.extend(names(process).map(|name| Possible { id: stat.id(), name, home }));
    })?;
    for one in &mut found {
        if one.home.is_none() {
            let environment = process::environment(one.id.pid.into(), until).ok().flatten();
            one.home = environment.and_then(|all| home_in_environment(&all));
        }
    }
    Ok(found)
}
