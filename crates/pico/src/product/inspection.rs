//! Inspection of the installation, in a worker process.

use super::account::{self, InstallationOwner, UserError, describe_io_error, trusted_owner};
use super::permission_check::{InsecurePath, check_program};
use super::registry::{self, MzshVariables, REGISTRY_MEMORY_LIMIT, RegistryState};
use super::storage::{Storage, StorageError};
use crate::settings::{PicoInstance, Settings};
use host::credentials::{Credentials, CredentialsError};
use host::worker::{self, WorkerError};
use serde::{Deserialize, Serialize};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{fmt, io};

/// State of `mz_home`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HomeState {
    /// A directory with product files in it (`lib` or `common`).
    Filled,
    /// A directory without product files: perhaps below a mount point that is not mounted.
    Foreign,
    /// An empty directory: perhaps a mount point without its mount.
    Empty,
    /// Not found.
    Missing,
    /// No directory, or not readable; why.
    Unusable(String),
    /// Not inspected: there is no user that could.
    NotLookedAt,
}

/// State of a program file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileState {
    /// Executable.
    Executable,
    /// Not executable.
    NotExecutable,
    /// No regular file; its kind.
    NotRegular(String),
    /// Not found.
    Missing,
    /// Users other than root and the owner of the installation can change it; who, and the remedy.
    Unsafe(String),
    /// Not readable; why.
    Unreadable(String),
}

impl fmt::Display for HomeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Filled => f.write_str("holds an installation"),
            Self::Foreign => {
                f.write_str("holds no product files (lib, common): is its storage mounted?")
            }
            Self::Empty => f.write_str("is empty: is its storage mounted?"),
            Self::Missing => f.write_str("does not exist: is its storage mounted?"),
            Self::Unusable(why) => write!(f, "can't be read: {why}"),
            Self::NotLookedAt => f.write_str("was not looked at"),
        }
    }
}

impl fmt::Display for FileState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Executable => f.write_str("is executable"),
            Self::NotExecutable => f.write_str("is not an executable file"),
            Self::NotRegular(kind) => write!(f, "is {kind}, not an executable file"),
            Self::Missing => f.write_str("does not exist"),
            Self::Unsafe(why) => f.write_str(why),
            Self::Unreadable(why) => write!(f, "can't be read: {why}"),
        }
    }
}

impl fmt::Display for UserState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known { name, uid } => write!(f, "{name} ({uid})"),
            Self::Unknown(user) => write!(f, "user {user} is unknown on this node"),
            Self::Unreadable(why) => f.write_str(why),
        }
    }
}

/// Who would run mzsh.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UserState {
    /// This user.
    Known {
        /// Login name, or the number as text.
        name: String,
        /// User id.
        uid: u32,
    },
    /// The name service has no such user.
    Unknown(String),
    /// The name service failed, or the owner of the installation is unknown.
    Unreadable(String),
}

/// Result of an inspection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// `mz_home` itself.
    pub home: HomeState,
    /// What it resolves to.
    pub resolved: Option<PathBuf>,
    /// Owner of the installation.
    pub owner: Option<u32>,
    /// Who would run mzsh.
    pub user: UserState,
    /// `bin/mzsh`.
    pub mzsh: FileState,
    /// `bin/java` of [`Inspection::java_home`], where that is known.
    pub java: Option<FileState>,
    /// `post_start`, where that is set.
    pub post_start: Option<FileState>,
    /// The pico in the registry.
    pub registry: RegistryState,
    /// What `bin/mzsh` sets.
    pub script: MzshVariables,
}

impl Inspection {
    /// The parameter `java_home`, else what `bin/mzsh` sets: only a default, since `mzshr.env` or a profile of the user may set another.
    #[must_use]
    pub fn java_home<'a>(&'a self, settings: &'a Settings) -> Option<&'a Path> {
        settings.java_home.as_deref().or(self.script.java_home.as_deref())
    }
}

/// Inspects the installation of `target` in a worker process.
///
/// # Errors
/// The worker process did not answer: storage or the name service hangs.
pub fn inspect(
    settings: &Settings,
    target: &PicoInstance,
    until: Instant,
) -> Result<Inspection, StorageError> {
    let question = || serde_json::to_vec(&inspect_in_child(settings, target)).unwrap_or_default();
    let said = Storage::for_target(target).run_in_child(until, question)?;
    serde_json::from_slice(&said)
        .map_err(|e| StorageError::WorkerFailed(WorkerError::Unavailable(io::Error::other(e))))
}

fn inspect_in_child(settings: &Settings, target: &PicoInstance) -> Inspection {
    let path = target.home.path();
    let owner = account::installation_owner(path);
    let user = account::command_user(settings.os_user.as_deref(), path, &owner);
    let looker = account::inspecting_user(&user, path, &owner);
    // Root checks whether a directory of root's is empty; the user may have no access.
    let by_root =
        owner.as_ref().is_ok_and(InstallationOwner::is_root).then(|| home_state(path, None));
    let switched = looker.and_then(|looker| account::switch_user(looker.as_ref()).map(|()| looker));
    let mut seen = match &switched {
        Ok(looker) => inspect_as(looker.as_ref(), settings, target, user.as_ref().ok()),
        Err(why) => uninspected(settings, why, owner.is_err()),
    };
    if let (HomeState::Unusable(_), Some(state @ (HomeState::Empty | HomeState::Foreign))) =
        (&seen.home, by_root)
    {
        seen.home = state;
    }
    // Where root has no access (NFS), the user has.
    let owner = owner.ok().map(|owner| owner.uid).or(seen.owner);
    Inspection { owner, user: user_state(user), ..seen }
}

