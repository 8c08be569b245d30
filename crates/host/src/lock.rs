//! An advisory lock between the actions of one resource.

use crate::files::read_small;
use crate::process::{Pid, ProcessId, Stat};
use crate::wait::pause;
use rustix::fs::{FlockOperation, Mode, OFlags, flock};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, Instant};

/// flock(2), held until it is dropped or the process ends, however it ends. The file stays.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// What came of an attempt to lock.
#[derive(Debug)]
pub enum Locked {
    /// It is ours.
    Held(Lock),
    /// Another process has it; which one, where that process said so and lives.
    Busy(Option<ProcessId>),
}

impl Lock {
    /// Tries until the given instant. The holder's pid and start time stand in the file.
    ///
    /// # Errors
    /// The file can't be made or locked.
    pub fn acquire(path: &Path, until: Instant) -> io::Result<Locked> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)?);
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(Errno::INTR) => {}
                // flock(2) knows no time limit, so it is asked again.
                Err(Errno::WOULDBLOCK) if Instant::now() < until => pause(Duration::from_millis(20), until),
                Err(Errno::WOULDBLOCK) => return Ok(Locked::Busy(holder(path))),
                Err(e) => return Err(e.into()),
            }
        }
        if let Some(own) = Stat::read(Pid::own())? {
            file.set_len(0)?;
            writeln!(file, "{} {}", own.pid, own.start)?;
        }
        Ok(Locked::Held(Self { _file: file }))
    }
}

/// Who says in the file that it holds the lock, if that process lives.
fn holder(path: &Path) -> Option<ProcessId> {
    let content = String::from_utf8(read_small(path).ok()?).ok()?;
    let (pid, start) = content.trim().split_once(' ')?;
    let id = ProcessId { pid: Pid::new(pid.parse().ok()?)?, start: start.parse().ok()? };
    id.stat().ok()?.map(|stat| stat.id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_one_is_told_who_holds_it_and_gets_it_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let Locked::Held(first) = Lock::acquire(&path, Instant::now()).unwrap() else { panic!("busy") };
        let Locked::Busy(holder) = Lock::acquire(&path, Instant::now()).unwrap() else {
            panic!("held twice")
        };
        assert_eq!(holder.unwrap().pid, Pid::own());
        drop(first);
        assert!(matches!(Lock::acquire(&path, Instant::now()).unwrap(), Locked::Held(_)));
    }

    #[test]
    fn a_link_in_its_place_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), &path).unwrap();
        assert!(Lock::acquire(&path, Instant::now()).is_err());
        assert!(!dir.path().join("elsewhere").exists());
    }
}
