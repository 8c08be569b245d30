//! A script of what happens in a pico: workflows activated and aborted, transactions, consumes.
//!
//! A line an entry; empty lines and what follows a `#` are for people:
//!
//! ```text
//! at TIME KIND COUNT                        so many at once
//! from TIME [to TIME] KIND COUNT/TIME       so many in each such time, spread evenly; without an end, for ever
//! ```
//!
//! KIND is `activations`, `aborts`, `transactions` or `consumes`. A TIME is a whole number with a unit, as in `200ms`, `90s`,
//! `5m`, `24h`, counted from the moment that the HA Monitor Server is up. `at` the very end of an interval is in the next one. On one line (the setting `workload`) a `;` stands between entries.

use std::fs;
use std::time::Duration;

use super::IntervalCounts;
use crate::duration::parse_duration;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Workload(Vec<WorkloadEntry>);

/// A line that can't be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct InvalidLine {
    /// From 1.
    pub line: usize,
    /// What is wrong in it.
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

/// The format for those who write it, as the module has it.
pub(super) const FORMAT: &str = "\
The workload, a line an entry; what follows a # is for people:

  at TIME KIND COUNT                   so many at once
  from TIME [to TIME] KIND COUNT/TIME  so many in each such time, spread evenly; without an end, for ever

KIND is activations, aborts, transactions or consumes; a TIME is 200ms, 90s, 5m or 24h, counted from the moment that the HA
Monitor Server is up. `at` the very end of an interval is in the next one.

  from 0s to 1h consumes 25/40s
  from 0s activations 2/10s
  at 90s aborts 7

Exit code: 0 when no interval is FAILED, 1 when one is, 2 when a file can't be read or understood.";

const GRAMMAR: &str = "expected `at TIME KIND COUNT` or `from TIME [to TIME] KIND COUNT/TIME`";

impl Workload {
    /// Reads a file's text.
    ///
    /// # Errors
    /// [`InvalidLine`], the first.
    pub fn parse(text: &str) -> Result<Self, InvalidLine> {
        let mut entries = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.split('#').next().unwrap_or_default();
            if !text.trim().is_empty() {
                entries.push(WorkloadEntry::parse(text).map_err(|problem| InvalidLine { line, problem })?);
            }
        }
        Ok(Self(entries))
    }

    /// Reads entries with a `;` between them.
    ///
    /// # Errors
    /// [`InvalidLine`], where `line` is the number of the entry.
    pub fn parse_line(text: &str) -> Result<Self, InvalidLine> {
        Self::parse(&text.replace(';', "\n"))
    }

    /// What happens from this moment on, up to and without that one.
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

    /// The last moment that is named in it.
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

    /// How many there have been before this moment.
    fn count_before(&self, moment: Duration) -> u128 {
        let count = u128::from(self.count);
        match self.when {
            WorkloadTime::At(time) => count * u128::from(time < moment),
            WorkloadTime::Through { from, to, each } => {
                let end = to.map_or(moment, |to| to.min(moment));
                // Of the many years that a time can have, millions of millions each: it may not fit.
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
        other => return Err(format!("{other}: expected activations, aborts, transactions or consumes")),
    })
}

/// Reads a TIME.
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
