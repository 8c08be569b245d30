//! The test targets: which are run, and how they are run and counted.

use std::sync::{Mutex, PoisonError};
use std::thread;

use devtools::packages;
use devtools::suites::{at_once, needs_of};
use devtools::workspace::{self, Workspace};
use testkit::generation::{self, Generation};
use testkit::needs::Need;

use super::tally::{Counts, Outcome, Tally};

/// Suites that take longest, the longest first: two are run at once, for most of them wait more than they work, and what is begun last
/// must not be long.
const LONGEST: &[&str] = &[
    "cluster",
    "faults",
    "deadlines-slow",
    "killpoints",
    "lifecycle",
    "deadlines",
    "commands",
    "conformance",
];

/// How many suites are run at once.
const AT_ONCE: usize = 2;

/// The slow tier: suites that take minutes because what they show does. Only `--all` runs them; else they count as skipped.
const SLOW: &[&str] = &["cluster", "deadlines-slow"];

/// What is run once more on another generation of the cluster's software, in the slow tier: those tests of a target that are named; all
/// of it, where none is.
const AGAIN: &[(Generation, &str, &[&str])] = &[
    (Generation::Debian13, "conformance", &[]),
    (Generation::Debian13, "simulations", &[]),
    (
        Generation::Debian13,
        "cluster",
        &[
            "dropped::deaths_that_were_counted",
            "dropped::ec_dies_while_sc_starts",
            "platform::killed",
            "platform::power_cut",
            "platform::start_in_order",
            "platform::stop_that_cant_succeed",
            "upkeep::configured_by_pcs",
            "upkeep::reloaded_and_restarted",
        ],
    ),
];

/// What can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LeftOut {
    /// What runs on Debian 13's cluster software, which has to be fetched (once, by debootstrap, into target/generations)
    #[value(name = "debian-13")]
    Debian13,
    /// The scenarios on a real cluster, which take a quarter of an hour
    Cluster,
}

impl LeftOut {
    fn has(self, suite: Suite<'_>) -> bool {
        match self {
            Self::Debian13 => suite.generation == Generation::Debian13,
            Self::Cluster => suite.target == "cluster",
        }
    }
}

/// Runs all suites: unit tests, each integration suite, documentation tests.
pub(crate) fn run(tally: &Tally, workspace: &Workspace, built: bool, slow: bool, left_out: &[LeftOut]) {
    tally.step("unit tests", || test(workspace, &["--workspace", "--lib", "--bins"], &[]));
    let here = workspace.suites().into_iter().map(|(package, target)| {
        let suite = Suite { package, target, generation: Generation::Machine, only: &[] };
        (suite, SLOW.contains(&target))
    });
    let again = AGAIN.iter().copied().flat_map(|(generation, of, only)| {
        let suites = workspace.suites().into_iter().filter(move |(_, target)| *target == of);
        suites.map(move |(package, target)| (Suite { package, target, generation, only }, true))
    });
    let mut all: Vec<(Suite<'_>, bool)> = here.chain(again).collect();
    let place = |suite: Suite<'_>| LONGEST.iter().position(|name| *name == suite.target);
    all.sort_by_key(|(suite, _)| place(*suite).unwrap_or(LONGEST.len()));
    let waiting = Mutex::new(all.into_iter());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((suite, is_slow)) = next() {
                    let reason = (is_slow && !slow).then(|| "the slow tier: --all runs it".to_owned());
                    if left_out.iter().any(|part| part.has(suite)) {
                        tally.leave_out(&suite.name(), suite.number_of_tests(workspace), "--without");
                    } else {
                        suite.run_unless(reason.or_else(|| suite.missing(built)), tally, workspace);
                    }
                }
            });
        }
    });
    tally.step("documentation tests", || test(workspace, &["--workspace", "--doc"], &[]));
}

/// Runs one suite, if this machine can. It must have been built.
pub(super) fn run_one(tally: &Tally, workspace: &Workspace, package: &str, target: &str) {
    let suite = Suite { package, target, generation: Generation::Machine, only: &[] };
    suite.run_unless(suite.missing(true), tally, workspace);
}

/// A target, whole or in part, on one generation.
#[derive(Clone, Copy)]
struct Suite<'a> {
    package: &'a str,
    target: &'a str,
    generation: Generation,
    /// All, if none is named.
    only: &'a [&'a str],
}

impl<'a> Suite<'a> {
    fn name(self) -> String {
        let on = if self.generation == Generation::Machine { "" } else { self.generation.name() };
        format!("{} ({}) {on}", self.target, self.package).trim_end().to_owned()
    }

    /// Why it can't be run here, if so.
    fn missing(self, built: bool) -> Option<String> {
        let mut needs = needs_of(self.target);
        if self.generation != Generation::Machine {
            needs.push(Need::Folder(self.generation));
        }
        if needs.is_empty() {
            return None;
        }
        if !built {
            return Some("the build failed".to_owned());
        }
        packages::missing(&needs).map(|missing| format!("this machine lacks {missing}"))
    }

