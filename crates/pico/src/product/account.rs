//! Whose installation it is, who runs its commands, and who looks at it.
//!
//! Root opens nothing below `mz_home`: its owner laid it there, and it may be a link to a file of root's, a device, a FIFO. So a
//! helper or a command's child first asks who that owner is, by stat(2) of `mz_home` and perhaps lstat(2) of `bin/mzsh`; then
//! who that is to the name service; then it switches to that user, and only then looks. On NFS that is exported with
//! `root_squash` there is no other way: root is nobody there.

use crate::settings::{Settings, Target};
use host::command::RunAs;
use host::credentials::{Credentials, CredentialsError, is_root};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Why nobody can run mzsh.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoUser {
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    #[error("user {uid} (owner of {home}): unknown to the name service; set os_user", home = home.display())]
    OwnerUnknown { uid: u32, home: PathBuf },
    #[error("{home}: owner unknown ({why}); set os_user", home = home.display())]
    NoOwner { home: PathBuf, why: String },
}

/// The user id that owns the installation: that of `mz_home`, unless that is root's (a mount point), else of `bin/mzsh` (which
/// root may have edited, and so own).
///
/// # Errors
/// What stat(2) says of `mz_home`; or the owner of `bin/mzsh` must be known, and root may not look.
pub(super) fn owner(home: &Path) -> io::Result<u32> {
    let own = std::fs::metadata(home)?.uid();
    if own != 0 {
        return Ok(own);
    }
    let mzsh = home.join("bin/mzsh");
    // A link of root's leads where root wants; any other is not followed.
    let there = std::fs::symlink_metadata(&mzsh).and_then(|link| {
        if link.is_symlink() && link.uid() == 0 { std::fs::metadata(&mzsh) } else { Ok(link) }
    });
    match there {
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => Err(e),
        there => Ok(there.map_or(own, |there| there.uid())),
    }
}

/// `os_user`, or the owner of the installation.
pub(super) fn user(
    os_user: Option<&str>,
    home: &Path,
    owner: &io::Result<u32>,
) -> Result<Credentials, NoUser> {
    match (os_user, owner) {
        (Some(name), _) => Ok(Credentials::of_name(name)?),
        (None, Ok(uid)) => of_owner(*uid, home),
        (None, Err(e)) => Err(NoUser::NoOwner { home: home.to_owned(), why: denied(e, None) }),
    }
}

fn of_owner(uid: u32, home: &Path) -> Result<Credentials, NoUser> {
    Credentials::of_uid(uid).map_err(|e| match e {
        CredentialsError::Unknown(_) => NoUser::OwnerUnknown { uid, home: home.to_owned() },
        e => e.into(),
    })
}

/// Who looks at the installation: the user that runs its commands, else its owner. `None`: whoever asks, for the installation
/// is root's, or not there, or who asks is not root.
///
/// # Errors
/// Nobody can; why.
pub(super) fn looker(
    user: &Result<Credentials, NoUser>,
    home: &Path,
    owner: &io::Result<u32>,
) -> Result<Option<Credentials>, String> {
    if !is_root() {
        return Ok(None);
    }
    match (user, owner) {
        (Ok(user), _) if user.uid != 0 => Ok(Some(user.clone())),
        (_, Ok(0)) => Ok(None),
        (_, Ok(uid)) => of_owner(*uid, home).map(Some).map_err(|e| e.to_string()),
        (_, Err(e)) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        (_, Err(e)) => Err(denied(e, None)),
    }
}

/// Makes this process the one who looks. There is no way back.
pub(super) fn switch_to(looker: Option<&Credentials>) -> Result<(), String> {
    let Some(looker) = looker else { return Ok(()) };
    looker.become_them().map_err(|e| format!("can't switch to user {}: {e}", looker.name))
}

/// An error of the file system, in words that say who was denied: on NFS it matters.
pub(super) fn denied(error: &io::Error, who: Option<&Credentials>) -> String {
    match who {
        _ if error.kind() != io::ErrorKind::PermissionDenied => error.to_string(),
        Some(user) => format!("permission denied for {}", user.name),
        None if is_root() => {
            "permission denied for root; NFS exported with root_squash? set os_user".to_owned()
        }
        None => error.to_string(),
    }
}

/// The user for a command on this installation; for the child that will run it.
pub(super) fn run_as(settings: &Settings, target: &Target) -> Result<RunAs, String> {
    let home = target.home.path();
    let user = user(settings.os_user.as_deref(), home, &owner(home)).map_err(|e| e.to_string())?;
    Ok(RunAs { user, limits: settings.limits })
}
