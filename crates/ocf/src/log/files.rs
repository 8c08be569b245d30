//! Files that are written for people: the log files and the trace.

use std::io;
use std::path::Path;
use std::time::{Instant, SystemTime};

/// Appends whole lines to one file, as many as it is given at once.
pub type Append = Box<dyn FnMut(&[u8]) -> io::Result<()> + Send>;

/// How lines get into files.
///
/// A write to a frozen file system, or to one whose server is gone, waits without an end, and no signal ends that wait. An agent that
/// must answer in time has another process write, which it can leave behind. That takes a fork, and this crate has no `unsafe`;
/// so whoever wants it brings it, in [`Agent::log_files`](crate::Agent::log_files).
pub trait LogFiles: Sync {
    /// Seconds by which local time is ahead of UTC at `time`. It is asked where `append` runs, and may read files.
    fn offset(&self, time: SystemTime) -> i64;

    /// Somebody who calls `append` with the lines for `path`. The name is for telling one such file from another.
    ///
    /// # Errors
    /// There is nobody; the next line is another try.
    fn open(&self, path: &Path, append: Append) -> io::Result<Box<dyn LogFile>>;
}

/// One such file.
pub trait LogFile: Send {
    /// Hands over lines, of which each ends with a line feed.
    ///
    /// # Errors
    /// No more will be written: the file is given up for the rest of the action.
    fn write(&mut self, lines: &[u8]) -> io::Result<()>;

    /// Waits until all is written, but not past `until`.
    fn finish(&mut self, until: Instant);
}

/// This process writes, and waits as long as the file system does. Its lines are in UTC.
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

/// A file that is opened at the first line, and given up at the first failure.
pub(super) enum LogFileState {
    /// No line has come yet.
    Unopened,
    /// At work.
    Open(Box<dyn LogFile>),
    /// Nothing is tried any more.
    GivenUp,
}

impl LogFileState {
    /// Hands over lines; `append` is what opens the file and writes.
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
