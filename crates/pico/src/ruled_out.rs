//! The java processes that existed when a scan found no pico.
//!
//! A process that hangs while it exits shows nothing of what it was. If an earlier scan saw it and it was not the pico, it is not now.

use crate::settings::PicoInstance;
use crate::{process_list, record};
use host::{ProcessId, private_files, process};

/// Most processes that are kept.
const MAX_PROCESSES: usize = 1000;

/// Records the processes of a scan that found no pico. A failure is only logged.
pub(crate) fn write(target: &PicoInstance, seen: &[ProcessId]) {
    let written = record::ruled_out_path(target).and_then(|path| {
        let seen = process_list::format(seen.iter().take(MAX_PROCESSES).copied());
        let content = format!("{}\n{seen}", process::boot_id()?);
        private_files::replace_atomically(&path, content.as_bytes())
    });
    if let Err(e) = written {
        tracing::debug!("{}: could not record the scanned processes: {e}", target.name);
    }
}

/// The processes of the last such scan of this boot.
pub(crate) fn read(target: &PicoInstance) -> Vec<ProcessId> {
    let read = || {
        let content = private_files::read_private(&record::ruled_out_path(target).ok()?).ok()?;
        let boot = process::boot_id().ok()?;
        content.strip_prefix(boot.as_bytes()).map(process_list::parse)
    };
    read().unwrap_or_default()
}
