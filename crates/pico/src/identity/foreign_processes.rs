//! Processes of other users that claim to be the pico: they do not count, and are only reported.

use super::command_lines;
use super::markers::{Role, home_from_command_line, home_from_script_path, mzsh_script_path, role};
use super::process_search::Bystander;
use crate::settings::PicoInstance;
use std::io;
use std::time::Instant;

/// Most processes that are named.
const MAX_NAMED: usize = 8;

/// The foreign processes of this pico, and the number of those that are not named.
///
/// # Errors
/// /proc could not be read whole until the given instant.
pub fn find_foreign_processes(
    target: &PicoInstance,
    counts: impl Fn(u32) -> bool,
    until: Instant,
) -> io::Result<(Vec<Bystander>, usize)> {
    let (mut found, mut more) = (Vec::new(), 0);
    let any = target.process_match.is_some();
    command_lines::for_each_command_line(
        |of| command_lines::foreign_user(of, &counts),
        any,
        until,
        |stat, owner, process| {
            let Some(role) = role(target, process) else { return };
            if found.len() == MAX_NAMED {
                more += 1;
                return;
            }
            let what = match role {
                Role::Startup => "is an mzsh startup of",
                Role::Pico | Role::PicoByMatch => "claims to be",
            };
            let home = home_from_command_line(process)
                .or_else(|| mzsh_script_path(process).map(home_from_script_path))
                .map_or_else(String::new, |home| format!(" of {}", home.display()));
            let name = &target.name;
            let why = format!(
                "{what} {name}{home}; it runs as user {owner}, not as root or the installation's user"
            );
            found.push(Bystander { id: stat.id(), why });
        },
    )?;
    Ok((found, more))
}
