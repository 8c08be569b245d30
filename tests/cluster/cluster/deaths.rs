//! How long a death takes, in short. The measurement of `cargo xtask deaths` with a few deaths, judged by their number and not by their times.

use lab::Done;
use lab::deaths::{Asked, Setting, Subject, held, holding, measure};

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

/// Of an EC whose monitor waits for up to 5 s a stop, a reload, a deeper monitor and a probe are asked for: each comes, nothing fails for it, and
/// nobody else is touched.
#[test]
fn held_in_short() -> Done {
    let site = holding(5).up()?;
    let held = match held(&site, 5, 1, 1, &mut |line| println!("{line}")) {
        Ok(held) => held,
        Err(stopped) => panic!("{stopped}"),
    };
    println!("{held:?}");
    assert_eq!(held.iter().map(|held| held.asked).collect::<Vec<_>>(), Asked::ALL);
    site.lab.down()
}
