//! What storage and the name service say of an installation's directory and its people. A worker process asks; one that hangs is
//! remembered by the directory that it was about ([`Storage`]), also of another installation.

use super::account::installation_owner;
use super::storage::Storage;
use crate::identity::MzHome;
use crate::settings::{PicoInstance, Settings};
use host::credentials::Credentials;
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Whose an installation is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct InstallationUsers {
    /// The user that `os_user` names.
    pub(crate) os_user: Option<u32>,
    /// The owner of `mz_home`.
    pub(crate) owner: Option<u32>,
}

/// Looks them up. A missing one is unknown for now.
pub(crate) fn query_installation_users(
    settings: &Settings,
    target: &PicoInstance,
    until: Instant,
) -> InstallationUsers {
    let user = || {
        let os_user =
            settings.os_user.as_deref().and_then(|name| Credentials::from_name(name).ok());
        os_user.map(|user| user.uid.to_string()).unwrap_or_default().into_bytes()
    };
    let owner = || {
        // A mount point without its mount is root's, or anybody's, whosever the installation is.
        let mzsh = target.home.join("bin/mzsh").symlink_metadata();
        let is_away = mzsh.is_err_and(|e| e.kind() == io::ErrorKind::NotFound);
        let owner = installation_owner(target.home.path())
            .ok()
            .filter(|_| !is_away)
            .and_then(|owner| owner.uid_if_secure());
        owner.map(|uid| uid.to_string()).unwrap_or_default().into_bytes()
    };
    // Two, for either may hang without the other.
    let number = |question: &dyn Fn() -> Vec<u8>| {
        let said = Storage::for_target(target).run_in_child(until, question).ok()?;
        std::str::from_utf8(&said).ok()?.parse().ok()
    };
    let os_user = settings.os_user.as_ref().and_then(|_| number(&user));
    InstallationUsers { os_user, owner: number(&owner) }
}

/// What `path` resolves to. `None`: storage does not answer.
pub(crate) fn resolve_path(target: &PicoInstance, path: &Path, until: Instant) -> Option<PathBuf> {
    let question = || {
        // A path that is not there is what it is: no link can lead elsewhere.
        let resolved = path.canonicalize().or_else(|e| match e.kind() {
            io::ErrorKind::NotFound => Ok(path.to_owned()),
            _ => Err(e),
        });
        resolved.map(|p| p.as_os_str().as_bytes().to_vec()).unwrap_or_default()
    };
    let said =
        Storage::for_target(&storage_key(target, path)).run_in_child(until, question).ok()?;
    (!said.is_empty()).then(|| PathBuf::from(OsString::from_vec(said)))
}

/// Do these paths lead to one directory, links followed? One that is not there is none. `None`: storage does not answer.
pub(crate) fn is_same_directory(
    target: &PicoInstance,
    one: &Path,
    other: &Path,
    until: Instant,
) -> Option<bool> {
    let question = || {
        let identity = |path: &Path| match std::fs::metadata(path) {
            Ok(directory) => Ok(Some((directory.dev(), directory.ino()))),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e),
        };
        let compare = || {
            Ok::<_, io::Error>(
                identity(one)?.is_some_and(|one| identity(other).is_ok_and(|o| o == Some(one))),
            )
        };
        match compare() {
            Ok(true) => b"1".to_vec(),
            Ok(false) => b"0".to_vec(),
            Err(_) => Vec::new(),
        }
    };
    match Storage::for_target(&storage_key(target, other))
        .run_in_child(until, question)
        .ok()?
        .as_slice()
    {
        b"1" => Some(true),
        b"0" => Some(false),
        _ => None,
    }
}

/// Under which name it is remembered that a path hangs: its own, unless it is of the installation.
fn storage_key(target: &PicoInstance, path: &Path) -> PicoInstance {
    if path.starts_with(target.home.path()) {
        return target.clone();
    }
    PicoInstance { home: MzHome::new(path), ..target.clone() }
}
