//! Whose installation it is, who runs its commands, and who looks at it.
//!
//! Root opens nothing below `mz_home`: its owner laid it there, and it may be a link to a file of root's, a device, a FIFO. So a
//! helper or a command's child first asks who that owner is, by stat(2) of `mz_home` and perhaps lstat(2) of `bin/mzsh`; then
//! who that is to the name service; then it switches to that user, and only then looks. On NFS that is exported with
//! `root_squash` there is no other way: root is nobody there.

use super::permission_check::{InsecurePath, check_root_only};
use crate::settings::{PicoInstance, Settings};
use host::command::RunAs;
use host::credentials::{Credentials, CredentialsError, is_root};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Why nobody can run mzsh.
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

/// Whose an installation is, as one process has seen it. It is asked once in a process: whoever can exchange the directory could have the
/// second answer differ from the first.
#[derive(Debug)]
pub(super) struct InstallationOwner {
    /// The owner of the installation.
    pub(super) uid: u32,
    /// The owner of `mz_home` itself: what stands in it can't vouch for its own owner.
    home_uid: u32,
    /// It looks like root's, and somebody else could exchange it: who.
    insecure_reason: Option<String>,
}

impl InstallationOwner {
    /// Is it root's, and nobody else can exchange it?
    pub(super) fn is_root(&self) -> bool {
        self.uid == 0 && self.insecure_reason.is_none()
    }

    /// The user, if that is sure.
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
    // A link of root's leads where root wants; any other is not followed.
    let there = std::fs::symlink_metadata(&mzsh).and_then(|link| {
        if link.is_symlink() && link.uid() == 0 { std::fs::metadata(&mzsh) } else { Ok(link) }
    });
    let uid = match there {
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => return Err(e),
        there => there.map_or(own, |there| there.uid()),
    };
    let others = if uid == 0 { check_root_only(home)? } else { None };
    Ok(InstallationOwner { uid, home_uid: own, insecure_reason: others.map(InsecurePath::into_reason) })
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
            return Err(UserError::NoOwner { home: home.to_owned(), why: describe_io_error(e, None) });
        }
    };
    // Where os_user says root, and others have a part in the way to the installation, that is what was asked for.
    let owner = owner.as_ref().ok().filter(|owner| user.uid != 0 || owner.insecure_reason.is_none());
    Ok(Credentials { trusted_owner: owner.map(|owner| owner.home_uid), ..user })
}

/// Whose files `user`, who this process is, executes beside root's and its own. Where root was not told whose the directory is (NFS), that user
/// is; root asks no second time.
pub(super) fn trusted_owner(user: &Credentials, home: &Path) -> Option<u32> {
    let by_themselves = || std::fs::metadata(home).ok().filter(|_| user.uid != 0).map(|home| home.uid());
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

/// Who looks at the installation: the user that runs its commands, else its owner. `None`: whoever asks, for the installation
/// is root's, or not there, or who asks is not root.
///
/// # Errors
/// Nobody can; why.
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
        // By os_user: there is nobody else.
        (Ok(_), Ok(owner)) if owner.uid == 0 => Ok(None),
        (_, Ok(owner)) => owner_credentials(owner, home).map(Some).map_err(|e| e.to_string()),
        (_, Err(e)) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        (_, Err(e)) => Err(describe_io_error(e, None)),
    }
}

/// Makes this process the one who looks. There is no way back.
pub(super) fn switch_user(looker: Option<&Credentials>) -> Result<(), String> {
    let Some(looker) = looker else { return Ok(()) };
    looker.switch_user().map_err(|e| format!("can't switch to user {}: {e}", looker.name))
}

/// An error of the file system, in words that say who was denied: on NFS it matters.
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
    Ok(RunAs { user, limits: settings.limits })
}
