//! The test targets: their selection, their execution and their counts.

use std::sync::{Mutex, PoisonError};
use std::thread;

use devtools::packages;
use devtools::suites::{prerequisites_of, test_threads};
use devtools::workspace::{self, Workspace};
use testkit::generation::{GENERATION_VARIABLE, Generation};
use testkit::prerequisites::Prerequisite;
use testkit::{FROM_PACKAGES_VARIABLE, OPENSTACK_ROOT};

use super::tally::{StepResult, Tally, TestCounts};

/// The slowest suites, the slowest first. Two suites run at once, because most of them wait more
/// than they work. So the last one to start must be short.
const LONGEST_FIRST: &[&str] = &[
    "cluster",
    "openstack",
    "faults",
    "deadlines-slow",
    "packages",
    "from-package",
    "killpoints",
    "lifecycle",
    "deadlines",
    "commands",
    "conformance",
];

/// Number of concurrent suites.
const CONCURRENT_SUITES: usize = 2;

/// The slow tier: suites that take minutes because their subject does. Without `--all` they count
/// as skipped.
const SLOW_TIER: &[&str] =
    &["cluster", "deadlines-slow", "from-package", "openstack", "packages", "systemd"];

/// What a pass tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TestPass {
    /// The build, with this generation of the cluster's software.
    Build(Generation),
    /// The packages that ship, with the machine's software.
    Packages,
}

impl TestPass {
    /// The addition to a suite's name.
    fn name(self) -> &'static str {
        match self {
            Self::Build(Generation::Machine) => "",
            Self::Build(generation) => generation.name(),
            Self::Packages => "from packages",
        }
    }

    fn prerequisite(self) -> Option<Prerequisite> {
        match self {
            Self::Build(generation) => generation.folder().map(Prerequisite::Folder),
            Self::Packages => Some(Prerequisite::Packages),
        }
    }

    fn variable(self) -> (&'static str, &'static str) {
        match self {
            Self::Build(generation) => (GENERATION_VARIABLE, generation.name()),
            Self::Packages => (FROM_PACKAGES_VARIABLE, "yes"),
        }
    }
}

