//! The test targets: what each needs, and how it is run and counted.

use testkit::needs::{self, Need};

use super::tally::{Counts, Outcome, Tally};
use crate::workspace::{self, Workspace};

/// What the integration suites need, by target. One that is not named here needs nothing but cargo.
const NEEDS: &[(&str, &[&[Need]])] = &[
    ("sandbox", &[needs::SANDBOX, needs::HUNG_STORAGE, needs::NAME_SERVER]),
    ("addresses", &[needs::SANDBOX, needs::NAME_SERVER]),
    ("conformance", &[needs::SANDBOX, needs::CONFORMANCE]),
    ("commands", &[needs::SANDBOX, needs::HUNG_STORAGE, needs::PYTHON, needs::CONFIGURATION]),
    ("metadata", &[needs::XML]),
    ("cost", &[needs::SANDBOX, needs::STRACE]),
    ("jvm", &[needs::JDK]),
    ("lifecycle", &[needs::SANDBOX, needs::JDK]),
    ("faults", &[needs::SANDBOX, needs::HUNG_STORAGE, needs::FAKETIME, needs::JDK, needs::PYTHON]),
    ("killpoints", &[needs::SANDBOX, needs::JDK]),
    ("registry", &[needs::JDK, needs::HOCON]),
    ("deadlines", &[needs::SANDBOX, needs::HUNG_STORAGE]),
    ("deadlines-slow", &[needs::SANDBOX, needs::HUNG_STORAGE]),
    ("cluster", &[needs::CLUSTER, needs::HUNG_STORAGE]),
    ("simulations", &[needs::SANDBOX, needs::SIMULATIONS]),
];

/// Suites that wait more than they work: how many of their tests are run at once, whatever the number of processors.
const AT_ONCE: &[(&str, &str)] = &[
    ("addresses", "8"),
    // Each has a cluster of its own.
    ("cluster", "3"),
    ("faults", "4"),
    ("killpoints", "6"),
    ("deadlines", "32"),
    ("deadlines-slow", "32"),
];

/// The slow tier: suites that take minutes because what they show does. Only `--all` runs them; else they count as skipped.
const SLOW: &[&str] = &["cluster", "deadlines-slow"];

/// All that any suite needs.
pub(crate) fn all_needs() -> Vec<Need> {
    NEEDS.iter().flat_map(|(_, groups)| groups.iter().copied().flatten().copied()).collect()
}

/// What this one needs.
pub(crate) fn needs_of(suite: &str) -> Vec<Need> {
    let named = NEEDS.iter().filter(|(name, _)| *name == suite);
    named.flat_map(|(_, groups)| groups.iter().copied().flatten().copied()).collect()
}

/// Runs all suites: unit tests, each integration suite, documentation tests.
pub(crate) fn run(tally: &mut Tally, workspace: &Workspace, built: bool, slow: bool) {
    tally.step("unit tests", || test(workspace, &["--workspace", "--lib", "--bins"], None));
    for (package, target) in workspace.suites() {
        let left_out = (!slow && SLOW.contains(&target)).then(|| "the slow tier: --all runs it".to_owned());
        run_unless(missing(target, built).or(left_out), tally, workspace, package, target);
    }
    tally.step("documentation tests", || test(workspace, &["--workspace", "--doc"], None));
}

/// Runs one suite, if this machine can. It must have been built.
pub(super) fn run_one(tally: &mut Tally, workspace: &Workspace, package: &str, target: &str) {
    run_unless(missing(target, true), tally, workspace, package, target);
}

fn run_unless(reason: Option<String>, tally: &mut Tally, workspace: &Workspace, package: &str, target: &str) {
    let name = format!("{target} ({package})");
    let selection = ["--package", package, "--test", target];
    if let Some(reason) = reason {
        tally.skip(&name, number_of_tests(workspace, &selection), &reason);
    } else {
        let at_once = AT_ONCE.iter().find(|(name, _)| *name == target).map(|(_, number)| *number);
        tally.step(&name, || test(workspace, &selection, at_once));
    }
}

/// Why this suite can't be run here, if so.
fn missing(target: &str, built: bool) -> Option<String> {
    let (_, groups) = NEEDS.iter().find(|(name, _)| *name == target)?;
    if !built {
        return Some("the build failed".to_owned());
    }
    let missing = groups.iter().copied().flatten().filter(|need| !need.is_met());
    let missing: Vec<_> = missing.map(Need::to_string).collect();
    if missing.is_empty() { None } else { Some(format!("this machine lacks {}", missing.join(", "))) }
}

fn test(workspace: &Workspace, selection: &[&str], at_once: Option<&str>) -> Outcome {
    let mut cargo = workspace::cargo(["test", "--quiet", "--no-fail-fast"]);
    // The agents under test are those that ship.
    cargo.args(selection).env("TESTKIT_AGENTS_DIR", workspace.release());
    cargo.envs(at_once.map(|number| ("RUST_TEST_THREADS", number)));
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

fn number_of_tests(workspace: &Workspace, selection: &[&str]) -> u32 {
    let mut cargo = workspace::cargo(["test", "--quiet"]);
    cargo.args(selection).args(["--", "--list"]).env("TESTKIT_AGENTS_DIR", workspace.release());
    let listed = workspace::output(&mut cargo).map(|output| output.stdout).unwrap_or_default();
    let tests = String::from_utf8_lossy(&listed).lines().filter(|line| line.ends_with(": test")).count();
    // A suite that can't even list its tests is still one that was not run.
    u32::try_from(tests.max(1)).unwrap_or(u32::MAX)
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
