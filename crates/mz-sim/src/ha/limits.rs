//! The `mz.ha.*` properties as limits.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::interval::{IntervalCounts, MissedThreshold};

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
const DEFAULT_INTERVAL_SECONDS: u32 = 40;

/// Values by what stands after `mz.ha.`, as they are written.
pub type HaProperties = BTreeMap<String, String>;

/// What `min_activations` means: the manual's words and the property's name say two things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MinActivationsMeaning {
    /// Fewer in an interval: FAILED, as for the other `min_*`.
    #[default]
    Threshold,
    /// Fewer in an interval: its aborts do not count, as with `min_activations_for_aborts`.
    Gate,
}

/// A property that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("mz.ha.{name} = {value:?}: expected {expected}")]
pub struct InvalidProperty {
    /// What stands after `mz.ha.`.
    pub name: &'static str,
    /// As it is written.
    pub value: String,
    /// What it could have been.
    pub expected: &'static str,
}

/// What an interval is judged by; `None` is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HaThresholds {
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

impl HaThresholds {
    /// Reads them; with remarks for whoever set the properties, where one has no effect or another than it says.
    ///
    /// # Errors
    /// [`InvalidProperty`], the first.
    pub fn from_properties(
        properties: &HaProperties,
        min_activations: MinActivationsMeaning,
    ) -> Result<(Self, Vec<String>), InvalidProperty> {
        let mut remarks = Vec::new();
        let number = |name: &'static str| read_threshold(properties, name);
        let mut limits = Self {
            interval: read_interval(properties, &mut remarks)?,
            min_activations: number("min_activations")?,
            aborts_counted_from: number("min_activations_for_aborts")?,
            max_aborts: number("max_aborts")?,
            min_number_of_transactions: number("min_number_of_transactions")?,
            min_consumes: number("min_consumes")?,
        };
        if min_activations == MinActivationsMeaning::Gate {
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
    pub fn have_no_limit(&self) -> bool {
        self.without_limits() == *self
    }

    /// The same interval, and no threshold.
    #[must_use]
    pub fn without_limits(&self) -> Self {
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
    pub fn missed_by(&self, counts: &IntervalCounts) -> Vec<MissedThreshold> {
        let least = |property, limit: Option<u64>, count| {
            let limit = limit.filter(|&limit| count < limit)?;
            Some(MissedThreshold { property, count, at_least: true, limit })
        };
        let aborts = self.max_aborts.and_then(|limit| {
            let counted = self.aborts_counted_from.is_none_or(|from| counts.activations >= from);
            let miss =
                MissedThreshold { property: "max_aborts", count: counts.aborts, at_least: false, limit };
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
    pub fn describe(&self) -> String {
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
        if self.have_no_limit() {
            text.push_str(", no threshold");
        }
        text
    }
}

fn read_interval(properties: &HaProperties, remarks: &mut Vec<String>) -> Result<Duration, InvalidProperty> {
    let Some(value) = properties.get("interval").filter(|value| !value.is_empty()) else {
        return Ok(Duration::from_secs(DEFAULT_INTERVAL_SECONDS.into()));
    };
    let bad =
        InvalidProperty { name: "interval", value: value.clone(), expected: "a whole number of seconds" };
    let seconds: i64 = value.trim().parse().map_err(|_| bad.clone())?;
    let raised = u32::try_from(seconds.max(0)).map_err(|_| bad)?.max(DEFAULT_INTERVAL_SECONDS);
    if i64::from(raised) != seconds {
        remarks.push(format!("mz.ha.interval = {seconds} is raised to {raised}, the least that there is"));
    }
    Ok(Duration::from_secs(raised.into()))
}

fn read_threshold(properties: &HaProperties, name: &'static str) -> Result<Option<u64>, InvalidProperty> {
    let Some(value) = properties.get(name).filter(|value| !value.is_empty()) else { return Ok(None) };
    match value.trim() {
        "-1" => Ok(None),
        digits => digits.parse().map(Some).map_err(|_| InvalidProperty {
            name,
            value: value.clone(),
            expected: "a whole number, or -1 for off",
        }),
    }
}
