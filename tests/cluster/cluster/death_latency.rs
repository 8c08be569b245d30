//! How long a death takes, in short. The measurement of `cargo xtask deaths` with a few deaths, judged by their number and not by their times.

use lab::TestResult;
use lab::death_latency::{ClusterRequest, DeathSetup, Victim, holding, measure, measure_delays};

/// A Platform, an EC, an SC, a UI and a Dummy of Pacemaker's own die twice each, one after the other: each death is exactly one more failure of who
/// died, each is back, and nobody else died.
#[test]
fn short_measurement_counts_each_death_once() -> TestResult {
    let all = [&Victim::PICOS[..], &[Victim::Dummy]].concat();
    let setting = DeathSetup::every_second(true, &all, 2);
    let fixture = setting.plan().up()?;
    let samples = match measure(&fixture, &setting, 1, &mut |line| println!("{line}")) {
        Ok(samples) => samples,
        Err(stopped) => panic!("{stopped}"),
    };
    for sample in &samples {
        println!("{sample:?}");
    }
    for subject in all {
        assert_eq!(samples.iter().filter(|sample| sample.of == subject).count(), 2, "{subject}");
    }
    fixture.lab.down()
}

/// Of an EC whose monitor waits for up to 5 s a stop, a reload, a deeper monitor and a probe are asked for: each comes, nothing fails for it, and
/// nobody else is touched.
#[test]
fn requests_during_waiting_monitor_complete_without_failure() -> TestResult {
    let fixture = holding(5).up()?;
    let held = match measure_delays(&fixture, 5, 1, 1, &mut |line| println!("{line}")) {
        Ok(held) => held,
        Err(stopped) => panic!("{stopped}"),
    };
    println!("{held:?}");
    assert_eq!(held.iter().map(|held| held.asked).collect::<Vec<_>>(), ClusterRequest::ALL);
    fixture.lab.down()
}
