//! The people of an installation: whose processes can be its picos.
//!
//! Known from the instance record, and from what was remembered on local disk when a pico was last started here; for all others
//! `os_user` and the owner of `mz_home` are asked for, which the name service and storage tell. Of an installation of which
//! nobody can tell it, no user is excluded.

use crate::product::{People, people};
use crate::record::Record;
use crate::settings::{Settings, Target};
use serde::{Deserialize, Serialize};
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where it is remembered, over reboots.
const DIRECTORY: &str = "/var/lib/mediationzone-ra";

/// Longest wait for storage and name service, each.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// Whose processes count for one pico: root's, and those of the installation's people.
#[derive(Debug)]
pub struct Owners<'a> {
    settings: &'a Settings,
    /// None: it can't be read which one is meant, and nobody is excluded.
    target: Option<&'a Target>,
    until: Instant,
    known: BTreeSet<u32>,
    asked: OnceCell<Asked>,
}

impl<'a> Owners<'a> {
    /// Of the pico that is meant, without its record.
    #[must_use]
    pub fn new(settings: &'a Settings, until: Instant) -> Self {
        Self::of(settings, settings.target.as_ref().ok(), None, until)
    }

    pub(crate) fn of(
        settings: &'a Settings,
        target: Option<&'a Target>,
        record: Option<&Record>,
        until: Instant,
    ) -> Self {
        let record = record.filter(|record| target.is_some_and(|target| record.is_for(target)));
        let recorded = record.map(|record| record.people.clone()).unwrap_or_default();
        // The user of a JVM that was adopted while nobody was known excludes nobody.
        let jvm = record.filter(|record| !record.people.is_empty()).and_then(|record| record.uid);
        let known =
            recorded.into_iter().chain(jvm).chain(target.map(remembered).unwrap_or_default()).collect();
        Self { settings, target, until, known, asked: OnceCell::new() }
    }

    /// Do this user's processes count? May ask storage and the name service.
    #[must_use]
    pub fn include(&self, user: u32) -> bool {
        let Some(target) = self.target else { return true };
        self.is_known(user).unwrap_or_else(|| {
            self.asked.get_or_init(|| ask(self.settings, target, self.until));
            self.is_known(user).unwrap_or(true)
        })
    }

    /// The same without a question; `None`: it must be asked for.
    pub(crate) fn is_known(&self, user: u32) -> Option<bool> {
        if self.target.is_none() || user == 0 || self.known.contains(&user) {
            return Some(true);
        }
        let Asked { users, is_whole } = self.asked.get()?;
        Some(users.contains(&user) || self.known.is_empty() && (users.is_empty() || !is_whole))
    }
}

/// Writes down on the record of a pico that was found whose the installation is, as far as that is known now.
pub(crate) fn note(settings: &Settings, target: &Target, record: &mut Record, until: Instant) {
    let remembered = remembered(target);
    // With storage away the owner of what is there instead says nothing.
    record.people = remembered;
    if record.people.is_empty() {
        let Asked { users, is_whole } = ask(settings, target, until);
        record.people = if is_whole { users } else { BTreeSet::new() };
        remember(target, record);
    }
}

/// Writes down on the record of a pico that is started whose the installation is, and remembers it.
pub(crate) fn keep(target: &Target, record: &mut Record, users: BTreeSet<u32>) {
    record.people = users;
    remember(target, record);
}

/// The target, with what its home resolved to when a pico was last started here: while storage hangs nothing else says so.
pub(crate) fn with_known_home(target: Target) -> Target {
    if target.home.resolved().is_some() {
        return target;
    }
    let resolved = memory(&target).and_then(|memory| memory.resolved);
    Target { home: target.home.clone().resolved_as(resolved), ..target }
}

/// Whose processes count where it can't be read which installation is meant: those of the people of any that was started here; if there
/// was none, of the one that the process claims.
pub(crate) struct Anyones<'a> {
    settings: &'a Settings,
    until: Instant,
    known: BTreeSet<u32>,
}

impl<'a> Anyones<'a> {
    pub(crate) fn new(settings: &'a Settings, until: Instant) -> Self {
        let files = std::fs::read_dir(DIRECTORY).into_iter().flatten().filter_map(Result::ok);
        let known = files.filter_map(|file| read(&file.path()).ok()).flat_map(|memory| memory.users);
        Self { settings, until, known: known.collect() }
    }

    pub(crate) fn include(&self, user: u32, claimed: Option<&Target>) -> bool {
        if self.known.is_empty() {
            return Owners::of(self.settings, claimed, None, self.until).include(user);
        }
        user == 0 || self.known.contains(&user)
    }
}

/// What `os_user` and `mz_home` say now.
#[derive(Debug)]
struct Asked {
    users: BTreeSet<u32>,
    /// An `os_user` that is set could be told. Else whoever owns the files need not be all.
    is_whole: bool,
}

fn ask(settings: &Settings, target: &Target, until: Instant) -> Asked {
    let People { os_user, owner } = people(settings, target, until.min(Instant::now() + ANSWER_WITHIN));
    let is_whole = settings.os_user.is_none() || os_user.is_some();
    Asked { users: os_user.into_iter().chain(owner).collect(), is_whole }
}

/// That this fails is logged, and costs no more than the memory.
fn remember(target: &Target, record: &Record) {
    let users = record.people.clone();
    let known = memory(target);
    if users.is_empty()
        || known
            .as_ref()
            .is_some_and(|known| known.users == users && known.resolved == record.resolved_home())
    {
        return;
    }
    let memory = Memory { mz_home: target.home.path().to_owned(), users, resolved: record.resolved_home() };
    let written = host::files::own_directory(Path::new(DIRECTORY), 0o755)
        .and_then(|()| host::files::replace(&path(target), &serde_json::to_vec(&memory)?));
    if let Err(e) = written {
        tracing::warn!("{DIRECTORY}: the user of {} can't be remembered: {e}", target.home.path().display());
    }
}

/// What is remembered of one installation.
#[derive(Debug, Serialize, Deserialize)]
struct Memory {
    mz_home: PathBuf,
    users: BTreeSet<u32>,
    /// What `mz_home` resolves to.
    #[serde(default)]
    resolved: Option<PathBuf>,
}

fn read(path: &Path) -> io::Result<Memory> {
    Ok(serde_json::from_slice(&host::files::read_own(path)?)?)
}

fn memory(target: &Target) -> Option<Memory> {
    read(&path(target)).ok().filter(|memory| memory.mz_home == target.home.path())
}

fn remembered(target: &Target) -> BTreeSet<u32> {
    memory(target).map(|memory| memory.users).unwrap_or_default()
}

fn path(target: &Target) -> PathBuf {
    Path::new(DIRECTORY).join(format!("{}.json", crate::record::hash(target.home.path().as_os_str())))
}
