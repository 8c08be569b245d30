//! Starts that fail, each in its own way: the exit reason tells it, in time, and nothing is left behind.

use std::time::Duration;

use testkit::Done;
use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, site};

/// What the simulator makes of a startup, and words that the reason must have.
const OUTCOMES: [(&str, &[&str]); 11] = [
    ("errors", &["mzsh startup: started with errors", "address"]),
    ("no-such", &["no such server process", "pico_name"]),
    ("code:1", &["mzsh startup: 1, the JVM failed"]),
    ("code:3", &["mzsh startup: 3"]),
    ("code:77", &["mzsh startup: 77"]),
    ("code:102", &["mzsh startup: 102, no call back"]),
    ("code:103", &["mzsh startup: 103, interrupted"]),
    ("code:130", &["mzsh startup: 130, interrupted"]),
    ("code:104", &["mzsh startup: 104, critical errors"]),
    ("code:255", &["mzsh startup: -1, an old instance"]),
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

/// Each way in which `mzsh startup` fails, by its code or by words that come with code 0, is told in the
/// reason of the start, which leaves no process.
#[test]
fn a_start_that_fails_says_how_and_leaves_nothing() -> Done {
    for (outcome, words) in OUTCOMES {
        fails(Kind::Platform, outcome, words, "jvm_detached=true")?;
    }
    Ok(())
}

/// The same holds for an EC whose JVM stays in mzsh's own session and keeps its output.
#[test]
fn the_same_in_the_session_of_mzsh_and_for_an_ec() -> Done {
    for (outcome, words) in OUTCOMES {
        fails(Kind::Ec, outcome, words, "jvm_detached=false")?;
    }
    Ok(())
}

/// A JVM that dies during the start ends the start at once, and the reason names the process and what mzsh
/// said.
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

/// Critical errors (code 104) that are over at the second try are no failure of the start.
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

/// An entry of an old instance that mzsh can't remove (code -1) is told as such.
#[test]
fn an_entry_that_mzsh_cant_remove_is_told() -> Done {
    let site = site(Kind::Platform).build()?;
    site.sh("mkdir /opt/mz/tmp/.remote/platform")?;
    site.agent().run("start")?.answers(GENERIC).because(&["mzsh startup: -1", "old instance"]);
    site.nothing_left()
}

/// A pico that does not come up in time is ended before the operation's time-out, with a reason, in a session
/// of its own or in mzsh's.
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

/// An mzsh that hangs before it starts anything is ended before the operation's time-out.
#[test]
fn an_mzsh_that_hangs_before_it_does_anything_is_ended_in_time() -> Done {
    let site = site(Kind::Platform).set("mzsh_time=10m").build()?;
    let start = site.agent().meta_timeout(Duration::from_secs(10)).run("start")?;
    start.answers(GENERIC).because(&["platform", "mzsh startup"]);
    site.nothing_left()
}

/// Code 0 with words that deny it, from a JVM that lives on: it is no success, and the JVM is ended, in mzsh's session or its own.
#[test]
fn a_success_that_its_own_words_deny_is_none_and_its_jvm_is_ended() -> Done {
    for (words, reason) in [
        ("Started with errors, Only Codeserver service is guaranteed to be running.", "started with errors"),
        ("platform: no such server process", "no such server process"),
    ] {
        for detached in [true, false] {
            let site = site(Kind::Platform).set(&format!("jvm_detached={detached}")).build()?;
            site.mzsh_does("startup", &format!("/opt/mz/bin/mzsh.true \"$@\"; echo '{words}'; exit 0"))?;
            site.agent().run("start")?.answers(GENERIC).because(&["platform", reason]);
            assert!(site.history()?.iter().any(|event| event.what == "ready"), "it was up");
            site.nothing_left()?;
            site.probe()?.answers(NOT_RUNNING);
        }
    }
    Ok(())
}

/// A startup that fails by its code while the JVM lives on and comes up later leaves no JVM: whatever the code, and also a real one
/// that mzsh itself has given up (102).
#[test]
fn a_jvm_that_outlives_a_failed_startup_is_ended() -> Done {
    let given_up = site(Kind::Platform).jvm().set("startup_timeout=100ms").set("start_time=30s").build()?;
    let start = given_up.agent().meta_timeout(Duration::from_secs(60)).run("start")?;
    start.answers(GENERIC).because(&["mzsh startup: 102, no call back"]);
    given_up.nothing_left()?;
    for code in [1, 102, 103, 130, 255] {
        let site = site(Kind::Platform).build()?;
        site.mzsh_does("startup", &format!("/opt/mz/bin/mzsh.true \"$@\" >/dev/null; exit {code}"))?;
        site.agent().run("start")?.answers(GENERIC).because(&["platform", "mzsh startup: "]);
        assert!(site.history()?.iter().any(|event| event.what == "ready"), "{code}: it was up");
        site.nothing_left()?;
    }
    Ok(())
}

/// Critical errors (104) at both tries, with a JVM that lives on each time: both JVMs are ended, and the reason tells the code.
#[test]
fn what_two_tries_with_critical_errors_have_left_is_ended() -> Done {
    let site = site(Kind::Sc).build()?;
    site.mzsh_does(
        "startup",
        "/opt/mz/bin/mzsh.true \"$@\" >/dev/null; echo Critical error in sc1; exit 104",
    )?;
    let start = site.agent().meta_timeout(Duration::from_secs(30)).run("start")?.answers(GENERIC);
    start.because(&["sc1", "mzsh startup: 104, critical errors"]);
    let ready = site.history()?.iter().filter(|event| event.what == "ready" && event.pico == "sc1").count();
    assert_eq!(ready, 2, "it was tried twice");
    site.nothing_left()
}

/// A pico that runs and that mzsh does not know any more is adopted by a start, not started a second time, and ended by a stop.
#[test]
fn an_old_instance_without_its_entry_is_adopted_and_not_doubled() -> Done {
    for code in ["255", "1"] {
        let site = site(Kind::Sc).set(&format!("old_instance_code={code}")).build()?;
        let old = site.start_by_hand()?;
        // mzsh does not know it any more.
        site.sh("rm /opt/mz/tmp/.remote/sc1 /opt/mz/log/sc1.pid")?;
        site.agent().run("start")?.answers(OK).silently();
        assert_eq!(site.one("sc1")?.pid, old.pid);
        assert_eq!(site.calls("startup -f sc1")?, 0);
        site.stop()?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}

/// A JVM that is dead by the time mzsh calls it up, and that nobody else has seen, is no success; the stop that follows succeeds.
#[test]
fn a_jvm_that_is_dead_when_mzsh_calls_it_up_is_no_success() -> Done {
    let site = site(Kind::Platform).set("start_time=0ms").build()?;
    let dies =
        "pid=$(cat /opt/mz/log/platform.pid); kill -9 $pid; while [ -e /proc/$pid ]; do sleep 0.01; done";
    site.mzsh_does("startup", &format!("/opt/mz/bin/mzsh.true \"$@\"; {dies}; exit 0"))?;
    site.agent().run("start")?.answers(GENERIC).because(&["platform", "mzsh"]);
    assert!(site.history()?.iter().any(|event| event.what == "ready"), "it was up");
    site.nothing_left()?;
    site.stop()?.answers(OK);
    site.nothing_left()?;
    site.probe()?.answers(NOT_RUNNING);
    Ok(())
}
