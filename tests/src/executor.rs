//! The report of the `executor` (src/bin/executor.rs) about the one program that it ran.

use serde::{Deserialize, Serialize};

/// The executor's report, one JSON object on its standard output.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExecutorReport {
    /// Exit code, unless a signal ended the program.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// The program exceeded its time limit, and its process group got SIGKILL.
    pub timed_out: bool,
    /// From before the fork until its end was detected, in microseconds.
    pub wall_us: u64,
    /// The largest resident set size, in KiB, of the program or of any child that it has waited
    /// for.
    pub most_kib: u64,
    /// Its output until its end; bytes that are not UTF-8 are replaced.
    pub stdout: String,
    /// The same for standard error.
    pub stderr: String,
}
