//! Consecutive results of the monitors of one depth.

use crate::time_of_day::time_of_day;
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Consecutive failures, warnings and runs without a check, of one depth.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckCounts {
    /// Failed checks.
    pub failed: u32,
    /// Warnings.
    pub warned: u32,
    /// The check could not be made. Older agents did not write it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unchecked: Option<Unchecked>,
}

/// Runs in a row in which the check could not be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unchecked {
    pub runs: u32,
    /// Time of the first one: seconds since 1970, by the wall clock.
    pub since: u64,
    /// Why the check of the last one could not be made.
    pub why: String,
}

impl Unchecked {
    /// One more run after `before`.
    #[must_use]
    pub fn one_more(before: Option<&Self>, why: &str, now: SystemTime) -> Self {
        // A clock before 1970 is not set at all.
        let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        Self {
            runs: before.map_or(0, |before| before.runs).saturating_add(1),
            since: before.map_or(seconds, |before| before.since),
            why: why.to_owned(),
        }
    }

    /// Start, number of runs and cause, as the end of a message.
    #[must_use]
    pub fn describe(&self, now: SystemTime) -> String {
        format!("{}: {}", self.since(now), self.why)
    }

    /// `since 09:05:07 UTC, 1 day ago (3 runs)`
    #[must_use]
    pub fn since(&self, now: SystemTime) -> String {
        const DAY: u64 = 24 * 3600;
        let since = UNIX_EPOCH + Duration::from_secs(self.since);
        let days = now.duration_since(since).unwrap_or_default().as_secs() / DAY;
        let days = match days {
            0 => String::new(),
            1 => ", 1 day ago".to_owned(),
            _ => format!(", {days} days ago"),
        };
        let plural = if self.runs == 1 { "" } else { "s" };
        format!("since {}{days} ({} run{plural})", time_of_day(since), self.runs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_add_up_from_the_first_one_and_the_last_ones_reason_is_told() {
        let first = UNIX_EPOCH + Duration::from_secs(1_785_575_107);
        let mut unchecked = Unchecked::one_more(None, "no java", first);
        assert_eq!(unchecked.describe(first), "since 09:05:07 UTC (1 run): no java");
        unchecked =
            Unchecked::one_more(Some(&unchecked), "no ha.jar", first + Duration::from_secs(30));
        for (hours, ago) in [(0, ""), (23, ""), (24, ", 1 day ago"), (49, ", 2 days ago")] {
            let told = unchecked.describe(first + Duration::from_secs(hours * 3600));
            assert_eq!(told, format!("since 09:05:07 UTC{ago} (2 runs): no ha.jar"));
        }
        // The clock was set back.
        assert!(unchecked.describe(UNIX_EPOCH).starts_with("since 09:05:07 UTC (2 runs)"));
    }
}
