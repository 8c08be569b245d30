//! Has this manager reason to think that the pico is online on this node? A file says so, from a good `online` or `monitor` on, until the
//! next `online`, `offline` or `clean` begins.
//!
//! To Veritas a monitor's 100 means "offline". Of a pico that is online it means "faulted", and `clean` follows. But after an
//! `offline` or a `clean` that could not end the process (Veritas does not read what a `StopProgram` exits with), and of a pico
//! that hangs when it is first looked at, 100 would be the word that lets it be started elsewhere, beside one that lives.

use pico::record::{DIRECTORY, file_stem};
use std::io;
use std::path::{Path, PathBuf};

fn path(resource: &str) -> PathBuf {
    const ENDING: &str = ".online";
    Path::new(DIRECTORY).join(file_stem(resource, ENDING.len()) + ENDING)
}

/// From now on.
pub(super) fn note(resource: &str) {
    let path = path(resource);
    if path.exists() {
        return;
    }
    let directory = host::files::own_directory(Path::new(DIRECTORY), 0o755);
    if let Err(e) = directory.and_then(|()| host::files::replace(&path, b"")) {
        tracing::warn!("{} could not be written: {e}", path.display());
    }
}

/// No longer.
pub(super) fn forget(resource: &str) {
    let path = path(resource);
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            tracing::warn!("{} could not be removed: {e}", path.display());
        }
        _ => {}
    }
}

/// Is it so?
pub(super) fn is_noted(resource: &str) -> bool {
    path(resource).exists()
}
