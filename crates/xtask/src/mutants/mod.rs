//! `cargo xtask mutants`: shows that the fault suite notices when the agents are wrong.
//!
//! A test that never fails proves nothing. Each mutant of `tests/faults/mutants.toml` is one change to the agents that somebody
//! could make, or two older agents did make; it names the cases that must fail with it. The changes are made in a copy of the
//! workspace; the tests and the simulator are those of the workspace itself, and first see the copy's agents unchanged, so that
//! what fails afterwards fails by the change.
//!
//! `cargo xtask test` only checks that the table fits: each text stands once where it is said to be, each case exists, and no
//! case is without a mutant.

mod table;
mod tree;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

pub(crate) use table::{Mutant, read};

use devtools::cases::{self, Family};
use devtools::suites::needs_of;
use devtools::workspace::{self, Workspace};
use devtools::{Error, packages};
use tree::Tree;

/// Longest run of one case; a mutant may well have an agent wait for ever. Far above what any case takes on a loaded machine.
const LIMIT: Duration = Duration::from_secs(180);

/// Most memory that each process of such a run may have written to, in bytes: a mutant may keep all that it reads.
const MEMORY: u64 = 2 << 30;

/// What `mutants` is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only the mutants whose names contain one of these.
    names: Vec<String>,
}

/// What came of one mutant.
enum Fate {
    /// Every case that it names failed.
    Caught,
    /// These did not.
    Missed(Vec<String>),
    /// It could not be tried, and why.
    Broken(String),
}

/// Tries the mutants; the exit code is success when all are caught and every case catches one.
pub(crate) fn run(options: &Options) -> Result<ExitCode, Error> {
    let mutants = read()?;
    let suite = cases::read(cases::FAULTS)?;
    let chosen = |mutant: &&Mutant| {
        options.names.is_empty() || options.names.iter().any(|name| mutant.name.contains(name))
    };
    let chosen: Vec<&Mutant> = mutants.iter().filter(chosen).collect();

    packages::provide(&needs_of("faults"));
    let workspace = Workspace::read()?;
    let tree = Tree::copied(&workspace)?;
    let tests = Tests::built(&tree)?;
    tests.pass_unchanged(&tree, &chosen)?;

    let mut fates = Vec::new();
    for mutant in chosen {
        let begun = Instant::now();
        let fate = try_one(&tests, &tree, mutant, &suite);
        let word = match &fate {
            Fate::Caught => "caught",
            Fate::Missed(_) => "NOT CAUGHT",
            Fate::Broken(_) => "ERROR",
        };
        println!("{:.<88} {word}, {:.1} s", format!("{} ", mutant.name), begun.elapsed().as_secs_f64());
        fates.push((mutant, fate));
    }
    Ok(report(&fates, &table::unguarded(&mutants, &suite)))
}

fn try_one(tests: &Tests, tree: &Tree, mutant: &Mutant, suite: &[Family]) -> Fate {
    let wrong = mutant.wrong_cases(suite);
    if !wrong.is_empty() {
        return Fate::Broken(wrong.join("; "));
    }
    match tree.with(mutant, || tests.that_pass(&mutant.caught_by)) {
        Err(why) => Fate::Broken(why),
        Ok(Err(error)) => Fate::Broken(error.to_string()),
        Ok(Ok(passed)) if passed.is_empty() => Fate::Caught,
        Ok(Ok(passed)) => Fate::Missed(passed),
    }
}

