//! Permission check of a program before it is executed.
//!
//! Programs of the installation run as `os_user`, never as root. A user who can write one of them can act as that user. So it is not executed if
//! a user other than root, `os_user` and the owner of the installation can write it. The file and its directory are checked after links
//! are followed; the directories above only for world-writability.
//!
//! What runs as root is checked more strictly: no other user may be able to replace any part of the path ([`check_root_only`]).

use host::credentials::{Credentials, is_root, root_is_sole_member_of};
use host::files;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const WORLD_WRITE: u32 = 0o002;
const GROUP_WRITE: u32 = 0o020;
const STICKY: u32 = 0o1000;

/// Why a program is not executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum InsecurePath {
    /// Other users can change it: who, and the remedy.
    Insecure(String),
    /// Could not be determined.
    Unknown(String),
}

impl InsecurePath {
    pub(super) fn into_reason(self) -> String {
        match self {
            Self::Insecure(why) | Self::Unknown(why) => why,
        }
    }
}

/// Why a program must not be executed as `user`. `None`: only root, that user and the `owner` of the installation can change it; or it can't
/// be read, and then its execution fails.
///
/// Accesses the file system and the name service: for a worker process or a command child.
pub(super) fn check_program(
    program: &Path,
    user: &Credentials,
    owner: Option<u32>,
) -> Option<InsecurePath> {
    if user.uid == 0 && owner == Some(0) {
        return match check_root_only(program) {
            Ok(others) => others,
            Err(e) => Some(InsecurePath::Unknown(format!("{}: {e}", program.display()))),
        };
    }
    let program = program.canonicalize().ok()?;
    let mut around = program.ancestors().skip(1);
    check_path(&program, user, owner)
        .or_else(|| check_path(around.next()?, user, owner))
        .or_else(|| around.find_map(world_writable_reason).map(InsecurePath::Insecure))
}

/// The first part of `path`, each link followed, that a user other than root can replace or change. `None`: there is none. That is stable while
/// root changes nothing: each part is checked after no other user could replace it.
///
/// # Errors
/// What lstat(2) and readlink(2) say.
pub(super) fn check_root_only(path: &Path) -> io::Result<Option<InsecurePath>> {
    files::walk_path(path, |at, found, is_last| {
        let (shown, mode, gid) = (at.display(), found.mode(), found.gid());
        if found.uid() != 0 {
            return Some(InsecurePath::Insecure(format!(
                "{shown} belongs to user {}, not to root",
                found.uid()
            )));
        }
        // In a sticky directory other users can't replace root's files; but they can add files.
        if found.is_symlink() || (found.is_dir() && mode & STICKY != 0 && !is_last) {
            return None;
        }
        if mode & WORLD_WRITE != 0 {
            return Some(InsecurePath::Insecure(format!(
                "{shown} can be written by everybody: chmod o-w"
            )));
        }
        if mode & GROUP_WRITE == 0 {
            return None;
        }
        if files::has_posix_acl(at) {
            return Some(InsecurePath::Insecure(format!(
                "{shown} can be written by others: setfacl -b"
            )));
        }
        match root_is_sole_member_of(gid) {
            Some(true) => None,
            Some(false) => Some(InsecurePath::Insecure(format!(
                "{shown} can be written by group {gid}: chmod g-w"
            ))),
            None => Some(InsecurePath::Unknown(format!(
                "{shown} can be written by group {gid}, members unknown"
            ))),
        }
    })
}

/// For root before it opens a file or directory below `mz_home`: no other user may be able to replace it.
///
/// # Errors
/// Another user can; who.
pub(super) fn check_open_as_root(path: &Path) -> io::Result<()> {
    let others = if is_root() { check_root_only(path)? } else { None };
    others.map_or(Ok(()), |others| {
        Err(io::Error::other(format!("is not opened as root: {}", others.into_reason())))
    })
}

