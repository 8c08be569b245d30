//! The command lines of many processes, read within one deadline; and the environment of one.
//!
//! `/proc/PID/cmdline` lies in the memory of the process. The kernel takes that memory's lock to read it, and a process that
//! waits for dead storage inside mmap(2) or munmap(2) holds the lock for as long as it waits: this is why ps(1) hangs on such
//! a node. So a worker process reads them. Its threads take the next process from one list; while none of them gets on, it
//! doubles their number, so that what hangs is waited for beside the others and not before them. Whatever has not answered
//! when nothing has come for [`STUCK_TIMEOUT`] is stuck.
//!
//! No more than [`MAX_COMMAND_LINE_BYTES`] bytes of one are read, and one is handed on and dropped before the next is kept.

use crate::credentials::Credentials;
use crate::files::{read_capped, unreadable};
use crate::process::{Pid, ProcDir, command_line_bytes, none_if_gone, split_nul};
use crate::worker::{self, Worker, WorkerError};
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
pub const MAX_COMMAND_LINE_BYTES: usize = 128 << 10;

/// Longest environment that is read, in bytes. The kernel's own limit for it and the command line together is a quarter of the
/// stack limit (2 MiB by default).
const MAX_ENVIRONMENT_BYTES: usize = (2 << 20) - 1;

/// Longest wait without any answer. On a healthy node one takes microseconds; on a starved one the worker process itself may
/// have to wait for its turn.
const STUCK_TIMEOUT: Duration = Duration::from_secs(2);
/// The same where all that is missing was stuck before: a stop looks again and again.
const KNOWN_STUCK_TIMEOUT: Duration = Duration::from_millis(100);
/// How long the threads of the worker process may get nowhere before it doubles their number.
const THREAD_DOUBLING_INTERVAL: Duration = Duration::from_millis(20);
/// Stack of one such thread, in bytes: it opens a file and reads it.
const THREAD_STACK_BYTES: usize = 64 << 10;

thread_local! {
    /// What was stuck, in this process, which is one action.
    static STUCK: RefCell<HashSet<Pid>> = RefCell::default();
}

/// The command line of one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandLine {
    /// This is it; empty for a process that has given up its memory.
    Complete(Vec<OsString>),
    /// It is longer than [`MAX_COMMAND_LINE_BYTES`]; this is what it begins with.
    Truncated(Vec<OsString>),
    /// The process is gone.
    Gone,
    /// The kernel does not give it: the process holds the lock of its memory.
    Stuck,
}

