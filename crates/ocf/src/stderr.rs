//! The stderr of the process.

use std::io::{self, Write as _};

/// In one write, and nobody is told when it fails: there is nowhere left to tell it.
pub(crate) fn write_stderr(text: &str) {
    if !text.is_empty() {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}
