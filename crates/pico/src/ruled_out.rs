//! Which java processes a look has seen that found no pico.
//!
//! A process that hangs in its exit shows nothing that could tell what it was. If it was there before, and was not the pico, it is
//! none.

use crate::settings::PicoInstance;
use crate::{process_list, record};
use host::{ProcessId, files, process};

/// Most of them that are kept.
const MAX_PROCESSES: usize = 1000;

/// Notes that a look has found none of this pico, and has seen these. That this fails costs no more than the note.
pub(crate) fn write(target: &PicoInstance, seen: &[ProcessId]) {
    let written = record::ruled_out_path(target).and_then(|path| {
        let seen = process_list::format(seen.iter().take(MAX_PROCESSES).copied());
        let content = format!("{}\n{seen}", process::boot_id()?);
        files::replace_atomically(&path, content.as_bytes())
    });
    if let Err(e) = written {
        tracing::debug!("{}: that it does not run can't be noted: {e}", target.name);
    }
}

/// What the last such look of this boot has seen.
pub(crate) fn read(target: &PicoInstance) -> Vec<ProcessId> {
    let read = || {
        let content = files::read_private(&record::ruled_out_path(target).ok()?).ok()?;
        let boot = process::boot_id().ok()?;
        content.strip_prefix(boot.as_bytes()).map(process_list::parse)
    };
    read().unwrap_or_default()
}
