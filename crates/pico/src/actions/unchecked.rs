//! Deep checks that could not be made, from the records, for `mzha` and explain.

use super::weigh::NOT_CHECKED;
use crate::record::{self, InstanceRecord, InstanceRecordFile};
use crate::settings::Settings;
use std::fmt;
use std::time::SystemTime;

/// A deep check of a running pico that the cluster's monitors could not make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotChecked {
    /// The depth of the monitor.
    pub depth: u32,
    /// The number of consecutive runs.
    pub runs: u32,
    /// Since when and why.
    pub since: String,
}

impl fmt::Display for NotChecked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NOT_CHECKED} at depth {} {}", self.depth, self.since)
    }
}

/// Those that could not be made in at least `unchecked_limit` consecutive runs.
#[must_use]
pub fn not_checked(settings: &Settings) -> Vec<NotChecked> {
    let Ok(target) = &settings.target else { return Vec::new() };
    let records = match &settings.resource {
        Some(name) => InstanceRecordFile::for_resource(Some(name))
            .read()
            .into_iter()
            .filter(|r| r.is_for(target))
            .collect(),
        // A pico is named, not a resource: use the records of all resources.
        None => record::of_pico(target),
    };
    let running = |record: &&InstanceRecord| {
        record.jvm().is_some_and(|jvm| matches!(jvm.live_stat(), Ok(Some(_))))
    };
    let all = records.iter().filter(running).flat_map(of_record);
    all.filter(|not_checked| not_checked.runs >= settings.unchecked_limit).collect()
}

/// All, regardless of `unchecked_limit`.
pub(super) fn of_record(record: &InstanceRecord) -> impl Iterator<Item = NotChecked> {
    let now = SystemTime::now();
    record.counts.iter().filter_map(move |(&depth, counts)| {
        let unchecked = counts.unchecked.as_ref()?;
        Some(NotChecked { depth, runs: unchecked.runs, since: unchecked.describe(now) })
    })
}
