//! Which run of a recurring monitor of depth 0 this is: the first of its row, or one that follows another.
//!
//! Pacemaker does not say. But it runs a monitor again one interval after it has ended, so one that comes then follows, and any other is
//! the first of a row: after a start or a probe, after one that was ended ([`Row::Waits`] stays behind), after maintenance, with another
//! interval. A deeper monitor that was at work at that time holds up the next one (the executor runs one action of a resource at a time), and
//! the time is reckoned from its end then.
//!
//! Wrong in one direction only costs a run that does not wait. Wrong in the other, a first run that waits, needs a row that Pacemaker ends
//! between two runs, and begins anew, with the same interval and without a probe, within [`LATE`] of the time of the next run.

use host::process;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How much sooner than that a run may come, for how exact clocks are.
const EARLY: u64 = 500;
/// And how much later, on a machine that is not overloaded.
const LATE: u64 = 5000;

/// What the runs leave for the next one. Times are milliseconds, of the boot clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Row {
    /// The next one is the first.
    #[default]
    Begins,
    /// One waits. Unless it comes to its end, the next one is the first.
    Waits {
        /// Its process.
        by: i32,
    },
    /// One came to its end.
    Goes {
        /// The interval.
        every: u64,
        /// When the next one will come.
        due: u64,
    },
}

impl Row {
    /// This process waits.
    #[must_use]
    pub fn waits() -> Self {
        Self::Waits { by: host::Pid::own().as_raw() }
    }

    /// A run of this interval comes to its end now.
    #[must_use]
    pub fn goes(every: Duration) -> Self {
        let every = millis(every);
        Self::Goes { every, due: now() + every }
    }

    /// A deeper monitor comes to its end now, which took so long.
    #[must_use]
    pub fn deeper_took(self, time: Duration) -> Self {
        self.deeper_at(now().saturating_sub(millis(time)), now())
    }

    fn deeper_at(self, begun: u64, ended: u64) -> Self {
        match self {
            // One that began when the next run was long overdue is of a new row, as that run will be.
            Self::Goes { every, due } if begun <= due + LATE => Self::Goes { every, due: due.max(ended) },
            row => row,
        }
    }

    /// Is a run of this interval that begins now one that follows?
    #[must_use]
    pub fn goes_on(self, every: Duration) -> bool {
        self.goes_on_at(millis(every), now())
    }

    fn goes_on_at(self, interval: u64, now: u64) -> bool {
        matches!(self, Self::Goes { every, due }
            if every == interval && (due.saturating_sub(EARLY)..=due + LATE).contains(&now))
    }
}

fn now() -> u64 {
    millis(process::since_boot())
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUE: u64 = 100_000;
    const ROW: Row = Row::Goes { every: 10_000, due: DUE };

    #[test]
    fn what_comes_one_interval_after_the_last_one_follows_it() {
        for (at, follows) in [(-600, false), (-400, true), (0, true), (4900, true), (5100, false)] {
            assert_eq!(ROW.goes_on_at(10_000, DUE.saturating_add_signed(at)), follows, "{at}");
        }
        assert!(!ROW.goes_on_at(1000, DUE), "of another interval");
        assert!(!Row::Begins.goes_on_at(10_000, DUE) && !Row::waits().goes_on_at(10_000, DUE));
        assert!(Row::goes(Duration::from_millis(100)).goes_on(Duration::from_millis(100)));
    }

    #[test]
    fn what_a_deeper_one_held_up_follows_too_but_not_after_one_of_a_new_row() {
        let held_up = ROW.deeper_at(DUE - 1, DUE + 90_000);
        assert!(held_up.goes_on_at(10_000, DUE + 90_000) && !held_up.goes_on_at(10_000, DUE));
        // One behind the other.
        assert!(held_up.deeper_at(DUE + 90_001, DUE + 99_000).goes_on_at(10_000, DUE + 99_001));
        assert_eq!(ROW.deeper_at(DUE - 3000, DUE - 1000), ROW);
        // Maintenance has ended, and the deeper one is the first to be run.
        assert_eq!(ROW.deeper_at(DUE + LATE + 1, DUE + LATE + 2), ROW);
        assert_eq!(Row::Begins.deeper_at(0, DUE), Row::Begins);
    }
}
