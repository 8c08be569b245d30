//! The worker processes that append to log files and traces: the action does not wait for the file system.

use crate::record;
pub use host::log_writer::LogWriter;
use std::io;
use std::path::Path;

/// One for the lines of `path`, which takes turns with those of the other resources' actions.
///
/// # Errors
/// There can be no process.
pub fn new(path: &Path, append: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<LogWriter> {
    LogWriter::new(record::turn_at(path).as_deref(), append)
}
