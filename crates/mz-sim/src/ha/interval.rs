//! One interval of the counters, and its result.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::{HaThresholds, Workload};

/// The counters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct IntervalCounts {
    /// Activated workflows.
    pub activations: u64,
    /// Aborted workflows.
    pub aborts: u64,
    /// Transactions of batch workflows.
    pub transactions: u64,
    /// UDRs that real-time workflows consumed.
    pub consumes: u64,
}

impl fmt::Display for IntervalCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { activations, aborts, transactions, consumes } = self;
        write!(
            f,
            "activations {activations}, aborts {aborts}, transactions {transactions}, consumes {consumes}"
        )
    }
}

/// A threshold that an interval missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MissedThreshold {
    /// The property without `mz.ha.`.
    pub property: &'static str,
    /// The value of the counter.
    pub count: u64,
    /// True if the limit is a minimum, false if it is a maximum.
    pub at_least: bool,
    pub limit: u64,
}

impl fmt::Display for MissedThreshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = if self.at_least { "at least" } else { "at most" };
        write!(f, "{}: {} of {bound} {}", self.property, self.count, self.limit)
    }
}

/// One interval, from `from` until before `to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval {
    /// Time since the HA Monitor Server started.
    pub from: Duration,
    /// Time since the HA Monitor Server started.
    pub to: Duration,
    /// The counters of the interval.
    pub counts: IntervalCounts,
    /// The thresholds that the interval missed.
    pub misses: Vec<MissedThreshold>,
}

impl Interval {
    /// The interval with this number; the first is 0.
    #[must_use]
    pub fn at_index(limits: &HaThresholds, workload: &Workload, number: u32) -> Self {
        let from = limits.interval.saturating_mul(number);
        let to = from.saturating_add(limits.interval);
        let counts = workload.counts(from, to);
        Self { from, to, counts, misses: limits.missed_by(&counts) }
    }

    /// The number of intervals that have ended at `now`.
    #[must_use]
    pub fn ended_count(limits: &HaThresholds, now: Duration) -> u32 {
        u32::try_from(now.as_millis() / limits.interval.as_millis()).unwrap_or(u32::MAX)
    }

    /// The answer to a ping that this interval decides.
    #[must_use]
    pub fn answer(&self) -> String {
        ping_answer(&self.misses)
    }
}

/// `OK`, or `FAILED` with each missed threshold.
pub(crate) fn ping_answer(misses: &[MissedThreshold]) -> String {
    if misses.is_empty() {
        return super::HEALTHY.to_owned();
    }
    let misses: Vec<String> = misses.iter().map(MissedThreshold::to_string).collect();
    format!("FAILED {}", misses.join(", "))
}
