//! `cargo xtask mutants`: shows that the fault suite detects wrong agents.
//!
//! A test that never fails proves nothing. Each mutant of `tests/faults/mutants.toml` is one
//! plausible or historical mistake in the agents, and names the cases that must fail with it. The
//! changes are made in a copy of the workspace; tests and simulator are the workspace's own. They
//! first run against the unchanged agents of the copy, so a later failure comes from the change.
//!
//! `cargo xtask test` only checks the table. Each text must occur once in its file, each case must
//! exist, and each case must have a mutant.

mod table;
mod workspace_copy;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use table::{Mutant, read};

use devtools::cases::{self, TestModule};
use devtools::suites::prerequisites_of;
use devtools::workspace::{self, Workspace};
use devtools::{TaskError, packages};
use workspace_copy::WorkspaceCopy;

/// The longest run of one case, far above the need of any case on a loaded machine. A mutant may
/// make an agent wait for ever.
const CASE_TIMEOUT: Duration = Duration::from_secs(180);

/// Limit of the private writable memory of each process, in bytes. A mutant may keep everything
/// that it reads.
const MEMORY_LIMIT: u64 = 2 << 30;

#[derive(Debug, clap::Args)]
pub(crate) struct MutantsOptions {
    /// Run only mutants whose names contain one of these
    names: Vec<String>,
}

enum MutantResult {
    /// Every case that it names failed.
    Caught,
    /// These cases passed.
    Missed(Vec<String>),
    /// The mutant could not be tested, for this reason.
    Broken(String),
}

/// Succeeds if every mutant is caught and every case catches one.
pub(crate) fn run(options: &MutantsOptions) -> Result<ExitCode, TaskError> {
    let mutants = read()?;
    let suite = cases::read_suite(cases::FAULT_SUITE)?;
    let chosen = |mutant: &&Mutant| {
        options.names.is_empty() || options.names.iter().any(|name| mutant.name.contains(name))
    };
    let chosen: Vec<&Mutant> = mutants.iter().filter(chosen).collect();

    packages::install_missing(&prerequisites_of("faults"));
    let workspace = Workspace::read()?;
    let tree = WorkspaceCopy::sync(&workspace)?;
    let tests = FaultSuite::build(&tree)?;
    tests.check_unmutated(&tree, &chosen)?;

    let mut fates = Vec::new();
    for mutant in chosen {
        let begun = Instant::now();
        let fate = run_mutant(&tests, &tree, mutant, &suite);
        let word = match &fate {
            MutantResult::Caught => "caught",
            MutantResult::Missed(_) => "NOT CAUGHT",
            MutantResult::Broken(_) => "ERROR",
        };
        println!(
            "{:.<88} {word}, {:.1} s",
            format!("{} ", mutant.name),
            begun.elapsed().as_secs_f64()
        );
        fates.push((mutant, fate));
    }
    Ok(report(&fates, &table::cases_without_mutant(&mutants, &suite)))
}

fn run_mutant(
    tests: &FaultSuite,
    tree: &WorkspaceCopy,
    mutant: &Mutant,
    suite: &[TestModule],
) -> MutantResult {
    let wrong = mutant.case_errors(suite);
    if !wrong.is_empty() {
        return MutantResult::Broken(wrong.join("; "));
    }
    match tree.with_mutant(mutant, || tests.passing_cases(&mutant.caught_by)) {
        Err(why) => MutantResult::Broken(why),
        Ok(Err(error)) => MutantResult::Broken(error.to_string()),
        Ok(Ok(passed)) if passed.is_empty() => MutantResult::Caught,
        Ok(Ok(passed)) => MutantResult::Missed(passed),
    }
}

