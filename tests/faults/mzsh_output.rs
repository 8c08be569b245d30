//! Output of mzsh: exit codes of every verb, wrong answers, alternating answers, and too much output.

use std::time::Duration;

use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fixture::{AgentKind, as_recurring_monitor, fixture};
use testkit::{NodeCommandOutput, TestResult};

/// Only the exit reason begins as one does: Pacemaker takes the last one that it finds, wherever it stands.
#[track_caller]
fn assert_one_reason(ran: NodeCommandOutput) -> NodeCommandOutput {
    assert_eq!(ran.stderr.matches("ocf-exit-reason:").count(), 1, "{ran}");
    assert!(ran.stderr.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)), "{ran}");
    ran
}

/// Output and end of the fake, the exit code of a monitor of depth 20 with no other check, and text of its
/// reason.
const STATUS_CASES: [(&str, i32, &str); 8] = [
    ("echo platform is running; exit 0", OCF_SUCCESS, ""),
    (
        "echo platform is not responding but the process is still running; exit 1",
        OCF_ERR_GENERIC,
        "not responding",
    ),
    ("echo platform is not running; exit 2", OCF_ERR_GENERIC, "not running"),
    ("echo platform: no such server process; exit 2", OCF_ERR_GENERIC, "not running"),
    ("exit 3", OCF_ERR_GENERIC, "exit code 3"),
    ("exit 124", OCF_ERR_GENERIC, "exit code 124"),
    ("exit 255", OCF_ERR_GENERIC, "exit code 255"),
    ("sleep 1000001", OCF_ERR_GENERIC, "no answer"),
];

/// Each exit code of `mzsh status`, or none: 0 is healthy. Any other fails a monitor that has no other check,
/// with mzsh's own text, and is a mere warning where the HA Monitor Server answers OK. None means "not
/// running".
#[test]
fn mzsh_status_code_fails_monitor_only_without_ha_check() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.start()?;
    fixture.wrap_mzsh("[ \"$1\" != status ] || . /opt/mz/tmp/fake")?;
    for (fake, code, words) in STATUS_CASES {
        fixture.node.write("/opt/mz/tmp/fake", format!("{fake}\n"))?;
        let deep = || {
            let deep = as_recurring_monitor(fixture.agent(), 20).param("monitor_retries", "0");
            deep.param("mzsh_timeout", "1").meta_timeout(Duration::from_secs(10))
        };
        let before = fixture.log()?.len();
        deep().run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        let logged = fixture.log()?.split_off(before);
        let alone = deep().param("ha_check", "no").run("monitor")?.assert_exit_code(code);
        if code != OCF_SUCCESS {
            assert!(logged.contains("mzsh status: ") && logged.contains(words), "{fake}: {logged}");
            alone.assert_reason(&["platform", "is alive; mzsh status: ", words]);
        }
    }
    Ok(())
}

/// Ends of an mzsh that could not do its work.
const STATUS_WITHOUT_ANSWER: [(&str, &str); 6] = [
    ("kill -9 $$", "SIGKILL"),
    ("exit 139", "SIGSEGV"),
    ("echo 'mzsh: 12: /opt/jdk/bin/java: not found'; exit 127", "java: not found"),
    ("echo 'mzsh: 12: /opt/jdk/bin/java: Permission denied'; exit 126", "Permission denied"),
    ("echo 'Error occurred during initialization of VM'; exit 1", "initialization of VM"),
    ("echo 'Cannot create VM thread. Out of system resources.'; exit 1", "Cannot create VM thread"),
];

/// An `mzsh status` that ends by a signal, or that has no memory, no thread or no java, has made no check.
/// The monitor succeeds with a warning in the log, even if it has no other check.
#[test]
fn mzsh_status_ended_by_signal_or_jvm_error_is_a_warning() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.start()?;
    fixture.wrap_mzsh("[ \"$1\" != status ] || . /opt/mz/tmp/fake")?;
    for (fake, words) in STATUS_WITHOUT_ANSWER {
        fixture.node.write("/opt/mz/tmp/fake", format!("{fake}\n"))?;
        let deep = as_recurring_monitor(fixture.agent(), 20)
            .param("monitor_retries", "0")
            .param("ha_check", "no");
        deep.meta_timeout(Duration::from_secs(10))
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
        let log = fixture.log()?;
        let warns = |line: &str| line.contains("mzsh status") && line.contains(words);
        assert!(log.lines().any(warns), "{fake}: {log}");
    }
    Ok(())
}

