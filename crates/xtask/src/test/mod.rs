//! `cargo xtask test`: all gates and all tests, each counted.
//!
//! A gate (format, lints, licences, generated files) counts as one test. A suite whose
//! prerequisites the machine lacks is skipped; the output has the number of its tests and the
//! reason. The same holds for the slow tier without `--all`. CI runs with `--all`, which includes
//! the slow tier. A skipped test then fails the run, unless `--allow-skips` is given or a flag
//! excluded the test.

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
use testkit::{Generation, OPENSTACK_ROOT};

use crate::dist;
use crate::r#gen;
use crate::lab;
use crate::mutants;
use suites::ExcludedPart;
use tally::{Tally, TestCounts};

#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct TestOptions {
    /// As in CI: install missing cargo tools, run the slow suites, and fail on a skipped test
    #[arg(long)]
    all: bool,
    /// Only the gates: format, lints, style and the like, and no tests
    #[arg(long, conflicts_with = "all")]
    gates: bool,
    /// With --all: do not fail on skipped tests
    #[arg(long)]
    allow_skips: bool,
    /// Skip this part without failing
    #[arg(long)]
    without: Vec<ExcludedPart>,
    /// Skip the tests of Debian 13 and OpenStack without failing if Debian's archive can't be reached
    #[arg(long)]
    allow_missing_archive: bool,
}

/// Succeeds if no test failed.
pub(crate) fn run(options: &TestOptions) -> Result<ExitCode, TaskError> {
    let workspace = Workspace::read()?;
    let tally = Tally::default();

    if !options.gates {
        packages::install_missing(&all_prerequisites());
    }
    tally.gate("format", || {
        workspace::run_checked(&mut workspace::cargo(["fmt", "--all", "--check"]))
    });
    tally.gate("lints", gates::clippy);
    tally.gate("style", style::check);
    tally.gate("mutants", mutants::check);
    tally.gate("records", || lab::lab_output(&["records"]).map(drop));
    gates::cargo_deny(&tally, &workspace, options.all);
    let built = tally.gate("build", workspace::build_programs);
    if built {
        tally.gate("generated files", || r#gen::check(&workspace));
    }
    if options.gates {
        return Ok(conclude(&tally, options));
    }
    let mut left_out = options.without.clone();
    if options.all && !left_out.contains(&ExcludedPart::Debian13) {
        Generation::Debian13.folder().into_iter().for_each(generation::ensure_or_report);
        if options.allow_missing_archive && !Generation::Debian13.is_available() {
            left_out.push(ExcludedPart::Debian13);
        }
    }
    if options.all && !left_out.contains(&ExcludedPart::OpenStack) {
        generation::ensure_or_report(OPENSTACK_ROOT);
        if options.allow_missing_archive && !OPENSTACK_ROOT.is_available() {
            left_out.push(ExcludedPart::OpenStack);
        }
    }
    if options.all && built && !left_out.contains(&ExcludedPart::Packages) {
        generation::ensure_debian_roots();
        tally.gate("packages", dist::make);
    }
    suites::run(&tally, &workspace, built, options.all, &left_out);

    Ok(conclude(&tally, options))
}

/// Prints the sum and gives the exit code.
fn conclude(tally: &Tally, options: &TestOptions) -> ExitCode {
    let TestCounts { passed, failed, skipped } = tally.total();
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    let asked_for = skipped == tally.excluded();
    let green = failed == 0 && (asked_for || !options.all || options.allow_skips);
    if green { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
