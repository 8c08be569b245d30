//! The worker processes that append to log files and traces: the action does not wait for the file system.

use crate::record;
pub use host::log_writer::LogWriter;
use std::io;
use std::path::Path;

/// A writer for `path`, synchronised with the actions of other resources.
///
/// # Errors
/// What fork(2) says.
pub fn new(path: &Path, append: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<LogWriter> {
    LogWriter::new(record::turn_at(path).as_deref(), append)
}
