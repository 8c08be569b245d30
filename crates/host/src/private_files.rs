//! Files of this program, which nobody else can write: read, and replaced in one step.

use crate::process::{Pid, Stat};
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

/// Reads such a file (at most 64 KiB): a regular one, no link, that nobody but this process's user can write.
///
/// # Errors
/// What open(2) and read(2) say; or it is not such a file.
pub fn read_private(path: &Path) -> io::Result<Vec<u8>> {
    let flags =
        OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    let metadata = file.metadata()?;
    let own = rustix::process::geteuid().as_raw();
    if !metadata.is_file() || metadata.uid() != own || metadata.mode() & 0o022 != 0 {
        let problem = format!("is not a file that only uid {own} can write");
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
    }
    let mut content = Vec::with_capacity(2048);
    file.take(64 << 10).read_to_end(&mut content)?;
    Ok(content)
}

/// Removes from a directory the temporary files of [`replace_atomically`] whose writer is gone. What can't be removed stays.
pub fn remove_stale_temporaries(directory: &Path) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name();
        let writer = name
            .to_str()
            .and_then(|name| name.strip_suffix(".new")?.rsplit_once('.')?.1.parse().ok());
        let gone = |pid| Stat::read(pid).is_ok_and(|stat| stat.is_none_or(|stat| stat.is_dead()));
        if writer.and_then(Pid::new).is_some_and(gone) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Replaces `path` with `content` in one step: a reader sees the old or the new file, whole. Mode 0600; a link
/// in the place of the temporary file is not followed.
///
/// # Errors
/// What the system says; then the old file stands, and no temporary one is left.
pub fn replace_atomically(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let temporary = path.with_file_name(name);
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || rustix::fs::open(&temporary, flags, Mode::RUSR | Mode::WUSR);
    let descriptor = match open() {
        // Of an agent that had our number and was killed between the two steps.
        Err(rustix::io::Errno::EXIST) => {
            std::fs::remove_file(&temporary)?;
            open()?
        }
        other => other?,
    };
    let written = File::from(descriptor).write_all(content);
    let done = written.and_then(|()| std::fs::rename(&temporary, path));
    if done.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    done
}

/// Makes a directory with this mode where there is none, and refuses one that another user could have laid there.
///
/// # Errors
/// What mkdir(2) and stat(2) say; or it is a link, another's, or others can write it.
pub fn create_private_directory(path: &Path, mode: u32) -> io::Result<()> {
    match std::fs::DirBuilder::new().mode(mode).create(path) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
        other => return other,
    }
    let metadata = std::fs::symlink_metadata(path)?;
    let own = std::fs::metadata("/proc/self")?.uid();
    if metadata.is_dir() && metadata.uid() == own && metadata.mode() & 0o022 == 0 {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("{} is not a directory that only uid {own} can write: remove it", path.display()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn replaced_file_is_whole_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("record");
        replace_atomically(&path, b"one").unwrap();
        replace_atomically(&path, b"two").unwrap();
        assert_eq!(read_private(&path).unwrap(), b"two");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn file_writable_by_others_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("record");
        replace_atomically(&path, b"ours").unwrap();
        assert_eq!(read_private(&path).unwrap(), b"ours");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o620)).unwrap();
        assert_eq!(read_private(&path).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(read_private(dir.path()).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(read_private(&link).is_err());
    }

    #[test]
    fn temporary_file_of_a_dead_writer_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        // Above the largest pid_max (4194304): nobody's.
        let names = [
            "record",
            "record.4194305.new",
            &format!("record.{}.new", std::process::id()),
            "a.b.new",
        ];
        for name in names {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        remove_stale_temporaries(dir.path());
        let left = names.map(|name| dir.path().join(name).exists());
        assert_eq!(left, [true, false, true, true]);
    }

    #[test]
    fn replace_follows_no_symlink_at_the_temporary_name() {
        let dir = tempfile::tempdir().unwrap();
        let victim = dir.path().join("victim");
        std::fs::write(&victim, "untouched").unwrap();
        let temporary = dir.path().join(format!("record.{}.new", std::process::id()));
        std::os::unix::fs::symlink(&victim, temporary).unwrap();
        replace_atomically(&dir.path().join("record"), b"new").unwrap();
        assert_eq!(std::fs::read(&victim).unwrap(), b"untouched");
    }
}
