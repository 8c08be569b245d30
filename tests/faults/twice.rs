//! The same pico there twice.

use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, Site, site};
use testkit::{Done, Error};

/// An SC, which has no port that would keep a second one from starting.
fn twice(real: bool) -> Result<(Site, [u32; 2]), Error> {
    let site = site(Kind::Sc).real(real).build()?;
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
    for real in [true, false] {
        let (site, pids) = twice(real)?;
        let [first, second] = pids.map(|pid| pid.to_string());
        site.monitor(10)?.answers(GENERIC).because(&["sc1", "more than once", &first, &second]);
        site.probe()?.answers(GENERIC).because(&["more than once", &first, &second]);
        site.stop()?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}

/// A start of a pico that runs twice ends both and brings up one.
#[test]
fn a_start_makes_one_of_a_pico_that_runs_twice() -> Done {
    let (site, pids) = twice(false)?;
    site.agent().run("start")?.answers(OK);
    assert!(!pids.contains(&site.one("sc1")?.pid));
    site.monitor(10)?.answers(OK).silently();
    Ok(())
}

/// Of a pico that runs twice, the one that the record does not name is ended by a stop as well when it hangs, and when mzsh is gone; the
/// other way round too.
#[test]
fn a_stop_ends_both_of_a_pico_that_runs_twice_when_one_hangs() -> Done {
    for hung in [0, 1] {
        let (site, pids) = twice(false)?;
        site.signal(pids[hung], "STOP")?;
        site.probe()?.answers(GENERIC).because(&["more than once"]);
        site.sh("rm /opt/mz/bin/mzsh")?;
        site.stop()?.answers(OK);
        site.nothing_left()?;
        site.probe()?.answers(NOT_RUNNING);
    }
    Ok(())
}

/// When one of a pico that runs twice dies, the other is the pico: it is adopted and well, whichever of the two the record named.
#[test]
fn the_survivor_of_two_is_the_pico() -> Done {
    for dies in [0, 1] {
        let (site, pids) = twice(false)?;
        site.signal(pids[dies], "KILL")?;
        site.monitor(0)?.answers(OK).silently();
        assert_eq!(site.recorded()?, Some(pids[1 - dies]));
        site.probe()?.answers(OK).silently();
        site.stop()?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}

/// A second process that looks like the pico for a moment only, as a fork before its exec does, is no failure.
#[test]
fn a_moment_of_looking_like_two_is_no_failure() -> Done {
    let site = site(Kind::Sc).build()?;
    let first = site.start()?;
    let second = site.stand_in("sc1", "")?;
    // It is gone as soon as the monitor has begun to look twice.
    let (monitor, ()) = site.meanwhile(
        || site.monitor(10),
        |site| {
            site.sleeping_agent("monitor")?;
            site.signal(second.pid, "KILL")
        },
    )?;
    monitor.answers(OK).silently();
    assert!(site.lives(&first)?);
    Ok(())
}
