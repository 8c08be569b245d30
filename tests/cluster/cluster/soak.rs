//! The soak, in short.

use std::time::Duration;

use lab::Done;
use lab::soak::{self, Options};

/// Fifteen faults in the order of a seed, on one cluster: after each all picos run, each once, and nobody was restarted whom the
/// fault did not touch.
#[test]
fn in_short() -> Done {
    let site = soak::plan().up()?;
    let options = Options { seed: 1, faults: 15, time: Duration::from_secs(3600) };
    match soak::run(&site, options, &mut |line| println!("{line}")) {
        Ok(summary) => assert_eq!(summary.steps.len(), 15),
        Err(stopped) => panic!("{stopped}"),
    }
    site.lab.down()
}
