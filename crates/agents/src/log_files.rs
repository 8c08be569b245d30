//! Log files and traces, written by worker processes, so that a frozen file system delays no action.

use ocf::{Append, LogFile, LogFiles};
use pico::log_worker::{self, LogWriter};
use std::io;
use std::path::Path;
use std::time::{Instant, SystemTime};

/// For an agent, and for what acts as one.
#[derive(Clone, Copy, Debug)]
pub struct ByWorkers;

impl LogFiles for ByWorkers {
    fn offset(&self, time: SystemTime) -> i64 {
        pico::local_time_offset(time)
    }

    fn open(&self, path: &Path, append: Append) -> io::Result<Box<dyn LogFile>> {
        Ok(Box::new(ByWorker(log_worker::new(path, append)?)))
    }
}

struct ByWorker(LogWriter);

impl LogFile for ByWorker {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.0.send(lines)
    }

    fn finish(&mut self, until: Instant) {
        self.0.finish(until);
    }
}
