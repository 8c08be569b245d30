//! What a path means, whatever it is called: by the table of mounts, without touching any file system.

use crate::files::{read_capped, unreadable};
use crate::process::{self, Pid};
use rustix::thread::CapabilitySet;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// A directory as its file system knows it: two paths with the same place are bind mounts of each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DevicePath {
    /// Major and minor number of the device.
    device: String,
    /// The path from the root of that file system.
    path: PathBuf,
}

/// Largest table that is read, in bytes.
const MAX_TABLE_BYTES: usize = 8 << 20;

/// What is mounted where, as one process sees it.
#[derive(Clone, Debug)]
pub struct MountTable(Vec<u8>);

impl MountTable {
    /// As this process sees it.
    ///
    /// # Errors
    /// The table can't be read.
    pub fn own() -> io::Result<Self> {
        Self::read("/proc/self/mountinfo")
    }

    /// As another process sees it, in its mount namespace and from its root.
    ///
    /// # Errors
    /// The table can't be read, or the process is gone.
    pub fn for_process(pid: Pid) -> io::Result<Self> {
        Self::read(&format!("/proc/{pid}/mountinfo"))
    }

    fn read(file: &str) -> io::Result<Self> {
        read_capped(file, MAX_TABLE_BYTES).map(Self).map_err(unreadable(file))
    }

    /// The options of the file system that is mounted at this very path, if one is.
    pub(crate) fn options(&self, point: &Path) -> Option<String> {
        options(&self.0, point)
    }

    /// The place of a path without links; `None`: no mount holds it.
    #[must_use]
    pub fn device_path(&self, path: &Path) -> Option<DevicePath> {
        find_device_path(&self.0, path)
    }

    /// Is something mounted at this very path? Then none of its parts is a link.
    #[must_use]
    pub fn is_mount_point(&self, path: &Path) -> bool {
        parse_mounts(&self.0).any(|mount| unescape_octal(mount.point) == path)
    }
}

/// One line of the table: `id parent major:minor root mount-point options... - type source super-options`.
struct Mount<'a> {
    device: &'a [u8],
    root: &'a [u8],
    point: &'a [u8],
    super_options: &'a [u8],
}

fn parse_mounts(table: &[u8]) -> impl Iterator<Item = Mount<'_>> {
    table.split(|&b| b == b'\n').filter_map(|line| {
        let mut fields = line.split(|&b| b == b' ').skip(2);
        let (device, root, point) = (fields.next()?, fields.next()?, fields.next()?);
        let super_options = fields.skip_while(|field| *field != b"-").nth(3).unwrap_or_default();
        Some(Mount { device, root, point, super_options })
    })
}

/// What is mounted later covers what was there before.
fn find_device_path(table: &[u8], path: &Path) -> Option<DevicePath> {
    let mut found: Option<(usize, DevicePath)> = None;
    for mount in parse_mounts(table) {
        let (root, point) = (unescape_octal(mount.root), unescape_octal(mount.point));
        let Ok(rest) = path.strip_prefix(&point) else { continue };
        let depth = point.components().count();
        if found.as_ref().is_none_or(|(known, _)| depth >= *known) {
            let device = String::from_utf8_lossy(mount.device).into_owned();
            found = Some((depth, DevicePath { device, path: root.join(rest) }));
        }
    }
    found.map(|(_, place)| place)
}

/// Why /proc does not show all processes to this one, if it does not: it is mounted with `hidepid`, and this process has neither
/// `CAP_SYS_PTRACE` nor the group that is exempt.
///
/// # Errors
/// /proc can't be read or understood.
pub fn hidepid_restriction() -> io::Result<Option<String>> {
    let table = MountTable::own()?;
    let Some(options) = table.options(Path::new("/proc")) else { return Ok(None) };
    let option =
        |name: &str| options.split(',').find_map(|o| o.strip_prefix(name)?.strip_prefix('='));
    let Some(hidepid) = option("hidepid").filter(|how| !matches!(*how, "0" | "off")) else {
        return Ok(None);
    };
    let status = process::read_status(Pid::own())?.unwrap_or_default();
    let words =
        |name| process::status_field(&status, name).into_iter().flat_map(str::split_whitespace);
    let effective =
        words("CapEff").next().and_then(|hex| u64::from_str_radix(hex, 16).ok()).unwrap_or(0);
    let effective = CapabilitySet::from_bits_retain(effective);
    // The kernel asks for the group in these ways alone: `ptraceable` (4) exempts nobody. Of its own groups it takes the last one, for files.
    let knows_group = matches!(hidepid, "1" | "noaccess" | "2" | "invisible");
    let exempt = option("gid")
        .filter(|_| knows_group)
        .is_some_and(|gid| words("Groups").chain(words("Gid").last()).any(|group| group == gid));
    let sees_all = effective.contains(CapabilitySet::SYS_PTRACE) || exempt;
    Ok((!sees_all).then(|| {
        format!("/proc is mounted with hidepid={hidepid}, and the agent has no CAP_SYS_PTRACE: it can't see all processes")
    }))
}

/// The options of the file system that is mounted last at this very path.
pub(crate) fn options(table: &[u8], point: &Path) -> Option<String> {
    let last = parse_mounts(table).filter(|mount| unescape_octal(mount.point) == point).last()?;
    Some(String::from_utf8_lossy(last.super_options).into_owned())
}

/// Blank, tab, line feed and backslash are written as a backslash and three octal digits.
fn unescape_octal(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut at = 0;
    while let Some(&byte) = field.get(at) {
        let octal = field.get(at + 1..at + 4).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped =
            octal.filter(|_| byte == b'\\').and_then(|digits| u8::from_str_radix(digits, 8).ok());
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
    fn bind_mount_has_the_same_device_path_unless_covered() {
        let at = |path: &str| find_device_path(TABLE, Path::new(path)).unwrap();
        assert_eq!(at("/opt/mz"), at("/srv/my mz"));
        assert_eq!(at("/opt/mz/bin"), at("/srv/my mz/bin"));
        assert_ne!(at("/opt/mz/data"), at("/srv/my mz/data"));
        assert_eq!(at("/opt/mz/data/x").device, "0:42");
        assert_ne!(at("/opt/mz2"), at("/opt/mz"));
        assert_eq!(at("/usr").device, "254:0");
        assert_eq!(find_device_path(b"", Path::new("/usr")), None);
    }

    #[test]
    fn root_directory_has_a_device_path() {
        let table = MountTable::own().unwrap();
        assert!(table.device_path(Path::new("/")).unwrap().path.is_absolute());
        assert!(
            table.is_mount_point(Path::new("/proc"))
                && !table.is_mount_point(Path::new("/proc/self"))
        );
        assert!(options(&table.0, Path::new("/proc")).is_some());
    }

    #[test]
    fn super_options_are_those_of_the_topmost_mount() {
        let table = b"20 1 0:4 / /proc rw shared:3 - proc proc rw\n21 20 0:5 / /proc rw - proc proc rw,hidepid=2,gid=4\n";
        assert_eq!(options(table, Path::new("/proc")).as_deref(), Some("rw,hidepid=2,gid=4"));
        assert_eq!(options(table, Path::new("/sys")), None);
    }
}
