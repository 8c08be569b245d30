//! Writers of log files and traces.

use std::io;
use std::path::Path;
use std::time::{Instant, SystemTime};

/// Appends whole lines to one file. One call may pass several lines.
pub type Append = Box<dyn FnMut(&[u8]) -> io::Result<()> + Send>;

/// Writes lines to files.
///
/// A write blocks without limit on a frozen file system or one whose server is gone, and no signal
/// interrupts it. An agent that must answer in time lets another process write, which it can
/// abandon. That needs a fork, and this crate has no `unsafe`. Such an agent supplies its own
/// implementation in [`Agent::log_files`](crate::Agent::log_files).
pub trait LogFiles: Sync {
    /// Offset of local time from UTC at `time`, in seconds; positive if local time is ahead. It may
    /// read files, so `append` calls it.
    fn offset(&self, time: SystemTime) -> i64;

    /// Opens a writer that passes the lines for `path` to `append`. The path only distinguishes the
    /// files.
    ///
    /// # Errors
    /// No writer could be started; the next line causes a new attempt.
    fn open(&self, path: &Path, append: Append) -> io::Result<Box<dyn LogFile>>;
}

/// The writer of one file.
pub trait LogFile: Send {
    /// Writes lines, each with a line feed at its end.
    ///
    /// # Errors
    /// The writer is lost: the file gets no more lines during this action.
    fn write(&mut self, lines: &[u8]) -> io::Result<()>;

    /// Waits until all lines are written, at most until `until`.
    fn finish(&mut self, until: Instant);
}

/// Writes in this process and blocks as long as the file system does. Its lines are in UTC.
#[derive(Clone, Copy, Debug)]
pub struct InProcess;

impl LogFiles for InProcess {
    fn offset(&self, _: SystemTime) -> i64 {
        0
    }

    fn open(&self, _: &Path, append: Append) -> io::Result<Box<dyn LogFile>> {
        Ok(Box::new(Direct(append)))
    }
}

struct Direct(Append);

impl LogFile for Direct {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        (self.0)(lines)
    }

    fn finish(&mut self, _: Instant) {}
}

/// A file that the first line opens. The first failed write ends its use.
pub(super) enum LogFileState {
    Unopened,
    Open(Box<dyn LogFile>),
    GivenUp,
}

impl LogFileState {
    /// `append` opens the file and writes to it.
    pub(super) fn write(
        &mut self,
        files: &dyn LogFiles,
        path: &Path,
        append: impl FnOnce() -> Append,
        lines: &str,
    ) {
        if let Self::Unopened = self
            && let Ok(file) = files.open(path, append())
        {
            *self = Self::Open(file);
        }
        if let Self::Open(file) = self
            && file.write(lines.as_bytes()).is_err()
        {
            *self = Self::GivenUp;
        }
    }

    pub(super) fn finish(&mut self, until: Instant) {
        if let Self::Open(file) = self {
            file.finish(until);
        }
    }
}
