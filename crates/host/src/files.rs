//! Files that anybody may have laid there: small ones are read, whole paths are judged.

use rustix::fs::{Mode, OFlags};
use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
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
            at = if target.is_absolute() {
                "/".into()
            } else {
                at.parent().unwrap_or(&at).to_owned()
            };
            ahead.extend(components_reversed(&target));
        }
    }
    Ok(judge(&at, &std::fs::symlink_metadata(&at)?, true))
}

/// Has it a list of access rights beside its mode (acl(5))? Then the bits of the group say what anybody of that list may do at most.
#[must_use]
pub fn has_posix_acl(path: &Path) -> bool {
    rustix::fs::getxattr(path, "system.posix_acl_access", &mut [0_u8; 0])
        .is_ok_and(|length| length > 0)
}

/// The last one first.
fn components_reversed(path: &Path) -> Vec<OsString> {
    let named = |c: Component<'_>| !matches!(c, Component::RootDir | Component::CurDir);
    path.components().rev().filter(|&c| named(c)).map(|c| c.as_os_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