/// The tests that the slow tier repeats in another pass. An empty list of names means all tests of
/// the target.
const OTHER_PASSES: &[(TestPass, &str, &[&str])] = &[
    (TestPass::Build(Generation::Debian13), "conformance", &[]),
    (TestPass::Build(Generation::Debian13), "simulations", &[]),
    (
        TestPass::Packages,
        "cluster",
        &[
            "platform::first_start_brings_picos_up_in_order",
            "platform::killed_platform_restarts_on_same_node",
            "platform::power_cut_moves_platform_after_fencing",
            "platform::sigstopped_platform_restarts_on_same_node",
            "platform::standby_moves_platform_without_failback",
        ],
    ),
    (
        TestPass::Build(Generation::Debian13),
        "cluster",
        &[
            "dropped::deaths_that_were_counted",
            "dropped::ec_dies_while_sc_starts",
            "platform::killed_platform_restarts_on_same_node",
            "platform::power_cut_moves_platform_after_fencing",
            "platform::first_start_brings_picos_up_in_order",
            "platform::failing_stop_fences_node_and_moves_platform",
            "administration::pcs_configuration_starts_in_order_and_recovers",
            "administration::reloadable_change_reloads_and_other_change_restarts",
        ],
    ),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ExcludedPart {
    /// Tests on Debian 13's cluster software (debootstrap fetches it once into target/generations)
    #[value(name = "debian-13")]
    Debian13,
    /// Scenarios on a real cluster (15 minutes)
    Cluster,
    /// Scenarios in an OpenStack cloud (debootstrap fetches it once into target/generations)
    #[value(name = "openstack")]
    OpenStack,
    /// The packages: built with zig (from PyPI), installed in Debian 11, 12 and 13 (by debootstrap)
    /// and in the nodes of a cluster
    Packages,
}

impl ExcludedPart {
    /// What its suites need from Debian's archive and PyPI.
    pub(super) fn fetched(self) -> Vec<Prerequisite> {
        match self {
            Self::Cluster => Vec::new(),
            Self::Debian13 => {
                Generation::Debian13.folder().into_iter().map(Prerequisite::Folder).collect()
            }
            Self::OpenStack => vec![Prerequisite::Folder(OPENSTACK_ROOT)],
            Self::Packages => vec![Prerequisite::DebianRoots, Prerequisite::Packages],
        }
    }

    fn includes(self, suite: TestSuite<'_>) -> bool {
        match self {
            Self::Debian13 => suite.pass == TestPass::Build(Generation::Debian13),
            Self::Cluster => matches!(suite.target, "cluster" | "from-package"),
            Self::OpenStack => suite.target == "openstack",
            Self::Packages => {
                suite.pass == TestPass::Packages
                    || matches!(suite.target, "packages" | "from-package")
            }
        }
    }
}

/// Runs all suites: unit tests, each integration suite, documentation tests.
pub(crate) fn run(
    tally: &Tally,
    workspace: &Workspace,
    built: bool,
    slow: bool,
    left_out: &[(ExcludedPart, String)],
) {
    tally
        .step("unit tests", || run_cargo_test(workspace, &["--workspace", "--lib", "--bins"], &[]));
    let here = workspace.suites().into_iter().map(|(package, target)| {
        (
            TestSuite { package, target, pass: FIRST_PASS, selected: &[] },
            SLOW_TIER.contains(&target),
        )
    });
    let again = OTHER_PASSES.iter().copied().flat_map(|(pass, of, only)| {
        let suites = workspace.suites().into_iter().filter(move |(_, target)| *target == of);
        suites.map(move |(package, target)| {
            (TestSuite { package, target, pass, selected: only }, true)
        })
    });
    let mut all: Vec<(TestSuite<'_>, bool)> = here.chain(again).collect();
    let place = |suite: TestSuite<'_>| LONGEST_FIRST.iter().position(|name| *name == suite.target);
    all.sort_by_key(|(suite, _)| place(*suite).unwrap_or(LONGEST_FIRST.len()));
    let waiting = Mutex::new(all.into_iter());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    thread::scope(|scope| {
        for _ in 0..CONCURRENT_SUITES {
            scope.spawn(|| {
                while let Some((suite, is_slow)) = next() {
                    let reason =
                        (is_slow && !slow).then(|| "the slow tier: --all runs it".to_owned());
                    let excluded = left_out.iter().find(|(part, _)| part.includes(suite));
                    if let Some((_, why)) = excluded {
                        tally.exclude(&suite.name(), suite.number_of_tests(workspace), why);
                    } else {
                        suite.run_or_skip(
                            reason.or_else(|| suite.skip_reason(built)),
                            tally,
                            workspace,
                        );
                    }
                }
            });
        }
    });
    tally.step("documentation tests", || run_cargo_test(workspace, &["--workspace", "--doc"], &[]));
}

/// Runs one suite, if this machine can. It must be built.
pub(super) fn run_one(tally: &Tally, workspace: &Workspace, package: &str, target: &str) {
    let suite = TestSuite { package, target, pass: FIRST_PASS, selected: &[] };
    suite.run_or_skip(suite.skip_reason(true), tally, workspace);
}

const FIRST_PASS: TestPass = TestPass::Build(Generation::Machine);

/// A target, whole or in part, in one pass.
#[derive(Clone, Copy)]
struct TestSuite<'a> {
    package: &'a str,
    target: &'a str,
    pass: TestPass,
    /// Empty for all tests.
    selected: &'a [&'a str],
}

impl<'a> TestSuite<'a> {
    fn name(self) -> String {
        format!("{} ({}) {}", self.target, self.package, self.pass.name()).trim_end().to_owned()
    }

    /// The reason why the suite can't run here, if there is one.
    fn skip_reason(self, built: bool) -> Option<String> {
        let mut needs = prerequisites_of(self.target);
        needs.extend(self.pass.prerequisite());
        if needs.is_empty() {
            return None;
        }
        if !built {
            return Some("the build failed".to_owned());
        }
        packages::missing(&needs).map(|missing| format!("this machine lacks {missing}"))
    }

    fn run_or_skip(self, reason: Option<String>, tally: &Tally, workspace: &Workspace) {
        if let Some(reason) = reason {
            tally.skip(&self.name(), self.number_of_tests(workspace), &reason);
            return;
        }
        let at_once = test_threads(self.target).map(|number| ("RUST_TEST_THREADS", number));
        let environment: Vec<_> = at_once.into_iter().chain([self.pass.variable()]).collect();
        tally.step(&self.name(), || {
            let mut outcome = run_cargo_test(workspace, &self.selection(), &environment);
            let TestCounts { passed, failed, skipped } = outcome.counts;
            if ((passed + failed + skipped) as usize) < self.selected.len() {
                // Otherwise nobody would notice a renamed test.
                outcome.counts.failed += 1;
                outcome.remark.push_str("one of these tests does not exist: ");
                outcome.remark.push_str(&self.selected.join(", "));
            }
            outcome
        });
    }

