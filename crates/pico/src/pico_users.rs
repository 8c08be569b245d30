//! The people of an installation: whose processes can be its picos.
//!
//! Known from the instance record, and from what was remembered on local disk when a pico was last started here; for all others
//! `os_user` and the owner of `mz_home` are asked for, which the name service and storage tell. Of an installation of which
//! nobody can tell it, no user is excluded.

use crate::product::{InstallationUsers, query_installation_users};
use crate::record::InstanceRecord;
use crate::settings::{PicoInstance, Settings};
use serde::{Deserialize, Serialize};
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where it is remembered, over reboots.
const MEMORY_DIRECTORY: &str = "/var/lib/mediationzone-ra";

/// Longest wait for storage and name service, each.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(3);

/// Whose processes count for one pico: root's, and those of the installation's people.
#[derive(Debug)]
pub struct PicoUsers<'a> {
    settings: &'a Settings,
    /// None: it can't be read which one is meant, and nobody is excluded.
    target: Option<&'a PicoInstance>,
    until: Instant,
    known_users: BTreeSet<u32>,
    lookup: OnceCell<UserLookup>,
}

impl<'a> PicoUsers<'a> {
    /// Of the pico that is meant, without its record.
    #[must_use]
    pub fn new(settings: &'a Settings, until: Instant) -> Self {
        Self::for_target(settings, settings.target.as_ref().ok(), None, until)
    }

    pub(crate) fn for_target(
        settings: &'a Settings,
        target: Option<&'a PicoInstance>,
        record: Option<&InstanceRecord>,
        until: Instant,
    ) -> Self {
        let record = record.filter(|record| target.is_some_and(|target| record.is_for(target)));
        let recorded = record.map(|record| record.people.clone()).unwrap_or_default();
        // The user of a JVM that was adopted while nobody was known excludes nobody.
        let jvm = record.filter(|record| !record.people.is_empty()).and_then(|record| record.uid);
        let known = recorded
            .into_iter()
            .chain(jvm)
            .chain(target.map(remembered_users).unwrap_or_default())
            .collect();
        Self { settings, target, until, known_users: known, lookup: OnceCell::new() }
    }

    /// Do this user's processes count? May ask storage and the name service.
    #[must_use]
    pub fn contains(&self, user: u32) -> bool {
        let Some(target) = self.target else { return true };
        self.contains_without_lookup(user).unwrap_or_else(|| {
            self.lookup.get_or_init(|| look_up_users(self.settings, target, self.until));
            self.contains_without_lookup(user).unwrap_or(true)
        })
    }

    /// The same without a question; `None`: it must be asked for.
    pub(crate) fn contains_without_lookup(&self, user: u32) -> Option<bool> {
        if self.target.is_none() || user == 0 || self.known_users.contains(&user) {
            return Some(true);
        }
        let UserLookup { users, is_complete: is_whole } = self.lookup.get()?;
        Some(
            users.contains(&user) || self.known_users.is_empty() && (users.is_empty() || !is_whole),
        )
    }
}

/// Writes down on the record of a pico that was found whose the installation is, as far as that is known now.
pub(crate) fn set_users_of_adopted(
    settings: &Settings,
    target: &PicoInstance,
    record: &mut InstanceRecord,
    until: Instant,
) {
    let remembered = remembered_users(target);
    // With storage away the owner of what is there instead says nothing.
    record.people = remembered;
    if record.people.is_empty() {
        let UserLookup { users, is_complete: is_whole } = look_up_users(settings, target, until);
        record.people = if is_whole { users } else { BTreeSet::new() };
        remember_installation(target, record);
    }
}

/// Writes down on the record of a pico that is started whose the installation is, and remembers it.
pub(crate) fn set_users_of_started(
    target: &PicoInstance,
    record: &mut InstanceRecord,
    users: BTreeSet<u32>,
) {
    record.people = users;
    remember_installation(target, record);
}

