//! Who can change a program that is about to be executed.
//!
//! Programs of the installation run as `os_user`, never as root by our doing. Whoever can write one of them can do all that
//! this user can; so if that is anybody but root, the user, and the owner of the installation, it is not executed. The file and the
//! directory that it stands in are looked at, as they are once links are followed; of the directories above only
//! whether everybody can write them.
//!
//! Root, who runs what is root's own, believes less: nobody else may be able to exchange anything on the way ([`not_roots_alone`]).

use host::credentials::{Credentials, is_root, only_root_is_in};
use host::files;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const WORLD_WRITE: u32 = 0o002;
const GROUP_WRITE: u32 = 0o020;
const STICKY: u32 = 0o1000;

/// Why a program is not executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Distrust {
    /// Others can change it: who, and what to do.
    Unsafe(String),
    /// It can't be told now.
    Unclear(String),
}

impl Distrust {
    pub(super) fn why(self) -> String {
        match self {
            Self::Unsafe(why) | Self::Unclear(why) => why,
        }
    }
}

/// Why a program must not be executed as `user`. `None`: nobody can change it but root, that user and the `owner` of the
/// installation; or it can't be looked at, which whoever executes it will find.
///
/// Asks the file system and the name service: for a helper or a command's child.
pub(super) fn distrust(program: &Path, user: &Credentials, owner: Option<u32>) -> Option<Distrust> {
    if user.uid == 0 && owner == Some(0) {
        return match not_roots_alone(program) {
            Ok(others) => others,
            Err(e) => Some(Distrust::Unclear(format!("{}: {e}", program.display()))),
        };
    }
    let program = program.canonicalize().ok()?;
    let mut around = program.ancestors().skip(1);
    of_one(&program, user, owner)
        .or_else(|| of_one(around.next()?, user, owner))
        .or_else(|| around.find_map(by_everybody).map(Distrust::Unsafe))
}

/// What on the way to `path`, each link followed, another than root could exchange or change: a reason. `None`: nothing; what it leads to
/// stays so while root does not change it, for each step was looked at when nobody else could exchange it any more.
///
/// # Errors
/// What lstat(2) and readlink(2) say.
pub(super) fn not_roots_alone(path: &Path) -> io::Result<Option<Distrust>> {
    files::on_the_way(path, |at, found, is_last| {
        let (shown, mode, gid) = (at.display(), found.mode(), found.gid());
        if found.uid() != 0 {
            return Some(Distrust::Unsafe(format!("{shown} belongs to user {}, not to root", found.uid())));
        }
        // In a sticky directory nobody can replace what is root's; but anybody can lay something beside it.
        if found.is_symlink() || (found.is_dir() && mode & STICKY != 0 && !is_last) {
            return None;
        }
        if mode & WORLD_WRITE != 0 {
            return Some(Distrust::Unsafe(format!("{shown} can be written by everybody: chmod o-w")));
        }
        if mode & GROUP_WRITE == 0 {
            return None;
        }
        if files::has_access_list(at) {
            return Some(Distrust::Unsafe(format!("{shown} can be written by others: setfacl -b")));
        }
        match only_root_is_in(gid) {
            Some(true) => None,
            Some(false) => {
                Some(Distrust::Unsafe(format!("{shown} can be written by group {gid}: chmod g-w")))
            }
            None => Some(Distrust::Unclear(format!(
                "{shown} can be written by group {gid}, whose members can't be told"
            ))),
        }
    })
}

/// Before it opens a file or a directory below `mz_home`, root asks whether nobody else chose which one that is.
///
/// # Errors
/// Somebody could have; who.
pub(super) fn may_open(path: &Path) -> io::Result<()> {
    let others = if is_root() { not_roots_alone(path)? } else { None };
    others.map_or(Ok(()), |others| Err(io::Error::other(format!("is not opened as root: {}", others.why()))))
}

fn of_one(path: &Path, user: &Credentials, owner: Option<u32>) -> Option<Distrust> {
    let metadata = path.metadata().ok()?;
    let (shown, mode, gid) = (path.display(), metadata.mode(), metadata.gid());
    if metadata.uid() != 0 && metadata.uid() != user.uid && Some(metadata.uid()) != owner {
        let other =
            Credentials::of_uid(metadata.uid()).map_or_else(|_| metadata.uid().to_string(), |u| u.name);
        let why = format!("{shown} belongs to {other}, not to root or {}: chown it", user.name);
        return Some(Distrust::Unsafe(why));
    }
    if let Some(why) = by_everybody(path) {
        return Some(Distrust::Unsafe(why));
    }
    // In a sticky directory nobody can replace what is another's.
    if mode & GROUP_WRITE == 0 || gid == 0 || (metadata.is_dir() && mode & STICKY != 0) {
        return None;
    }
    match user.is_alone_in(gid) {
        Some(true) => None,
        Some(false) => Some(Distrust::Unsafe(format!("{shown} can be written by group {gid}: chmod g-w"))),
        None => Some(Distrust::Unclear(format!(
            "{shown} can be written by group {gid}, whose members can't be told"
        ))),
    }
}

fn by_everybody(path: &Path) -> Option<String> {
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
            trusts: None,
        }
    }

    fn with_modes(directory: u32, file: u32) -> Option<Distrust> {
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
        distrust(&program, &owner(), None)
    }

    #[test]
    fn what_only_root_and_the_owner_can_write_is_executed() {
        assert_eq!(with_modes(0o755, 0o755), None);
        assert_eq!(with_modes(0o1777, 0o755), None);
        assert_eq!(distrust(Path::new("/no/such/program"), &owner(), None), None);
        assert_eq!(distrust(Path::new("/bin/sh"), &owner(), None), None);
    }

    #[test]
    fn what_everybody_can_write_is_not() {
        let unsafe_for = |distrust| match distrust {
            Some(Distrust::Unsafe(why)) => why,
            other => panic!("{other:?}"),
        };
        let why = unsafe_for(with_modes(0o755, 0o757));
        assert!(why.ends_with("/bin/mzsh can be written by everybody: chmod o-w"), "{why}");
        let why = unsafe_for(with_modes(0o777, 0o755));
        assert!(why.ends_with("/bin can be written by everybody: chmod o-w"), "{why}");
    }

    #[test]
    fn what_belongs_to_another_is_not() {
        let stranger = Credentials { name: "mzadmin".into(), uid: owner().uid + 1, ..owner() };
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("mzsh");
        std::fs::write(&program, "").unwrap();
        assert_eq!(distrust(&program, &stranger, Some(owner().uid)), None);
        let why = distrust(&program, &stranger, None);
        // Of root's files everybody may be sure.
        assert_eq!(why.is_some(), owner().uid != 0, "{why:?}");
    }
}