    fn number_of_tests(self, workspace: &Workspace) -> u32 {
        let mut cargo = workspace::cargo(["test", "--quiet"]);
        cargo
            .args(self.selection())
            .arg("--list")
            .env("TESTKIT_AGENTS_DIR", workspace.release_dir());
        let listed =
            workspace::run_output(&mut cargo).map(|output| output.stdout).unwrap_or_default();
        let tests = String::from_utf8_lossy(&listed)
            .lines()
            .filter(|line| line.ends_with(": test"))
            .count();
        // A suite that can't list its tests still counts as skipped.
        u32::try_from(tests.max(1)).unwrap_or(u32::MAX)
    }

    /// Arguments of `cargo test`: the target, and the test names for the test program.
    fn selection(self) -> Vec<&'a str> {
        let mut words = vec!["--package", self.package, "--test", self.target, "--"];
        if !self.selected.is_empty() {
            words.push("--exact");
            words.extend(self.selected);
        }
        words
    }
}

fn run_cargo_test(
    workspace: &Workspace,
    selection: &[&str],
    environment: &[(&str, &str)],
) -> StepResult {
    let mut cargo = workspace::cargo(["test", "--quiet", "--no-fail-fast"]);
    // The agents under test are those of the release build.
    cargo.args(selection).env("TESTKIT_AGENTS_DIR", workspace.release_dir());
    cargo.envs(environment.iter().copied());
    match workspace::run_output(&mut cargo) {
        Err(error) => StepResult {
            counts: TestCounts { failed: 1, ..TestCounts::default() },
            remark: error.to_string(),
        },
        Ok(output) => {
            let stdout = String::from_utf8_lossy(&output.stdout);
            let mut counts = parse_counts(&stdout);
            if output.status.success() && counts.failed == 0 {
                return StepResult { counts, remark: String::new() };
            }
            // A suite that does not compile, or dies, has no tests to count.
            counts.failed = counts.failed.max(1);
            StepResult {
                counts,
                remark: format!(
                    "{}\n{}",
                    failure_report(&stdout),
                    String::from_utf8_lossy(&output.stderr)
                ),
            }
        }
    }
}

/// The sum of the lines `test result: ok. 15 passed; 0 failed; 1 ignored; ...`. An ignored test
/// counts as skipped.
fn parse_counts(stdout: &str) -> TestCounts {
    let mut counts = TestCounts::default();
    for line in stdout.lines().filter_map(|line| line.strip_prefix("test result: ")) {
        let parts = line.split([';', '.']).filter_map(|part| part.trim().split_once(' '));
        for (number, what) in
            parts.filter_map(|(number, what)| Some((number.parse::<u32>().ok()?, what)))
        {
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

/// The output of failed tests, without the dots of passed ones.
fn failure_report(stdout: &str) -> String {
    let noise = |line: &&str| {
        !line.trim().is_empty() && !line.starts_with("running ") && !is_progress(line)
    };
    stdout.lines().filter(noise).collect::<Vec<_>>().join("\n")
}

/// Matches a line of the quiet format: `..F.i 5/15`.
fn is_progress(line: &str) -> bool {
    let marks = line.split(' ').next().unwrap_or_default();
    marks.chars().all(|c| ".Fi".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_results_of_several_binaries_are_summed() {
        let output = "\nrunning 3 tests\n..i\n\
            test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
            test result: FAILED. 1 passed; 4 failed; 0 ignored; 0 measured; 9 filtered out; finished in 0.57s\n";
        assert_eq!(parse_counts(output), TestCounts { passed: 3, failed: 4, skipped: 1 });
    }

    #[test]
    fn failure_report_omits_progress_dots() {
        let output = "\nrunning 3 tests\n..F 3/3\n\nfailures:\n\n---- a::b stdout ----\nboom\n";
        assert_eq!(failure_report(output), "failures:\n---- a::b stdout ----\nboom");
    }
}
