//! An advisory lock between the actions of one resource.
//!
//! A POSIX record lock (fcntl(2) `F_SETLK`), not flock(2): it belongs to the process and not to the open file. A child
//! made by fork would share an flock, and a helper that hangs on dead storage would hold it after the action has
//! ended. The kernel also tells who holds it, so nothing that is written into the file need be believed.

use crate::descriptors::{emfile_error, is_in_reserve};
use crate::process::{Pid, ProcessId, Stat};
use crate::wait::sleep_capped;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc::{F_UNLCK, F_WRLCK, SEEK_SET, flock as Region};
use rustix::fd::AsFd;
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// Held until it is dropped or the process ends, however it ends. The file stays.
///
/// A process can't exclude itself by it, and dropping a second one for the same file would release the first: one
/// action takes one lock.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// The result of an attempt to lock.
#[derive(Debug)]
pub enum LockAttempt {
    Acquired(Lock),
    /// Another process holds it; `None`: one of another pid namespace.
    Busy(Option<ProcessId>),
}

impl Lock {
    /// Tries until the given instant.
    ///
    /// # Errors
    /// The file can't be created or locked, or its descriptor would be one of the last.
    pub fn acquire(path: &Path, until: Instant) -> io::Result<LockAttempt> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)?);
        if is_in_reserve(file.as_fd()) {
            // The action needs the remaining ones.
            return Err(emfile_error());
        }
        loop {
            match fcntl(&file, FcntlArg::F_SETLK(&whole_file())) {
                Ok(_) => return Ok(LockAttempt::Acquired(Self { _file: file })),
                Err(nix::errno::Errno::EINTR) => {}
                Err(nix::errno::Errno::EAGAIN | nix::errno::Errno::EACCES) => {
                    if Instant::now() >= until {
                        return Ok(LockAttempt::Busy(holder(&file)?));
                    }
                    // F_SETLKW has no timeout, so this polls.
                    sleep_capped(Duration::from_millis(20), until);
                }
                Err(e) => return Err(e.into()),
            }
        }
    }
}

fn whole_file() -> Region {
    let narrow = |n: i32| i16::try_from(n).unwrap_or_default();
    Region { l_type: narrow(F_WRLCK), l_whence: narrow(SEEK_SET), l_start: 0, l_len: 0, l_pid: 0 }
}

fn holder(file: &File) -> io::Result<Option<ProcessId>> {
    let mut region = whole_file();
    fcntl(file, FcntlArg::F_GETLK(&mut region))?;
    if i32::from(region.l_type) == F_UNLCK {
        return Ok(None);
    }
    let Some(pid) = Pid::new(region.l_pid) else { return Ok(None) };
    Ok(Stat::read(pid)?.map(|stat| stat.id()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker;

    /// Tries in another process; the result, and the holder's pid.
    fn acquire_in_child(path: &Path) -> String {
        let until = Instant::now() + Duration::from_secs(20);
        let said = worker::run_in_child(until, || {
            match Lock::acquire(path, Instant::now()) {
                Ok(LockAttempt::Acquired(_)) => "held".to_owned(),
                Ok(LockAttempt::Busy(holder)) => format!("busy {:?}", holder.map(|h| h.pid)),
                Err(e) => e.to_string(),
            }
            .into_bytes()
        });
        String::from_utf8(said.unwrap()).unwrap()
    }

    #[test]
    fn lock_names_its_holder_and_is_acquired_after_release() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let LockAttempt::Acquired(first) = Lock::acquire(&path, Instant::now()).unwrap() else {
            panic!("busy")
        };
        assert_eq!(acquire_in_child(&path), format!("busy {:?}", Some(Pid::own())));
        drop(first);
        assert_eq!(acquire_in_child(&path), "held");
    }

    #[test]
    fn hung_child_does_not_keep_the_lock_of_its_parent() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let LockAttempt::Acquired(held) = Lock::acquire(&path, Instant::now()).unwrap() else {
            panic!("busy")
        };
        let hung = crate::ForkedChild::fork(|| {
            loop {
                std::thread::park();
            }
        })
        .unwrap();
        drop(held);
        assert_eq!(acquire_in_child(&path), "held");
        hung.kill();
        hung.wait(Instant::now() + Duration::from_secs(20)).unwrap();
    }

    #[test]
    fn symlink_as_lock_file_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), &path).unwrap();
        assert!(Lock::acquire(&path, Instant::now()).is_err());
        assert!(!dir.path().join("elsewhere").exists());
    }
}
