//! Starts that fail, each in its own way: the exit reason tells it, in time, and nothing is left behind.

use std::thread;
use std::time::Duration;

use testkit::{AgentCall, End, Error};

use crate::Done;
use crate::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use crate::site::{Kind, Site, in_short, site};

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
        let start = site.agent().meta_timeout(Duration::from_secs(3)).run("start")?;
        start.answers(GENERIC).because(&["platform", "mzsh startup", " s"]);
        site.nothing_left()?;
        site.probe()?.answers(NOT_RUNNING);
    }
    Ok(())
}

#[test]
fn an_mzsh_that_hangs_before_it_does_anything_is_ended_in_time() -> Done {
    let site = site(Kind::Platform).set("mzsh_time=10m").build()?;
    let start = site.agent().meta_timeout(Duration::from_secs(3)).run("start")?;
    start.answers(GENERIC).because(&["platform", "mzsh startup"]);
    site.nothing_left()
}

/// Pacemaker's executor kills the agent's group at the time-out; here earlier than the agent was told.
fn killed_by_the_executor(call: AgentCall<'_>) -> Done {
    let told = Duration::from_secs(60).as_millis().to_string();
    let call = call.meta_timeout(Duration::from_millis(1500)).env("OCF_RESKEY_CRM_meta_timeout", told);
    let ran = call.run("start")?;
    assert_eq!(ran.end, End::TimedOut, "{ran}");
    Ok(())
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
        killed_by_the_executor(site.agent())?;
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
    killed_by_the_executor(site.agent())?;
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
    let ran = thread::scope(|scope| {
        let start = scope.spawn(|| site.agent().run("start"));
        site.until("the JVM of the start", |site| {
            let found = site.picos("platform")?;
            Ok(if found.is_empty() { Err(in_short(&site.processes()?)) } else { Ok(()) })
        })?;
        let agent = site.sleeping_agent("start")?;
        site.signal(agent.pid, "KILL")?;
        start.join().expect("the start's thread does not panic")
    })?;
    assert_eq!(ran.end, End::Signal(9), "{ran}");
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
