//! `tmp/.remote/<pico>`: the entry by which mzsh finds a running pico. The pico writes pid, start
//! time and RCP port.

use std::fs;
use std::path::{Path, PathBuf};

use crate::process;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RemoteEntry {
    pub(crate) pid: u32,
    pub(crate) start_time: u64,
    /// The pico's own RCP port, on loopback.
    pub(crate) port: u16,
}

pub(crate) fn entry_path(home: &Path, pico: &str) -> PathBuf {
    home.join("tmp/.remote").join(pico)
}

impl RemoteEntry {
    /// `None` if there is no entry or a malformed one.
    pub(crate) fn read(home: &Path, pico: &str) -> Option<Self> {
        let text = fs::read_to_string(entry_path(home, pico)).ok()?;
        let mut fields = text.split_ascii_whitespace();
        Some(Self {
            pid: fields.next()?.parse().ok()?,
            start_time: fields.next()?.parse().ok()?,
            port: fields.next()?.parse().ok()?,
        })
    }

    /// Renames a complete file, so that nobody reads half an entry.
    pub(crate) fn write(&self, home: &Path, pico: &str) -> std::io::Result<()> {
        let new = home.join("tmp").join(format!(".remote.{pico}.{}", self.pid));
        fs::write(&new, format!("{} {} {}\n", self.pid, self.start_time, self.port))?;
        fs::rename(new, entry_path(home, pico))
    }

    /// Removes the entry if it belongs to this process.
    pub(crate) fn remove(home: &Path, pico: &str, pid: u32) {
        if Self::read(home, pico).is_some_and(|entry| entry.pid == pid) {
            let _ = fs::remove_file(entry_path(home, pico));
        }
    }

    /// Compares the start time too, because the kernel reuses pids.
    pub(crate) fn is_alive(&self) -> bool {
        process::start_time(self.pid) == Some(self.start_time)
    }
}
