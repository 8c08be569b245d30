//! Starts that fail, each in its own way: the exit reason tells it, in time, and nothing is left behind.

use std::time::Duration;

use testkit::Done;
use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, site};

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
