//! Until when it is known that a pico did not run on this node.
//!
//! A process that hangs in its exit shows nothing that could tell what it was. If it had begun before a look that found no pico,
//! it is none.

use crate::record;
use crate::settings::Target;
use host::{files, process};
use std::time::Duration;

/// Notes that a look which began at this time since boot has found nothing. That this fails costs no more than the note.
pub(crate) fn note(target: &Target, began: Duration) {
    let written = record::absence_path(target).and_then(|path| {
        let content = format!("{} {}\n", process::boot_id()?, process::ticks(began));
        files::replace(&path, content.as_bytes())
    });
    if let Err(e) = written {
        tracing::debug!("{}: that it does not run can't be noted: {e}", target.name);
    }
}

/// The last such time of this boot, in the ticks of a start time.
pub(crate) fn until(target: &Target) -> Option<u64> {
    let content = files::read_own(&record::absence_path(target).ok()?).ok()?;
    let content = String::from_utf8(content).ok()?;
    let (boot, ticks) = content.trim_end().split_once(' ')?;
    (boot == process::boot_id().ok()?).then(|| ticks.parse().ok())?
}
