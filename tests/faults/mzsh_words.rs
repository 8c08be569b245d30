//! What mzsh says: codes of every verb, lies, changing moods, and more words than anybody wants.

use std::time::Duration;

use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, recurring, site};
use testkit::{Done, Ran};

/// Nothing but the one reason begins as a reason does: Pacemaker takes the last that it finds, wherever it stands.
#[track_caller]
fn one_reason(ran: Ran) -> Ran {
    assert_eq!(ran.stderr.matches("ocf-exit-reason:").count(), 1, "{ran}");
    assert!(ran.stderr.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{ran}");
    ran
}

/// What the fake prints and how it ends, what a monitor of depth 20 makes of it with no other witness, and a word of its reason.
const STATUS: [(&str, i32, &str); 8] = [
    ("echo platform is running; exit 0", OK, ""),
    ("echo platform is not responding but the process is still running; exit 1", GENERIC, "not responding"),
    ("echo platform is not running; exit 2", GENERIC, "not running"),
    ("echo platform: no such server process; exit 2", GENERIC, "not running"),
    ("exit 3", GENERIC, "exit code 3"),
    ("exit 124", GENERIC, "exit code 124"),
    ("exit 255", GENERIC, "exit code 255"),
    ("sleep 1000001", GENERIC, "no answer"),
];

/// Each code of `mzsh status`, and none at all: 0 is well, all else is a failure with its own words where mzsh is the only witness,
/// and a mere warning where the HA Monitor Server is well. None is ever "not running".
#[test]
fn each_code_of_status_is_judged_by_what_else_is_known() -> Done {
    let site = site(Kind::Platform).build()?;
    site.start()?;
    site.wrap_mzsh("[ \"$1\" != status ] || . /opt/mz/tmp/fake")?;
    for (fake, code, words) in STATUS {
        site.node.write("/opt/mz/tmp/fake", format!("{fake}\n"))?;
        let deep = || {
            let deep = recurring(site.agent(), 20).param("monitor_retries", "0");
            deep.param("mzsh_timeout", "1").meta_timeout(Duration::from_secs(10))
        };
        let before = site.log()?.len();
        deep().run("monitor")?.answers(OK).silently();
        let logged = site.log()?.split_off(before);
        let alone = deep().param("ha_check", "no").run("monitor")?.answers(code);
        if code != OK {
            assert!(logged.contains("mzsh status: ") && logged.contains(words), "{fake}: {logged}");
            alone.because(&["platform", "is alive; mzsh status: ", words]);
        }
    }
    Ok(())
}

/// How an mzsh ends that could not do its work.
const NO_VERDICTS: [(&str, &str); 6] = [
    ("kill -9 $$", "signal 9"),
    ("exit 139", "signal 11"),
    ("echo 'mzsh: 12: /opt/jdk/bin/java: not found'; exit 127", "java: not found"),
    ("echo 'mzsh: 12: /opt/jdk/bin/java: Permission denied'; exit 126", "Permission denied"),
    ("echo 'Error occurred during initialization of VM'; exit 1", "initialization of VM"),
    ("echo 'Cannot create VM thread. Out of system resources.'; exit 1", "Cannot create VM thread"),
];

/// An `mzsh status` that ends by a signal, or for which there is no memory, no thread or no java, has not asked, also where it is the only
/// witness: the monitor is well, with a warning in the log.
#[test]
fn mzsh_status_that_could_not_do_its_work_is_no_failure_of_the_pico() -> Done {
    let site = site(Kind::Platform).build()?;
    site.start()?;
    site.wrap_mzsh("[ \"$1\" != status ] || . /opt/mz/tmp/fake")?;
    for (fake, words) in NO_VERDICTS {
        site.node.write("/opt/mz/tmp/fake", format!("{fake}\n"))?;
        let deep = recurring(site.agent(), 20).param("monitor_retries", "0").param("ha_check", "no");
        deep.meta_timeout(Duration::from_secs(10)).run("monitor")?.answers(OK).silently();
        let log = site.log()?;
        let warns = |line: &str| line.contains("mzsh status") && line.contains(words);
        assert!(log.lines().any(warns), "{fake}: {log}");
    }
    Ok(())
}

/// A mzsh that says "running" of what does not run convinces nobody: probe and monitors of every depth say "not running", and a
/// stop has nothing to do. None of them asks it.
#[test]
fn an_mzsh_that_says_running_of_nothing_is_not_believed() -> Done {
    let site = site(Kind::Platform).build()?;
    site.wrap_mzsh("echo \"$1\" >>/opt/mz/tmp/asked; echo platform is running; exit 0")?;
    site.probe()?.answers(NOT_RUNNING);
    for level in [0, 10, 20] {
        site.monitor(level)?.answers(NOT_RUNNING).because(&["platform", "not running"]);
    }
    site.stop()?.answers(OK).silently();
    assert!(site.node.read("/opt/mz/tmp/asked").is_err(), "mzsh was asked");
    Ok(())
}

/// An mzsh that says "not running" of a pico that lives, in each of its verbs, costs no healthy pico its life, and is no reason for
/// a stop to leave one alive.
#[test]
fn an_mzsh_that_says_not_running_of_a_living_pico_is_not_believed() -> Done {
    for (kind, real) in [(Kind::Platform, true), (Kind::Sc, false)] {
        let site = site(kind).real(real).build()?;
        let jvm = site.start()?;
        site.wrap_mzsh(
            "case $1 in
                status) echo \"$2 is not running\"; exit 2;;
                shutdown) echo \"$2 is not running\"; exit 0;;
            esac",
        )?;
        for level in [0, 10, 20] {
            site.monitor(level)?.answers(OK).silently();
        }
        site.probe()?.answers(OK).silently();
        assert!(site.lives(&jvm)?);
        site.stop()?.answers(OK);
        assert!(!site.lives(&jvm)?);
        assert_eq!(site.last_end(site.pico())?.as_deref(), Some("signal"));
        site.nothing_left()?;
    }
    Ok(())
}

