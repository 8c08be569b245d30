//! The names of the picos that run on this node.

use super::command_lines;
use super::markers::parse_pico_name;
use crate::settings::PicoName;
use host::process::Ownership;
use std::collections::BTreeSet;
use std::io;
use std::time::Instant;

/// The pico names of live processes of these users, of any installation.
///
/// # Errors
/// /proc could not be read whole until the given instant.
pub fn running_pico_names(
    counts: impl Fn(u32) -> bool,
    until: Instant,
) -> io::Result<BTreeSet<PicoName>> {
    let mut names = BTreeSet::new();
    let counting = |of: Ownership| {
        command_lines::foreign_user(of, &counts).is_none().then_some(of.effective_uid)
    };
    command_lines::for_each_command_line(counting, false, until, |_, _, process| {
        names.extend(parse_pico_name(process));
    })?;
    Ok(names)
}
