//! A worker process that appends lines to a file, and for which nobody has to wait.
//!
//! Whoever appends to a file on a frozen file system, or on one whose server is gone, sleeps in state D, and no signal ends that;
//! `O_NONBLOCK` means nothing for a regular file. So a child made by fork appends: the caller hands it the lines through
//! a socket, never waits meanwhile, and leaves the child behind where it is not done at the end.
//!
//! One that is left behind has a session of its own and nothing of the caller's open, so that neither a signal to the caller's
//! process group nor whoever reads the caller's output has to do with it. It writes what it was given as soon as it can.
//! Workers of many callers take turns at one file ([`Turn`]): of all that there are, one at a time can hang in it.

use crate::descriptors::{close_all_but, emfile_error, is_in_reserve};
use crate::fork::ForkedChild;
use crate::wait::{poll_until, sleep_capped};
use rustix::event::{PollFd, PollFlags};
use rustix::fd::AsFd;
use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

/// Most bytes that are kept for a worker that does not take them; what comes after them is lost.
pub const MOST_UNSENT: usize = 4 << 20;

/// Longest wait of a worker for its turn. One write takes microseconds, and longer than a second only where the disk is not well.
const TURN_WITHIN: Duration = Duration::from_millis(500);

/// Between two tries to get the turn: flock(2) can wait, but not with a limit.
const TRY_EVERY: Duration = Duration::from_millis(2);

/// See the module.
#[derive(Debug)]
pub struct LogWriter {
    socket: UnixStream,
    child: ForkedChild,
    unsent: Vec<u8>,
}

