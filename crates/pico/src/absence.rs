//! Which java processes a look has seen that found no pico.
//!
//! A process that hangs in its exit shows nothing that could tell what it was. If it was there before, and was not the pico, it is
//! none.

use crate::record;
use crate::settings::Target;
use host::{Pid, ProcessId, files, process};

/// Most of them that are kept.
const MOST: usize = 1000;

/// Notes that a look has found none of this pico, and has seen these. That this fails costs no more than the note.
pub(crate) fn note(target: &Target, seen: &[ProcessId]) {
    let written = record::absence_path(target).and_then(|path| {
        let first = [process::boot_id()?];
        let lines =
            first.into_iter().chain(seen.iter().take(MOST).map(|id| format!("{} {}", id.pid, id.start)));
        let content: String = lines.map(|line| line + "\n").collect();
        files::replace(&path, content.as_bytes())
    });
    if let Err(e) = written {
        tracing::debug!("{}: that it does not run can't be noted: {e}", target.name);
    }
}

/// What the last such look of this boot has seen.
pub(crate) fn seen(target: &Target) -> Vec<ProcessId> {
    let read = || {
        let content = files::read_own(&record::absence_path(target).ok()?).ok()?;
        let content = String::from_utf8(content).ok()?;
        let (boot, processes) = content.split_once('\n')?;
        let process = |line: &str| {
            let (pid, start) = line.split_once(' ')?;
            Some(ProcessId { pid: Pid::new(pid.parse().ok()?)?, start: start.parse().ok()? })
        };
        (boot == process::boot_id().ok()?).then(|| processes.lines().filter_map(process).collect())
    };
    read().unwrap_or_default()
}
