//! What is there to start: a look at the installation, made by a helper.

use super::registry::{self, Literals, RegistryState};
use super::storage::{Storage, StorageError};
use super::trust::{Distrust, distrust};
use crate::identity::Home;
use crate::settings::{Settings, Target};
use host::credentials::{Credentials, CredentialsError};
use host::helper::{self, HelperError};
use serde::{Deserialize, Serialize};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{fmt, io};

/// Most memory of the helper that reads the registry, in bytes: files that include each other, or what has no end.
const REGISTRY_MEMORY: u64 = 512 << 20;

/// What `mz_home` is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HomeState {
    /// A directory with product files in it (`lib` or `common`).
    Filled,
    /// A directory with other things in it: something below a mount point that is not mounted, perhaps.
    Foreign,
    /// A directory with nothing in it: a mount point without its mount.
    Empty,
    /// Not there.
    Missing,
    /// Something else, or not readable; why.
    Unusable(String),
}

/// What a program file is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FileState {
    /// It can be executed.
    Executable,
    /// It is there, but not to be executed.
    NotExecutable,
    /// Not there.
    Missing,
    /// Others than root and the owner of the installation can change it; who, and what to do.
    Unsafe(String),
    /// It can't be looked at; why.
    Unreadable(String),
}

impl fmt::Display for HomeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Filled => f.write_str("holds an installation"),
            Self::Foreign => f.write_str("holds no product files (lib, common): is its storage mounted?"),
            Self::Empty => f.write_str("is empty: is its storage mounted?"),
            Self::Missing => f.write_str("does not exist: is its storage mounted?"),
            Self::Unusable(why) => write!(f, "can't be read: {why}"),
        }
    }
}

impl fmt::Display for FileState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Executable => f.write_str("is executable"),
            Self::NotExecutable => f.write_str("is not an executable file"),
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
    /// The name service failed, or the owner of the installation can't be told.
    Unreadable(String),
}

/// All that a look at the installation gives.
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
    pub script: Literals,
}

impl Inspection {
    /// The parameter `java_home`, else what `bin/mzsh` sets: that one is no more than a default, for `mzshr.env` or a profile of the user may set another.
    #[must_use]
    pub fn java_home<'a>(&'a self, settings: &'a Settings) -> Option<&'a Path> {
        settings.java_home.as_deref().or(self.script.java_home.as_deref())
    }
}

/// Looks at the installation of `target` by a helper.
///
/// # Errors
/// The helper did not answer: storage or the name service hangs.
pub fn inspect(settings: &Settings, target: &Target, until: Instant) -> Result<Inspection, StorageError> {
    let question = || serde_json::to_vec(&look(settings, target)).unwrap_or_default();
    let said = Storage::of(target).ask(until, question)?;
    serde_json::from_slice(&said)
        .map_err(|e| StorageError::NoHelper(HelperError::Unavailable(io::Error::other(e))))
}

fn look(settings: &Settings, target: &Target) -> Inspection {
    let path = target.home.path();
    let owner = owner(&target.home);
    let user = credentials(settings.os_user.as_deref(), owner);
    let trusted = home_owner(target);
    let program = |path: &Path| program_state(path, user.as_ref().ok(), trusted);
    let mzsh = if settings.pretend_not_installed {
        FileState::Missing
    } else {
        program(&target.home.join("bin/mzsh"))
    };
    let inspected = (home_state(path), path.canonicalize().ok());
    let script = Literals::of(path);
    let java =
        settings.java_home.as_ref().or(script.java_home.as_ref()).map(|j| program(&j.join("bin/java")));
    let post_start = settings.post_start.as_ref().map(|path| program(path));
    // The registry's files can include others. Nothing is read for them that their owner could not read.
    let registry = match owner.map(as_themselves) {
        Some(Err(e)) => RegistryState::Unreadable(format!("its owner can't be become: {e}")),
        _ => registry::find(path, settings.container.as_deref(), &target.name),
    };
    Inspection {
        home: inspected.0,
        resolved: inspected.1,
        owner: owner.map(|(uid, _)| uid),
        mzsh,
        java,
        post_start,
        user: user_state(user),
        script,
        registry,
    }
}

/// Makes the helper the owner of the installation, and bounds its memory. There is no way back.
pub(super) fn as_themselves((uid, gid): (u32, u32)) -> io::Result<()> {
    helper::limit_memory(REGISTRY_MEMORY);
    nameless(uid, gid).become_them()
}

