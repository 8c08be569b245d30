//! Runs steps, concurrently if the caller does, prints a line for each with its time, and counts.

use std::fmt::{Display, Write as _};
use std::io::{IsTerminal as _, Write as _, stderr, stdout};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct TestCounts {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    pub(crate) skipped: u32,
}

/// The result of a step with many tests.
pub(crate) struct StepResult {
    pub(crate) counts: TestCounts,
    /// The text below the line: the failures, or the reason of skipped tests.
    pub(crate) remark: String,
}

/// The sum of all steps so far.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<Totals>);

#[derive(Debug, Default)]
struct Totals {
    total: TestCounts,
    /// Part of the skipped tests.
    excluded: u32,
}

impl Tally {
    /// Runs a step that passes or fails as a whole; true if it passed.
    pub(crate) fn gate<T, E: Display>(
        &self,
        name: &str,
        gate: impl FnOnce() -> Result<T, E>,
    ) -> bool {
        self.step(name, || match gate() {
            Ok(_) => StepResult {
                counts: TestCounts { passed: 1, ..TestCounts::default() },
                remark: String::new(),
            },
            Err(error) => StepResult {
                counts: TestCounts { failed: 1, ..TestCounts::default() },
                remark: error.to_string(),
            },
        })
    }

    /// Counts a step whose tests can't run here.
    pub(crate) fn skip(&self, name: &str, tests: u32, reason: &str) {
        self.step(name, || StepResult {
            counts: TestCounts { skipped: tests, ..TestCounts::default() },
            remark: reason.to_owned(),
        });
    }

    /// Counts a step whose tests this flag excludes.
    pub(crate) fn exclude(&self, name: &str, tests: u32, flag: &str) {
        self.skip(name, tests, &format!("left out: {flag}"));
        self.totals().excluded += tests;
    }

    /// Runs a step with many tests; true if none failed.
    pub(crate) fn step(&self, name: &str, step: impl FnOnce() -> StepResult) -> bool {
        if stdout().is_terminal() {
            // Progress for a waiting person; an output error does not matter.
            let _ = writeln!(stderr(), "{name} ...");
        }
        let started = Instant::now();
        let StepResult { counts, remark } = step();
        let mut lines =
            format!("{name:.<34} {}, {}\n", describe(counts), format_seconds(started.elapsed()));
        for line in remark.lines() {
            let _ = writeln!(lines, "    {line}");
        }
        print!("{lines}");
        let mut sum = self.totals();
        sum.total.passed += counts.passed;
        sum.total.failed += counts.failed;
        sum.total.skipped += counts.skipped;
        counts.failed == 0
    }

    /// The number of skipped tests that a flag excluded.
    pub(crate) fn excluded(&self) -> u32 {
        self.totals().excluded
    }

    pub(crate) fn total(&self) -> TestCounts {
        self.totals().total
    }

    fn totals(&self) -> MutexGuard<'_, Totals> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn describe(counts: TestCounts) -> String {
    let TestCounts { passed, failed, skipped } = counts;
    let parts = [(passed, "passed"), (failed, "FAILED"), (skipped, "skipped")];
    let told = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}"));
    let told = told.collect::<Vec<_>>().join(", ");
    if told.is_empty() { "no tests".to_owned() } else { told }
}

fn format_seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
