//! The reports of a death, and when a monitor reports it again.
//!
//! Pacemaker drops the failure of a recurring monitor while the transition that began this monitor still runs, and its executor passes on
//! a result only when it differs from the last one. So nobody acts on such a death. But Pacemaker cancels all
//! monitors of a resource before it recovers it: a monitor that still runs [`REPORT_INTERVAL`] after the last report asks whether a failure
//! was counted. If none was, it changes its answer between the two that mean the same to the cluster, "not running" (7) and error
//! (1). A counted death is never reported again, whatever is done about it. `docs/design/dropped-death.md` has the measurements.

use crate::boot_clock::{millis, now};
use host::{ProcessId, process};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// Least time between two reports of a death: far longer than the cluster takes to count a failure.
const REPORT_INTERVAL: Duration = Duration::from_secs(20);

/// Tolerated difference between the clocks of two nodes: the DC stamps a failure with its own.
const CLOCK_SKEW: Duration = Duration::from_secs(10);

/// The reports of one death. Times are milliseconds of the boot clock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeathReports {
    /// By depth of the monitor.
    by_depth: BTreeMap<u32, DeathReport>,
    /// The cluster has counted the death.
    #[serde(default)]
    counted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct DeathReport {
    /// The monitor's interval in milliseconds: part of the name of its fail-count.
    every: u64,
    /// The first report.
    first: u64,
    /// The last report, or the last question whether it was counted.
    last: u64,
    /// The answer is error (1), not "not running" (7).
    #[serde(default)]
    as_error: bool,
}

/// When the cluster last counted a failure of a monitor on this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LastFailure {
    /// Then, by the DC's clock.
    At(SystemTime),
    /// It knows of none.
    Never,
    /// It does not answer.
    Unknown,
}

