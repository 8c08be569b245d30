//! Starts that fail, each in its own way. The exit reason names the cause, in time, and no process is left
//! behind.

use std::time::Duration;

use testkit::TestResult;
use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fixture::{AgentKind, fixture};

/// Outcome of a simulated startup, and text that the reason must contain.
const STARTUP_OUTCOMES: [(&str, &[&str]); 11] = [
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

fn assert_start_fails(kind: AgentKind, outcome: &str, words: &[&str], switch: &str) -> TestResult {
    let fixture = fixture(kind)
        .set(&format!("{}.startup_outcome={outcome}", kind.pico()))
        .set(switch)
        .build()?;
    let start = fixture
        .agent()
        .run("start")?
        .assert_exit_code(OCF_ERR_GENERIC)
        .assert_reason(&[fixture.pico()])
        .assert_reason(words);
    assert!(start.wall_time < Duration::from_secs(16), "{start}");
    fixture.assert_nothing_left()?;
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    let tries = if outcome == "code:104" { 2 } else { 1 };
    assert_eq!(
        fixture.mzsh_call_count(&format!("startup -f {}", fixture.pico()))?,
        tries,
        "{outcome}"
    );
    fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    Ok(())
}

/// The start's reason names each way in which `mzsh startup` fails, by its exit code or by text with code 0.
/// The failed start leaves no process.
#[test]
fn failed_start_names_mzsh_error_and_leaves_nothing() -> TestResult {
    for (outcome, words) in STARTUP_OUTCOMES {
        assert_start_fails(AgentKind::Platform, outcome, words, "jvm_detached=true")?;
    }
    Ok(())
}

/// A failed start leaves no process of an EC whose JVM stays in mzsh's own session and keeps its output open.
#[test]
fn failed_start_of_ec_in_mzsh_session_leaves_nothing() -> TestResult {
    for (outcome, words) in STARTUP_OUTCOMES {
        assert_start_fails(AgentKind::Ec, outcome, words, "jvm_detached=false")?;
    }
    Ok(())
}

/// A JVM that dies during the start ends the start at once. The reason names the process and quotes mzsh.
#[test]
fn jvm_death_during_start_is_named() -> TestResult {
    let fixture =
        fixture(AgentKind::Platform).set("startup_outcome=dies").set("start_time=2s").build()?;
    // mzsh is a JVM of its own, and slower than the simulator's in noticing the death and ending.
    fixture.wrap_mzsh(
        "[ \"$1\" != startup ] || { /opt/mz/bin/mzsh.true \"$@\"; code=$?; sleep 0.5; exit $code; }",
    )?;
    let start = fixture.agent().run("start")?.assert_exit_code(OCF_ERR_GENERIC);
    start.assert_reason(&["platform", "(pid ", "died during the start", "mzsh startup: 1"]);
    fixture.assert_nothing_left()
}

/// Critical errors (code 104) that are gone at the second try do not fail the start.
#[test]
fn critical_error_gone_at_second_try_is_no_failure() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    // mzsh is changed only in its first startup.
    fixture.wrap_mzsh(
        "if [ \"$1\" = startup ] && mkdir /opt/mz/tmp/tried 2>/dev/null; then
            echo 'Starting platform...FAILED'
            exit 104
        fi",
    )?;
    fixture.agent().run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.single_pico("platform")?;
    fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    Ok(())
}

/// The start's reason says that mzsh cannot remove the entry of an old instance (code -1).
#[test]
fn irremovable_mzsh_entry_is_reported() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.sh("mkdir /opt/mz/tmp/.remote/platform")?;
    fixture
        .agent()
        .run("start")?
        .assert_exit_code(OCF_ERR_GENERIC)
        .assert_reason(&["mzsh startup: -1", "old instance"]);
    fixture.assert_nothing_left()
}

/// A pico that does not come up in time is ended before the operation's timeout, with a reason, in a session
/// of its own or in mzsh's.
#[test]
fn slow_start_is_ended_before_timeout() -> TestResult {
    for detached in [true, false] {
        let fixture = fixture(AgentKind::Platform).set("startup_outcome=slow");
        let fixture = fixture.set(&format!("jvm_detached={detached}")).build()?;
        let start = fixture.agent().meta_timeout(Duration::from_secs(10)).run("start")?;
        start.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["platform", "mzsh startup", " s"]);
        fixture.assert_nothing_left()?;
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    }
    Ok(())
}

/// An mzsh that hangs before it starts anything is ended before the operation's timeout.
#[test]
fn mzsh_hung_before_startup_is_ended_before_timeout() -> TestResult {
    let fixture = fixture(AgentKind::Platform).set("mzsh_time=10m").build()?;
    let start = fixture.agent().meta_timeout(Duration::from_secs(10)).run("start")?;
    start.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["platform", "mzsh startup"]);
    fixture.assert_nothing_left()
}

