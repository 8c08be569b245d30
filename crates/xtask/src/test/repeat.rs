//! `cargo xtask repeat`: the suites that inject faults, repeatedly. A failure once in a hundred
//! runs is a bug of the suite or of the agents. Either must be found before an operator finds it.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use devtools::suites::prerequisites_of;
use devtools::workspace::{self, Workspace};
use devtools::{TaskError, packages};

use super::suites;
use super::tally::{Tally, TestCounts};

/// The order in each round.
const SUITES: [&str; 4] = ["faults", "lifecycle", "killpoints", "deadlines"];

#[derive(Debug, clap::Args)]
pub(crate) struct RepeatOptions {
    /// Start no new suite after this time
    #[arg(long, default_value_t = 60)]
    minutes: u64,
}

/// Runs the suites until the time is over. It succeeds if no test failed or was skipped.
pub(crate) fn run(options: &RepeatOptions) -> Result<ExitCode, TaskError> {
    let end = Instant::now() + Duration::from_secs(options.minutes * 60);
    let workspace = Workspace::read()?;
    packages::install_missing(&SUITES.map(prerequisites_of).concat());
    workspace::build_programs()?;
    let tally = Tally::default();
    let mut rounds = 0;
    while Instant::now() < end {
        rounds += 1;
        println!("round {rounds}");
        for suite in SUITES.iter().take_while(|_| Instant::now() < end) {
            suites::run_one(&tally, &workspace, "testkit", suite);
        }
    }
    let TestCounts { passed, failed, skipped } = tally.total();
    println!("{rounds} rounds started: {passed} passed, {failed} failed, {skipped} skipped");
    Ok(if failed == 0 && skipped == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
