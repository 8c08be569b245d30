//! A script of the events in a pico: activations and aborts of workflows, transactions, consumes.
//!
//! One entry per line; empty lines and text after a `#` are comments:
//!
//! ```text
//! at TIME KIND COUNT                    COUNT events at once
//! from TIME [to TIME] KIND COUNT/TIME   COUNT events per TIME, spread evenly; no end without `to`
//! ```
//!
//! KIND is `activations`, `aborts`, `transactions` or `consumes`. A TIME is a whole number with a
//! unit, as in `200ms`, `90s`, `5m`, `24h`, since the start of the HA Monitor Server. An `at`
//! exactly at the end of an interval counts in the next one. The setting `workload` has entries on
//! one line, separated by `;`.

use std::fs;
use std::time::Duration;

use super::IntervalCounts;
use crate::duration::parse_duration;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workload(Vec<WorkloadEntry>);

/// A malformed line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct InvalidLine {
    /// The line number; the first is 1.
    pub line: usize,
    pub problem: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WorkloadEventKind {
    Activations,
    Aborts,
    Transactions,
    Consumes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WorkloadTime {
    At(Duration),
    Through { from: Duration, to: Option<Duration>, each: Duration },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct WorkloadEntry {
    when: WorkloadTime,
    kind: WorkloadEventKind,
    count: u64,
}

/// The format as help text; the module's doc has the same.
pub(super) const FORMAT: &str = "\
The workload has one entry per line; text after a # is a comment:

  at TIME KIND COUNT                   COUNT events at once
  from TIME [to TIME] KIND COUNT/TIME  COUNT events per TIME, spread evenly; no end without `to`

KIND is activations, aborts, transactions or consumes. A TIME is 200ms, 90s, 5m or 24h, since the start of the HA Monitor
Server. An `at` exactly at the end of an interval counts in the next one.

  from 0s to 1h consumes 25/40s
  from 0s activations 2/10s
  at 90s aborts 7

Exit code: 0 if no interval is FAILED, 1 if one is, 2 if a file is unreadable or malformed.";

const GRAMMAR: &str = "expected `at TIME KIND COUNT` or `from TIME [to TIME] KIND COUNT/TIME`";

impl Workload {
    /// Parses the text of a file.
    ///
    /// # Errors
    /// The first [`InvalidLine`].
    pub fn parse(text: &str) -> Result<Self, InvalidLine> {
        let mut entries = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.split('#').next().unwrap_or_default();
            if !text.trim().is_empty() {
                entries.push(
                    WorkloadEntry::parse(text).map_err(|problem| InvalidLine { line, problem })?,
                );
            }
        }
        Ok(Self(entries))
    }

    /// Parses entries separated by `;`.
    ///
    /// # Errors
    /// An [`InvalidLine`] whose `line` is the number of the entry.
    pub fn parse_line(text: &str) -> Result<Self, InvalidLine> {
        Self::parse(&text.replace(';', "\n"))
    }

    /// The counts from `from` until before `to`.
    #[must_use]
    pub fn counts(&self, from: Duration, to: Duration) -> IntervalCounts {
        let mut counts = IntervalCounts::default();
        for entry in &self.0 {
            let count = match entry.kind {
                WorkloadEventKind::Activations => &mut counts.activations,
                WorkloadEventKind::Aborts => &mut counts.aborts,
                WorkloadEventKind::Transactions => &mut counts.transactions,
                WorkloadEventKind::Consumes => &mut counts.consumes,
            };
            let new = entry.count_before(to).saturating_sub(entry.count_before(from));
            *count = count.saturating_add(u64::try_from(new).unwrap_or(u64::MAX));
        }
        counts
    }

    /// The latest time that an entry names.
    #[must_use]
    pub fn last_change(&self) -> Option<Duration> {
        let last = |entry: &WorkloadEntry| match entry.when {
            WorkloadTime::At(time) => time,
            WorkloadTime::Through { from, to, .. } => to.unwrap_or(from),
        };
        self.0.iter().map(last).max()
    }
}

impl WorkloadEntry {
    fn parse(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let mut word = || words.next().ok_or_else(|| GRAMMAR.to_owned());
        let at = match word()? {
            "at" => true,
            "from" => false,
            other => return Err(format!("{other}: {GRAMMAR}")),
        };
        let from = parse_time(word()?)?;
        let mut next = word()?;
        let mut to = None;
        if next == "to" && !at {
            to = Some(parse_time(word()?)?);
            next = word()?;
        }
        let kind = parse_kind(next)?;
        let count = word()?;
        if let Some(more) = words.next() {
            return Err(format!("{more}: {GRAMMAR}"));
        }
        if to.is_some_and(|to| to <= from) {
            return Err("it ends before it begins".to_owned());
        }
        let (count, when) = match count.split_once('/') {
            None if at => (count, WorkloadTime::At(from)),
            Some((count, each)) if !at => {
                let each = parse_time(each)?;
                if each.is_zero() {
                    return Err("no rate can be in 0 seconds".to_owned());
                }
                (count, WorkloadTime::Through { from, to, each })
            }
            _ => return Err(format!("{count}: {GRAMMAR}")),
        };
        let count = count.parse().map_err(|_| format!("{count}: expected a whole number"))?;
        Ok(Self { when, kind, count })
    }

    /// The number of events before this time.
    fn count_before(&self, moment: Duration) -> u128 {
        let count = u128::from(self.count);
        match self.when {
            WorkloadTime::At(time) => count * u128::from(time < moment),
            WorkloadTime::Through { from, to, each } => {
                let end = to.map_or(moment, |to| to.min(moment));
                // The product may overflow for a time of many years and a count of millions of
                // millions.
                let weighted = end.saturating_sub(from).as_millis().saturating_mul(count);
                weighted / each.as_millis()
            }
        }
    }
}

fn parse_kind(word: &str) -> Result<WorkloadEventKind, String> {
    Ok(match word {
        "activations" => WorkloadEventKind::Activations,
        "aborts" => WorkloadEventKind::Aborts,
        "transactions" => WorkloadEventKind::Transactions,
        "consumes" => WorkloadEventKind::Consumes,
        other => {
            return Err(format!("{other}: expected activations, aborts, transactions or consumes"));
        }
    })
}

/// Parses a TIME.
pub(super) fn parse_time(word: &str) -> Result<Duration, String> {
    let hours = |hours: &str| hours.parse::<u64>().ok()?.checked_mul(3600).map(Duration::from_secs);
    let read = word.strip_suffix('h').map_or_else(|| parse_duration(word), hours);
    read.ok_or_else(|| format!("{word}: expected a time such as 200ms, 90s, 5m, 24h"))
}

/// The setting's value: entries on one line, or the path of a file.
///
/// # Errors
/// What is wrong in it.
pub(crate) fn load_workload(value: &str) -> Result<Workload, String> {
    if !value.starts_with('/') {
        return Workload::parse_line(value).map_err(|bad| format!("workload, entry {bad}"));
    }
    let text = fs::read_to_string(value).map_err(|error| format!("workload {value}: {error}"))?;
    Workload::parse(&text).map_err(|bad| format!("workload {value}, {bad}"))
}
