//! What a look at the processes may have to ask beyond /proc.

use crate::identity::{Bystander, Search, Surroundings, strangers};
use crate::owner::Owners;
use crate::record::{self, Phase, Record};
use crate::settings::{Settings, Target};
use crate::{absence, product};
use host::ProcessId;
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest wait for one answer of storage or name service.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// The same once one did not come: what hangs one path hangs others, too.
const ANOTHER_WITHIN: Duration = Duration::from_millis(200);

/// This node, as one resource sees it.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    settings: &'a Settings,
    /// The first one that is meant.
    pub(crate) target: &'a Target,
    targets: &'a [Target],
    pub(crate) record: Option<&'a Record>,
    pub(crate) until: Instant,
    hangs: Cell<bool>,
    /// Of each target.
    owners: Vec<Owners<'a>>,
}

impl<'a> Node<'a> {
    pub(crate) fn new(
        settings: &'a Settings,
        target: &'a Target,
        record: Option<&'a Record>,
        until: Instant,
    ) -> Self {
        Self::of_all(settings, std::slice::from_ref(target), record, until)
    }

    /// As one sees it that means several picos, each of which can have other owners: where the parameters and the record differ.
    /// `targets` must not be empty.
    pub(crate) fn of_all(
        settings: &'a Settings,
        targets: &'a [Target],
        record: Option<&'a Record>,
        until: Instant,
    ) -> Self {
        let owners = targets.iter().map(|target| Owners::of(settings, Some(target), record, until)).collect();
        Self { settings, target: &targets[0], targets, record, until, hangs: Cell::new(false), owners }
    }

    fn answer_by(&self) -> Instant {
        self.until.min(Instant::now() + if self.hangs.get() { ANOTHER_WITHIN } else { ANSWER_WITHIN })
    }

    fn heard<T>(&self, answer: Option<T>) -> Option<T> {
        self.hangs.set(self.hangs.get() || answer.is_none());
        answer
    }

    /// Everything that could be taken for the pico and does not count, for people.
    pub(crate) fn bystanders(&self) -> Vec<Bystander> {
        let search = search(std::slice::from_ref(self.target), self.record, &[]);
        let mut all = search.look(self, self.until).map(|found| found.bystanders).unwrap_or_default();
        if let Ok((others, more)) = strangers(self.target, |user| self.counts(user), self.until) {
            if let Some(last) = others.last().filter(|_| more > 0) {
                let more = Bystander { id: last.id, why: format!("and {more} more like it") };
                all.extend(others.iter().cloned().chain([more]));
            } else {
                all.extend(others);
            }
        }
        all
    }
}

impl Surroundings for Node<'_> {
    fn resolve(&self, path: &Path) -> Option<PathBuf> {
        self.heard(product::resolve(self.target, path, self.answer_by()))
    }

    fn are_one_directory(&self, one: &Path, other: &Path) -> Option<bool> {
        self.heard(product::are_one_directory(self.target, one, other, self.answer_by()))
    }

    fn counts(&self, user: u32) -> bool {
        self.owners.iter().any(|owners| owners.include(user))
    }

    fn others(&self) -> Vec<ProcessId> {
        record::named_by_others(self.settings.resource.as_deref())
    }

    fn launched(&self) -> Vec<ProcessId> {
        product::launched()
    }

    fn is_known_to_count(&self, user: u32) -> Option<bool> {
        let mut known = self.owners.iter().map(|owners| owners.is_known(user));
        if known.clone().any(|known| known == Some(true)) {
            return Some(true);
        }
        known.all(|known| known == Some(false)).then_some(false)
    }

    fn seen_without_pico(&self) -> Vec<ProcessId> {
        // Of each of them: one that no look has seen for one of them can be what the process was.
        let mut seen = self.targets.iter().map(absence::seen);
        let first = seen.next().unwrap_or_default();
        seen.fold(first, |all, one| all.into_iter().filter(|id| one.contains(id)).collect())
    }
}

/// The sessions in which the pico's processes are, as far as the record knows: the JVM's own, and the one of the mzsh that
/// started it.
pub(crate) fn sessions(record: Option<&Record>) -> Vec<(ProcessId, Option<u32>)> {
    let Some(record) = record else { return Vec::new() };
    record.session_leaders().map(|leader| (leader, record.uid)).collect()
}

/// Who is looked for, by the parameters and the record.
pub(crate) fn search<'a>(
    targets: &'a [Target],
    record: Option<&Record>,
    sessions: &'a [(ProcessId, Option<u32>)],
) -> Search<'a> {
    Search {
        targets,
        known: record.and_then(Record::jvm),
        // Once the pico runs, nothing of its start is left that could bring up another.
        launched: record
            .filter(|record| record.phase != Phase::Running)
            .and_then(|record| Some((record.mzsh()?, record.uid))),
        sessions,
    }
}
