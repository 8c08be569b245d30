//! The command lines of many processes, read within one deadline.
//!
//! `/proc/PID/cmdline` lies in the memory of the process. The kernel takes that memory's lock to read it, and a process that
//! waits for dead storage inside mmap(2) or munmap(2) holds the lock for as long as it waits: this is why ps(1) hangs on such
//! a node. So a worker process reads them. Its threads take the next process from one list; while none of them gets on, it
//! doubles their number, so that what hangs is waited for beside the others and not before them. Whatever has not answered
//! when nothing has come for [`STUCK_AFTER`] is stuck.
//!
//! No more than [`LONGEST`] bytes of one are read, and one is handed on and dropped before the next is kept.

use super::{Pid, facts};
use crate::helper::{Helper, HelperError};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Longest command line that is read, in bytes: the kernel's limit for one argument.
pub const LONGEST: usize = 128 << 10;

/// Longest wait without any answer. On a healthy node one takes microseconds; on a starved one the worker process itself may
/// have to wait for its turn.
const STUCK_AFTER: Duration = Duration::from_secs(2);
/// The same where all that is missing was stuck before: a stop looks again and again.
const STILL_STUCK_AFTER: Duration = Duration::from_millis(100);
/// How long the threads of the worker process may get nowhere before it doubles their number.
const DOUBLE_AFTER: Duration = Duration::from_millis(20);
/// Stack of one such thread, in bytes: it opens a file and reads it.
const STACK: usize = 64 << 10;

thread_local! {
    /// What was stuck, in this process, which is one action.
    static STUCK: RefCell<HashSet<Pid>> = RefCell::default();
}

/// Where a command line is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// The process.
    pub pid: Pid,
    /// A thread of it that is to be asked: the main thread, once it has ended, has none to give.
    pub thread: Option<Pid>,
}

impl From<Pid> for Source {
    fn from(pid: Pid) -> Self {
        Self { pid, thread: None }
    }
}

impl Source {
    /// A file of /proc about it.
    pub(super) fn file(self, name: &str) -> String {
        let pid = self.pid;
        self.thread
            .map_or_else(|| format!("/proc/{pid}/{name}"), |tid| format!("/proc/{pid}/task/{tid}/{name}"))
    }
}

/// The command line of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandLine {
    /// This is it; empty for a process that has given up its memory.
    Is(Vec<OsString>),
    /// It is longer than [`LONGEST`]; this is what it begins with.
    Beginning(Vec<OsString>),
    /// The process is gone.
    Gone,
    /// The kernel does not give it: the process holds the lock of its memory.
    Stuck,
}

/// Reads the command line of each of `sources` and hands it to `each`, by its place in `sources`, in no order.
///
/// # Errors
/// One can't be read for another reason than that its process is gone; there can be no worker process; or `until` is reached.
pub fn command_lines(
    sources: &[Source],
    until: Instant,
    mut each: impl FnMut(usize, CommandLine),
) -> io::Result<()> {
    if sources.is_empty() {
        return Ok(());
    }
    let list: Arc<[Source]> = sources.into();
    // Where no process or descriptor is left for it nothing is read: a caller that hangs itself answers nothing at all.
    let worker = Helper::new(|answers| read_all(list, answers)).map_err(io::Error::other)?;
    let mut answers = Answers { worker, bytes: Vec::new(), at: 0 };
    let mut missing: BTreeSet<usize> = (0..sources.len()).collect();
    while !missing.is_empty() {
        let all_known = STUCK.with_borrow(|known| missing.iter().all(|&at| known.contains(&sources[at].pid)));
        let patience = if all_known { STILL_STUCK_AFTER } else { STUCK_AFTER };
        match answers.next(until.min(Instant::now() + patience)) {
            Ok((at, Ok(line))) => {
                if missing.remove(&at) {
                    each(at, line);
                }
            }
            Ok((_, Err(e))) => {
                // It is not left behind: a stop looks again and again.
                let _ = answers.worker.give_up();
                return Err(e);
            }
            Err(HelperError::NoAnswer { .. }) if all_known || Instant::now() < until => break,
            Err(e) => {
                let first = missing.first().map_or_else(String::new, |&at| sources[at].pid.to_string());
                return Err(io::Error::other(format!("the command line of pid {first}: {e}")));
            }
        }
    }
    if missing.is_empty() {
        // It has answered all, and ends; how does not matter.
        let _ = answers.worker.end(until);
    } else {
        let _ = answers.worker.give_up();
    }
    for at in missing {
        STUCK.with_borrow_mut(|known| known.insert(sources[at].pid));
        each(at, CommandLine::Stuck);
    }
    Ok(())
}

