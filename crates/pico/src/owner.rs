//! The people of an installation: whose processes can be its picos.
//!
//! Known from the instance record; else from `os_user` and the owner of `mz_home`, which storage and the name service tell;
//! else from what was remembered on local disk the last time that they did. Of an installation of which nobody ever knew it,
//! no user is excluded.

use crate::identity::Owners;
use crate::product::{People, people};
use crate::record::Record;
use crate::settings::{Settings, Target};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Where it is remembered, over reboots.
const DIRECTORY: &str = "/var/lib/mediationzone-ra";

/// What is remembered of one installation.
#[derive(Debug, Serialize, Deserialize)]
struct Memory {
    mz_home: PathBuf,
    users: BTreeSet<u32>,
}

/// Whose processes count for the pico that is meant, without its record.
#[must_use]
pub fn owners_now(settings: &Settings, until: Instant) -> Owners {
    settings
        .target
        .as_ref()
        .map_or_else(|_| Owners::unknown(), |target| owners(settings, target, None, until))
}

/// Whose processes count for `target`.
pub(crate) fn owners(
    settings: &Settings,
    target: &Target,
    record: Option<&Record>,
    until: Instant,
) -> Owners {
    let record = record.filter(|record| record.is_for(target));
    let mut people = record.map(|record| record.people.clone()).unwrap_or_default();
    if people.is_empty() {
        people = ask(settings, target, until);
    }
    if people.is_empty() {
        people = remembered(target);
    }
    // The user of a JVM that was adopted while nobody was known excludes nobody either.
    if people.is_empty() {
        Owners::unknown()
    } else {
        Owners::new(people.into_iter().chain(record.and_then(|r| r.uid)))
    }
}

/// Writes down on the record of a pico that was found, and remembers, whose the installation is, as far as that is known now.
pub(crate) fn note(settings: &Settings, target: &Target, record: &mut Record, until: Instant) {
    let asked = ask(settings, target, until);
    keep(target, record, &asked);
    if record.people.is_empty() {
        record.people = remembered(target);
    }
}

/// The same of a pico that was started, and that is known from the look at the installation.
pub(crate) fn keep(target: &Target, record: &mut Record, users: &BTreeSet<u32>) {
    record.people.clone_from(users);
    if users.is_empty() || *users == remembered(target) {
        return;
    }
    let memory = Memory { mz_home: target.home.path().to_owned(), users: users.clone() };
    let written = host::files::own_directory(Path::new(DIRECTORY), 0o755)
        .and_then(|()| host::files::replace(&path(target), &serde_json::to_vec(&memory)?));
    if let Err(e) = written {
        tracing::warn!("{DIRECTORY}: the user of {} can't be remembered: {e}", target.home.path().display());
    }
}

/// What `os_user` and `mz_home` say now.
fn ask(settings: &Settings, target: &Target, until: Instant) -> BTreeSet<u32> {
    let People { os_user, owner } = people(settings, target, until);
    of_installation(os_user, owner)
}

pub(crate) fn of_installation(os_user: Option<u32>, owner: Option<u32>) -> BTreeSet<u32> {
    os_user.into_iter().chain(owner).collect()
}

fn remembered(target: &Target) -> BTreeSet<u32> {
    let read =
        || -> io::Result<Memory> { Ok(serde_json::from_slice(&host::files::read_own(&path(target))?)?) };
    read()
        .ok()
        .filter(|memory| memory.mz_home == target.home.path())
        .map(|memory| memory.users)
        .unwrap_or_default()
}

fn path(target: &Target) -> PathBuf {
    Path::new(DIRECTORY).join(format!("{}.json", crate::record::hash(target.home.path().as_os_str())))
}
