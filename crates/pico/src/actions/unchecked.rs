//! What the records say of deep checks that could not be made: for people, who need not have seen the monitors' answers.

use super::weigh::NOT_CHECKED;
use crate::record::{self, InstanceRecord, InstanceRecordFile};
use crate::settings::Settings;
use std::fmt;
use std::time::SystemTime;

/// A deep check of a pico that runs, which the cluster's monitors could not make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotChecked {
    /// The depth of these monitors.
    pub depth: u32,
    /// In how many runs in a row.
    pub runs: u32,
    /// Since when and why, in words.
    pub since: String,
}

impl fmt::Display for NotChecked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NOT_CHECKED} at depth {} {}", self.depth, self.since)
    }
}

/// Those that could not be made `unchecked_limit` times in a row, or more often.
#[must_use]
pub fn not_checked(settings: &Settings) -> Vec<NotChecked> {
    let Ok(target) = &settings.target else { return Vec::new() };
    let records = match &settings.resource {
        Some(name) => InstanceRecordFile::for_resource(Some(name))
            .read()
            .into_iter()
            .filter(|r| r.is_for(target))
            .collect(),
        // Whoever names a pico means the one that is managed.
        None => record::of_pico(target),
    };
    let running =
        |record: &&InstanceRecord| record.jvm().is_some_and(|jvm| matches!(jvm.live_stat(), Ok(Some(_))));
    let all = records.iter().filter(running).flat_map(of_record);
    all.filter(|not_checked| not_checked.runs >= settings.unchecked_limit).collect()
}

/// Each, however seldom it was.
pub(super) fn of_record(record: &InstanceRecord) -> impl Iterator<Item = NotChecked> {
    let now = SystemTime::now();
    record.counts.iter().filter_map(move |(&depth, counts)| {
        let unchecked = counts.unchecked.as_ref()?;
        Some(NotChecked { depth, runs: unchecked.runs, since: unchecked.told(now) })
    })
}
