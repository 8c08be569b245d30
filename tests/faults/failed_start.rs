//! Starts that fail, each in its own way: the exit reason tells it, in time, and nothing is left behind.

use std::thread;
use std::time::Duration;

use testkit::{End, Error};

use testkit::Done;
use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, Site, in_short, site};

/// What the simulator makes of a startup, and words that the reason must have.
const OUTCOMES: [(&str, &[&str]); 6] = [
    ("errors", &["started with errors"]),
    ("no-such", &["no such server process"]),
    ("code:1", &["mzsh startup: 1,"]),
    ("code:102", &["102"]),
    ("code:104", &["104"]),
    ("dies", &["exited unexpectedly"]),
];

fn fails(kind: Kind, outcome: &str, words: &[&str], switch: &str) -> Done {
    let site = site(kind).set(&format!("{}.startup_outcome={outcome}", kind.pico())).set(switch).build()?;
    let start = site.agent().run("start")?.answers(GENERIC).because(&[site.pico()]).because(words);
    assert!(start.wall < Duration::from_secs(16), "{start}");
    site.nothing_left()?;
    site.probe()?.answers(NOT_RUNNING);
    let tries = if outcome == "code:104" { 2 } else { 1 };
    assert_eq!(site.calls(&format!("startup -f {}", site.pico()))?, tries, "{outcome}");
    site.stop()?.answers(OK).silently();
    Ok(())
}

#[test]
fn a_start_that_fails_says_how_and_leaves_nothing() -> Done {
    for (outcome, words) in OUTCOMES {
        fails(Kind::Platform, outcome, words, "jvm_detached=true")?;
    }
    Ok(())
}

#[test]
fn the_same_in_the_session_of_mzsh_and_for_an_ec() -> Done {
    for (outcome, words) in OUTCOMES {
        fails(Kind::Ec, outcome, words, "jvm_detached=false")?;
    }
    Ok(())
}

#[test]
fn a_jvm_that_dies_under_the_eyes_of_the_start_is_named() -> Done {
    let site = site(Kind::Platform).set("startup_outcome=dies").set("start_time=2s").build()?;
    // mzsh, a JVM of its own, is slower than the simulator's in noticing and ending.
    site.wrap_mzsh(
        "[ \"$1\" != startup ] || { /opt/mz/bin/mzsh.true \"$@\"; code=$?; sleep 0.5; exit $code; }",
    )?;
    let start = site.agent().run("start")?.answers(GENERIC);
    start.because(&["platform", "(pid ", "died during the start", "mzsh startup: 1"]);
    site.nothing_left()
}

#[test]
fn a_critical_error_that_is_over_at_the_second_try_is_no_failure() -> Done {
    let site = site(Kind::Platform).build()?;
    // mzsh as it is, but for its first startup.
    site.wrap_mzsh(
        "if [ \"$1\" = startup ] && mkdir /opt/mz/tmp/tried 2>/dev/null; then
            echo 'Starting platform...FAILED'
            exit 104
        fi",
    )?;
    site.agent().run("start")?.answers(OK).silently();
    site.one("platform")?;
    site.monitor(10)?.answers(OK).silently();
    Ok(())
}

#[test]
fn an_entry_that_mzsh_cant_remove_is_told() -> Done {
    let site = site(Kind::Platform).build()?;
    site.sh("mkdir /opt/mz/tmp/.remote/platform")?;
    site.agent().run("start")?.answers(GENERIC).because(&["mzsh startup: -1", "old instance"]);
    site.nothing_left()
}

#[test]
fn a_start_that_takes_too_long_is_ended_in_time() -> Done {
    for detached in [true, false] {
        let site = site(Kind::Platform).set("startup_outcome=slow");
        let site = site.set(&format!("jvm_detached={detached}")).build()?;
        let start = site.agent().meta_timeout(Duration::from_secs(10)).run("start")?;
        start.answers(GENERIC).because(&["platform", "mzsh startup", " s"]);
        site.nothing_left()?;
        site.probe()?.answers(NOT_RUNNING);
    }
    Ok(())
}

#[test]
fn an_mzsh_that_hangs_before_it_does_anything_is_ended_in_time() -> Done {
    let site = site(Kind::Platform).set("mzsh_time=10m").build()?;
    let start = site.agent().meta_timeout(Duration::from_secs(10)).run("start")?;
    start.answers(GENERIC).because(&["platform", "mzsh startup"]);
    site.nothing_left()
}

/// A start that is killed, as Pacemaker's executor does it at the time-out, once it has come as far as `so_far` says.
fn killed_once(site: &Site, what: &str, so_far: impl Fn(&Site) -> Result<bool, Error>) -> Done {
    let ran = thread::scope(|scope| {
        let start = scope.spawn(|| site.agent().run("start"));
        site.until(what, |site| Ok(if so_far(site)? { Ok(()) } else { Err(in_short(&site.processes()?)) }))?;
        let agent = site.sleeping_agent("start")?;
        site.signal(agent.pid, "KILL")?;
        start.join().expect("the start's thread does not panic")
    })?;
    assert_eq!(ran.end, End::Signal(9), "{ran}");
    Ok(())
}

fn the_jvm_is_there(site: &Site) -> Result<bool, Error> {
    Ok(!site.picos("platform")?.is_empty())
}

/// Processes that are an mzsh at its startup.
fn startups(site: &Site) -> Result<usize, Error> {
    let all = site.processes()?;
    let found = all.iter().filter(|process| {
        let has = |word: &str| process.argv.iter().any(|argument| argument.ends_with(word));
        has("CommandLine") && has("startup")
    });
    Ok(found.count())
}