impl LogWriter {
    /// Forks one that gives whole lines to `append`, as many at once as have come; after an error of it the worker ends. It waits for its turn
    /// at the file `turn`, which is in memory; where there can't be such a file it does without.
    ///
    /// # Errors
    /// There can be no process; or the socket would be one of the last descriptors that this process may have.
    pub fn new(
        turn: Option<&Path>,
        mut append: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<Self> {
        let (socket, theirs) = UnixStream::pair()?;
        if is_in_reserve(theirs.as_fd()) {
            // Kept, it would leave too few for the work.
            return Err(emfile_error());
        }
        socket.set_nonblocking(true)?;
        let child = ForkedChild::fork(|| {
            close_all_but(theirs.as_fd());
            // Failing to leave the group or the directory is no reason not to write.
            let _ = rustix::process::setsid();
            let _ = rustix::process::chdir("/");
            i32::from(work(theirs, &Turn::at(turn), &mut append).is_err())
        })?;
        Ok(Self { socket, child, unsent: Vec::new() })
    }

    /// Hands over lines, of which each ends with a line feed. It does not wait: what the worker does not take yet is kept.
    ///
    /// # Errors
    /// The worker has ended.
    pub fn send(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.unsent.len() + lines.len() <= MOST_UNSENT {
            self.unsent.extend_from_slice(lines);
        }
        self.hand_over()
    }

    fn hand_over(&mut self) -> io::Result<()> {
        while !self.unsent.is_empty() {
            match self.socket.write(&self.unsent) {
                Ok(n) => drop(self.unsent.drain(..n)),
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Waits until all is written, but not past `until`; then the worker goes on alone.
    pub fn finish(&mut self, until: Instant) {
        // A worker that has ended takes no more.
        while self.hand_over().is_ok() && !self.unsent.is_empty() {
            if !matches!(
                poll_until(&mut [PollFd::new(&self.socket, PollFlags::OUT)], until),
                Ok(true)
            ) {
                break;
            }
        }
        let _ = self.socket.shutdown(Shutdown::Write);
        let _ = self.child.wait(until);
    }
}

/// All that the worker does: it ends with the caller, after the last line.
fn work(
    mut lines: UnixStream,
    turn: &Turn,
    append: &mut impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut unwritten = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match lines.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => unwritten.extend_from_slice(&buffer[..n]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        }
        if let Some(end) = unwritten.iter().rposition(|&byte| byte == b'\n') {
            turn.take(|| append(&unwritten[..=end]))?;
            unwritten.drain(..=end);
        }
    }
}

/// Who may write to a file: whoever has locked this one, which lies beside it in memory. The kernel unlocks it at the holder's end, however
/// that comes. Not empty, it says that the holder was found to hang, so that nobody else waits for it.
struct Turn(Option<File>);

impl Turn {
    fn at(path: Option<&Path>) -> Self {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let open = |path| rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR).ok();
        Self(path.and_then(open).map(File::from))
    }

    /// Does it when it is our turn.
    fn take(&self, write: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let Some(file) = &self.0 else { return write() };
        let until = Instant::now() + TURN_WITHIN;
        while flock(file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let is_marked = file.metadata()?.len() > 0;
            if is_marked || Instant::now() >= until {
                file.set_len(1)?;
                return Err(io::ErrorKind::TimedOut.into());
            }
            sleep_capped(TRY_EVERY, until);
        }
        if file.metadata()?.len() > 0 {
            file.set_len(0)?;
        }
        let written = write();
        flock(file, FlockOperation::Unlock)?;
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::{Stat, live_threads};
    use crate::{Pid, Signal};
    use std::fs::OpenOptions;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(20)
    }

    fn append(path: &Path) -> impl FnMut(&[u8]) -> io::Result<()> {
        let path = path.to_owned();
        move |lines| OpenOptions::new().append(true).create(true).open(&path)?.write_all(lines)
    }

    /// A worker that hangs in its first line until a byte comes through the FIFO.
    fn hanging(turn: &Path, log: &Path) -> (LogWriter, File) {
        // Named, for the worker closes what it has of ours.
        let fifo = log.with_extension("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, Mode::RUSR | Mode::WUSR).unwrap();
        let gate = OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
        let mut append = append(log);
        let mut worker = LogWriter::new(Some(turn), move |lines| {
            File::open(&fifo)?.read_exact(&mut [0])?;
            append(lines)
        })
        .unwrap();
        worker.send(b"hung\n").unwrap();
        let until = soon();
        while is_free(turn) && Instant::now() < until {
            sleep_capped(TRY_EVERY, until);
        }
        (worker, gate)
    }

    fn is_free(turn: &Path) -> bool {
        let Turn(Some(file)) = Turn::at(Some(turn)) else { panic!("no turn") };
        flock(file, FlockOperation::NonBlockingLockExclusive).is_ok()
    }

    #[test]
    fn lines_are_written_in_their_order_and_whole() {
        let dir = tempfile::tempdir().unwrap();
        let (turn, log) = (dir.path().join("turn"), dir.path().join("log"));
        let mut workers = [0, 1].map(|_| LogWriter::new(Some(&turn), append(&log)).unwrap());
        for number in 0..5000 {
            for (name, worker) in ["a", "b"].iter().zip(&mut workers) {
                worker.send(format!("{name} {number} {}\n", "x".repeat(100)).as_bytes()).unwrap();
            }
        }
        for worker in &mut workers {
            worker.finish(soon());
            assert!(Stat::read(worker.child.pid()).unwrap().is_none(), "it is reaped");
        }
        let text = std::fs::read_to_string(&log).unwrap();
        for name in ["a", "b"] {
            let numbers =
                text.lines().filter_map(|line| line.strip_prefix(name)?.split_whitespace().next());
            assert!(numbers.eq((0..5000).map(|number| number.to_string())));
        }
        assert!(text.lines().all(|line| line.len() > 100 && line.ends_with('x')));
    }

    #[test]
    fn a_worker_that_hangs_is_left_behind_and_no_other_hangs_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let (turn, log) = (dir.path().join("turn"), dir.path().join("log"));
        let (mut hung, mut gate) = hanging(&turn, &log);
        for _ in 0..20_000 {
            hung.send(&[b'x'; 99]).unwrap();
            hung.send(b"\n").unwrap();
        }
        hung.finish(Instant::now() + Duration::from_millis(20));
        assert_eq!(live_threads(hung.child.pid()), [hung.child.pid()]);
        let session = Stat::read(hung.child.pid()).unwrap().unwrap().session;
        assert_eq!(session, hung.child.pid().as_raw());
        for round in 0..3 {
            let before = Instant::now();
            let mut next = LogWriter::new(Some(&turn), append(&log)).unwrap();
            let _ = next.send(b"next\n");
            next.finish(soon());
            assert!(Stat::read(next.child.pid()).unwrap().is_none(), "it has given up");
            let waited = before.elapsed();
            assert!(round == 0 || waited < TURN_WITHIN, "{round}: {waited:?}");
        }
        assert!(!log.exists());
        // What was handed over while it hung is not lost, and others get on again.
        for _ in 0..100 {
            gate.write_all(&[0; 64]).unwrap();
        }
        hung.finish(soon());
        let text = std::fs::read_to_string(&log).unwrap();
        assert!(text.starts_with("hung\n") && text.lines().count() > 100);
        let mut next = LogWriter::new(Some(&turn), append(&log)).unwrap();
        next.send(b"next\n").unwrap();
        next.finish(soon());
        assert!(std::fs::read_to_string(&log).unwrap().ends_with("\nnext\n"));
    }

    #[test]
    fn the_turn_of_one_that_was_killed_is_free() {
        let dir = tempfile::tempdir().unwrap();
        let (turn, log) = (dir.path().join("turn"), dir.path().join("log"));
        let (mut hung, _gate) = hanging(&turn, &log);
        let mut next = LogWriter::new(Some(&turn), append(&log)).unwrap();
        let _ = next.send(b"next\n");
        next.finish(soon());
        rustix::process::kill_process(hung.child.pid().as_rustix(), Signal::KILL).unwrap();
        hung.finish(soon());
        let mut next = LogWriter::new(Some(&turn), append(&log)).unwrap();
        next.send(b"next\n").unwrap();
        next.finish(soon());
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "next\n");
    }

    #[test]
    fn a_worker_that_can_not_write_ends_and_its_caller_learns_it() {
        let mut worker = LogWriter::new(None, |_| Err(io::ErrorKind::NotFound.into())).unwrap();
        let _ = worker.send(b"one\n");
        worker.finish(soon());
        assert!(worker.send(b"two\n").is_err());
        assert_ne!(worker.child.pid(), Pid::own());
    }
}
