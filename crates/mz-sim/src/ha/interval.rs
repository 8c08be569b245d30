//! One interval of the counters, and what it comes to.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::{HaThresholds, Workload};

/// What is counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct IntervalCounts {
    /// Workflows that were activated.
    pub activations: u64,
    /// Workflows that aborted.
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

/// A threshold that was not complied with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct MissedThreshold {
    /// What stands after `mz.ha.`.
    pub property: &'static str,
    /// What was counted.
    pub count: u64,
    /// Whether the limit is a least or a most.
    pub at_least: bool,
    /// The threshold.
    pub limit: u64,
}

impl fmt::Display for MissedThreshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = if self.at_least { "at least" } else { "at most" };
        write!(f, "{}: {} of {bound} {}", self.property, self.count, self.limit)
    }
}

/// One interval: from this moment on, up to and without that one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval {
    /// Since the HA Monitor Server is up.
    pub from: Duration,
    /// See `from`.
    pub to: Duration,
    /// What happened in it.
    pub counts: IntervalCounts,
    /// The thresholds that were not complied with.
    pub misses: Vec<MissedThreshold>,
}

impl Interval {
    /// The interval of this number, counted from 0.
    #[must_use]
    pub fn at_index(limits: &HaThresholds, workload: &Workload, number: u32) -> Self {
        let from = limits.interval.saturating_mul(number);
        let to = from.saturating_add(limits.interval);
        let counts = workload.counts(from, to);
        Self { from, to, counts, misses: limits.missed_by(&counts) }
    }

    /// How many have ended at this time.
    #[must_use]
    pub fn ended_count(limits: &HaThresholds, now: Duration) -> u32 {
        u32::try_from(now.as_millis() / limits.interval.as_millis()).unwrap_or(u32::MAX)
    }

    /// What a ping is answered on the strength of it.
    #[must_use]
    pub fn answer(&self) -> String {
        ping_answer(&self.misses)
    }
}

/// `OK`, or FAILED and every threshold that was not complied with.
pub(crate) fn ping_answer(misses: &[MissedThreshold]) -> String {
    if misses.is_empty() {
        return super::HEALTHY.to_owned();
    }
    let misses: Vec<String> = misses.iter().map(MissedThreshold::to_string).collect();
    format!("FAILED {}", misses.join(", "))
}