/// Reads the command line of each of `sources` and hands it to `each`, by its place in `sources`, in no order.
///
/// # Errors
/// One can't be read for another reason than that its process is gone; there can be no worker process; or `until` is reached.
pub fn read_command_lines(
    sources: &[ProcDir],
    until: Instant,
    mut each: impl FnMut(usize, CommandLine),
) -> io::Result<()> {
    if sources.is_empty() {
        return Ok(());
    }
    let list: Arc<[ProcDir]> = sources.into();
    // Where no process or descriptor is left for it nothing is read: a caller that hangs itself answers nothing at all.
    let worker = Worker::spawn(|answers| worker_main(list, answers)).map_err(io::Error::other)?;
    let mut answers = AnswerReader { worker, bytes: Vec::new(), consumed: 0 };
    let mut missing: BTreeSet<usize> = (0..sources.len()).collect();
    while !missing.is_empty() {
        let all_known =
            STUCK.with_borrow(|known| missing.iter().all(|&at| known.contains(&sources[at].pid)));
        let patience = if all_known { KNOWN_STUCK_TIMEOUT } else { STUCK_TIMEOUT };
        match answers.next_answer(until.min(Instant::now() + patience)) {
            Ok((at, Ok(line))) => {
                if missing.remove(&at) {
                    each(at, line);
                }
            }
            Ok((_, Err(e))) => {
                // It is not left behind: a stop looks again and again.
                let _ = answers.worker.kill();
                return Err(e);
            }
            Err(WorkerError::TimedOut { .. }) if all_known || Instant::now() < until => break,
            Err(e) => {
                let first =
                    missing.first().map_or_else(String::new, |&at| sources[at].pid.to_string());
                return Err(io::Error::other(format!("the command line of pid {first}: {e}")));
            }
        }
    }
    if missing.is_empty() {
        // It has answered all, and ends; how does not matter.
        let _ = answers.worker.wait(until);
    } else {
        let _ = answers.worker.kill();
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
/// As [`read_command_lines`].
pub fn read_command_line(pid: Pid, until: Instant) -> io::Result<CommandLine> {
    let mut line = CommandLine::Gone;
    read_command_lines(&[pid.into()], until, |_, read| line = read)?;
    Ok(line)
}

/// Its environment as it was at exec, `NAME=value` each. A worker process reads it, for it can hang as the command line can;
/// as the user of the process where root may not (no `CAP_SYS_PTRACE`).
///
/// # Errors
/// No permission, or it hangs.
pub fn read_environment(source: ProcDir, until: Instant) -> io::Result<Option<Vec<OsString>>> {
    let file = source.path_of("environ");
    let read = || none_if_gone(&file, |file| read_capped(file, MAX_ENVIRONMENT_BYTES));
    // A first byte tells whether there was one, or an error.
    let said = worker::run_in_child(until, || {
        let read = read().or_else(|e| match e.kind() {
            io::ErrorKind::PermissionDenied => {
                Credentials::from_process(source.pid)?.switch_user()?;
                read()
            }
            _ => Err(e),
        });
        match read {
            Ok(Some(bytes)) => [b"+".as_slice(), &bytes].concat(),
            Ok(None) => b"-".to_vec(),
            Err(e) => format!("!{e}").into_bytes(),
        }
    });
    match said.map_err(io::Error::other).map_err(unreadable(&file))?.split_first() {
        Some((b'+', bytes)) => Ok(Some(split_nul(bytes))),
        Some((b'!', why)) => Err(io::Error::other(String::from_utf8_lossy(why).into_owned())),
        _ => Ok(None),
    }
}

/// In the place of a length: the process is gone.
const LENGTH_GONE: u32 = u32::MAX;
/// Beside a length: there is more than was read.
const TRUNCATED_FLAG: u32 = 1 << 30;
/// Beside a length: it can't be read, and this is the error in words.
const LENGTH_UNREADABLE: u32 = 1 << 29;

/// What the threads of the worker process share.
struct SharedReads {
    sources: Arc<[ProcDir]>,
    next: AtomicUsize,
    /// How many are answered, and where the answers go.
    answers: Mutex<(usize, File)>,
}

/// The worker process: it ends when all have answered, or is killed.
fn worker_main(sources: Arc<[ProcDir]>, answers: File) -> io::Result<()> {
    let number = sources.len();
    let shared = Arc::new(SharedReads {
        sources,
        next: AtomicUsize::new(0),
        answers: Mutex::new((0, answers)),
    });
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
                let started =
                    thread::Builder::new().stack_size(THREAD_STACK_BYTES).spawn(move || {
                        reader_thread(&shared);
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
        thread::park_timeout(THREAD_DOUBLING_INTERVAL);
    }
}

/// One thread: reads what nobody has read yet.
fn reader_thread(shared: &SharedReads) {
    loop {
        let at = shared.next.fetch_add(1, Ordering::Relaxed);
        let Some(&source) = shared.sources.get(at) else { return };
        let message = encode_message(at, command_line_bytes(source, MAX_COMMAND_LINE_BYTES + 1));
        let mut answers = shared.answers.lock().unwrap_or_else(PoisonError::into_inner);
        // Without a reader there is nobody to work for; the process is about to be killed.
        if answers.1.write_all(&message).is_err() {
            return;
        }
        answers.0 += 1;
    }
}

/// Place, length, bytes.
fn encode_message(at: usize, read: io::Result<Option<Vec<u8>>>) -> Vec<u8> {
    // At most LONGEST.
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or_default();
    let (head, bytes) = match read {
        Ok(Some(mut bytes)) => {
            let cut = if bytes.len() > MAX_COMMAND_LINE_BYTES { TRUNCATED_FLAG } else { 0 };
            bytes.truncate(MAX_COMMAND_LINE_BYTES);
            (length(&bytes) | cut, bytes)
        }
        Ok(None) => (LENGTH_GONE, Vec::new()),
        Err(e) => {
            let words = e.to_string().into_bytes();
            (length(&words) | LENGTH_UNREADABLE, words)
        }
    };
    let place = u32::try_from(at).unwrap_or(u32::MAX);
    [&place.to_le_bytes()[..], &head.to_le_bytes(), &bytes].concat()
}

/// The end where the answers come out.
struct AnswerReader {
    worker: Worker,
    bytes: Vec<u8>,
    /// How much of it was understood.
    consumed: usize,
}

impl AnswerReader {
    fn next_answer(
        &mut self,
        until: Instant,
    ) -> Result<(usize, io::Result<CommandLine>), WorkerError> {
        let at = u32::from_le_bytes(self.read_4_bytes(until)?) as usize;
        let head = u32::from_le_bytes(self.read_4_bytes(until)?);
        let line = match head {
            LENGTH_GONE => Ok(CommandLine::Gone),
            length if length & LENGTH_UNREADABLE != 0 => {
                let words = self.read_bytes((length & !LENGTH_UNREADABLE) as usize, until)?;
                Err(io::Error::other(String::from_utf8_lossy(words).into_owned()))
            }
            length if length & TRUNCATED_FLAG != 0 => Ok(CommandLine::Truncated(split_nul(
                self.read_bytes((length & !TRUNCATED_FLAG) as usize, until)?,
            ))),
            length => {
                Ok(CommandLine::Complete(split_nul(self.read_bytes(length as usize, until)?)))
            }
        };
        Ok((at, line))
    }

    fn read_4_bytes(&mut self, until: Instant) -> Result<[u8; 4], WorkerError> {
        let bytes = self.read_bytes(4, until)?;
        Ok([bytes[0], bytes[1], bytes[2], bytes[3]])
    }

    fn read_bytes(&mut self, number: usize, until: Instant) -> Result<&[u8], WorkerError> {
        while self.bytes.len() - self.consumed < number {
            self.bytes.drain(..self.consumed);
            self.consumed = 0;
            if self.worker.read(&mut self.bytes, until)? == 0 {
                return Err(self.worker.wait_exit(until));
            }
        }
        self.consumed += number;
        Ok(&self.bytes[self.consumed - number..self.consumed])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    fn test_deadline() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    fn lines(pids: &[Pid]) -> HashMap<usize, CommandLine> {
        let sources: Vec<ProcDir> = pids.iter().copied().map(ProcDir::from).collect();
        let mut lines = HashMap::new();
        read_command_lines(&sources, test_deadline(), |at, line| {
            assert!(lines.insert(at, line).is_none());
        })
        .unwrap();
        assert_eq!(lines.len(), pids.len());
        lines
    }

    fn line(pid: Pid) -> CommandLine {
        let mut lines = lines(&[Pid::own(), pid, Pid::own()]);
        let own = CommandLine::Complete(std::env::args_os().collect());
        assert_eq!((lines.get(&0), lines.get(&2)), (Some(&own), Some(&own)));
        lines.remove(&1).unwrap()
    }

    #[test]
    fn missing_process_has_no_command_line() {
        // Above the largest pid_max (4194304).
        assert_eq!(line(Pid::new(4_194_305).unwrap()), CommandLine::Gone);
        assert!(lines(&[]).is_empty());
    }

    #[test]
    fn environment_of_a_child_is_read() {
        let mut child = std::process::Command::new("cat")
            .env_clear()
            .env("MZ_HOME", "/opt/mz")
            .stdin(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let pid = Pid::new(i32::try_from(child.id()).unwrap()).unwrap();
        let read = || read_environment(pid.into(), test_deadline()).unwrap().unwrap();
        // In the middle of its exec, which spawn does not wait for the end of, it has none.
        let until = test_deadline();
        while read().is_empty() && Instant::now() < until {}
        assert_eq!(read(), ["MZ_HOME=/opt/mz"]);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn thread_has_the_command_line_of_its_process() {
        let own = Pid::own();
        let mut line = CommandLine::Gone;
        read_command_lines(
            &[ProcDir { pid: own, thread: Some(own) }],
            test_deadline(),
            |_, read| {
                line = read;
            },
        )
        .unwrap();
        assert_eq!(line, CommandLine::Complete(std::env::args_os().collect()));
    }

    #[test]
    fn command_line_beyond_the_limit_is_truncated() {
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
            let until = test_deadline();
            let mut seen = line(pid);
            while seen == CommandLine::Complete(Vec::new()) && Instant::now() < until {
                seen = line(pid);
            }
            let expected: Vec<OsString> = ["cat", "-", &long].map(OsString::from).into();
            match seen {
                CommandLine::Complete(argv) => assert!(whole && argv == expected),
                CommandLine::Truncated(argv) => {
                    assert!(!whole && argv[..3] == expected);
                    assert!(
                        argv.iter().map(|argument| argument.len() + 1).sum::<usize>()
                            <= MAX_COMMAND_LINE_BYTES + 1
                    );
                }
                other => panic!("{other:?}"),
            }
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}
