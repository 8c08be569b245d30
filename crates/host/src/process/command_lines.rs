//! The command lines of many processes, and none that hangs holds the reader.
//!
//! `/proc/PID/cmdline` is in the memory of the process. To read it the kernel takes that memory's lock, and a process that
//! waits for dead storage in the middle of an mmap(2) or munmap(2) holds it for as long as it waits: this is why ps(1)
//! hangs on such a node. So a helper reads them, in order, and hands each on at once; when it does not go on, the process
//! that it is at is the one that hangs, and another helper goes on behind it.

use super::{Pid, facts};
use crate::helper::{Helper, HelperError};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// Longest wait for one command line. On a healthy node it is microseconds; on a starved one the helper itself may have
/// to wait for its turn.
const STUCK_AFTER: Duration = Duration::from_secs(2);
/// The same once one was: what hangs them hangs many, and a stop has no time for all of them.
const ALSO_STUCK_AFTER: Duration = Duration::from_millis(300);
/// The same for one that was stuck before: a stop looks again and again, and must not lose these seconds each time.
const STILL_STUCK_AFTER: Duration = Duration::from_millis(100);

thread_local! {
    /// Which ones were stuck, in this process, which is one action.
    static STUCK: RefCell<HashSet<Pid>> = RefCell::default();
}

/// What became of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandLine {
    /// This is it; empty for a kernel thread and for a process whose main thread has ended.
    Is(Vec<OsString>),
    /// The process is gone.
    Gone,
    /// The kernel does not give it: the process holds the lock of its memory.
    Stuck,
}

/// Reads the command line of each of `pids`.
///
/// # Errors
/// One can't be read for another reason than that its process is gone; or `until` is reached.
pub fn command_lines(pids: &[Pid], until: Instant) -> io::Result<HashMap<Pid, CommandLine>> {
    let mut lines = HashMap::with_capacity(pids.len());
    let mut any_stuck = false;
    let mut next = 0;
    while next < pids.len() {
        let rest = &pids[next..];
        let Ok(helper) = Helper::new(|mouth| rest.iter().try_for_each(|&pid| tell(pid, mouth))) else {
            // No process or descriptor left for it. What can be read is read all the same.
            for &pid in rest {
                lines.insert(pid, facts::command_line(pid)?.map_or(CommandLine::Gone, CommandLine::Is));
            }
            return Ok(lines);
        };
        let mut ear = Ear { helper, heard: Vec::new(), at: 0 };
        let mut stuck = false;
        while next < pids.len() && !stuck {
            let pid = pids[next];
            let was_stuck = STUCK.with_borrow(|known| known.contains(&pid));
            let patience = match any_stuck {
                _ if was_stuck => STILL_STUCK_AFTER,
                true => ALSO_STUCK_AFTER,
                false => STUCK_AFTER,
            };
            let line = match ear.hear(until.min(Instant::now() + patience)) {
                Ok(line) => line?,
                Err(HelperError::NoAnswer { .. }) if was_stuck || Instant::now() < until => {
                    CommandLine::Stuck
                }
                Err(e) => return Err(io::Error::other(format!("the command line of {pid}: {e}"))),
            };
            stuck = line == CommandLine::Stuck;
            if stuck {
                any_stuck = true;
                STUCK.with_borrow_mut(|known| known.insert(pid));
            }
            lines.insert(pid, line);
            next += 1;
        }
        if !stuck {
            // It has told all; what it ends with does not matter.
            let _ = ear.helper.end(until);
        }
    }
    Ok(lines)
}

/// In the place of a length: the process is gone.
const GONE: u32 = u32::MAX;
/// In the place of a length: it can't be read, and the error's number follows.
const UNREADABLE: u32 = u32::MAX - 1;

/// For the helper: one command line, as length and bytes. In one write, so that what is told is told whole.
fn tell(pid: Pid, mouth: &mut File) -> io::Result<()> {
    let (length, bytes) = match facts::command_line_bytes(pid) {
        Ok(Some(bytes)) => (u32::try_from(bytes.len()).map_err(io::Error::other)?, bytes),
        Ok(None) => (GONE, Vec::new()),
        Err(e) => (UNREADABLE, e.raw_os_error().unwrap_or_default().to_le_bytes().to_vec()),
    };
    let mut message = length.to_le_bytes().to_vec();
    message.extend(bytes);
    mouth.write_all(&message)
}

/// The end where it is told.
struct Ear {
    helper: Helper,
    heard: Vec<u8>,
    /// How much of it was understood.
    at: usize,
}

impl Ear {
    fn hear(&mut self, until: Instant) -> Result<io::Result<CommandLine>, HelperError> {
        let length = u32::from_le_bytes(self.number(until)?);
        Ok(match length {
            GONE => Ok(CommandLine::Gone),
            UNREADABLE => Err(io::Error::from_raw_os_error(i32::from_le_bytes(self.number(until)?))),
            length => Ok(CommandLine::Is(facts::arguments(self.bytes(length as usize, until)?))),
        })
    }

    fn number(&mut self, until: Instant) -> Result<[u8; 4], HelperError> {
        let bytes = self.bytes(4, until)?;
        Ok([bytes[0], bytes[1], bytes[2], bytes[3]])
    }

    fn bytes(&mut self, number: usize, until: Instant) -> Result<&[u8], HelperError> {
        while self.heard.len() - self.at < number {
            self.heard.drain(..self.at);
            self.at = 0;
            if self.helper.read(&mut self.heard, until)? == 0 {
                return Err(self.helper.death(until));
            }
        }
        self.at += number;
        Ok(&self.heard[self.at - number..self.at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    fn line(pid: Pid) -> CommandLine {
        let mut lines = command_lines(&[Pid::own(), pid, Pid::own()], soon()).unwrap();
        assert_eq!(lines.remove(&Pid::own()), Some(CommandLine::Is(std::env::args_os().collect())));
        assert_eq!(lines.len(), 1);
        lines.remove(&pid).unwrap()
    }

    #[test]
    fn nobody_has_none() {
        // Above the largest pid_max (4194304).
        assert_eq!(line(Pid::new(4_194_305).unwrap()), CommandLine::Gone);
        assert!(command_lines(&[], soon()).unwrap().is_empty());
    }

    #[test]
    fn a_long_one_comes_whole() {
        let long = "x".repeat(100_000);
        let mut child = std::process::Command::new("cat")
            .args(["-", &long])
            .stdin(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let pid = Pid::new(i32::try_from(child.id()).unwrap()).unwrap();
        let expected = CommandLine::Is(vec!["cat".into(), "-".into(), long.into()]);
        // In the middle of its exec, which spawn does not wait for the end of, it has none.
        let until = soon();
        let mut seen = line(pid);
        while seen == CommandLine::Is(Vec::new()) && Instant::now() < until {
            seen = line(pid);
        }
        assert_eq!(seen, expected);
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
