//! Processes of other users that claim to be the pico: they do not count, and are shown to people.

use super::lines;
use super::look::Bystander;
use super::markers::{Role, home_of_script, home_on_command_line, role, script_of};
use crate::settings::Target;
use std::io;
use std::time::Instant;

/// Most of them that are named.
const MOST: usize = 8;

/// Those of this pico, and how many more there are than are named.
///
/// # Errors
/// /proc could not be read whole until the given instant.
pub fn strangers(
    target: &Target,
    counts: impl Fn(u32) -> bool,
    until: Instant,
) -> io::Result<(Vec<Bystander>, usize)> {
    let (mut found, mut more) = (Vec::new(), 0);
    let any = target.process_match.is_some();
    lines::of_users(
        |of| lines::stranger(of, &counts),
        any,
        until,
        |stat, owner, process| {
            let Some(role) = role(target, process) else { return };
            if found.len() == MOST {
                more += 1;
                return;
            }
            let what = match role {
                Role::Startup => "is an mzsh startup of",
                Role::Pico | Role::PicoByMatch => "claims to be",
            };
            let home = home_on_command_line(process)
                .or_else(|| script_of(process).map(home_of_script))
                .map_or_else(String::new, |home| format!(" of {}", home.display()));
            let name = &target.name;
            let why =
                format!("{what} {name}{home}; it is of user {owner}, not of root or the installation's user");
            found.push(Bystander { id: stat.id(), why });
        },
    )?;
    Ok((found, more))
}
