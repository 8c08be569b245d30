//! The soak, in short.

use std::time::Duration;

use lab::TestResult;
use lab::soak::{self, SoakParameters};

/// Fifteen faults in the order of a seed, on one cluster. After each fault all picos run, each once, and no
/// pico that the fault did not touch was restarted.
#[test]
fn fifteen_random_faults_violate_no_invariant() -> TestResult {
    let fixture = soak::plan().up()?;
    let options = SoakParameters { seed: 1, faults: 15, time: Duration::from_secs(3600) };
    match soak::run(&fixture, options, &mut |line| println!("{line}")) {
        Ok(summary) => assert_eq!(summary.steps.len(), 15),
        Err(stopped) => panic!("{stopped}"),
    }
    fixture.lab.down()
}
