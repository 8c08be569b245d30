//! Owner of the installation, user of its commands, user of its inspection.
//!
//! Root opens nothing below `mz_home`: its owner could have put a link to a file of root's, a device or a FIFO there. So a worker process or
//! command child first gets the owner by stat(2) of `mz_home` and perhaps lstat(2) of `bin/mzsh`, looks that user up in the name service,
//! switches to it, and only then opens files. On NFS exported with `root_squash` root could not open them anyway.

use super::permission_check::{InsecurePath, check_root_only};
use crate::settings::{PicoInstance, Settings};
use host::command::RunAs;
use host::credentials::{Credentials, CredentialsError, is_root};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Why there is no user for mzsh.
#[derive(Debug, thiserror::Error)]
pub(super) enum UserError {
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    #[error("user {uid} (owner of {home}): unknown to the name service; set os_user", home = home.display())]
    OwnerUnknown { uid: u32, home: PathBuf },
    #[error("{home}: owner unknown ({why}); set os_user", home = home.display())]
    NoOwner { home: PathBuf, why: String },
    #[error("{home} is not root's alone, set os_user: {why}", home = home.display())]
    NotRootsAlone { home: PathBuf, why: String },
}

/// The owner of an installation. Read once in a process: someone who can replace the directory could make a second read differ.
#[derive(Debug)]
pub(super) struct InstallationOwner {
    /// The owner of the installation.
    pub(super) uid: u32,
    /// The owner of `mz_home` itself: its content can't vouch for its own owner.
    home_uid: u32,
    /// Root owns it, but another user could replace it; who.
    insecure_reason: Option<String>,
}

impl InstallationOwner {
    /// Does root own it, and no other user can replace it?
    pub(super) fn is_root(&self) -> bool {
        self.uid == 0 && self.insecure_reason.is_none()
    }

    /// The owner, if no other user can replace the installation.
    pub(super) fn uid_if_secure(&self) -> Option<u32> {
        self.insecure_reason.is_none().then_some(self.uid)
    }
}

/// The user id that owns the installation: that of `mz_home`, unless that is root's (a mount point), else of `bin/mzsh` (which
/// root may have edited, and so own).
///
/// # Errors
/// What stat(2) says of `mz_home`; or the owner of `bin/mzsh` must be known, and root may not look.
pub(super) fn installation_owner(home: &Path) -> io::Result<InstallationOwner> {
    let own = std::fs::metadata(home)?.uid();
    if own != 0 {
        return Ok(InstallationOwner { uid: own, home_uid: own, insecure_reason: None });
    }
    let mzsh = home.join("bin/mzsh");
    // Only a link of root's is followed.
    let there = std::fs::symlink_metadata(&mzsh).and_then(|link| {
        if link.is_symlink() && link.uid() == 0 { std::fs::metadata(&mzsh) } else { Ok(link) }
    });
    let uid = match there {
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => return Err(e),
        there => there.map_or(own, |there| there.uid()),
    };
    let others = if uid == 0 { check_root_only(home)? } else { None };
    Ok(InstallationOwner {
        uid,
        home_uid: own,
        insecure_reason: others.map(InsecurePath::into_reason),
    })
}

/// `os_user`, or the owner of the installation.
pub(super) fn command_user(
    os_user: Option<&str>,
    home: &Path,
    owner: &io::Result<InstallationOwner>,
) -> Result<Credentials, UserError> {
    let user = match (os_user, owner) {
        (Some(name), _) => Credentials::from_name(name)?,
        (None, Ok(owner)) => owner_credentials(owner, home)?,
        (None, Err(e)) => {
            return Err(UserError::NoOwner {
                home: home.to_owned(),
                why: describe_io_error(e, None),
            });
        }
    };
    // With os_user=root, an insecure path to the installation is the administrator's choice.
    let owner =
        owner.as_ref().ok().filter(|owner| user.uid != 0 || owner.insecure_reason.is_none());
    Ok(Credentials { trusted_owner: owner.map(|owner| owner.home_uid), ..user })
}

/// The owner whose files `user` may execute, beside root's and its own. Where root could not get the owner (NFS), this process, which is
/// `user`, does; root never asks twice.
pub(super) fn trusted_owner(user: &Credentials, home: &Path) -> Option<u32> {
    let by_themselves =
        || std::fs::metadata(home).ok().filter(|_| user.uid != 0).map(|home| home.uid());
    user.trusted_owner.or_else(by_themselves)
}

fn owner_credentials(owner: &InstallationOwner, home: &Path) -> Result<Credentials, UserError> {
    if let Some(why) = &owner.insecure_reason {
        return Err(UserError::NotRootsAlone { home: home.to_owned(), why: why.clone() });
    }
    let uid = owner.uid;
    Credentials::from_uid(uid).map_err(|e| match e {
        CredentialsError::UnknownUser(_) => UserError::OwnerUnknown { uid, home: home.to_owned() },
        e => e.into(),
    })
}

/// The user that inspects the installation: the user of its commands, else its owner. `None`: the current user, since the installation is
/// root's or not found, or the current user is not root.
///
/// # Errors
/// There is no such user; why.
pub(super) fn inspecting_user(
    user: &Result<Credentials, UserError>,
    home: &Path,
    owner: &io::Result<InstallationOwner>,
) -> Result<Option<Credentials>, String> {
    if !is_root() {
        return Ok(None);
    }
    match (user, owner) {
        (Ok(user), _) if user.uid != 0 => Ok(Some(user.clone())),
        (_, Ok(owner)) if owner.is_root() => Ok(None),
        // os_user=root: there is no other user.
        (Ok(_), Ok(owner)) if owner.uid == 0 => Ok(None),
        (_, Ok(owner)) => owner_credentials(owner, home).map(Some).map_err(|e| e.to_string()),
        (_, Err(e)) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        (_, Err(e)) => Err(describe_io_error(e, None)),
    }
}

/// Switches this process to the inspecting user, permanently.
pub(super) fn switch_user(looker: Option<&Credentials>) -> Result<(), String> {
    let Some(looker) = looker else { return Ok(()) };
    looker.switch_user().map_err(|e| format!("can't switch to user {}: {e}", looker.name))
}

/// Describes an I/O error; names the user that was denied, which matters on NFS.
pub(super) fn describe_io_error(error: &io::Error, who: Option<&Credentials>) -> String {
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
pub(super) fn run_as(settings: &Settings, target: &PicoInstance) -> Result<RunAs, String> {
    let home = target.home.path();
    let user = command_user(settings.os_user.as_deref(), home, &installation_owner(home))
        .map_err(|e| e.to_string())?;
    Ok(RunAs { user, limits: settings.limits() })
}
