//! Two agents at once on one pico.

use std::thread;
use std::time::Duration;

use testkit::answer::{Answer, GENERIC, OK};
use testkit::site::{Kind, in_short, site};
use testkit::{Done, End, Error};

/// Two starts at once, by two resources that mean the same pico, make one JVM, and both succeed.
#[test]
fn two_starts_at_once_make_one_pico() -> Done {
    let site = site(Kind::Platform).set("start_time=500ms").build()?;
    let (one, other) = thread::scope(|scope| {
        let one = scope.spawn(|| site.agent().run("start"));
        let other = site.agent().instance("other").run("start");
        (one.join().expect("the start's thread does not panic"), other)
    });
    one?.answers(OK).silently();
    other?.answers(OK).silently();
    site.one("platform")?;
    assert_eq!(site.calls("startup")?, 1);
    Ok(())
}

/// A stop that meets a start of the same pico ends that start, its mzsh and its JVM, and succeeds.
#[test]
fn a_stop_during_a_start_ends_that() -> Done {
    let site = site(Kind::Platform).set("startup_outcome=slow").build()?;
    let (start, stop) = thread::scope(|scope| {
        let start = scope.spawn(|| site.agent().run("start"));
        site.until("the JVM of the start", |site| {
            let found = site.picos("platform")?;
            Ok(if found.is_empty() { Err(in_short(&site.processes()?)) } else { Ok(()) })
        })?;
        let stop = site.stop()?;
        Ok::<_, Error>((start.join().expect("the start's thread does not panic")?, stop))
    })?;
    stop.answers(OK);
    // It held the lock of this pico.
    assert_eq!(start.end, End::Signal(9), "{start}");
    site.nothing_left()
}

/// A stop that waits for a start acts by what that start has written in the end, not by what the record said
/// when the stop was called.
#[test]
fn a_stop_that_waits_for_a_start_reads_what_that_has_written_in_the_end() -> Done {
    // The process is there all the while, and only mzsh knows that it is the pico.
    let site = site(Kind::Platform).set("start_time=2s").build()?;
    let odd = || site.agent().param("process_match", "no-such-process");
    let (start, stop) = thread::scope(|scope| {
        let start = scope.spawn(|| odd().meta_timeout(Duration::from_secs(60)).run("start"));
        site.until("the JVM of the start", |site| {
            let found = site.picos("platform")?;
            Ok(if found.is_empty() { Err(in_short(&site.processes()?)) } else { Ok(()) })
        })?;
        // A tenth of this is more than the start needs.
        let stop = odd().meta_timeout(Duration::from_secs(300)).run("stop")?;
        Ok::<_, Error>((start.join().expect("the start's thread does not panic")?, stop))
    })?;
    start.answers(GENERIC).because(&["process_match"]);
    stop.answers(OK);
    site.nothing_left()
}