fn check_path(path: &Path, user: &Credentials, owner: Option<u32>) -> Option<InsecurePath> {
    let metadata = path.metadata().ok()?;
    let (shown, mode, gid) = (path.display(), metadata.mode(), metadata.gid());
    if metadata.uid() != 0 && metadata.uid() != user.uid && Some(metadata.uid()) != owner {
        let other = Credentials::from_uid(metadata.uid())
            .map_or_else(|_| metadata.uid().to_string(), |u| u.name);
        let why = format!("{shown} belongs to {other}, not to root or {}: chown it", user.name);
        return Some(InsecurePath::Insecure(why));
    }
    if let Some(why) = world_writable_reason(path) {
        return Some(InsecurePath::Insecure(why));
    }
    // In a sticky directory users can't replace each other's files.
    if mode & GROUP_WRITE == 0 || gid == 0 || (metadata.is_dir() && mode & STICKY != 0) {
        return None;
    }
    match user.is_sole_member_of(gid) {
        Some(true) => None,
        Some(false) => Some(InsecurePath::Insecure(format!(
            "{shown} can be written by group {gid}: chmod g-w"
        ))),
        None => Some(InsecurePath::Unknown(format!(
            "{shown} can be written by group {gid}, members unknown"
        ))),
    }
}

fn world_writable_reason(path: &Path) -> Option<String> {
    let metadata = path.metadata().ok()?;
    let sticky = metadata.is_dir() && metadata.mode() & STICKY != 0;
    (metadata.mode() & WORLD_WRITE != 0 && !sticky)
        .then(|| format!("{} can be written by everybody: chmod o-w", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn owner() -> Credentials {
        let me = std::fs::metadata("/proc/self").unwrap();
        Credentials {
            name: "me".into(),
            uid: me.uid(),
            gid: me.gid(),
            groups: vec![me.gid()],
            home: "/".into(),
            shell: "/bin/sh".into(),
            trusted_owner: None,
        }
    }

    fn check_with_modes(directory: u32, file: u32) -> Option<InsecurePath> {
        let dir = tempfile::tempdir().unwrap();
        let (bin, program) = (dir.path().join("bin"), dir.path().join("bin/mzsh"));
        std::fs::create_dir(&bin).unwrap();
        std::fs::write(&program, "").unwrap();
        // Of a group that surely has others in it.
        let _ = std::os::unix::fs::chown(&bin, None, Some(100));
        let _ = std::os::unix::fs::chown(&program, None, Some(100));
        for (path, mode) in [(&program, file), (&bin, directory)] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        check_program(&program, &owner(), None)
    }

    #[test]
    fn program_writable_by_root_and_owner_only_is_secure() {
        assert_eq!(check_with_modes(0o755, 0o755), None);
        assert_eq!(check_with_modes(0o1777, 0o755), None);
        assert_eq!(check_program(Path::new("/no/such/program"), &owner(), None), None);
        assert_eq!(check_program(Path::new("/bin/sh"), &owner(), None), None);
    }

    #[test]
    fn world_writable_program_is_insecure() {
        let unsafe_for = |distrust| match distrust {
            Some(InsecurePath::Insecure(why)) => why,
            other => panic!("{other:?}"),
        };
        let why = unsafe_for(check_with_modes(0o755, 0o757));
        assert!(why.ends_with("/bin/mzsh can be written by everybody: chmod o-w"), "{why}");
        let why = unsafe_for(check_with_modes(0o777, 0o755));
        assert!(why.ends_with("/bin can be written by everybody: chmod o-w"), "{why}");
    }

    #[test]
    fn program_of_another_user_is_insecure() {
        let stranger = Credentials { name: "mzadmin".into(), uid: owner().uid + 1, ..owner() };
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("mzsh");
        std::fs::write(&program, "").unwrap();
        assert_eq!(check_program(&program, &stranger, Some(owner().uid)), None);
        let why = check_program(&program, &stranger, None);
        // Of root's files everybody may be sure.
        assert_eq!(why.is_some(), owner().uid != 0, "{why:?}");
    }
}
