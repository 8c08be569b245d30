//! `cargo xtask test`: all gates and all tests, each counted.
//!
//! A gate (format, lints, licences, generated files) counts as one test. A suite whose needs the machine does not meet is
//! skipped, with the number of its tests and the reason, and never silently; so is the slow tier without `--all`. With
//! `--all`, which is what CI runs, that is run too, and a skipped test fails the run unless `--allow-skips` is given, or it was left out by
//! a flag of its own.

mod gates;
#[cfg(test)]
mod links;
#[cfg(test)]
mod messages;
pub(crate) mod repeat;
mod style;
mod suites;
mod tally;

use std::process::ExitCode;

use devtools::suites::all_prerequisites;
use devtools::workspace::{self, Workspace};
use devtools::{TaskError, generation, packages};
use testkit::Generation;

use crate::dist;
use crate::r#gen;
use crate::lab;
use crate::mutants;
use suites::ExcludedPart;
use tally::{Tally, TestCounts};

#[derive(Debug, clap::Args)]
pub(crate) struct TestOptions {
    /// As in CI: install missing cargo tools, run the slow suites, and fail on a skipped test
    #[arg(long)]
    all: bool,
    /// With --all: do not fail on skipped tests
    #[arg(long)]
    allow_skips: bool,
    /// Skip this part without failing
    #[arg(long)]
    without: Vec<ExcludedPart>,
}

/// Success if nothing failed.
pub(crate) fn run(options: &TestOptions) -> Result<ExitCode, TaskError> {
    let workspace = Workspace::read()?;
    let tally = Tally::default();

    packages::install_missing(&all_prerequisites());
    tally.gate("format", || workspace::run_checked(&mut workspace::cargo(["fmt", "--all", "--check"])));
    tally.gate("lints", gates::clippy);
    tally.gate("style", style::check);
    tally.gate("mutants", mutants::check);
    tally.gate("records", || lab::lab_output(&["records"]).map(drop));
    gates::cargo_deny(&tally, &workspace, options.all);
    let built = tally.gate("build", workspace::build_programs);
    if built {
        tally.gate("generated files", || r#gen::check(&workspace));
    }
    if options.all && !options.without.contains(&ExcludedPart::Debian13) {
        generation::ensure_or_report(Generation::Debian13);
    }
    if options.all && built && !options.without.contains(&ExcludedPart::Packages) {
        generation::ensure_debian_roots();
        tally.gate("packages", dist::make);
    }
    suites::run(&tally, &workspace, built, options.all, &options.without);

    let TestCounts { passed, failed, skipped } = tally.total();
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    let asked_for = skipped == tally.excluded();
    let green = failed == 0 && (asked_for || !options.all || options.allow_skips);
    Ok(if green { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
