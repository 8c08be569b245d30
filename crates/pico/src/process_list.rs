//! Lists of processes in files: pid and start time, one process a line.

use host::{Pid, ProcessId};
use std::fmt::Write as _;

pub(crate) fn format(processes: impl IntoIterator<Item = ProcessId>) -> String {
    processes.into_iter().fold(String::new(), |mut text, id| {
        // Writing to a string can't fail.
        let _ = writeln!(text, "{} {}", id.pid, id.start);
        text
    })
}

/// Skips lines that name no process.
pub(crate) fn parse(content: &[u8]) -> Vec<ProcessId> {
    String::from_utf8_lossy(content).lines().filter_map(|line| parse_process(line, ' ')).collect()
}

/// Parses pid and start time around `separator`.
pub(crate) fn parse_process(text: &str, separator: char) -> Option<ProcessId> {
    let (pid, start) = text.split_once(separator)?;
    Some(ProcessId { pid: Pid::new(pid.parse().ok()?)?, start: start.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_list_skips_lines_that_name_no_process() {
        let id = ProcessId { pid: Pid::new(44).unwrap(), start: 7 };
        assert_eq!(parse(b"44 7\n"), [id]);
        assert_eq!(parse(b"0 7\n-1 7\n44\n44 x\n\xff 7\n44 7"), [id]);
        assert_eq!(parse(b""), []);
        assert_eq!(parse(format([id, id]).as_bytes()), [id, id]);
    }
}
