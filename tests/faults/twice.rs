//! The same pico there twice.

use testkit::answer::{Answer, GENERIC, OK};
use testkit::site::{Kind, Site, site};
use testkit::{Done, Error};

/// An SC, which has no port that would keep a second one from starting.
fn twice() -> Result<(Site, [u32; 2]), Error> {
    let site = site(Kind::Sc).build()?;
    let first = site.start()?.pid;
    site.signal(first, "STOP")?;
    // It can't be asked now, and -f passes over it.
    site.mzsh(&["startup", "-f", "sc1"])?.expect(0)?;
    site.signal(first, "CONT")?;
    let mut pids: Vec<u32> = site.picos("sc1")?.iter().map(|process| process.pid).collect();
    pids.retain(|&pid| pid != first);
    let [second] = pids.as_slice() else { panic!("not a second one: {pids:?}") };
    Ok((site, [first, *second]))
}

/// A pico that runs twice is a failure whose reason names both processes, in a deep monitor and in a probe,
/// and one stop ends both.
#[test]
fn a_pico_that_runs_twice_has_failed_and_a_stop_ends_both() -> Done {
    let (site, pids) = twice()?;
    let [first, second] = pids.map(|pid| pid.to_string());
    site.monitor(10)?.answers(GENERIC).because(&["sc1", "more than once", &first, &second]);
    site.probe()?.answers(GENERIC).because(&["more than once", &first, &second]);
    site.stop()?.answers(OK);
    site.nothing_left()
}

/// A start of a pico that runs twice ends both and brings up one.
#[test]
fn a_start_makes_one_of_a_pico_that_runs_twice() -> Done {
    let (site, pids) = twice()?;
    site.agent().run("start")?.answers(OK);
    assert!(!pids.contains(&site.one("sc1")?.pid));
    site.monitor(10)?.answers(OK).silently();
    Ok(())
}
