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

use clap::ValueEnum as _;
use devtools::suites::{all_prerequisites, prerequisites_of};
use devtools::workspace::{self, Workspace};
use devtools::{TaskError, generation, packages};
use testkit::prerequisites::Prerequisite;

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
    /// Only this suite, with what it needs: of the gates, only the build
    #[arg(long, value_name = "SUITE", conflicts_with_all = ["all", "gates", "without"])]
    only: Option<String>,
    /// Skip without failing what Debian's archive or PyPI is needed for, if it can't be had
    #[arg(long)]
    allow_unreachable: bool,
}

/// Succeeds if no test failed.
pub(crate) fn run(options: &TestOptions) -> Result<ExitCode, TaskError> {
    let workspace = Workspace::read()?;
    let tally = Tally::default();
    if let Some(suite) = &options.only {
        return run_only(suite, &tally, &workspace);
    }

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
    let mut left_out: Vec<_> =
        options.without.iter().map(|part| (*part, "--without".to_owned())).collect();
    if options.all {
        for part in ExcludedPart::value_variants() {
            if options.without.contains(part) {
                continue;
            }
            if let Err(error) = part.fetched().into_iter().try_for_each(fetch) {
                println!("{error}");
                if options.allow_unreachable {
                    left_out.push((*part, unreachable_reason(&error)));
                }
            }
        }
        let has_packages = left_out.iter().all(|(part, _)| *part != ExcludedPart::Packages);
        if built && has_packages {
            tally.gate("packages", dist::make);
        }
    }
    suites::run(&tally, &workspace, built, options.all, &left_out);

    Ok(conclude(&tally, options))
}

/// Gets what comes from Debian's archive and PyPI, once for each machine; any other prerequisite is there or not.
fn fetch(need: Prerequisite) -> Result<(), TaskError> {
    match need {
        Prerequisite::Folder(root) => generation::ensure_folder(root),
        Prerequisite::DebianRoots => generation::ensure_debian_roots(),
        Prerequisite::Packages => dist::fetch_tools(),
        _ => Ok(()),
    }
}

fn unreachable_reason(error: &TaskError) -> String {
    let error = error.to_string();
    let last = error.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    format!("--allow-unreachable ({})", last.trim())
}

/// For a person who works on one suite.
fn run_only(suite: &str, tally: &Tally, workspace: &Workspace) -> Result<ExitCode, TaskError> {
    let suites = workspace.suites();
    let Some((package, target)) = suites.iter().find(|(_, target)| *target == suite) else {
        let names: Vec<&str> = suites.iter().map(|(_, target)| *target).collect();
        return Err(TaskError::InconsistentTable(vec![format!(
            "no suite {suite}; there are {}",
            names.join(", ")
        )]));
    };
    let needs = prerequisites_of(suite);
    packages::install_missing(&needs);
    needs.iter().copied().try_for_each(fetch)?;
    let needs_packages = needs.contains(&Prerequisite::Packages);
    let built = tally.gate("build", workspace::build_programs)
        && (!needs_packages || tally.gate("packages", dist::make));
    if built {
        suites::run_one(tally, workspace, package, target);
    }
    let TestCounts { passed, failed, skipped } = tally.total();
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    let green = failed == 0 && skipped == 0;
    Ok(if green { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Prints the sum and gives the exit code.
fn conclude(tally: &Tally, options: &TestOptions) -> ExitCode {
    let TestCounts { passed, failed, skipped } = tally.total();
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    let asked_for = skipped == tally.excluded();
    let green = failed == 0 && (asked_for || !options.all || options.allow_skips);
    if green { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