/// The command line of one process; one that is stuck costs the deadline of all.
///
/// # Errors
/// As [`command_lines`].
pub fn command_line_of(pid: Pid, until: Instant) -> io::Result<CommandLine> {
    let mut line = CommandLine::Gone;
    command_lines(&[pid.into()], until, |_, read| line = read)?;
    Ok(line)
}

/// In the place of a length: the process is gone.
const GONE: u32 = u32::MAX;
/// Beside a length: there is more than was read.
const CUT: u32 = 1 << 30;
/// Beside a length: it can't be read, and this is the error in words.
const UNREADABLE: u32 = 1 << 29;

/// What the threads of the worker process share.
struct Shared {
    sources: Arc<[Source]>,
    next: AtomicUsize,
    /// How many are answered, and where the answers go.
    answers: Mutex<(usize, File)>,
}

/// The worker process: it ends when all have answered, or is killed.
fn read_all(sources: Arc<[Source]>, answers: File) -> io::Result<()> {
    let number = sources.len();
    let shared = Arc::new(Shared { sources, next: AtomicUsize::new(0), answers: Mutex::new((0, answers)) });
    let this = thread::current();
    let (mut threads, mut before) = (0, 0);
    loop {
        let answered = shared.answers.lock().unwrap_or_else(PoisonError::into_inner).0;
        if answered == number {
            return Ok(());
        }
        if threads == 0 || answered == before {
            let wanted = (threads * 2).clamp(1, number);
            while threads < wanted {
                let (shared, done) = (Arc::clone(&shared), this.clone());
                let started = thread::Builder::new().stack_size(STACK).spawn(move || {
                    read_some(&shared);
                    done.unpark();
                });
                match started {
                    Ok(_) => threads += 1,
                    // No room for more: those that there are go on.
                    Err(_) if threads > 0 => break,
                    Err(e) => return Err(e),
                }
            }
        }
        before = answered;
        thread::park_timeout(DOUBLE_AFTER);
    }
}

/// One thread: reads what nobody has read yet.
fn read_some(shared: &Shared) {
    loop {
        let at = shared.next.fetch_add(1, Ordering::Relaxed);
        let Some(&source) = shared.sources.get(at) else { return };
        let message = message(at, facts::command_line_bytes(source, LONGEST + 1));
        let mut answers = shared.answers.lock().unwrap_or_else(PoisonError::into_inner);
        // Without a reader there is nobody to work for; the process is about to be killed.
        if answers.1.write_all(&message).is_err() {
            return;
        }
        answers.0 += 1;
    }
}

/// Place, length, bytes.
fn message(at: usize, read: io::Result<Option<Vec<u8>>>) -> Vec<u8> {
    // At most LONGEST.
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or_default();
    let (head, bytes) = match read {
        Ok(Some(mut bytes)) => {
            let cut = if bytes.len() > LONGEST { CUT } else { 0 };
            bytes.truncate(LONGEST);
            (length(&bytes) | cut, bytes)
        }
        Ok(None) => (GONE, Vec::new()),
        Err(e) => {
            let words = e.to_string().into_bytes();
            (length(&words) | UNREADABLE, words)
        }
    };
    let place = u32::try_from(at).unwrap_or(u32::MAX);
    [&place.to_le_bytes()[..], &head.to_le_bytes(), &bytes].concat()
}

/// The end where the answers come out.
struct Answers {
    worker: Helper,
    bytes: Vec<u8>,
    /// How much of it was understood.
    at: usize,
}