    fn run_unless(self, reason: Option<String>, tally: &Tally, workspace: &Workspace) {
        if let Some(reason) = reason {
            tally.skip(&self.name(), self.number_of_tests(workspace), &reason);
            return;
        }
        let at_once = at_once(self.target).map(|number| ("RUST_TEST_THREADS", number));
        let environment: Vec<_> =
            at_once.into_iter().chain([(generation::VARIABLE, self.generation.name())]).collect();
        tally.step(&self.name(), || {
            let mut outcome = test(workspace, &self.selection(), &environment);
            let Counts { passed, failed, skipped } = outcome.counts;
            if ((passed + failed + skipped) as usize) < self.only.len() {
                // Else nobody would miss one that has got another name.
                outcome.counts.failed += 1;
                outcome.remark.push_str("one of these is not there: ");
                outcome.remark.push_str(&self.only.join(", "));
            }
            outcome
        });
    }

    fn number_of_tests(self, workspace: &Workspace) -> u32 {
        let mut cargo = workspace::cargo(["test", "--quiet"]);
        cargo.args(self.selection()).arg("--list").env("TESTKIT_AGENTS_DIR", workspace.release());
        let listed = workspace::output(&mut cargo).map(|output| output.stdout).unwrap_or_default();
        let tests = String::from_utf8_lossy(&listed).lines().filter(|line| line.ends_with(": test")).count();
        // A suite that can't even list its tests is still one that was not run.
        u32::try_from(tests.max(1)).unwrap_or(u32::MAX)
    }

    /// For `cargo test`: the target, and, for the test program itself, the names.
    fn selection(self) -> Vec<&'a str> {
        let mut words = vec!["--package", self.package, "--test", self.target, "--"];
        if !self.only.is_empty() {
            words.push("--exact");
            words.extend(self.only);
        }
        words
    }
}

fn test(workspace: &Workspace, selection: &[&str], environment: &[(&str, &str)]) -> Outcome {
    let mut cargo = workspace::cargo(["test", "--quiet", "--no-fail-fast"]);
    // The agents under test are those that ship.
    cargo.args(selection).env("TESTKIT_AGENTS_DIR", workspace.release());
    cargo.envs(environment.iter().copied());
    match workspace::output(&mut cargo) {
        Err(error) => {
            Outcome { counts: Counts { failed: 1, ..Counts::default() }, remark: error.to_string() }
        }
        Ok(output) => {
            let stdout = String::from_utf8_lossy(&output.stdout);
            let mut counts = count(&stdout);
            if output.status.success() && counts.failed == 0 {
                return Outcome { counts, remark: String::new() };
            }
            // What does not compile, or dies, has no test that could be counted.
            counts.failed = counts.failed.max(1);
            Outcome {
                counts,
                remark: format!("{}\n{}", story(&stdout), String::from_utf8_lossy(&output.stderr)),
            }
        }
    }
}

/// The sum of the lines `test result: ok. 15 passed; 0 failed; 1 ignored; ...`. An ignored test was skipped.
fn count(stdout: &str) -> Counts {
    let mut counts = Counts::default();
    for line in stdout.lines().filter_map(|line| line.strip_prefix("test result: ")) {
        let parts = line.split([';', '.']).filter_map(|part| part.trim().split_once(' '));
        for (number, what) in parts.filter_map(|(number, what)| Some((number.parse::<u32>().ok()?, what))) {
            match what {
                "passed" => counts.passed += number,
                "failed" => counts.failed += number,
                "ignored" => counts.skipped += number,
                _ => {}
            }
        }
    }
    counts
}

/// What failed, without the dots of what did not.
fn story(stdout: &str) -> String {
    let noise = |line: &&str| !line.trim().is_empty() && !line.starts_with("running ") && !is_progress(line);
    stdout.lines().filter(noise).collect::<Vec<_>>().join("\n")
}

/// A line of the quiet format: `..F.i 5/15`.
fn is_progress(line: &str) -> bool {
    let marks = line.split(' ').next().unwrap_or_default();
    marks.chars().all(|c| ".Fi".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_several_binaries_are_summed() {
        let output = "\nrunning 3 tests\n..i\n\
            test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
            test result: FAILED. 1 passed; 4 failed; 0 ignored; 0 measured; 9 filtered out; finished in 0.57s\n";
        assert_eq!(count(output), Counts { passed: 3, failed: 4, skipped: 1 });
    }

    #[test]
    fn the_story_of_a_failure_is_kept_and_the_dots_are_not() {
        let output = "\nrunning 3 tests\n..F 3/3\n\nfailures:\n\n---- a::b stdout ----\nboom\n";
        assert_eq!(story(output), "failures:\n---- a::b stdout ----\nboom");
    }
}
