//! Reading and replacing small local files.

use crate::process::{Pid, Stat};
use rustix::fs::{Mode, OFlags};
use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

/// Reads a file of /proc or another small one (at most 64 KiB).
///
/// # Errors
/// What open(2) and read(2) say.
pub fn read_small(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    read_capped(path, 64 << 10)
}

/// Reads at most `longest` bytes; the rest is left. Waits for no writer of a FIFO.
///
/// # Errors
/// What open(2) and read(2) say.
pub fn read_capped(path: impl AsRef<Path>, longest: usize) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::from(rustix::fs::open(path.as_ref(), flags, Mode::empty())?);
    // Most files here are a few hundred bytes: one read for the content, one for the end.
    let mut content = Vec::with_capacity(longest.min(2048));
    file.take(longest as u64).read_to_end(&mut content)?;
    Ok(content)
}

/// For an error of a file that is read: names the file, which the system does not. Its number is lost, its kind is not.
pub fn unreadable(path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> io::Error {
    move |e| io::Error::new(e.kind(), format!("can't read {}: {e}", path.as_ref().display()))
}

/// Reads at most `longest` bytes of a regular file, whoever could have laid something else there: a device or a FIFO is not opened,
/// or, where it took the file's place just now, not read.
///
/// # Errors
/// What stat(2), open(2) and read(2) say; or what it is instead.
pub fn read_regular(path: &Path, longest: usize) -> io::Result<Vec<u8>> {
    require_regular(&std::fs::metadata(path)?)?;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    require_regular(&file.metadata()?)?;
    let mut content = Vec::with_capacity(longest.min(2048));
    file.take(longest as u64).read_to_end(&mut content)?;
    Ok(content)
}

fn require_regular(metadata: &Metadata) -> io::Result<()> {
    match non_regular_kind(metadata) {
        None => Ok(()),
        Some(kind) => Err(io::Error::other(format!("is {kind}, not a regular file"))),
    }
}

/// What it is, if it is no regular file: `a FIFO`.
#[must_use]
pub fn non_regular_kind(metadata: &Metadata) -> Option<&'static str> {
    let kind = metadata.file_type();
    Some(match () {
        () if kind.is_file() => return None,
        () if kind.is_dir() => "a directory",
        () if kind.is_fifo() => "a FIFO",
        () if kind.is_socket() => "a socket",
        () if kind.is_block_device() || kind.is_char_device() => "a device",
        () => "a link",
    })
}

/// The first directory, link or file on the way to `path`, each link followed, that another user than root owns: from there on that
/// user decides where it leads.
#[must_use]
pub fn first_not_owned_by_root(path: &Path) -> Option<PathBuf> {
    let of_another = |at: &Path, found: &Metadata, _| (found.uid() != 0).then(|| at.to_owned());
    walk_path(path, of_another).ok().flatten()
}

/// Goes the way to `path`, each link followed, and asks `judge` of each directory, link and file on it, from the top; of the last one twice, the
/// second time as the last. Ends with what `judge` finds. `/` is not asked of: who could change that, has root's rights already.
///
/// # Errors
/// What lstat(2) and readlink(2) say.
pub fn walk_path<T>(
    path: &Path,
    mut judge: impl FnMut(&Path, &Metadata, bool) -> Option<T>,
) -> io::Result<Option<T>> {
    let mut at = PathBuf::from("/");
    let mut ahead: Vec<OsString> = components_reversed(path);
    // As many links as the kernel follows.
    let mut links = 0;
    while let Some(next) = ahead.pop() {
        at.push(&next);
        if next == ".." {
            at.pop();
            at.pop();
            continue;
        }
        let metadata = std::fs::symlink_metadata(&at)?;
        if let Some(found) = judge(&at, &metadata, false) {
            return Ok(Some(found));
        }
        if metadata.is_symlink() {
            links += 1;
            if links > 40 {
                return Err(rustix::io::Errno::LOOP.into());
            }
            let target = std::fs::read_link(&at)?;
            at = if target.is_absolute() { "/".into() } else { at.parent().unwrap_or(&at).to_owned() };
            ahead.extend(components_reversed(&target));
        }
    }
    Ok(judge(&at, &std::fs::symlink_metadata(&at)?, true))
}

/// Has it a list of access rights beside its mode (acl(5))? Then the bits of the group say what anybody of that list may do at most.
#[must_use]
pub fn has_posix_acl(path: &Path) -> bool {
    rustix::fs::getxattr(path, "system.posix_acl_access", &mut [0_u8; 0]).is_ok_and(|length| length > 0)
}

/// The last one first.
fn components_reversed(path: &Path) -> Vec<OsString> {
    let named = |c: Component<'_>| !matches!(c, Component::RootDir | Component::CurDir);
    path.components().rev().filter(|&c| named(c)).map(|c| c.as_os_str().to_owned()).collect()
}

/// Reads a file of our own (at most 64 KiB): a regular one, no link, that nobody but this process's user can write.
///
/// # Errors
/// What open(2) and read(2) say; or it is not such a file.
pub fn read_private(path: &Path) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::NOFOLLOW;
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
        let writer =
            name.to_str().and_then(|name| name.strip_suffix(".new")?.rsplit_once('.')?.1.parse().ok());
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
        assert_eq!(read_small(&path).unwrap(), b"two");
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
        let names =
            ["record", "record.4194305.new", &format!("record.{}.new", std::process::id()), "a.b.new"];
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

    #[test]
    fn non_regular_file_is_refused_by_kind() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, Mode::RUSR | Mode::WUSR).unwrap();
        let why = |path: &Path| read_regular(path, 64).unwrap_err().to_string();
        assert_eq!(why(&fifo), "is a FIFO, not a regular file");
        assert_eq!(why(dir.path()), "is a directory, not a regular file");
        assert_eq!(why(Path::new("/dev/zero")), "is a device, not a regular file");
        std::fs::write(dir.path().join("file"), "x").unwrap();
        assert_eq!(read_regular(&dir.path().join("file"), 64).unwrap(), b"x");
    }

    #[test]
    fn path_through_a_directory_of_another_user_is_found() {
        if !crate::credentials::is_root() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let of = |name: &str| dir.path().join(name);
        let way = |name: &str| first_not_owned_by_root(&of(name));
        std::fs::create_dir(of("root")).unwrap();
        std::fs::create_dir(of("user")).unwrap();
        std::fs::write(of("root/file"), "").unwrap();
        for (target, link) in [("root/file", "a"), ("user/../a", "b"), ("user/link", "c")] {
            std::os::unix::fs::symlink(target, of(link)).unwrap();
        }
        // It leads back to a file of root's.
        std::os::unix::fs::symlink(of("root/file"), of("user/link")).unwrap();
        std::os::unix::fs::chown(of("user"), Some(4711), None).unwrap();
        assert_eq!((way("a"), way("none")), (None, None));
        assert_eq!((way("b"), way("c")), (Some(of("user")), Some(of("user"))));
        std::os::unix::fs::symlink("loop", of("loop")).unwrap();
        assert_eq!(way("loop"), None, "nobody opens what the kernel does not follow");
        assert!(walk_path(&of("loop"), |_, _, _| None::<()>).is_err());
    }

    #[test]
    fn capped_read_stops_at_its_limit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("huge");
        std::fs::write(&path, vec![b'x'; 100_000]).unwrap();
        assert_eq!(read_capped(&path, 4096).unwrap().len(), 4096);
    }
}