impl Answers {
    fn next(&mut self, until: Instant) -> Result<(usize, io::Result<CommandLine>), HelperError> {
        let at = u32::from_le_bytes(self.number(until)?) as usize;
        let head = u32::from_le_bytes(self.number(until)?);
        let line = match head {
            GONE => Ok(CommandLine::Gone),
            length if length & UNREADABLE != 0 => {
                let words = self.bytes((length & !UNREADABLE) as usize, until)?;
                Err(io::Error::other(String::from_utf8_lossy(words).into_owned()))
            }
            length if length & CUT != 0 => {
                Ok(CommandLine::Beginning(facts::arguments(self.bytes((length & !CUT) as usize, until)?)))
            }
            length => Ok(CommandLine::Is(facts::arguments(self.bytes(length as usize, until)?))),
        };
        Ok((at, line))
    }

    fn number(&mut self, until: Instant) -> Result<[u8; 4], HelperError> {
        let bytes = self.bytes(4, until)?;
        Ok([bytes[0], bytes[1], bytes[2], bytes[3]])
    }

    fn bytes(&mut self, number: usize, until: Instant) -> Result<&[u8], HelperError> {
        while self.bytes.len() - self.at < number {
            self.bytes.drain(..self.at);
            self.at = 0;
            if self.worker.read(&mut self.bytes, until)? == 0 {
                return Err(self.worker.death(until));
            }
        }
        self.at += number;
        Ok(&self.bytes[self.at - number..self.at])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    fn lines(pids: &[Pid]) -> HashMap<usize, CommandLine> {
        let sources: Vec<Source> = pids.iter().copied().map(Source::from).collect();
        let mut lines = HashMap::new();
        command_lines(&sources, soon(), |at, line| assert!(lines.insert(at, line).is_none())).unwrap();
        assert_eq!(lines.len(), pids.len());
        lines
    }

    fn line(pid: Pid) -> CommandLine {
        let mut lines = lines(&[Pid::own(), pid, Pid::own()]);
        let own = CommandLine::Is(std::env::args_os().collect());
        assert_eq!((lines.get(&0), lines.get(&2)), (Some(&own), Some(&own)));
        lines.remove(&1).unwrap()
    }

    #[test]
    fn a_process_that_is_gone_has_none() {
        // Above the largest pid_max (4194304).
        assert_eq!(line(Pid::new(4_194_305).unwrap()), CommandLine::Gone);
        assert!(lines(&[]).is_empty());
    }

    #[test]
    fn a_thread_has_the_command_line_of_its_process() {
        let own = Pid::own();
        let mut line = CommandLine::Gone;
        command_lines(&[Source { pid: own, thread: Some(own) }], soon(), |_, read| line = read).unwrap();
        assert_eq!(line, CommandLine::Is(std::env::args_os().collect()));
    }

    #[test]
    fn a_long_one_comes_whole_and_a_longer_one_as_its_beginning() {
        for (arguments, whole) in [(1, true), (3, false)] {
            let long = "x".repeat(100_000);
            let mut child = std::process::Command::new("cat")
                .arg("-")
                .args(vec![&long; arguments])
                .stdin(std::process::Stdio::piped())
                .stderr(std::process::Stdio::null())
                .spawn()
                .unwrap();
            let pid = Pid::new(i32::try_from(child.id()).unwrap()).unwrap();
            // In the middle of its exec, which spawn does not wait for the end of, it has none.
            let until = soon();
            let mut seen = line(pid);
            while seen == CommandLine::Is(Vec::new()) && Instant::now() < until {
                seen = line(pid);
            }
            let expected: Vec<OsString> = ["cat", "-", &long].map(OsString::from).into();
            match seen {
                CommandLine::Is(argv) => assert!(whole && argv == expected),
                CommandLine::Beginning(argv) => {
                    assert!(!whole && argv[..3] == expected);
                    assert!(argv.iter().map(|argument| argument.len() + 1).sum::<usize>() <= LONGEST + 1);
                }
                other => panic!("{other:?}"),
            }
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}
