//! Is a run of a recurring monitor the first of its schedule, or a continuation?
//!
//! Pacemaker does not say. But it runs a monitor again one interval after the last run has ended. A run at that time is a continuation. Any
//! other is the first: after a start or a probe, after a monitor that was killed ([`ScheduleEntry::Waits`] remains), after maintenance, with
//! another interval. The executor runs one action of a resource at a time, so a run that is due during another one is late.
//!
//! A continuation that is taken for a first run, as on a machine that stalls for seconds, does not wait and reports a reported death again.
//! A first run that is taken for a continuation waits, which is worse. That needs a monitor that Pacemaker cancels between two runs and
//! schedules again, without a probe and with the same interval, within [`LATE_TOLERANCE`] of the next run.

use crate::boot_clock::{millis, now};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// How much too early a continuation may be, in milliseconds: inexact clocks.
const EARLY_TOLERANCE: u64 = 500;
/// How much too late, in milliseconds: a machine that is not overloaded.
const LATE_TOLERANCE: u64 = 5000;

/// The last run of each depth. Times are milliseconds of the boot clock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MonitorSchedule(BTreeMap<u32, ScheduleEntry>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ScheduleEntry {
    /// This process waits. If it is killed, the next run is the first.
    Waits { by: i32 },
    /// A run of this interval has ended; `due` is the time of the next one.
    Goes { every: u64, due: u64 },
}

impl MonitorSchedule {
    /// The next run of each depth is the first.
    pub fn reset(&mut self) {
        self.0.clear();
    }

    /// This process waits, as a run of this depth.
    pub fn set_waiting(&mut self, depth: u32) {
        self.0.insert(depth, Self::own_wait());
    }

    /// Does this process still wait, without a reset or another run of this depth since?
    #[must_use]
    pub fn is_own_wait_current(&self, depth: u32) -> bool {
        self.0.get(&depth) == Some(&Self::own_wait())
    }

    fn own_wait() -> ScheduleEntry {
        ScheduleEntry::Waits { by: host::Pid::own().as_raw() }
    }

    /// A run of this depth and interval, which took `took`, ends now.
    pub fn record_end(&mut self, depth: u32, every: Duration, took: Duration) {
        let now = now();
        self.record_end_at(depth, millis(every), now.saturating_sub(millis(took)), now);
    }

    fn record_end_at(&mut self, depth: u32, every: u64, begun: u64, now: u64) {
        for (_, row) in self.0.iter_mut().filter(|(other, _)| **other != depth) {
            // One that was overdue when this run began belongs to an old schedule: its next run is a first one.
            if let ScheduleEntry::Goes { due, .. } = row
                && begun <= *due + LATE_TOLERANCE
            {
                *due = now.max(*due);
            }
        }
        self.0.insert(depth, ScheduleEntry::Goes { every, due: now + every });
    }

    /// Is a run of this depth and interval that begins now a continuation?
    #[must_use]
    pub fn is_continuation(&self, depth: u32, every: Duration) -> bool {
        self.is_continuation_at(depth, millis(every), now())
    }

    fn is_continuation_at(&self, depth: u32, interval: u64, now: u64) -> bool {
        matches!(self.0.get(&depth), Some(&ScheduleEntry::Goes { every, due })
            if every == interval && (due.saturating_sub(EARLY_TOLERANCE)..=due + LATE_TOLERANCE).contains(&now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUE: u64 = 100_000;

    /// Depth 0 every second, and depths 10 and 20 every ten, all of them due then.
    fn three_depths_due() -> MonitorSchedule {
        let mut rows = MonitorSchedule::default();
        for (depth, every) in [(0, 1000), (10, 10_000), (20, 10_000)] {
            rows.record_end_at(depth, every, DUE - every, DUE - every);
        }
        rows
    }

    #[test]
    fn run_one_interval_after_the_last_is_a_continuation() {
        for (at, follows) in [(-600, false), (-400, true), (0, true), (4900, true), (5100, false)] {
            for (depth, every) in [(0, 1000), (10, 10_000)] {
                assert_eq!(
                    three_depths_due().is_continuation_at(
                        depth,
                        every,
                        DUE.saturating_add_signed(at)
                    ),
                    follows,
                    "{at}"
                );
            }
        }
        assert!(!three_depths_due().is_continuation_at(0, 10_000, DUE), "of another interval");
        assert!(!MonitorSchedule::default().is_continuation_at(0, 1000, DUE));
        let mut rows = three_depths_due();
        rows.set_waiting(0);
        assert!(!rows.is_continuation_at(0, 1000, DUE) && rows.is_own_wait_current(0));
        rows.reset();
        assert!(!rows.is_own_wait_current(0) && !rows.is_continuation_at(10, 10_000, DUE));
    }

    #[test]
    fn run_delayed_by_another_depth_is_still_a_continuation() {
        let mut rows = three_depths_due();
        // One behind the other.
        rows.record_end_at(20, 10_000, DUE - 1, DUE + 30_000);
        assert!(
            rows.is_continuation_at(10, 10_000, DUE + 30_000)
                && !rows.is_continuation_at(10, 10_000, DUE)
        );
        rows.record_end_at(10, 10_000, DUE + 30_001, DUE + 50_000);
        assert!(rows.is_continuation_at(0, 1000, DUE + 50_001));
        // Who was not due comes in its own time.
        rows.record_end_at(0, 1000, DUE + 50_001, DUE + 50_002);
        assert!(rows.is_continuation_at(10, 10_000, DUE + 60_000));
        // Depth 0 waited, for those that are due meanwhile.
        rows.record_end_at(0, 1000, DUE + 51_002, DUE + 71_002);
        assert!(rows.is_continuation_at(10, 10_000, DUE + 71_003));
    }

    #[test]
    fn every_depth_restarts_its_schedule_after_maintenance() {
        let all = [(0, 1000), (10, 10_000), (20, 10_000)];
        for first in 0..3 {
            for second in (0..3).filter(|place| *place != first) {
                let mut rows = three_depths_due();
                let begun = DUE + LATE_TOLERANCE + 1;
                for (time, place) in (begun..).step_by(100).zip([first, second, 3 - first - second])
                {
                    let (depth, every) = all[place];
                    assert!(!rows.is_continuation_at(depth, every, time), "{depth}");
                    rows.record_end_at(depth, every, time, time + 90);
                }
            }
        }
    }
}
