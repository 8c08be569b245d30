//! What a look at the processes may have to ask beyond /proc.

use crate::identity::{Search, Surroundings};
use crate::product;
use crate::record::{self, Phase, Record};
use crate::settings::{Settings, Target};
use host::{ProcessId, mounts};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest wait for one answer of storage or name service.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);

/// This node, as one resource sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) target: &'a Target,
    pub(crate) record: Option<&'a Record>,
    pub(crate) until: Instant,
}

impl Node<'_> {
    fn answer_by(&self) -> Instant {
        self.until.min(Instant::now() + ANSWER_WITHIN)
    }
}

impl Surroundings for Node<'_> {
    fn resolve(&self, path: &Path) -> Option<PathBuf> {
        product::resolve(self.target, path, self.answer_by())
    }

    fn are_one(&self, one: &Path, other: &Path) -> Option<bool> {
        if one == other {
            return Some(true);
        }
        // By the table of mounts: storage may hang.
        Some(mounts::place(one).ok()? == mounts::place(other).ok()?)
    }

    fn uid(&self) -> Option<u32> {
        let recorded = self.record.and_then(|record| record.uid);
        recorded.or_else(|| product::user(self.settings, self.target, self.answer_by()))
    }

    fn others(&self) -> Vec<ProcessId> {
        record::named_by_others(self.settings.resource.as_deref())
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