/// Somebody of whom only the numbers are known.
fn nameless(uid: u32, gid: u32) -> Credentials {
    Credentials {
        name: uid.to_string(),
        uid,
        gid,
        groups: vec![gid],
        home: "/".into(),
        shell: "/bin/sh".into(),
    }
}

fn home_state(path: &Path) -> HomeState {
    match std::fs::read_dir(path) {
        Ok(mut entries) => match entries.next() {
            Some(Err(e)) => HomeState::Unusable(e.to_string()),
            Some(Ok(_)) if ["lib", "common"].iter().any(|d| path.join(d).is_dir()) => HomeState::Filled,
            Some(Ok(_)) => HomeState::Foreign,
            None => HomeState::Empty,
        },
        Err(e) if e.kind() == io::ErrorKind::NotFound => HomeState::Missing,
        Err(e) => HomeState::Unusable(e.to_string()),
    }
}

/// Can it be executed as `user`, of an installation of this owner? Without a user nobody is distrusted.
fn program_state(path: &Path, user: Option<&Credentials>, owner: Option<u32>) -> FileState {
    match std::fs::metadata(path) {
        Ok(m) if m.is_file() && m.permissions().mode() & 0o111 != 0 => {
            match user.and_then(|user| distrust(path, user, owner)) {
                None => FileState::Executable,
                Some(Distrust::Unsafe(why)) => FileState::Unsafe(why),
                Some(Distrust::Unclear(why)) => FileState::Unreadable(why),
            }
        }
        Ok(_) => FileState::NotExecutable,
        Err(e) if e.kind() == io::ErrorKind::NotFound => FileState::Missing,
        Err(e) => FileState::Unreadable(e.to_string()),
    }
}

/// For the child that will execute it as `user`.
pub(super) fn executable(target: &Target, path: &Path, user: &Credentials) -> Result<(), String> {
    match program_state(path, Some(user), home_owner(target)) {
        FileState::Executable => Ok(()),
        FileState::Unsafe(why) => Err(why),
        state => Err(format!("{} {state}", path.display())),
    }
}

/// For the child that will have it executed as `user`, though it is no program by itself.
pub(super) fn trustworthy(target: &Target, path: &Path, user: &Credentials) -> Result<(), String> {
    match distrust(path, user, home_owner(target)) {
        None => Ok(()),
        Some(Distrust::Unsafe(why) | Distrust::Unclear(why)) => Err(why),
    }
}

/// Who owns `mz_home` itself: what stands in it can't vouch for its own owner.
fn home_owner(target: &Target) -> Option<u32> {
    std::fs::metadata(target.home.path()).ok().map(|m| m.uid())
}

/// User and group of the installation: those of `mz_home`, unless that is root's (a mount point), else of `bin/mzsh`
/// (which root may have edited, and so own).
pub(super) fn owner(home: &Home) -> Option<(u32, u32)> {
    let of = |path: &Path| std::fs::metadata(path).ok().map(|m| (m.uid(), m.gid()));
    let own = of(home.path());
    own.filter(|&(uid, _)| uid != 0).or_else(|| of(&home.join("bin/mzsh"))).or(own)
}

fn user_state(user: Result<Credentials, NoUser>) -> UserState {
    match user {
        Ok(user) => UserState::Known { name: user.name, uid: user.uid },
        Err(NoUser::Credentials(CredentialsError::Unknown(user))) => UserState::Unknown(user),
        Err(e) => UserState::Unreadable(e.to_string()),
    }
}

/// Why nobody can run mzsh.
#[derive(Debug, thiserror::Error)]
enum NoUser {
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    #[error(
        "os_user is not set, and the owner of the installation can't be told: bin/mzsh and mz_home can't be read"
    )]
    NoOwner,
}

/// `os_user`, or the owner of the installation. An owner whom the name service does not know can run mzsh as well
/// as any: a number is enough.
fn credentials(name: Option<&str>, owner: Option<(u32, u32)>) -> Result<Credentials, NoUser> {
    match (name, owner) {
        (Some(name), _) => Ok(Credentials::of_name(name)?),
        (None, Some((uid, gid))) => match Credentials::of_uid(uid) {
            Err(CredentialsError::Unknown(_)) => Ok(nameless(uid, gid)),
            other => Ok(other?),
        },
        (None, None) => Err(NoUser::NoOwner),
    }
}

/// The user for a command on this installation; for the child that will run it.
pub(super) fn credentials_for(settings: &Settings, target: &Target) -> Result<Credentials, String> {
    credentials(settings.os_user.as_deref(), owner(&target.home)).map_err(|e| e.to_string())
}
