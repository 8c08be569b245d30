//! The `mz.ha.*` properties as limits.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::interval::{Counts, Miss};

/// What stands after `mz.ha.` in the names that there are.
pub const PROPERTIES: [&str; 10] = [
    "enabled",
    "host",
    "port",
    "log_file",
    "interval",
    "min_activations",
    "min_activations_for_aborts",
    "max_aborts",
    "min_number_of_transactions",
    "min_consumes",
];

/// Seconds: the default of `mz.ha.interval`, and its floor.
const INTERVAL: u32 = 40;

/// Values by what stands after `mz.ha.`, as they are written.
pub type Properties = BTreeMap<String, String>;

/// What `min_activations` means: the manual's words and the property's name say two things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MinActivations {
    /// Fewer in an interval: FAILED, as for the other `min_*`.
    #[default]
    Threshold,
    /// Fewer in an interval: its aborts do not count, as with `min_activations_for_aborts`.
    Gate,
}

/// A property that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("mz.ha.{name} = {value:?}: expected {expected}")]
pub struct BadProperty {
    /// What stands after `mz.ha.`.
    pub name: &'static str,
    /// As it is written.
    pub value: String,
    /// What it could have been.
    pub expected: &'static str,
}

/// What an interval is judged by; `None` is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Length of an interval, the floor applied.
    pub interval: Duration,
    /// Fewer activations: FAILED.
    pub min_activations: Option<u64>,
    /// Aborts are judged from so many activations on.
    pub aborts_counted_from: Option<u64>,
    /// More aborts: FAILED.
    pub max_aborts: Option<u64>,
    /// Fewer transactions (batch): FAILED.
    pub min_number_of_transactions: Option<u64>,
    /// Fewer consumes (real-time): FAILED.
    pub min_consumes: Option<u64>,
}

impl Limits {
    /// Reads them; with remarks for whoever set the properties, where one has no effect or another than it says.
    ///
    /// # Errors
    /// [`BadProperty`], the first.
    pub fn read(
        properties: &Properties,
        min_activations: MinActivations,
    ) -> Result<(Self, Vec<String>), BadProperty> {
        let mut remarks = Vec::new();
        let number = |name: &'static str| threshold(properties, name);
        let mut limits = Self {
            interval: interval(properties, &mut remarks)?,
            min_activations: number("min_activations")?,
            aborts_counted_from: number("min_activations_for_aborts")?,
            max_aborts: number("max_aborts")?,
            min_number_of_transactions: number("min_number_of_transactions")?,
            min_consumes: number("min_consumes")?,
        };
        if min_activations == MinActivations::Gate {
            limits.aborts_counted_from = limits.aborts_counted_from.max(limits.min_activations.take());
        }
        if limits.aborts_counted_from.is_some() && limits.max_aborts.is_none() {
            let gate = if number("min_activations_for_aborts")?.is_some() { "_for_aborts" } else { "" };
            remarks.push(format!("mz.ha.min_activations{gate} has no effect: mz.ha.max_aborts is off"));
        }
        Ok((limits, remarks))
    }

    /// True when nothing that is counted can make a ping FAILED.
    #[must_use]
    pub fn are_off(&self) -> bool {
        self.off() == *self
    }

    /// The same interval, and no threshold.
    #[must_use]
    pub fn off(&self) -> Self {
        Self {
            interval: self.interval,
            min_activations: None,
            aborts_counted_from: None,
            max_aborts: None,
            min_number_of_transactions: None,
            min_consumes: None,
        }
    }

    /// Every threshold that these counts do not comply with, in the order of [`PROPERTIES`].
    #[must_use]
    pub fn misses(&self, counts: &Counts) -> Vec<Miss> {
        let least = |property, limit: Option<u64>, count| {
            let limit = limit.filter(|&limit| count < limit)?;
            Some(Miss { property, count, at_least: true, limit })
        };
        let aborts = self.max_aborts.and_then(|limit| {
            let counted = self.aborts_counted_from.is_none_or(|from| counts.activations >= from);
            let miss = Miss { property: "max_aborts", count: counts.aborts, at_least: false, limit };
            (counted && counts.aborts > limit).then_some(miss)
        });
        let all = [
            least("min_activations", self.min_activations, counts.activations),
            aborts,
            least("min_number_of_transactions", self.min_number_of_transactions, counts.transactions),
            least("min_consumes", self.min_consumes, counts.consumes),
        ];
        all.into_iter().flatten().collect()
    }

    /// In a line: the interval and the thresholds that are on.
    #[must_use]
    pub fn in_words(&self) -> String {
        let mut text = format!("interval {} s", self.interval.as_secs());
        let thresholds = [
            ("min_activations", self.min_activations),
            ("max_aborts", self.max_aborts),
            ("min_number_of_transactions", self.min_number_of_transactions),
            ("min_consumes", self.min_consumes),
        ];
        // Writing to a String does not fail.
        for (name, limit) in thresholds {
            let Some(limit) = limit else { continue };
            let _ = write!(text, ", {name} {limit}");
            if let ("max_aborts", Some(from)) = (name, self.aborts_counted_from) {
                let _ = write!(text, " (in an interval of at least {from} activations)");
            }
        }
        if self.are_off() {
            text.push_str(", no threshold");
        }
        text
    }
}

fn interval(properties: &Properties, remarks: &mut Vec<String>) -> Result<Duration, BadProperty> {
    let Some(value) = properties.get("interval").filter(|value| !value.is_empty()) else {
        return Ok(Duration::from_secs(INTERVAL.into()));
    };
    let bad = BadProperty { name: "interval", value: value.clone(), expected: "a whole number of seconds" };
    let seconds: i64 = value.trim().parse().map_err(|_| bad.clone())?;
    let raised = u32::try_from(seconds.max(0)).map_err(|_| bad)?.max(INTERVAL);
    if i64::from(raised) != seconds {
        remarks.push(format!("mz.ha.interval = {seconds} is raised to {raised}, the least that there is"));
    }
    Ok(Duration::from_secs(raised.into()))
}

fn threshold(properties: &Properties, name: &'static str) -> Result<Option<u64>, BadProperty> {
    let Some(value) = properties.get(name).filter(|value| !value.is_empty()) else { return Ok(None) };
    match value.trim() {
        "-1" => Ok(None),
        digits => digits.parse().map(Some).map_err(|_| BadProperty {
            name,
            value: value.clone(),
            expected: "a whole number, or -1 for off",
        }),
    }
}