/// The target, with what its home resolved to when a pico was last started here: while storage hangs nothing else says so.
pub(crate) fn with_remembered_home(target: PicoInstance) -> PicoInstance {
    if target.home.resolved().is_some() {
        return target;
    }
    let resolved = remembered_installation(&target).and_then(|memory| memory.resolved);
    PicoInstance { home: target.home.clone().with_resolved(resolved), ..target }
}

/// Whose processes count where it can't be read which installation is meant: those of the people of any that was started here; if there
/// was none, of the one that the process claims.
pub(crate) struct AnyInstallationUsers<'a> {
    settings: &'a Settings,
    until: Instant,
    known_users: BTreeSet<u32>,
}

impl<'a> AnyInstallationUsers<'a> {
    pub(crate) fn new(settings: &'a Settings, until: Instant) -> Self {
        let files =
            std::fs::read_dir(MEMORY_DIRECTORY).into_iter().flatten().filter_map(Result::ok);
        let known =
            files.filter_map(|file| read_memory(&file.path()).ok()).flat_map(|memory| memory.users);
        Self { settings, until, known_users: known.collect() }
    }

    pub(crate) fn contains(&self, user: u32, claimed: Option<&PicoInstance>) -> bool {
        if self.known_users.is_empty() {
            return PicoUsers::for_target(self.settings, claimed, None, self.until).contains(user);
        }
        user == 0 || self.known_users.contains(&user)
    }
}

/// What `os_user` and `mz_home` say now.
#[derive(Debug)]
struct UserLookup {
    users: BTreeSet<u32>,
    /// An `os_user` that is set could be told. Else whoever owns the files need not be all.
    is_complete: bool,
}

fn look_up_users(settings: &Settings, target: &PicoInstance, until: Instant) -> UserLookup {
    let InstallationUsers { os_user, owner } =
        query_installation_users(settings, target, until.min(Instant::now() + LOOKUP_TIMEOUT));
    let is_whole = settings.os_user.is_none() || os_user.is_some();
    UserLookup { users: os_user.into_iter().chain(owner).collect(), is_complete: is_whole }
}

/// That this fails is logged, and costs no more than the memory.
fn remember_installation(target: &PicoInstance, record: &InstanceRecord) {
    let users = record.people.clone();
    let known = remembered_installation(target);
    if users.is_empty()
        || known
            .as_ref()
            .is_some_and(|known| known.users == users && known.resolved == record.resolved_home())
    {
        return;
    }
    let memory = RememberedInstallation {
        mz_home: target.home.path().to_owned(),
        users,
        resolved: record.resolved_home(),
    };
    let written = host::private_files::create_private_directory(Path::new(MEMORY_DIRECTORY), 0o755)
        .and_then(|()| {
            host::private_files::replace_atomically(
                &memory_path(target),
                &serde_json::to_vec(&memory)?,
            )
        });
    if let Err(e) = written {
        tracing::warn!(
            "{MEMORY_DIRECTORY}: could not record the user of {}: {e}",
            target.home.path().display()
        );
    }
}

/// What is remembered of one installation.
#[derive(Debug, Serialize, Deserialize)]
struct RememberedInstallation {
    mz_home: PathBuf,
    users: BTreeSet<u32>,
    /// What `mz_home` resolves to.
    #[serde(default)]
    resolved: Option<PathBuf>,
}

fn read_memory(path: &Path) -> io::Result<RememberedInstallation> {
    Ok(serde_json::from_slice(&host::private_files::read_private(path)?)?)
}

fn remembered_installation(target: &PicoInstance) -> Option<RememberedInstallation> {
    read_memory(&memory_path(target)).ok().filter(|memory| memory.mz_home == target.home.path())
}

fn remembered_users(target: &PicoInstance) -> BTreeSet<u32> {
    remembered_installation(target).map(|memory| memory.users).unwrap_or_default()
}

fn memory_path(target: &PicoInstance) -> PathBuf {
    Path::new(MEMORY_DIRECTORY)
        .join(format!("{}.json", crate::record::file_name_hash(target.home.path().as_os_str())))
}