/// What is not as it should be, and the exit code that says whether anything is.
fn report(fates: &[(&Mutant, Fate)], unguarded: &[&str]) -> ExitCode {
    let caught = fates.iter().filter(|(_, fate)| matches!(fate, Fate::Caught)).count();
    for (mutant, fate) in fates {
        match fate {
            Fate::Caught => {}
            Fate::Missed(cases) => {
                println!("not caught: {}\n    passes nevertheless: {}", mutant.name, cases.join(", "));
            }
            Fate::Broken(why) => println!("error: {}\n    {}", mutant.name, why.replace('\n', "\n    ")),
        }
    }
    for case in unguarded {
        println!("guarded by nothing: {case}");
    }
    println!("{caught} of {} mutants caught; {} cases guarded by nothing", fates.len(), unguarded.len());
    if caught == fates.len() && unguarded.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The gate: does the table fit the code and the suite?
pub(crate) fn check() -> Result<(), Error> {
    let mutants = read()?;
    let suite = cases::read(cases::FAULTS)?;
    let mut wrong = Vec::new();
    for mutant in &mutants {
        let text = mutant.applied(&workspace::root()).err();
        let all = text.into_iter().chain(mutant.wrong_cases(&suite));
        wrong.extend(all.map(|why| format!("mutant \"{}\": {why}", mutant.name)));
    }
    let unguarded = table::unguarded(&mutants, &suite);
    wrong.extend(unguarded.iter().map(|case| format!("guarded by nothing: {case}")));
    if wrong.is_empty() { Ok(()) } else { Err(Error::Table(wrong)) }
}

/// The test program of the fault suite, and whose agents it tests.
struct Tests {
    program: PathBuf,
    agents: PathBuf,
}

impl Tests {
    /// Builds it and what it runs, from the workspace itself.
    fn built(tree: &Tree) -> Result<Self, Error> {
        let rest = ["build", "--quiet", "--package", "mz-sim", "--package", "testkit", "--bins"];
        workspace::succeed(&mut workspace::cargo(rest))?;
        let build = ["test", "--quiet", "--package", "testkit", "--test", "faults", "--no-run"];
        let said = workspace::succeed(workspace::cargo(build).args(["--message-format", "json"]))?.stdout;
        let program = String::from_utf8_lossy(&said).lines().find_map(executable);
        let program = program.ok_or_else(|| Error::Unreadable {
            what: "cargo test --no-run".to_owned(),
            said: "it names no test program".to_owned(),
        })?;
        Ok(Self { program, agents: tree.agents() })
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(workspace::root()).env("TESTKIT_AGENTS_DIR", &self.agents).stdin(Stdio::null());
        command
    }

    /// All cases that these mutants name, with agents that are right.
    fn pass_unchanged(&self, tree: &Tree, mutants: &[&Mutant]) -> Result<(), Error> {
        tree.build()?;
        let mut cases: Vec<&String> = mutants.iter().flat_map(|mutant| &mutant.caught_by).collect();
        cases.sort();
        cases.dedup();
        if cases.is_empty() {
            return Ok(());
        }
        let begun = Instant::now();
        workspace::succeed(self.command(&self.program).arg("--exact").args(&cases))?;
        println!(
            "{} cases pass with agents that are right, {:.1} s",
            cases.len(),
            begun.elapsed().as_secs_f64()
        );
        Ok(())
    }

    /// Runs each of the cases for itself; those that pass.
    fn that_pass(&self, cases: &[String]) -> Result<Vec<String>, Error> {
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
            let results = workers.into_iter().map(|worker| worker.join().expect("a worker does not panic"));
            results.collect::<Result<Vec<_>, Error>>().map(|passed| passed.concat())
        })
    }

    /// What is killed at the limit has not passed. Its node ends with it.
    fn passes(&self, case: &str) -> Result<bool, Error> {
        let mut command = self.command(Path::new("timeout"));
        command.args(["--signal", "KILL", &LIMIT.as_secs().to_string()]);
        command.args(["prlimit", &format!("--data={MEMORY}")]);
        command.arg(&self.program).args(["--exact", case]);
        Ok(workspace::output(&mut command)?.status.success())
    }
}

/// The program that a line of cargo's tells of.
fn executable(line: &str) -> Option<PathBuf> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    let program = message["executable"].as_str().filter(|_| message["target"]["name"] == "faults");
    program.map(PathBuf::from)
}
