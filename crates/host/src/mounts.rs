//! What a path means, whatever it is called: by the table of mounts, without touching any file system.

use crate::files::read_capped;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// A directory as its file system knows it: two paths with the same place are bind mounts of each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Major and minor number of the device.
    device: String,
    /// The path from the root of that file system.
    path: PathBuf,
}

/// The place of a path without links.
///
/// # Errors
/// The table can't be read, or has no mount for the path.
pub fn place(path: &Path) -> io::Result<Place> {
    let table = read_capped("/proc/self/mountinfo", 8 << 20)?;
    find(&table, path).ok_or_else(|| io::Error::other(format!("no mount holds {}", path.display())))
}

/// `id parent major:minor root mount-point ...`; what is mounted later covers what was there before.
fn find(table: &[u8], path: &Path) -> Option<Place> {
    let mut found: Option<(usize, Place)> = None;
    for line in table.split(|&b| b == b'\n') {
        let fields: Vec<&[u8]> = line.split(|&b| b == b' ').collect();
        let [_, _, device, root, point, ..] = fields.as_slice() else { continue };
        let (root, point) = (unescape(root), unescape(point));
        let Ok(rest) = path.strip_prefix(&point) else { continue };
        let depth = point.components().count();
        if found.as_ref().is_none_or(|(known, _)| depth >= *known) {
            let device = String::from_utf8_lossy(device).into_owned();
            found = Some((depth, Place { device, path: root.join(rest) }));
        }
    }
    found.map(|(_, place)| place)
}

/// Blank, tab, line feed and backslash are written as a backslash and three octal digits.
fn unescape(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut at = 0;
    while let Some(&byte) = field.get(at) {
        let octal = field.get(at + 1..at + 4).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = octal.filter(|_| byte == b'\\').and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(escaped.unwrap_or(byte));
        at += if escaped.is_some() { 4 } else { 1 };
    }
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[u8] = b"22 1 254:0 / / rw - ext4 /dev/vda rw\n\
        30 22 0:40 / /opt rw - tmpfs tmpfs rw\n\
        31 30 0:40 /mz /srv/my\\040mz rw - tmpfs tmpfs rw\n\
        32 30 0:41 / /opt/mz/data rw - nfs x:/y rw\n\
        33 32 0:42 / /opt/mz/data rw - tmpfs tmpfs rw\n";

    #[test]
    fn a_bind_mount_is_the_same_place_and_what_lies_under_another_mount_is_not() {
        let at = |path: &str| find(TABLE, Path::new(path)).unwrap();
        assert_eq!(at("/opt/mz"), at("/srv/my mz"));
        assert_eq!(at("/opt/mz/bin"), at("/srv/my mz/bin"));
        assert_ne!(at("/opt/mz/data"), at("/srv/my mz/data"));
        assert_eq!(at("/opt/mz/data/x").device, "0:42");
        assert_ne!(at("/opt/mz2"), at("/opt/mz"));
        assert_eq!(at("/usr").device, "254:0");
        assert_eq!(find(b"", Path::new("/usr")), None);
    }

    #[test]
    fn the_root_of_this_machine_is_somewhere() {
        assert!(place(Path::new("/")).unwrap().path.is_absolute());
    }
}
