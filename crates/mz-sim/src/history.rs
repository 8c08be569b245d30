//! The events of an installation, in order: `sim/history.jsonl`, one line per event, each appended
//! with a single write.
//!
//! A pico writes `start`, `ready`, `errors` (partly up), `publish` and `end` with its reason. A
//! killed pico writes no `end`. mzsh writes `mzsh` with its arguments, and `refused` with the
//! reason.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::{SimError, process};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEvent {
    /// Milliseconds since 1970.
    pub time: u64,
    pub event: String,
    /// The pico; empty for a call of mzsh.
    pub pico: String,
    /// The node. An installation on shared storage has one history for all nodes.
    #[serde(default)]
    pub node: String,
    pub pid: u32,
    /// That process's start time, field 22 of `/proc/PID/stat`.
    pub starttime: u64,
    /// The reason, or the arguments.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Path below `MZ_HOME`.
pub const HISTORY_FILE: &str = "sim/history.jsonl";

/// Appends an event of the calling process. A write error (another user runs mzsh) never changes
/// its behaviour.
pub(crate) fn record(home: &Path, event: &str, pico: &str, reason: &str) {
    let pid = std::process::id();
    let line = HistoryEvent {
        time: now_ms(),
        event: event.to_owned(),
        pico: pico.to_owned(),
        node: process::node_name(),
        pid,
        starttime: process::start_time(pid).unwrap_or_default(),
        reason: reason.to_owned(),
    };
    if let (Ok(mut text), Ok(mut file)) = (
        serde_json::to_string(&line),
        OpenOptions::new().append(true).open(home.join(HISTORY_FILE)),
    ) {
        text.push('\n');
        let _ = file.write_all(text.as_bytes());
    }
}

pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Reads all events of the installation at `home`.
///
/// # Errors
/// [`SimError`] if the file can't be read or a line is not an event.
pub fn read(home: &Path) -> Result<Vec<HistoryEvent>, SimError> {
    let path = home.join(HISTORY_FILE);
    let text = fs::read_to_string(&path).map_err(SimError::file("read", &path))?;
    text.lines()
        .map(|line| {
            serde_json::from_str(line).map_err(|error| SimError::Malformed {
                path: path.clone(),
                problem: format!("{error} in {line:?}"),
            })
        })
        .collect()
}
