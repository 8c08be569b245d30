//! A file marks a pico that the manager takes for online on this node, from a successful `online` or `monitor` until the
//! next `online`, `offline` or `clean` begins.
//!
//! A monitor's 100 means "offline" to Veritas. For an online pico it means "faulted", and `clean` follows. But after an
//! `offline` or a `clean` that could not end the process (Veritas ignores the exit code of `StopProgram`), and for a pico
//! that hangs at the first monitor, 100 would let Veritas start a second one elsewhere.

use pico::record::{RUN_DIRECTORY, file_stem};
use std::io;
use std::path::{Path, PathBuf};

fn marker_path(resource: &str) -> PathBuf {
    const SUFFIX: &str = ".online";
    Path::new(RUN_DIRECTORY).join(file_stem(resource, SUFFIX.len()) + SUFFIX)
}

pub(super) fn mark_online(resource: &str) {
    let path = marker_path(resource);
    if path.exists() {
        return;
    }
    let directory = host::private_files::create_private_directory(Path::new(RUN_DIRECTORY), 0o755);
    if let Err(e) = directory.and_then(|()| host::private_files::replace_atomically(&path, b"")) {
        tracing::warn!("{} could not be written: {e}", path.display());
    }
}

pub(super) fn unmark_online(resource: &str) {
    let path = marker_path(resource);
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            tracing::warn!("{} could not be removed: {e}", path.display());
        }
        _ => {}
    }
}

pub(super) fn is_marked_online(resource: &str) -> bool {
    marker_path(resource).exists()
}
