//! Files that appear in a directory, told by the kernel (inotify) to one who waits for something else.
//!
//! - *No disk is asked.* A path is looked up in what the kernel has in memory (`RESOLVE_CACHED`, Linux 5.12) and else not at all; who writes
//!   there has seen to it that it is. Only file systems of this node itself are watched: of others the kernel would ask the server.
//! - *Nothing is taken away from others.* A user has 128 of these by default, and services of the node that get none fail. So one is
//!   taken only where [`SPARE`] more could be had at that moment.
//!
//! Whatever is in the way of it, there is nothing to be told then.

use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, StatxFlags};
use std::ffi::OsString;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

/// So many are left to others.
const SPARE: usize = 32;

/// What a disk of this node can have, and memory.
const LOCAL: [&str; 8] = ["ext4", "xfs", "btrfs", "ext3", "ext2", "f2fs", "tmpfs", "overlay"];

/// What appears in some directories, from now on.
#[derive(Debug)]
pub struct Arrivals(OwnedFd);

impl Arrivals {
    /// In these; `None` where none of them can be watched.
    #[must_use]
    pub fn in_any_of(directories: &[&Path]) -> Option<Self> {
        let flags = CreateFlags::CLOEXEC | CreateFlags::NONBLOCK;
        let one = inotify::init(flags).ok()?;
        let spare: Result<Vec<OwnedFd>, _> = (0..SPARE).map(|_| inotify::init(flags)).collect();
        drop(spare.ok()?);
        let watched = directories.iter().filter(|directory| watch(&one, directory).is_ok()).count();
        (watched > 0).then_some(Self(one))
    }

    /// The names of those that have appeared since they were last asked for.
    #[must_use]
    pub fn names(&self) -> Vec<OsString> {
        let mut buffer = [MaybeUninit::uninit(); 1024];
        let mut reader = Reader::new(&self.0, &mut buffer);
        // It ends with EAGAIN.
        let next = || reader.next().ok().map(|event| event.file_name().map(|name| name.to_bytes().to_vec()));
        std::iter::from_fn(next).flatten().map(OsString::from_vec).collect()
    }
}

impl AsFd for Arrivals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn watch(inotify: &OwnedFd, directory: &Path) -> io::Result<()> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let found = rustix::fs::openat2(rustix::fs::CWD, directory, flags, Mode::empty(), ResolveFlags::CACHED)?;
    let asked = AtFlags::EMPTY_PATH | AtFlags::STATX_DONT_SYNC;
    let mount = rustix::fs::statx(&found, "", asked, StatxFlags::MNT_ID)?.stx_mnt_id;
    if !crate::mounts::file_system(mount)?.is_some_and(|name| LOCAL.contains(&name.as_str())) {
        return Err(io::Error::from(io::ErrorKind::Unsupported));
    }
    // By the descriptor, so that nothing is looked up anew.
    let path = format!("/proc/self/fd/{}", found.as_raw_fd());
    inotify::add_watch(inotify, path, WatchFlags::CREATE | WatchFlags::MOVED_TO | WatchFlags::ONLYDIR)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::poll_until;
    use rustix::event::{PollFd, PollFlags};
    use std::fs;
    use std::time::{Duration, Instant};

    fn ready(arrivals: &Arrivals) -> bool {
        let until = Instant::now() + Duration::from_millis(50);
        poll_until(&mut [PollFd::new(arrivals, PollFlags::IN)], until).unwrap()
    }

    #[test]
    fn what_is_made_or_moved_there_is_told_once_and_what_is_written_is_not() {
        let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let inside = |name: &str| here.path().join(name);
        fs::write(inside("old.log"), "").unwrap();
        let absent = here.path().join("absent");
        let arrivals = Arrivals::in_any_of(&[here.path(), &absent]).unwrap();
        fs::write(inside("old.log"), "more").unwrap();
        assert!(!ready(&arrivals));
        fs::write(inside("new.log"), "").unwrap();
        fs::write(there.path().join("x"), "").unwrap();
        fs::rename(there.path().join("x"), inside("moved.log")).unwrap();
        assert!(ready(&arrivals));
        assert_eq!(arrivals.names(), ["new.log", "moved.log"]);
        assert_eq!(arrivals.names(), Vec::<OsString>::new());
    }

    #[test]
    fn what_is_no_directory_of_a_disk_is_not_watched() {
        assert!(
            Arrivals::in_any_of(&[Path::new("/proc"), Path::new("/absent"), Path::new("/etc/passwd")])
                .is_none()
        );
    }
}
