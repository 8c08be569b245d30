//! Heartbeats: each pico writes ten a second into the directory that the setting `heartbeats`
//! names.
//!
//! The history has the start and the readiness of a pico, but no trace of a freeze for minutes
//! between them. A thread of its own writes the heartbeat, to a file of its own, which it opens
//! once. Its name is `NODE.PID.STARTTIME`, the identity of the process. So the heartbeat continues
//! while the pico waits for hung storage, and stops when the process is stopped or dies. The
//! directory should be on a disk that neither hangs nor fails. A heartbeat is one line:
//! milliseconds since 1970.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::{SimError, history, process};

/// The time between two heartbeats.
pub const INTERVAL: Duration = Duration::from_millis(100);

/// All heartbeats of one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessHeartbeats {
    pub node: String,
    pub pid: u32,
    /// Field 22 of its `/proc/PID/stat`.
    pub starttime: u64,
    /// Milliseconds since 1970.
    pub beats: Vec<u64>,
}

/// Writes heartbeats for the calling process as long as it lives. A write error never changes its
/// behaviour.
pub(crate) fn spawn_writer(dir: &str) {
    if dir.is_empty() {
        return;
    }
    let pid = std::process::id();
    let name =
        format!("{}.{pid}.{}", process::node_name(), process::start_time(pid).unwrap_or_default());
    let Ok(mut file) = OpenOptions::new().append(true).create(true).open(Path::new(dir).join(name))
    else {
        return;
    };
    thread::spawn(move || {
        while file.write_all(format!("{}\n", history::now_ms()).as_bytes()).is_ok() {
            thread::sleep(INTERVAL);
        }
    });
}

/// The heartbeats of all processes in this directory.
///
/// # Errors
/// [`SimError`] if the directory is unreadable or has a malformed file.
pub fn read_all(dir: &Path) -> Result<Vec<ProcessHeartbeats>, SimError> {
    let mut hearts = Vec::new();
    for entry in fs::read_dir(dir).map_err(SimError::file("read", dir))? {
        let path = entry.map_err(SimError::file("read", dir))?.path();
        let text = fs::read_to_string(&path).map_err(SimError::file("read", &path))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        hearts.push(parse_file(&name, &text).ok_or_else(|| SimError::Malformed {
            path: path.clone(),
            problem: "not the heartbeat of a pico".to_owned(),
        })?);
    }
    Ok(hearts)
}

fn parse_file(name: &str, text: &str) -> Option<ProcessHeartbeats> {
    let mut words = name.rsplitn(3, '.');
    let (starttime, pid) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    // The last line may be incomplete.
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let beats: Result<_, _> = whole.lines().map(str::parse).collect();
    Some(ProcessHeartbeats { node: words.next()?.to_owned(), pid, starttime, beats: beats.ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heartbeat_file_is_one_process_and_each_line_one_beat() {
        let beats = |text| parse_file("n1.example.7.70", text).map(|heart| heart.beats);
        let whole = parse_file("n1.example.7.70", "100\n200\n").expect("it is one");
        assert_eq!((whole.node.as_str(), whole.pid, whole.starttime), ("n1.example", 7, 70));
        assert_eq!(whole.beats, [100, 200]);
        assert_eq!(beats("100\n2"), Some(vec![100]), "the last one is on its way");
        assert_eq!(beats(""), Some(vec![]));
        assert_eq!(beats("x\n"), None);
        assert_eq!(parse_file("notes", ""), None);
    }
}
