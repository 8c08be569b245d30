//! How long the recovery from a death takes, in short. The measurement of `cargo xtask deaths` with a few
//! deaths, checked by their number and not by their times.

use lab::TestResult;
use lab::death_latency::{ClusterRequest, DeathSetup, Victim, holding, measure, measure_delays};

/// A Platform, an EC, an SC, a UI and Pacemaker's Dummy die twice each, one after the other. Each death adds
/// exactly one failure to its resource and is recovered, and nothing else dies.
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

/// A stop, a reload, a deeper monitor and a probe are requested for an EC whose monitor waits for up to 5 s.
/// Each is executed, none fails, and no other pico is touched.
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