/// Inspects as `looker`, to whom this process has switched.
fn inspect_as(
    looker: Option<&Credentials>,
    settings: &Settings,
    target: &PicoInstance,
    user: Option<&Credentials>,
) -> Inspection {
    let path = target.home.path();
    let trusted = user.and_then(|user| trusted_owner(user, path));
    let program = |path: &Path| program_state(path, looker, user, trusted);
    let script = MzshVariables::from_home(path);
    let java_home = settings.java_home.as_ref().or(script.java_home.as_ref());
    let mzsh = if settings.pretend_not_installed {
        FileState::Missing
    } else {
        program(&target.home.join("bin/mzsh"))
    };
    let java = java_home.map(|java_home| program(&java_home.join("bin/java")));
    let post_start = settings.post_start.as_ref().map(|path| program(path));
    let inspected = (home_state(path, looker), path.canonicalize().ok());
    // The registry's files may include each other.
    worker::limit_memory(REGISTRY_MEMORY_LIMIT);
    Inspection {
        home: inspected.0,
        resolved: inspected.1,
        owner: account::installation_owner(path).ok().and_then(|owner| owner.uid_if_secure()),
        mzsh,
        java,
        post_start,
        registry: registry::find(path, settings.container.as_deref(), &target.name),
        script,
        ..uninspected(settings, "", false)
    }
}

/// The result where no user can inspect; why.
fn uninspected(settings: &Settings, why: &str, is_denied: bool) -> Inspection {
    let unread = || FileState::Unreadable(why.to_owned());
    Inspection {
        home: if is_denied { HomeState::Unusable(why.to_owned()) } else { HomeState::NotLookedAt },
        resolved: None,
        owner: None,
        user: UserState::Unreadable(why.to_owned()),
        mzsh: unread(),
        java: settings.java_home.as_ref().map(|_| unread()),
        post_start: settings.post_start.as_ref().map(|_| unread()),
        registry: RegistryState::Unreadable(why.to_owned()),
        script: MzshVariables::default(),
    }
}

fn home_state(path: &Path, looker: Option<&Credentials>) -> HomeState {
    match std::fs::read_dir(path) {
        Ok(mut entries) => match entries.next() {
            Some(Err(e)) => HomeState::Unusable(e.to_string()),
            Some(Ok(_)) if ["lib", "common"].iter().any(|d| path.join(d).is_dir()) => {
                HomeState::Filled
            }
            Some(Ok(_)) => HomeState::Foreign,
            None => HomeState::Empty,
        },
        Err(e) if e.kind() == io::ErrorKind::NotFound => HomeState::Missing,
        Err(e) => HomeState::Unusable(describe_io_error(&e, looker)),
    }
}

/// Can `user` execute it, in an installation of this owner? Without a user the permissions are not checked.
fn program_state(
    path: &Path,
    looker: Option<&Credentials>,
    user: Option<&Credentials>,
    owner: Option<u32>,
) -> FileState {
    match std::fs::metadata(path).map(|m| (host::files::non_regular_kind(&m), m)) {
        Ok((Some(kind), _)) => FileState::NotRegular(kind.to_owned()),
        Ok((None, m)) if m.permissions().mode() & 0o111 != 0 => {
            match user.and_then(|user| check_program(path, user, owner)) {
                None => FileState::Executable,
                Some(InsecurePath::Insecure(why)) => FileState::Unsafe(why),
                Some(InsecurePath::Unknown(why)) => FileState::Unreadable(why),
            }
        }
        Ok(_) => FileState::NotExecutable,
        Err(e) if e.kind() == io::ErrorKind::NotFound => FileState::Missing,
        Err(e) => FileState::Unreadable(describe_io_error(&e, looker)),
    }
}

/// For the child that has switched to `user` and will execute it.
pub(super) fn check_executable(
    target: &PicoInstance,
    path: &Path,
    user: &Credentials,
) -> Result<(), String> {
    match program_state(path, Some(user), Some(user), trusted_owner(user, target.home.path())) {
        FileState::Executable => Ok(()),
        FileState::Unsafe(why) => Err(why),
        state => Err(format!("{} {state}", path.display())),
    }
}

/// For the child that has switched to `user` and will load it, such as a jar.
pub(super) fn check_secure(
    target: &PicoInstance,
    path: &Path,
    user: &Credentials,
) -> Result<(), String> {
    match std::fs::metadata(path).map(|m| host::files::non_regular_kind(&m)) {
        Ok(None) => {}
        Ok(Some(kind)) => return Err(format!("{} is {kind}, not a regular file", path.display())),
        Err(e) => return Err(format!("{}: {}", path.display(), describe_io_error(&e, Some(user)))),
    }
    match check_program(path, user, trusted_owner(user, target.home.path())) {
        None => Ok(()),
        Some(InsecurePath::Insecure(why) | InsecurePath::Unknown(why)) => Err(why),
    }
}

fn user_state(user: Result<Credentials, UserError>) -> UserState {
    match user {
        Ok(user) => UserState::Known { name: user.name, uid: user.uid },
        Err(UserError::Credentials(CredentialsError::UnknownUser(user))) => {
            UserState::Unknown(user)
        }
        Err(e) => UserState::Unreadable(e.to_string()),
    }
}
