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
    /// The record says who they are, and nobody need be asked.
    is_recorded: bool,
    asked: OnceCell<BTreeSet<u32>>,
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
        let is_recorded = !recorded.is_empty();
        // The user of a JVM that was adopted while nobody was known excludes nobody.
        let jvm = record.filter(|_| is_recorded).and_then(|record| record.uid);
        let known =
            recorded.into_iter().chain(jvm).chain(target.map(remembered).unwrap_or_default()).collect();
        Self { settings, target, until, known, is_recorded, asked: OnceCell::new() }
    }

    /// Do this user's processes count? May ask storage and the name service.
    #[must_use]
    pub fn include(&self, user: u32) -> bool {
        let Some(target) = self.target else { return true };
        if user == 0 || self.known.contains(&user) {
            return true;
        }
        if self.is_recorded {
            return false;
        }
        let asked = self.asked.get_or_init(|| ask(self.settings, target, self.until));
        asked.contains(&user) || asked.is_empty() && self.known.is_empty()
    }
}

/// Writes down on the record of a pico that was found whose the installation is, as far as that is known now.
pub(crate) fn note(settings: &Settings, target: &Target, record: &mut Record, until: Instant) {
    let remembered = remembered(target);
    // With storage away the owner of what is there instead says nothing.
    record.people = if remembered.is_empty() { ask(settings, target, until) } else { remembered.clone() };
    if remembered.is_empty() {
        remember(target, &record.people);
    }
}

/// Writes down on the record of a pico that is started whose the installation is, and remembers it.
pub(crate) fn keep(target: &Target, record: &mut Record, users: BTreeSet<u32>) {
    if users != remembered(target) {
        remember(target, &users);
    }
    record.people = users;
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
fn ask(settings: &Settings, target: &Target, until: Instant) -> BTreeSet<u32> {
    let People { os_user, owner } = people(settings, target, until.min(Instant::now() + ANSWER_WITHIN));
    os_user.into_iter().chain(owner).collect()
}

/// That this fails is logged, and costs no more than the memory.
fn remember(target: &Target, users: &BTreeSet<u32>) {
    if users.is_empty() {
        return;
    }
    let memory = Memory { mz_home: target.home.path().to_owned(), users: users.clone() };
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
}

fn read(path: &Path) -> io::Result<Memory> {
    Ok(serde_json::from_slice(&host::files::read_own(path)?)?)
}

fn remembered(target: &Target) -> BTreeSet<u32> {
    let memory = read(&path(target)).ok().filter(|memory| memory.mz_home == target.home.path());
    memory.map(|memory| memory.users).unwrap_or_default()
}

fn path(target: &Target) -> PathBuf {
    Path::new(DIRECTORY).join(format!("{}.json", crate::record::hash(target.home.path().as_os_str())))
}
