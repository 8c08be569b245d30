//! The `mz.ha.*` properties as thresholds.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::interval::{IntervalCounts, MissedThreshold};

/// All `mz.ha.*` properties, without `mz.ha.`.
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

/// The default of `mz.ha.interval` and its minimum.
const DEFAULT_INTERVAL_SECONDS: u32 = 40;

/// Raw values by the property's name without `mz.ha.`.
pub type HaProperties = BTreeMap<String, String>;

/// The meaning of `min_activations`, on which the manual's text and the property's name disagree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MinActivationsMeaning {
    /// Fewer activations in an interval make it FAILED, as for the other `min_*`.
    #[default]
    Threshold,
    /// Fewer activations in an interval disable its check of aborts, as with
    /// `min_activations_for_aborts`.
    Gate,
}

/// An invalid property.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("mz.ha.{name} = {value:?}: expected {expected}")]
pub struct InvalidProperty {
    /// The property without `mz.ha.`.
    pub name: &'static str,
    /// The raw value.
    pub value: String,
    pub expected: &'static str,
}

/// The thresholds of an interval; `None` disables one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HaThresholds {
    /// The length of an interval, at least the minimum.
    pub interval: Duration,
    /// Fewer activations are FAILED.
    pub min_activations: Option<u64>,
    /// Fewer activations disable the check of aborts.
    pub aborts_counted_from: Option<u64>,
    /// More aborts are FAILED.
    pub max_aborts: Option<u64>,
    /// Fewer transactions (batch) are FAILED.
    pub min_number_of_transactions: Option<u64>,
    /// Fewer consumes (real-time) are FAILED.
    pub min_consumes: Option<u64>,
}

impl HaThresholds {
    /// Parses the properties. The remarks name each property that has no effect, or not the
    /// configured one.
    ///
    /// # Errors
    /// The first [`InvalidProperty`].
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
            limits.aborts_counted_from =
                limits.aborts_counted_from.max(limits.min_activations.take());
        }
        if limits.aborts_counted_from.is_some() && limits.max_aborts.is_none() {
            let gate =
                if number("min_activations_for_aborts")?.is_some() { "_for_aborts" } else { "" };
            remarks.push(format!(
                "mz.ha.min_activations{gate} has no effect: mz.ha.max_aborts is off"
            ));
        }
        Ok((limits, remarks))
    }

    /// True if no counter can make a ping FAILED.
    #[must_use]
    pub fn have_no_limit(&self) -> bool {
        self.without_limits() == *self
    }

    /// The same interval without any threshold.
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

    /// The thresholds that these counts miss, in the order of [`PROPERTIES`].
    #[must_use]
    pub fn missed_by(&self, counts: &IntervalCounts) -> Vec<MissedThreshold> {
        let least = |property, limit: Option<u64>, count| {
            let limit = limit.filter(|&limit| count < limit)?;
            Some(MissedThreshold { property, count, at_least: true, limit })
        };
        let aborts = self.max_aborts.and_then(|limit| {
            let counted = self.aborts_counted_from.is_none_or(|from| counts.activations >= from);
            let miss = MissedThreshold {
                property: "max_aborts",
                count: counts.aborts,
                at_least: false,
                limit,
            };
            (counted && counts.aborts > limit).then_some(miss)
        });
        let all = [
            least("min_activations", self.min_activations, counts.activations),
            aborts,
            least(
                "min_number_of_transactions",
                self.min_number_of_transactions,
                counts.transactions,
            ),
            least("min_consumes", self.min_consumes, counts.consumes),
        ];
        all.into_iter().flatten().collect()
    }

    /// Describes the interval and the enabled thresholds, in one line.
    #[must_use]
    pub fn describe(&self) -> String {
        let mut text = format!("interval {} s", self.interval.as_secs());
        let thresholds = [
            ("min_activations", self.min_activations),
            ("max_aborts", self.max_aborts),
            ("min_number_of_transactions", self.min_number_of_transactions),
            ("min_consumes", self.min_consumes),
        ];
        // Writing to a String can't fail.
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

fn read_interval(
    properties: &HaProperties,
    remarks: &mut Vec<String>,
) -> Result<Duration, InvalidProperty> {
    let Some(value) = properties.get("interval").filter(|value| !value.is_empty()) else {
        return Ok(Duration::from_secs(DEFAULT_INTERVAL_SECONDS.into()));
    };
    let bad = InvalidProperty {
        name: "interval",
        value: value.clone(),
        expected: "a whole number of seconds",
    };
    let seconds: i64 = value.trim().parse().map_err(|_| bad.clone())?;
    let raised = u32::try_from(seconds.max(0)).map_err(|_| bad)?.max(DEFAULT_INTERVAL_SECONDS);
    if i64::from(raised) != seconds {
        remarks.push(format!(
            "mz.ha.interval = {seconds} is raised to {raised}, the least that there is"
        ));
    }
    Ok(Duration::from_secs(raised.into()))
}

fn read_threshold(
    properties: &HaProperties,
    name: &'static str,
) -> Result<Option<u64>, InvalidProperty> {
    let Some(value) = properties.get(name).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    match value.trim() {
        "-1" => Ok(None),
        digits => digits.parse().map(Some).map_err(|_| InvalidProperty {
            name,
            value: value.clone(),
            expected: "a whole number, or -1 for off",
        }),
    }
}