#[test]
fn a_stop_ends_what_a_killed_start_has_left() -> Done {
    for detached in [true, false] {
        let site = site(Kind::Platform).set("startup_outcome=slow");
        let site = site.set(&format!("jvm_detached={detached}")).build()?;
        killed_once(&site, "the JVM of the start", the_jvm_is_there)?;
        // Both went on: they are none of the agent's group.
        assert_eq!(startups(&site)?, 1, "{}", in_short(&site.processes()?));
        site.one("platform")?;
        site.stop()?.answers(OK);
        site.nothing_left()?;
        site.probe()?.answers(NOT_RUNNING);
    }
    Ok(())
}

#[test]
fn an_mzsh_that_a_killed_start_has_left_is_not_taken_for_nothing() -> Done {
    let site = site(Kind::Platform).set("mzsh_time=10m").build()?;
    killed_once(&site, "the mzsh of the start", |site| Ok(startups(site)? == 1))?;
    assert_eq!((startups(&site)?, site.picos("platform")?.len()), (1, 0));
    // With the record and without: the process says it itself.
    for _ in 0..2 {
        site.monitor(0)?.answers(GENERIC).because(&["platform", "start is under way", "mzsh"]);
        site.probe()?.answers(GENERIC).because(&["start is under way"]);
        site.sh(&format!("rm -f {}", site.record()))?;
    }
    site.stop()?.answers(OK);
    site.nothing_left()
}

#[test]
fn a_start_that_was_killed_can_be_tried_again() -> Done {
    let site = site(Kind::Platform).set("startup_outcome=slow").build()?;
    killed_once(&site, "the JVM of the start", the_jvm_is_there)?;
    let first = site.one("platform")?.pid;
    site.set(&["startup_outcome=ok"])?;
    site.stop()?.answers(OK);
    site.nothing_left()?;
    assert_ne!(site.start()?.pid, first);
    Ok(())
}

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

/// Where records and locks are is a file system of its own, mounted so.
fn records_on(site: &Site, options: &str) -> Done {
    let mount = "mkdir -m 755 /run/mediationzone-ra && mount -t tmpfs tmpfs /run/mediationzone-ra";
    site.sh(&format!("{mount} -o mode=755,{options}")).map(drop)
}

/// It is refused before mzsh is executed, and possible again once the directory is as it was.
fn refused_without_a_record(site: &Site, words: &[&str]) -> Done {
    site.agent().run("start")?.answers(GENERIC).because(words);
    assert_eq!(site.calls("")?, 0, "mzsh was not executed");
    site.nothing_left()?;
    site.stop()?.answers(OK);
    site.sh("umount /run/mediationzone-ra")?;
    site.start()?;
    Ok(())
}

/// A stop must find what a start has begun, however that ends.
#[test]
fn without_room_for_a_record_nothing_is_started() -> Done {
    let site = site(Kind::Platform).build()?;
    records_on(&site, "size=4k")?;
    // Room for a lock, which is empty, is left.
    site.sh("head -c 4096 /dev/zero >/run/mediationzone-ra/full")?;
    refused_without_a_record(&site, &["record", "/run/mediationzone-ra/platform.json"])
}

#[test]
fn where_nothing_can_be_written_nothing_is_started_and_the_directory_is_named() -> Done {
    let site = site(Kind::Platform).build()?;
    records_on(&site, "ro")?;
    refused_without_a_record(&site, &["Read-only file system", "/run/mediationzone-ra"])
}

/// From now on mzsh is a script whose child, once the gate is open, becomes the true one. Until then nobody in the
/// session of the start looks like anything of the product but, for as long as it lives, the script.
fn mzsh_behind_a_gate(site: &Site) -> Done {
    site.sh("mkfifo -m 666 /opt/gate")?;
    site.wrap_mzsh(
        "[ \"$1\" != startup ] || {
            sh -c 'read _ </opt/gate; exec /opt/mz/bin/mzsh.true \"$@\"' sh \"$@\"
            exit
        }",
    )
}

/// The script that leads the session, and its child.
fn at_the_gate(site: &Site) -> Result<[u32; 2], Error> {
    site.until("a child of mzsh at the gate", |site| {
        let all = site.processes()?;
        let child = all.iter().find(|process| {
            process.command_line().contains("read _ </opt/gate") && process.session == process.ppid
        });
        Ok(child.map(|child| [child.session, child.pid]).ok_or_else(|| in_short(&all)))
    })
}

#[test]
fn a_stop_ends_all_that_a_killed_start_has_set_going_and_nothing_comes_up_afterwards() -> Done {
    for leader_ends_first in [false, true] {
        let site = site(Kind::Platform).build()?;
        mzsh_behind_a_gate(&site)?;
        killed_once(&site, "the mzsh at the gate", |site| Ok(at_the_gate(site).is_ok()))?;
        let [leader, child] = at_the_gate(&site)?;
        if leader_ends_first {
            site.signal(leader, "KILL")?;
        }
        site.monitor(0)?.answers(GENERIC).because(&["start is under way"]);
        site.stop()?.answers(OK);
        let left: Vec<_> =
            site.processes()?.into_iter().filter(|process| process.session == leader).collect();
        assert!(left.is_empty(), "of the session of {leader}, with {child}: {}", in_short(&left));
        site.nothing_left()?;
    }
    Ok(())
}

#[test]
fn a_start_whose_time_is_over_ends_all_that_it_has_set_going() -> Done {
    let site = site(Kind::Platform).build()?;
    mzsh_behind_a_gate(&site)?;
    let start = site.agent().meta_timeout(Duration::from_secs(10)).run("start")?;
    start.answers(GENERIC).because(&["platform", "mzsh startup"]);
    site.nothing_left()
}

/// What the record says when the stop is called is not what it says once the start lets go of the lock.
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