/// An mzsh that reports an absent pico as running is not believed, and not even run. Probe and monitors of
/// every depth answer "not running", and a stop has nothing to do.
#[test]
fn mzsh_reporting_absent_pico_as_running_is_not_believed() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.wrap_mzsh("echo \"$1\" >>/opt/mz/tmp/asked; echo platform is running; exit 0")?;
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    for level in [0, 10, 20] {
        fixture
            .monitor(level)?
            .assert_exit_code(OCF_NOT_RUNNING)
            .assert_reason(&["platform", "not running"]);
    }
    fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert!(fixture.node.read("/opt/mz/tmp/asked").is_err(), "mzsh was asked");
    Ok(())
}

/// An mzsh that reports a live pico as not running, in each of its verbs, is not believed. No healthy pico is
/// restarted for that, and a stop leaves none alive.
#[test]
fn mzsh_reporting_live_pico_as_not_running_is_not_believed() -> TestResult {
    for (kind, real) in [(AgentKind::Platform, true), (AgentKind::Sc, false)] {
        let fixture = fixture(kind).real_jvm(real).build()?;
        let jvm = fixture.start()?;
        fixture.wrap_mzsh(
            "case $1 in
                status) echo \"$2 is not running\"; exit 2;;
                shutdown) echo \"$2 is not running\"; exit 0;;
            esac",
        )?;
        for level in [0, 10, 20] {
            fixture.monitor(level)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        }
        fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        assert!(fixture.is_alive(&jvm)?);
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        assert!(!fixture.is_alive(&jvm)?);
        assert_eq!(fixture.last_end_reason(fixture.pico())?.as_deref(), Some("signal"));
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// A shutdown that reports success while the pico lives on is not believed: the stop ends the pico before it
/// succeeds.
#[test]
fn mzsh_shutdown_success_is_not_believed_while_pico_lives() -> TestResult {
    for (detached, orderly) in [(true, true), (true, false), (false, true)] {
        let fixture = fixture(AgentKind::Ec).set(&format!("jvm_detached={detached}"));
        let fixture = fixture.set(&format!("sigterm_orderly={orderly}")).build()?;
        let jvm = fixture.start()?;
        fixture.override_mzsh_verb("shutdown", "echo 'Shutting down ec1......done.'; exit 0")?;
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        assert!(!fixture.is_alive(&jvm)?);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// Whatever `mzsh shutdown` ends with (0, 1, 3, 4, another code, or a signal) while the pico lives on, a stop
/// ends the pico by signals.
#[test]
fn stop_ends_pico_after_any_mzsh_shutdown_code() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    for end in ["exit 0", "exit 1", "exit 3", "exit 4", "exit 77", "exit 255", "kill -9 $$"] {
        let jvm = fixture.start()?;
        fixture
            .sh("[ -e /opt/mz/bin/mzsh.true ] || cp -p /opt/mz/bin/mzsh /opt/mz/bin/mzsh.true")?;
        fixture.sh("cp -p /opt/mz/bin/mzsh.true /opt/mz/bin/mzsh")?;
        fixture.override_mzsh_verb("shutdown", end)?;
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        assert!(!fixture.is_alive(&jvm)?, "{end}");
        assert_eq!(fixture.last_end_reason("platform")?.as_deref(), Some("signal"), "{end}");
        fixture.assert_nothing_left()?;
        fixture.sh("cp -p /opt/mz/bin/mzsh.true /opt/mz/bin/mzsh")?;
    }
    Ok(())
}

/// A shutdown that has ended the pico and reports a failure is a successful stop, without a signal.
#[test]
fn mzsh_shutdown_failure_after_pico_ended_is_a_successful_stop() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.start()?;
    fixture.override_mzsh_verb(
        "shutdown",
        "/opt/mz/bin/mzsh.true \"$@\"; echo Shutdown failed.; exit 4",
    )?;
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    assert_eq!(fixture.last_end_reason("platform")?.as_deref(), Some("shutdown"));
    fixture.assert_nothing_left()
}

/// A startup that reports success and has started nothing is not believed. The start says that no process
/// looks like the pico, and the next stop succeeds.
#[test]
fn mzsh_startup_success_is_not_believed_without_process() -> TestResult {
    for words in ["Starting platform...done.", "platform is already running"] {
        let fixture = fixture(AgentKind::Platform).build()?;
        fixture.override_mzsh_verb("startup", &format!("echo '{words}'; exit 0"))?;
        let start = fixture.agent().run("start")?.assert_exit_code(OCF_ERR_GENERIC);
        start.assert_reason(&["platform", "mzsh says that it is up", "no process"]);
        fixture
            .monitor(0)?
            .assert_exit_code(OCF_ERR_GENERIC)
            .assert_reason(&["platform", "mzsh startup succeeded, no matching process"]);
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    }
    Ok(())
}