/// A shutdown that says "done" of a pico that lives on is no success: the stop ends what lives before it says so.
#[test]
fn a_shutdown_that_claims_success_is_not_believed() -> Done {
    for (detached, orderly) in [(true, true), (true, false), (false, true)] {
        let site = site(Kind::Ec).set(&format!("jvm_detached={detached}"));
        let site = site.set(&format!("sigterm_orderly={orderly}")).build()?;
        let jvm = site.start()?;
        site.mzsh_does("shutdown", "echo 'Shutting down ec1......done.'; exit 0")?;
        site.stop()?.answers(OK);
        assert!(!site.lives(&jvm)?);
        site.nothing_left()?;
    }
    Ok(())
}

/// Each code of `mzsh shutdown`, 0 1 3 4, another, or a signal, while the pico lives on: a stop ends it by signals all the same.
#[test]
fn whatever_code_a_shutdown_gives_the_stop_ends_what_lives() -> Done {
    let site = site(Kind::Platform).build()?;
    for end in ["exit 0", "exit 1", "exit 3", "exit 4", "exit 77", "exit 255", "kill -9 $$"] {
        let jvm = site.start()?;
        site.sh("[ -e /opt/mz/bin/mzsh.true ] || cp -p /opt/mz/bin/mzsh /opt/mz/bin/mzsh.true")?;
        site.sh("cp -p /opt/mz/bin/mzsh.true /opt/mz/bin/mzsh")?;
        site.mzsh_does("shutdown", end)?;
        site.stop()?.answers(OK);
        assert!(!site.lives(&jvm)?, "{end}");
        assert_eq!(site.last_end("platform")?.as_deref(), Some("signal"), "{end}");
        site.nothing_left()?;
        site.sh("cp -p /opt/mz/bin/mzsh.true /opt/mz/bin/mzsh")?;
    }
    Ok(())
}

/// A shutdown that has ended the pico and says that it failed is a stop that succeeded, without a signal.
#[test]
fn a_shutdown_that_claims_failure_after_its_success_is_a_stop() -> Done {
    let site = site(Kind::Platform).build()?;
    site.start()?;
    site.mzsh_does("shutdown", "/opt/mz/bin/mzsh.true \"$@\"; echo Shutdown failed.; exit 4")?;
    site.stop()?.answers(OK);
    assert_eq!(site.last_end("platform")?.as_deref(), Some("shutdown"));
    site.nothing_left()
}

/// A startup that says "done" and has started nothing is no success: the start says that nobody looks like the pico, and the stop
/// that follows succeeds.
#[test]
fn a_startup_that_claims_success_is_not_believed() -> Done {
    for words in ["Starting platform...done.", "platform is already running"] {
        let site = site(Kind::Platform).build()?;
        site.mzsh_does("startup", &format!("echo '{words}'; exit 0"))?;
        let start = site.agent().run("start")?.answers(GENERIC);
        start.because(&["platform", "mzsh says that it is up", "no process"]);
        site.monitor(0)?.answers(GENERIC).because(&["platform", "mzsh has started it"]);
        site.stop()?.answers(OK);
        site.nothing_left()?;
        site.probe()?.answers(NOT_RUNNING);
    }
    Ok(())
}