/// Prints the problems; the exit code is a failure if there is one.
fn report(fates: &[(&Mutant, MutantResult)], unguarded: &[&str]) -> ExitCode {
    let caught = fates.iter().filter(|(_, fate)| matches!(fate, MutantResult::Caught)).count();
    for (mutant, fate) in fates {
        match fate {
            MutantResult::Caught => {}
            MutantResult::Missed(cases) => {
                println!("not caught: {}\n    still pass: {}", mutant.name, cases.join(", "));
            }
            MutantResult::Broken(why) => {
                println!("error: {}\n    {}", mutant.name, why.replace('\n', "\n    "));
            }
        }
    }
    for case in unguarded {
        println!("case without a mutant: {case}");
    }
    println!(
        "{caught} of {} mutants caught; {} cases without a mutant",
        fates.len(),
        unguarded.len()
    );
    if caught == fates.len() && unguarded.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// The gate: checks that the table matches the code and the suite.
pub(crate) fn check() -> Result<(), TaskError> {
    let mutants = read()?;
    let suite = cases::read_suite(cases::FAULT_SUITE)?;
    let mut wrong = Vec::new();
    for mutant in &mutants {
        let text = mutant.mutated_text(&workspace::root()).err();
        let all = text.into_iter().chain(mutant.case_errors(&suite));
        wrong.extend(all.map(|why| format!("mutant \"{}\": {why}", mutant.name)));
    }
    let unguarded = table::cases_without_mutant(&mutants, &suite);
    wrong.extend(unguarded.iter().map(|case| format!("case without a mutant: {case}")));
    if wrong.is_empty() { Ok(()) } else { Err(TaskError::InconsistentTable(wrong)) }
}

/// The test program of the fault suite, and the directory of the agents under test.
struct FaultSuite {
    program: PathBuf,
    agents: PathBuf,
}

impl FaultSuite {
    /// Builds the suite and the programs that it runs, from the workspace itself.
    fn build(tree: &WorkspaceCopy) -> Result<Self, TaskError> {
        let rest = ["build", "--quiet", "--package", "mz-sim", "--package", "testkit", "--bins"];
        workspace::run_checked(&mut workspace::cargo(rest))?;
        let build = ["test", "--quiet", "--package", "testkit", "--test", "faults", "--no-run"];
        let said =
            workspace::run_checked(workspace::cargo(build).args(["--message-format", "json"]))?
                .stdout;
        let program = String::from_utf8_lossy(&said).lines().find_map(test_program);
        let program = program.ok_or_else(|| TaskError::Unreadable {
            what: "cargo test --no-run".to_owned(),
            said: "it names no test program".to_owned(),
        })?;
        Ok(Self { program, agents: tree.agents() })
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(workspace::root())
            .env("TESTKIT_AGENTS_DIR", &self.agents)
            .stdin(Stdio::null());
        command
    }

    /// Checks that all cases of these mutants pass with unchanged agents.
    fn check_unmutated(&self, tree: &WorkspaceCopy, mutants: &[&Mutant]) -> Result<(), TaskError> {
        tree.build()?;
        let mut cases: Vec<&String> = mutants.iter().flat_map(|mutant| &mutant.caught_by).collect();
        cases.sort();
        cases.dedup();
        if cases.is_empty() {
            return Ok(());
        }
        let begun = Instant::now();
        workspace::run_checked(self.command(&self.program).arg("--exact").args(&cases))?;
        println!(
            "{} cases pass without a mutant, {:.1} s",
            cases.len(),
            begun.elapsed().as_secs_f64()
        );
        Ok(())
    }

    /// Runs each case by itself; returns those that pass.
    fn passing_cases(&self, cases: &[String]) -> Result<Vec<String>, TaskError> {
        let waiting = Mutex::new(cases.iter());
        let next = || waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next();
        let work = || {
            let mut passed = Vec::new();
            while let Some(case) = next() {
                if self.passes(case)? {
                    passed.push(case.clone());
                }
            }
            Ok(passed)
        };
        let workers = thread::available_parallelism().map_or(1, usize::from);
        thread::scope(|scope| {
            let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            let results =
                workers.into_iter().map(|worker| worker.join().expect("a worker does not panic"));
            results.collect::<Result<Vec<_>, TaskError>>().map(|passed| passed.concat())
        })
    }

    /// A case killed at the limit has not passed. Its node ends with it.
    fn passes(&self, case: &str) -> Result<bool, TaskError> {
        let mut command = self.command(Path::new("timeout"));
        command.args(["--signal", "KILL", &CASE_TIMEOUT.as_secs().to_string()]);
        command.args(["prlimit", &format!("--data={MEMORY_LIMIT}")]);
        command.arg(&self.program).args(["--exact", case]);
        Ok(workspace::run_output(&mut command)?.status.success())
    }
}

/// The test program that a line of cargo's JSON names.
fn test_program(line: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    let program = message["executable"].as_str().filter(|_| message["target"]["name"] == "faults");
    program.map(PathBuf::from)
}