/// mzsh ends with code 0 and an error text while the JVM lives on: the start fails, and the JVM is ended, in
/// mzsh's session or its own.
#[test]
fn mzsh_code_0_with_error_text_fails_start_and_ends_jvm() -> TestResult {
    for (words, reason) in [
        (
            "Started with errors, Only Codeserver service is guaranteed to be running.",
            "started with errors",
        ),
        ("platform: no such server process", "no such server process"),
    ] {
        for detached in [true, false] {
            let fixture =
                fixture(AgentKind::Platform).set(&format!("jvm_detached={detached}")).build()?;
            fixture.override_mzsh_verb(
                "startup",
                &format!("/opt/mz/bin/mzsh.true \"$@\"; echo '{words}'; exit 0"),
            )?;
            fixture
                .agent()
                .run("start")?
                .assert_exit_code(OCF_ERR_GENERIC)
                .assert_reason(&["platform", reason]);
            assert!(fixture.history()?.iter().any(|event| event.event == "ready"), "it was up");
            fixture.assert_nothing_left()?;
            fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
        }
    }
    Ok(())
}

/// A startup fails by its code while the JVM lives on and comes up later: the start leaves no JVM. That holds
/// for every code, and for a real JVM on which mzsh gave up (102).
#[test]
fn jvm_outliving_failed_mzsh_startup_is_ended() -> TestResult {
    let given_up = fixture(AgentKind::Platform)
        .jvm()
        .set("startup_timeout=100ms")
        .set("start_time=30s")
        .build()?;
    let start = given_up.agent().meta_timeout(Duration::from_secs(60)).run("start")?;
    start.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["mzsh startup: 102, no call back"]);
    given_up.assert_nothing_left()?;
    for code in [1, 102, 103, 130, 255] {
        let fixture = fixture(AgentKind::Platform).build()?;
        fixture.override_mzsh_verb(
            "startup",
            &format!("/opt/mz/bin/mzsh.true \"$@\" >/dev/null; exit {code}"),
        )?;
        fixture
            .agent()
            .run("start")?
            .assert_exit_code(OCF_ERR_GENERIC)
            .assert_reason(&["platform", "mzsh startup: "]);
        assert!(fixture.history()?.iter().any(|event| event.event == "ready"), "{code}: it was up");
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// Both tries end with critical errors (104) and a live JVM: both JVMs are ended, and the reason names the
/// code.
#[test]
fn jvms_of_two_tries_with_critical_errors_are_ended() -> TestResult {
    let fixture = fixture(AgentKind::Sc).build()?;
    fixture.override_mzsh_verb(
        "startup",
        "/opt/mz/bin/mzsh.true \"$@\" >/dev/null; echo Critical error in sc1; exit 104",
    )?;
    let start = fixture
        .agent()
        .meta_timeout(Duration::from_secs(30))
        .run("start")?
        .assert_exit_code(OCF_ERR_GENERIC);
    start.assert_reason(&["sc1", "mzsh startup: 104, critical errors"]);
    let ready = fixture
        .history()?
        .iter()
        .filter(|event| event.event == "ready" && event.pico == "sc1")
        .count();
    assert_eq!(ready, 2, "it was tried twice");
    fixture.assert_nothing_left()
}

/// A running pico that mzsh does not know is adopted by a start, not started a second time. A stop ends it.
#[test]
fn running_pico_unknown_to_mzsh_is_adopted_by_start() -> TestResult {
    for code in ["255", "1"] {
        let fixture = fixture(AgentKind::Sc).set(&format!("old_instance_code={code}")).build()?;
        let old = fixture.start_by_mzsh()?;
        // From here on mzsh does not know the pico.
        fixture.sh("rm /opt/mz/tmp/.remote/sc1 /opt/mz/log/sc1.pid")?;
        fixture.agent().run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        assert_eq!(fixture.single_pico("sc1")?.pid, old.pid);
        assert_eq!(fixture.mzsh_call_count("startup -f sc1")?, 0);
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// A JVM that is dead when mzsh reports success, and that no scan has seen, fails the start. The next stop
/// succeeds.
#[test]
fn jvm_dead_when_mzsh_reports_success_fails_start() -> TestResult {
    let fixture = fixture(AgentKind::Platform).set("start_time=0ms").build()?;
    let dies = "pid=$(cat /opt/mz/log/platform.pid); kill -9 $pid; while [ -e /proc/$pid ]; do sleep 0.01; done";
    fixture
        .override_mzsh_verb("startup", &format!("/opt/mz/bin/mzsh.true \"$@\"; {dies}; exit 0"))?;
    fixture
        .agent()
        .run("start")?
        .assert_exit_code(OCF_ERR_GENERIC)
        .assert_reason(&["platform", "mzsh"]);
    assert!(fixture.history()?.iter().any(|event| event.event == "ready"), "it was up");
    fixture.assert_nothing_left()?;
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()?;
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    Ok(())
}
