//! Has this manager reason to think that the pico is online on this node? A file says so, from a good `online` or `monitor` on, until the
//! next `online`, `offline` or `clean` begins.
//!
//! To Veritas a monitor's 100 means "offline". Of a pico that is online it means "faulted", and `clean` follows. But after an
//! `offline` or a `clean` that could not end the process (Veritas does not read what a `StopProgram` exits with), and of a pico
//! that hangs when it is first looked at, 100 would be the word that lets it be started elsewhere, beside one that lives.

use pico::record::{RUN_DIRECTORY, file_stem};
use std::io;
use std::path::{Path, PathBuf};

fn marker_path(resource: &str) -> PathBuf {
    const SUFFIX: &str = ".online";
    Path::new(RUN_DIRECTORY).join(file_stem(resource, SUFFIX.len()) + SUFFIX)
}

/// From now on.
pub(super) fn mark_online(resource: &str) {
    let path = marker_path(resource);
    if path.exists() {
        return;
    }
    let directory = host::files::create_private_directory(Path::new(RUN_DIRECTORY), 0o755);
    if let Err(e) = directory.and_then(|()| host::files::replace_atomically(&path, b"")) {
        tracing::warn!("{} could not be written: {e}", path.display());
    }
}

/// No longer.
pub(super) fn unmark_online(resource: &str) {
    let path = marker_path(resource);
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            tracing::warn!("{} could not be removed: {e}", path.display());
        }
        _ => {}
    }
}

/// Is it so?
pub(super) fn is_marked_online(resource: &str) -> bool {
    marker_path(resource).exists()
}
