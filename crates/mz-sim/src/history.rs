//! What happened, in order: `sim/history.jsonl`, a line per event, each appended with a single write.
//!
//! Events: a pico's `start`, `ready`, `errors` (up, but only in part), `publish` and `end` (with the reason; a pico that is
//! killed leaves none); of mzsh: `mzsh` with its arguments, and `refused` with the reason.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::{SimError, process};

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEvent {
    /// Milliseconds since 1970.
    pub time: u64,
    /// What happened.
    pub event: String,
    /// To which pico; empty for a call of mzsh.
    pub pico: String,
    /// On which node: an installation on shared storage has one history for all.
    #[serde(default)]
    pub node: String,
    /// In which process.
    pub pid: u32,
    /// That process's start time, field 22 of `/proc/PID/stat`.
    pub starttime: u64,
    /// Why, or with which arguments.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// Path of the history below `MZ_HOME`.
pub const HISTORY_FILE: &str = "sim/history.jsonl";

/// Adds an event of the calling process. A history that can't be written (mzsh run by a stranger) never changes what happens.
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
    if let (Ok(mut text), Ok(mut file)) =
        (serde_json::to_string(&line), OpenOptions::new().append(true).open(home.join(HISTORY_FILE)))
    {
        text.push('\n');
        let _ = file.write_all(text.as_bytes());
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// All events so far of the installation at `home`.
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