/// An mzsh whose every second answer is wrong makes no monitor fail that may try once more, no start false and no stop incomplete.
#[test]
fn an_mzsh_that_changes_its_mind_is_asked_again() -> Done {
    let site = site(Kind::Platform).build()?;
    site.start()?;
    site.wrap_mzsh(
        "turn=/opt/mz/tmp/turn
        if mkdir $turn 2>/dev/null; then
            echo \"$2 is not running\"
            case $1 in status) exit 2;; shutdown) exit 0;; *) exit 1;; esac
        fi
        rmdir $turn",
    )?;
    for _ in 0..2 {
        let deep = recurring(site.agent(), 20).param("ha_check", "no");
        deep.run("monitor")?.answers(OK).silently();
    }
    site.stop()?.answers(OK);
    site.nothing_left()?;
    let mut codes = Vec::new();
    for _ in 0..2 {
        let start = site.agent().run("start")?;
        let up = !site.picos("platform")?.is_empty();
        assert_eq!(start.code() == Some(OK), up, "{start}");
        codes.push(start.code());
    }
    assert!(codes.contains(&Some(OK)), "{codes:?}");
    site.stop()?.answers(OK);
    site.nothing_left()
}

/// More than a pipe, and more than anybody keeps.
const FLOOD: [(&str, &str); 4] = [
    ("lines", "yes 'a line of mzsh' | head -c 8000000"),
    ("one line", "head -c 8000000 /dev/zero | tr '\\0' x"),
    ("bytes", "head -c 8000000 /dev/urandom"),
    (
        "reasons",
        "yes 'ocf-exit-reason:it is all mzsh' | head -c 8000000; printf 'ocf-exit-reason:without an end'",
    ),
];

/// Megabytes from mzsh, in lines, in one line, in no text at all, hold nobody up, and none of it gets into an answer.
#[test]
fn an_mzsh_that_prints_megabytes_holds_nobody_up() -> Done {
    for (what, flood) in FLOOD {
        let site = site(Kind::Platform).build()?;
        site.wrap_mzsh(&format!("( {flood} ) 2>/dev/null; ( {flood} ) 2>/dev/null >&2"))?;
        site.agent().run("start")?.answers(OK).silently();
        site.monitor(20)?.answers(OK).silently();
        site.stop()?.answers(OK).silently();
        assert_eq!(site.last_end("platform")?.as_deref(), Some("shutdown"), "{what}");
        let log = site.log()?;
        assert!(log.len() < 100_000, "{what}: a log of {} bytes", log.len());
        site.nothing_left()?;
    }
    Ok(())
}

/// A startup or a status that fails with megabytes of anything, also of text that looks like an exit reason, gives one reason of
/// one line.
#[test]
fn what_mzsh_prints_never_passes_for_a_reason_of_ours() -> Done {
    for (what, flood) in FLOOD {
        let site = site(Kind::Platform).build()?;
        site.start()?;
        site.mzsh_does("status", &format!("( {flood} ) 2>/dev/null; exit 3"))?;
        let alone = recurring(site.agent(), 20).param("ha_check", "no").param("monitor_retries", "0");
        one_reason(alone.run("monitor")?.answers(GENERIC)).because(&["mzsh status: exit code 3"]);
        site.stop()?.answers(OK);
        site.sh("mv /opt/mz/bin/mzsh.true /opt/mz/bin/mzsh")?;
        site.mzsh_does("startup", &format!("( {flood} ) 2>/dev/null; exit 102"))?;
        let start = one_reason(site.agent().run("start")?.answers(GENERIC));
        start.because(&["platform", "mzsh startup: 102"]);
        assert!(site.log()?.len() < 100_000, "{what}");
        site.nothing_left()?;
    }
    Ok(())
}

/// An mzsh that prints without end is ended in time in each of its verbs, like one that hangs.
#[test]
fn an_mzsh_that_prints_without_end_is_ended_in_time() -> Done {
    let site = site(Kind::Platform).build()?;
    site.start()?;
    site.wrap_mzsh("for _ in 1 2 3 4; do yes 'a line of mzsh' & done; wait")?;
    let short = Duration::from_secs(6);
    site.recurring(20).meta_timeout(short).run("monitor")?.answers(OK).silently();
    site.agent().meta_timeout(Duration::from_secs(8)).run("stop")?.answers(OK);
    site.nothing_left()?;
    let start = site.agent().meta_timeout(short).run("start")?.answers(GENERIC);
    start.because(&["platform", "mzsh startup was not done"]);
    site.nothing_left()
}
