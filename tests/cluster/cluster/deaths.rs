//! How long a death takes, in short. The measurement of `cargo xtask deaths` with a few deaths, judged by their number and not by their times.

use lab::Done;
use lab::deaths::{Setting, Subject, measure};

/// A Platform, an EC, an SC, a UI and a Dummy of Pacemaker's own die twice each, one after the other: each death is exactly one more failure of who
/// died, each is back, and nobody else died.
#[test]
fn in_short() -> Done {
    let all = [&Subject::PICOS[..], &[Subject::Dummy]].concat();
    let setting = Setting::often(true, &all, 2);
    let site = setting.plan().up()?;
    let samples = match measure(&site, &setting, 1, &mut |line| println!("{line}")) {
        Ok(samples) => samples,
        Err(stopped) => panic!("{stopped}"),
    };
    for sample in &samples {
        println!("{sample:?}");
    }
    for subject in all {
        assert_eq!(samples.iter().filter(|sample| sample.of == subject).count(), 2, "{subject}");
    }
    site.lab.down()
}
