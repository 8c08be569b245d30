//! `cargo xtask reliability`: one recorded pass of the scenarios on a real cluster.
//! `cargo xtask gen` makes docs/evidence/reliability.md from the records.
//!
//! The records are committed, in docs/evidence/reliability. The last three passes have a file each,
//! and so has the soak. The deaths have a file for each generation of the cluster's software. So a
//! command makes the page from public data, and CI compares the two. The speed of the CI machine
//! has no effect. A separate gate ([`check`]) fails if a scenario is in no pass, or a generation
//! has no deaths: a new record is needed. The page omits scenarios that no longer exist.

mod deaths;
mod page;
mod records;
mod request_delays;

use std::fs;
use std::process::{Command, ExitCode};
use std::time::Instant;

use devtools::workspace::{self, Workspace};
use devtools::{TaskError, cases, suites};
use lab::death_latency::DeathSummary as Deaths;
use lab::report::ScenarioReport;
use lab::soak::SoakSummary;
use testkit::Generation;

use crate::interactive;
use records::RecordedPass;

/// The directory of the scenarios, in the repository.
const SCENARIO_SUITE: &str = "tests/cluster/cluster";

/// Number of passes that are kept.
const KEPT_PASSES: usize = 3;

/// Runs all scenarios once. It records the results if all have passed.
pub(crate) fn run() -> Result<ExitCode, TaskError> {
    interactive::check_prerequisites()?;
    eprintln!("building the agents and the simulated MediationZone...");
    let workspace = Workspace::read()?;
    workspace::build_programs()?;
    let reports = workspace.lab_dir().join("reports");
    if reports.exists() {
        fs::remove_dir_all(&reports).map_err(TaskError::file("remove", &reports))?;
    }
    let built = commit();
    let suite = ["test", "--package", "lab", "--test", "cluster", "--no-fail-fast"];
    workspace::run_checked(workspace::cargo(suite).arg("--no-run"))?;
    eprintln!("running all scenarios, which takes up to half an hour...");
    let began = Instant::now();
    let mut cargo = workspace::cargo(suite);
    cargo.env("TESTKIT_AGENTS_DIR", workspace.release_dir());
    cargo.envs(suites::test_threads("cluster").map(|number| ("RUST_TEST_THREADS", number)));
    let output = workspace::run_checked(&mut cargo)?;
    let seconds = began.elapsed().as_secs();
    let said = String::from_utf8_lossy(&output.stdout);
    let passed: Vec<String> = said.lines().filter_map(passed_test).map(str::to_owned).collect();
    let mut scenarios = Vec::new();
    for entry in fs::read_dir(&reports).map_err(TaskError::file("read", &reports))?.flatten() {
        let text = fs::read(entry.path()).map_err(TaskError::file("read", &entry.path()))?;
        let report: ScenarioReport =
            serde_json::from_slice(&text).map_err(|error| TaskError::Unreadable {
                what: entry.path().display().to_string(),
                said: error.to_string(),
            })?;
        scenarios.push(report);
    }
    let count = passed.len();
    let mut pass = RecordedPass::new(seconds, passed, scenarios);
    pass.versions.extend(built);
    let name = pass.save()?;
    println!("{count} passed in {seconds} s: {name}; run `cargo xtask gen` to update the page");
    Ok(ExitCode::SUCCESS)
}

/// The commit of the build, if git knows it.
pub(crate) fn commit() -> Option<(String, String)> {
    let git = ["-C", &workspace::root().to_string_lossy(), "rev-parse", "--short", "HEAD"]
        .map(str::to_owned);
    let said =
        Command::new("git").args(git).output().ok().filter(|output| output.status.success())?;
    Some(("commit".to_owned(), String::from_utf8_lossy(&said.stdout).trim().to_owned()))
}

/// Parses `test platform::killed ... ok`. Output of the test may precede it.
fn passed_test(line: &str) -> Option<&str> {
    line.split_once("test ")?.1.strip_suffix(" ... ok")
}

/// Records the results of a soak.
pub(crate) fn record_soak(summary: &SoakSummary) -> Result<(), TaskError> {
    let name = records::save_soak(summary)?;
    println!("{name}; run `cargo xtask gen` to update the page");
    Ok(())
}

/// Records the measurements of deaths.
pub(crate) fn record_deaths(generation: Generation, summary: &Deaths) -> Result<(), TaskError> {
    let mut summary = summary.clone();
    summary.versions.extend(commit());
    let name = records::save_deaths(generation, &summary)?;
    println!("{name}; run `cargo xtask gen` to update the page");
    Ok(())
}

/// Fails with the scenarios that lack a doc comment or a pass. Fails with the promises about a
/// death that were not measured or not kept.
pub(crate) fn check() -> Result<(), TaskError> {
    let mut missing =
        page::unmet_promises(&cases::read_suite(SCENARIO_SUITE)?, &records::passes()?);
    missing.extend(records::deaths()?.iter().flat_map(deaths::unmet_promises));
    if missing.is_empty() { Ok(()) } else { Err(TaskError::InconsistentTable(missing)) }
}

/// docs/evidence/reliability.md.
pub(crate) fn page() -> Result<String, TaskError> {
    let families = cases::read_suite(SCENARIO_SUITE)?;
    Ok(page::page(&families, &records::passes()?, &records::deaths()?, records::soak()?.as_ref()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_of_passed_test_is_recognised() {
        assert_eq!(passed_test("test platform::killed ... ok"), Some("platform::killed"));
        for line in
            ["test platform::killed ... FAILED", "test result: ok. 3 passed", "running 3 tests", ""]
        {
            assert_eq!(passed_test(line), None, "{line}");
        }
    }
}