impl DeathReports {
    /// No monitor has reported it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_depth.is_empty()
    }

    /// Has this depth reported it?
    #[must_use]
    pub fn has(&self, depth: u32) -> bool {
        self.by_depth.contains_key(&depth)
    }

    /// A monitor of this depth and interval reports the death. True for its first report.
    pub fn add(&mut self, depth: u32, every: Duration) -> bool {
        let (every, now) = (millis(every), now());
        let is_first = !self.has(depth);
        let new = DeathReport { every, first: now, last: now, as_error: false };
        // The operation may have got another interval meanwhile.
        self.by_depth.entry(depth).or_insert(new).every = every;
        is_first
    }

    /// Does this depth answer error (1)?
    #[must_use]
    pub fn as_error(&self, depth: u32) -> bool {
        self.by_depth.get(&depth).is_some_and(|report| report.as_error)
    }

    /// Is it time to ask the cluster whether it has counted the death?
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.is_due_at(now())
    }

    fn is_due_at(&self, now: u64) -> bool {
        let last = self.by_depth.values().map(|report| report.last).max();
        !self.counted
            && last.is_some_and(|last| now >= last.saturating_add(millis(REPORT_INTERVAL)))
    }

    /// The intervals of the monitors that have reported the death.
    pub fn intervals(&self) -> impl Iterator<Item = Duration> + '_ {
        self.by_depth.values().map(|report| Duration::from_millis(report.every))
    }

    /// Time since the first report.
    #[must_use]
    pub fn age(&self) -> Duration {
        let first = self.by_depth.values().map(|report| report.first).min();
        Duration::from_millis(first.map_or(0, |first| now().saturating_sub(first)))
    }

    /// Takes in the cluster's answer for each monitor that has reported the death of `jvm`. True if the death was dropped: then the answer
    /// of this depth changes.
    pub fn asked(&mut self, depth: u32, said: &[LastFailure], jvm: Option<ProcessId>) -> bool {
        let lived = jvm.map(process::process_age).unwrap_or_default();
        let since = SystemTime::now().checked_sub(lived.max(self.age() + CLOCK_SKEW));
        self.asked_at(depth, said, since.unwrap_or(SystemTime::UNIX_EPOCH), now())
    }

    /// A failure counted at `since` or later is this death.
    fn asked_at(&mut self, depth: u32, said: &[LastFailure], since: SystemTime, now: u64) -> bool {
        self.counted |=
            said.iter().any(|said| matches!(said, LastFailure::At(time) if *time >= since));
        let is_dropped = !self.counted && !said.contains(&LastFailure::Unknown);
        if let Some(report) = self.by_depth.get_mut(&depth) {
            report.last = now;
            report.as_error ^= is_dropped;
        }
        is_dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: u64 = 100_000;
    const SECONDS: u64 = 1000;

    /// Reported by the monitor of depth 0, every second, and 5 s later by that of depth 10, every 30.
    fn reports() -> DeathReports {
        let report = |every, at| DeathReport { every, first: at, last: at, as_error: false };
        let by_depth = [(0, report(1000, FIRST)), (10, report(30_000, FIRST + 5 * SECONDS))].into();
        DeathReports { by_depth, counted: false }
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn what_is_reported_follows_from_what_was_counted() {
        use LastFailure::{At, Never, Unknown};
        let since = at(500);
        // What the cluster says of each monitor, whether the death was dropped, and whether it is asked again.
        let table: [(&[LastFailure], bool, bool); 8] = [
            (&[Never, Never], true, true),
            (&[At(at(499)), Never], true, true),
            (&[At(at(500)), Never], false, false),
            (&[Never, At(at(600))], false, false),
            (&[Unknown, At(at(600))], false, false),
            (&[Unknown, Never], false, true),
            (&[Never, Unknown], false, true),
            (&[At(at(499)), Unknown], false, true),
        ];
        for (said, is_dropped, asks_again) in table {
            for as_error in [false, true] {
                let mut reports = reports();
                reports.by_depth.get_mut(&0).unwrap().as_error = as_error;
                let now = FIRST + 25 * SECONDS;
                assert!(reports.is_due_at(now));
                assert_eq!(reports.asked_at(0, said, since, now), is_dropped, "{said:?}");
                assert_eq!(reports.as_error(0), as_error != is_dropped, "{said:?}");
                assert!(
                    !reports.as_error(10) && !reports.is_due_at(now + 19 * SECONDS),
                    "{said:?}"
                );
                assert_eq!(reports.is_due_at(now + 20 * SECONDS), asks_again, "{said:?}");
            }
        }
    }

    #[test]
    fn nobody_is_asked_within_20_s_of_any_report() {
        let reports = reports();
        assert!(
            !reports.is_due_at(FIRST + 20 * SECONDS) && !reports.is_due_at(FIRST + 24 * SECONDS)
        );
        assert!(reports.is_due_at(FIRST + 25 * SECONDS));
        assert!(!DeathReports::default().is_due_at(u64::MAX), "nothing was reported");
    }

    #[test]
    fn later_report_of_a_depth_changes_its_interval_and_no_more() {
        let (mut reports, seconds) = (reports(), Duration::from_secs);
        assert!(!reports.add(0, seconds(2)) && reports.add(20, seconds(60)));
        assert_eq!(reports.intervals().collect::<Vec<_>>(), [2, 30, 60].map(seconds));
        assert_eq!((reports.by_depth[&0].first, reports.by_depth[&0].last), (FIRST, FIRST));
    }

    #[test]
    fn short_life_and_clocks_that_differ_dont_make_a_counted_death_a_dropped_one() {
        let said =
            |seconds_ago| [LastFailure::At(SystemTime::now() - Duration::from_secs(seconds_ago))];
        for (seconds_ago, is_dropped) in [(0, false), (25, false), (35, true)] {
            let now = now();
            let first = now.saturating_sub(20 * SECONDS);
            let report = DeathReport { every: 1000, first, last: first, as_error: false };
            let mut reports = DeathReports { by_depth: [(0, report)].into(), counted: false };
            // It began one second before it died.
            let start = process::to_clock_ticks(Duration::from_millis(first - SECONDS));
            let jvm = ProcessId { pid: host::Pid::own(), start };
            assert_eq!(
                reports.asked(0, &said(seconds_ago), Some(jvm)),
                is_dropped,
                "{seconds_ago} s ago"
            );
        }
    }
}
