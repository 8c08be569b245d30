//! Which picos run on this node, by their names alone: for a caller that can't name one.

use super::lines;
use super::markers::name_of_pico;
use crate::settings::PicoName;
use host::process::Ownership;
use std::collections::BTreeSet;
use std::io;
use std::time::Instant;

/// The names that live processes of these users have as picos, of whichever installation.
///
/// # Errors
/// /proc could not be read whole until the given instant.
pub fn of_all(counts: impl Fn(u32) -> bool, until: Instant) -> io::Result<BTreeSet<PicoName>> {
    let mut names = BTreeSet::new();
    let counting = |of: Ownership| lines::stranger(of, &counts).is_none().then_some(of.effective);
    lines::of_users(counting, false, until, |_, _, process| names.extend(name_of_pico(process)))?;
    Ok(names)
}
