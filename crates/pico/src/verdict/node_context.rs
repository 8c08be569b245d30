//! What a process scan may have to ask beyond /proc.

use crate::identity::{Bystander, ProcessSearch, ScanContext, find_foreign_processes};
use crate::pico_users::PicoUsers;
use crate::record::{self, InstanceRecord, StartPhase};
use crate::settings::{PicoInstance, Settings};
use crate::{product, ruled_out};
use host::ProcessId;
use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest wait for one answer of storage or name service.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(3);
/// The same after one timed out: storage that hangs one path hangs others, too.
const LOOKUP_TIMEOUT_AFTER_HANG: Duration = Duration::from_millis(200);

/// This node, as seen by one resource.
#[derive(Debug)]
pub(crate) struct NodeContext<'a> {
    settings: &'a Settings,
    /// The first of `targets`.
    pub(crate) target: &'a PicoInstance,
    targets: &'a [PicoInstance],
    pub(crate) record: Option<&'a InstanceRecord>,
    pub(crate) until: Instant,
    storage_hangs: Cell<bool>,
    /// One for each target.
    pico_users: Vec<PicoUsers<'a>>,
}

impl<'a> NodeContext<'a> {
    pub(crate) fn new(
        settings: &'a Settings,
        target: &'a PicoInstance,
        record: Option<&'a InstanceRecord>,
        until: Instant,
    ) -> Self {
        Self::for_targets(settings, std::slice::from_ref(target), record, until)
    }

    /// For several picos, each of which can have other owners: where the parameters and the record differ. `targets` must not be empty.
    pub(crate) fn for_targets(
        settings: &'a Settings,
        targets: &'a [PicoInstance],
        record: Option<&'a InstanceRecord>,
        until: Instant,
    ) -> Self {
        let owners = targets
            .iter()
            .map(|target| PicoUsers::for_target(settings, Some(target), record, until))
            .collect();
        Self {
            settings,
            target: &targets[0],
            targets,
            record,
            until,
            storage_hangs: Cell::new(false),
            pico_users: owners,
        }
    }

    fn lookup_deadline(&self) -> Instant {
        self.until.min(
            Instant::now()
                + if self.storage_hangs.get() { LOOKUP_TIMEOUT_AFTER_HANG } else { LOOKUP_TIMEOUT },
        )
    }

    fn note_answer<T>(&self, answer: Option<T>) -> Option<T> {
        self.storage_hangs.set(self.storage_hangs.get() || answer.is_none());
        answer
    }

    /// All processes that could be taken for the pico and do not count, for messages.
    pub(crate) fn bystanders(&self) -> Vec<Bystander> {
        let search = process_search(std::slice::from_ref(self.target), self.record, &[]);
        let mut all =
            search.scan(self, self.until).map(|found| found.bystanders).unwrap_or_default();
        if let Ok((others, more)) =
            find_foreign_processes(self.target, |user| self.is_pico_user(user), self.until)
        {
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

impl ScanContext for NodeContext<'_> {
    fn resolve_path(&self, path: &Path) -> Option<PathBuf> {
        self.note_answer(product::resolve_path(self.target, path, self.lookup_deadline()))
    }

    fn is_same_directory(&self, one: &Path, other: &Path) -> Option<bool> {
        self.note_answer(product::is_same_directory(
            self.target,
            one,
            other,
            self.lookup_deadline(),
        ))
    }

    fn is_pico_user(&self, user: u32) -> bool {
        self.pico_users.iter().any(|owners| owners.contains(user))
    }

    fn processes_of_other_resources(&self) -> Vec<ProcessId> {
        record::processes_of_other_resources(self.settings.resource.as_deref())
    }

    fn running_agent_commands(&self) -> Vec<ProcessId> {
        product::running_agent_commands()
    }

    fn is_known_pico_user(&self, user: u32) -> Option<bool> {
        let mut known = self.pico_users.iter().map(|owners| owners.contains_without_lookup(user));
        if known.clone().any(|known| known == Some(true)) {
            return Some(true);
        }
        known.all(|known| known == Some(false)).then_some(false)
    }

    fn ruled_out_before(&self) -> Vec<ProcessId> {
        // Only processes ruled out for every target: one that was not may have been that target.
        let mut seen = self.targets.iter().map(ruled_out::read);
        let first = seen.next().unwrap_or_default();
        seen.fold(first, |all, one| all.into_iter().filter(|id| one.contains(id)).collect())
    }
}

/// The recorded sessions of the pico's processes: that of the JVM, and that of the mzsh that started it.
pub(crate) fn recorded_sessions(record: Option<&InstanceRecord>) -> Vec<(ProcessId, Option<u32>)> {
    let Some(record) = record else { return Vec::new() };
    record.session_leaders().map(|leader| (leader, record.uid)).collect()
}

/// The search for `targets`, with what the record knows.
pub(crate) fn process_search<'a>(
    targets: &'a [PicoInstance],
    record: Option<&InstanceRecord>,
    sessions: &'a [(ProcessId, Option<u32>)],
) -> ProcessSearch<'a> {
    ProcessSearch {
        targets,
        recorded_jvm: record.and_then(InstanceRecord::jvm),
        // Once the pico runs, its startup can't bring up another.
        startup_mzsh: record
            .filter(|record| record.phase != StartPhase::Running)
            .and_then(|record| Some((record.mzsh()?, record.uid))),
        pico_sessions: sessions,
    }
}