/// An mzsh with every second answer wrong fails no monitor that may retry, makes no start succeed wrongly,
/// and leaves no stop incomplete.
#[test]
fn mzsh_with_alternating_answers_is_asked_again() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.start()?;
    fixture.wrap_mzsh(
        "turn=/opt/mz/tmp/turn
        if mkdir $turn 2>/dev/null; then
            echo \"$2 is not running\"
            case $1 in status) exit 2;; shutdown) exit 0;; *) exit 1;; esac
        fi
        rmdir $turn",
    )?;
    for _ in 0..2 {
        let deep = as_recurring_monitor(fixture.agent(), 20).param("ha_check", "no");
        deep.run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    }
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()?;
    let mut codes = Vec::new();
    for _ in 0..2 {
        let start = fixture.agent().run("start")?;
        let up = !fixture.pico_processes("platform")?.is_empty();
        assert_eq!(start.code() == Some(OCF_SUCCESS), up, "{start}");
        codes.push(start.code());
    }
    assert!(codes.contains(&Some(OCF_SUCCESS)), "{codes:?}");
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}

/// More output than a pipe holds and than an agent keeps.
const FLOODS: [(&str, &str); 4] = [
    ("lines", "yes 'a line of mzsh' | head -c 8000000"),
    ("one line", "head -c 8000000 /dev/zero | tr '\\0' x"),
    ("bytes", "head -c 8000000 /dev/urandom"),
    (
        "reasons",
        "yes 'ocf-exit-reason:it is all mzsh' | head -c 8000000; printf 'ocf-exit-reason:without an end'",
    ),
];

/// Megabytes from mzsh, as lines, as one line or as binary data, delay no action, and none of it gets into an
/// answer.
#[test]
fn mzsh_printing_megabytes_delays_no_action() -> TestResult {
    for (what, flood) in FLOODS {
        let fixture = fixture(AgentKind::Platform).build()?;
        fixture.wrap_mzsh(&format!("( {flood} ) 2>/dev/null; ( {flood} ) 2>/dev/null >&2"))?;
        fixture.agent().run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        fixture.monitor(20)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        assert_eq!(fixture.last_end_reason("platform")?.as_deref(), Some("shutdown"), "{what}");
        let log = fixture.log()?;
        assert!(log.len() < 100_000, "{what}: a log of {} bytes", log.len());
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// A startup or a status that fails with megabytes of any data, also of text that looks like an exit reason,
/// gives one reason of one line.
#[test]
fn mzsh_output_is_never_taken_for_an_exit_reason() -> TestResult {
    for (what, flood) in FLOODS {
        let fixture = fixture(AgentKind::Platform).build()?;
        fixture.start()?;
        fixture.override_mzsh_verb("status", &format!("( {flood} ) 2>/dev/null; exit 3"))?;
        let alone = as_recurring_monitor(fixture.agent(), 20)
            .param("ha_check", "no")
            .param("monitor_retries", "0");
        assert_one_reason(alone.run("monitor")?.assert_exit_code(OCF_ERR_GENERIC))
            .assert_reason(&["mzsh status: exit code 3"]);
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.sh("mv /opt/mz/bin/mzsh.true /opt/mz/bin/mzsh")?;
        fixture.override_mzsh_verb("startup", &format!("( {flood} ) 2>/dev/null; exit 102"))?;
        let start =
            assert_one_reason(fixture.agent().run("start")?.assert_exit_code(OCF_ERR_GENERIC));
        start.assert_reason(&["platform", "mzsh startup: 102"]);
        assert!(fixture.log()?.len() < 100_000, "{what}");
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// An mzsh that prints endlessly is ended in time in each of its verbs, like one that hangs.
#[test]
fn mzsh_printing_endlessly_is_ended_in_time() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.start()?;
    fixture.wrap_mzsh("for _ in 1 2 3 4; do yes 'a line of mzsh' & done; wait")?;
    let short = Duration::from_secs(6);
    fixture
        .recurring_monitor(20)
        .meta_timeout(short)
        .run("monitor")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    fixture.agent().meta_timeout(Duration::from_secs(8)).run("stop")?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()?;
    let start = fixture.agent().meta_timeout(short).run("start")?.assert_exit_code(OCF_ERR_GENERIC);
    start.assert_reason(&["platform", "mzsh startup timed out"]);
    fixture.assert_nothing_left()
}
