//! An mzsh that does not work: missing, broken, hung, slow, cut off, or with background processes.

use std::time::Duration;

use testkit::assertions::{
    AgentAssertions, OCF_ERR_GENERIC, OCF_ERR_INSTALLED, OCF_ERR_PERM, OCF_NOT_RUNNING, OCF_SUCCESS,
};
use testkit::fixture::{AgentKind, Fixture, as_recurring_monitor, describe_processes, fixture};
use testkit::{NodeCommandOutput, TestResult};

const MZSH_PATH: &str = "/opt/mz/bin/mzsh";

/// A monitor of depth 20 that has no other check than mzsh.
fn monitor_by_mzsh_only(fixture: &Fixture) -> testkit::AgentCall<'_> {
    as_recurring_monitor(fixture.agent(), 20).param("ha_check", "no").param("monitor_retries", "0")
}

/// A shell command that replaces mzsh, the exit code of a start, and text of its reason.
const UNEXECUTABLE_CASES: [(&str, i32, &str); 8] = [
    ("rm $mzsh", OCF_ERR_INSTALLED, "does not exist"),
    ("ln -sf /opt/nowhere $mzsh", OCF_ERR_INSTALLED, "does not exist"),
    ("chmod 644 $mzsh", OCF_ERR_PERM, "not an executable file"),
    ("rm $mzsh; mkdir $mzsh", OCF_ERR_PERM, "not an executable file"),
    ("rm $mzsh; mkfifo -m 755 $mzsh", OCF_ERR_PERM, "not an executable file"),
    ("printf '#!/opt/no/shell\\n' >$mzsh", OCF_ERR_GENERIC, "/opt/mz/bin/mzsh"),
    (": >$mzsh", OCF_ERR_GENERIC, "/opt/mz/bin/mzsh"),
    ("head -c 4096 /dev/zero >$mzsh", OCF_ERR_GENERIC, "/opt/mz/bin/mzsh"),
];

/// A missing or unexecutable mzsh fails a start, and the reason names the file and its defect. A running pico
/// is healthy for every monitor, and a stop ends it by signals.
#[test]
fn unexecutable_mzsh_fails_start_but_no_monitor_or_stop() -> TestResult {
    for (line, code, word) in UNEXECUTABLE_CASES {
        let fixture = fixture(AgentKind::Platform).build()?;
        let line = line.replace("$mzsh", MZSH_PATH);
        fixture.sh(&format!("cp -a {MZSH_PATH} /opt/mzsh; {line}"))?;
        fixture.agent().run("start")?.assert_exit_code(code).assert_reason(&[MZSH_PATH, word]);
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
        fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        fixture.assert_nothing_left()?;

        fixture.sh(&format!("rm -rf {MZSH_PATH}; cp -a /opt/mzsh {MZSH_PATH}"))?;
        fixture.start()?;
        fixture.sh(&line)?;
        for level in [0, 10, 20] {
            fixture.monitor(level)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        }
        monitor_by_mzsh_only(&fixture)
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        assert_eq!(fixture.last_end_reason("platform")?.as_deref(), Some("signal"), "{line}");
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// From now on mzsh ignores signals and never ends.
fn make_mzsh_hang_in(fixture: &Fixture, verb: &str) -> TestResult {
    fixture.override_mzsh_verb(verb, "trap '' TERM INT HUP; while :; do sleep 1000001; done")
}

/// An mzsh that hangs in its startup is ended with its children before the operation's timeout. The reason
/// says what hung.
#[test]
fn mzsh_hung_in_startup_is_ended_in_time() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    make_mzsh_hang_in(&fixture, "startup")?;
    let start = fixture.agent().meta_timeout(Duration::from_secs(8)).run("start")?;
    start.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&[
        "platform",
        "mzsh startup timed out after",
        " s",
    ]);
    fixture.assert_nothing_left()?;
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    Ok(())
}

/// An mzsh that hangs in its status fails no monitor while the HA Monitor Server answers OK. It fails a
/// monitor that has no other check. It is ended in time with its children.
#[test]
fn mzsh_hung_in_status_is_ended_in_time() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.start()?;
    make_mzsh_hang_in(&fixture, "status")?;
    let ended = |ran: NodeCommandOutput| -> Result<NodeCommandOutput, testkit::TestkitError> {
        let left = fixture.processes()?;
        assert_eq!(left.len(), 1, "{ran}{}", describe_processes(&left));
        Ok(ran)
    };
    let short = Duration::from_secs(5);
    ended(
        fixture
            .recurring_monitor(20)
            .meta_timeout(short)
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output(),
    )?;
    let log = fixture.log()?;
    assert!(log.contains("mzsh status: no answer before its timeout"), "{log}");
    let alone = ended(
        monitor_by_mzsh_only(&fixture)
            .meta_timeout(short)
            .run("monitor")?
            .assert_exit_code(OCF_ERR_GENERIC),
    )?;
    alone.assert_reason(&["platform", "is alive", "mzsh status: no answer"]);
    // The `mzsh status` timeout is shorter than the operation's.
    let limited = monitor_by_mzsh_only(&fixture)
        .param("mzsh_timeout", "1")
        .meta_timeout(Duration::from_secs(120));
    let limited = ended(
        limited
            .run("monitor")?
            .assert_exit_code(OCF_ERR_GENERIC)
            .assert_reason(&["mzsh status: no answer"]),
    )?;
    assert!(limited.wall_time < Duration::from_secs(40), "{limited}");
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}

/// An mzsh that hangs in its shutdown is ended with its children. The pico gets its SIGTERM in time and shuts
/// down in an orderly way.
#[test]
fn mzsh_hung_in_shutdown_is_ended_in_time() -> TestResult {
    for real in [true, false] {
        let fixture = fixture(AgentKind::Ec).real_jvm(real).build()?;
        fixture.start()?;
        make_mzsh_hang_in(&fixture, "shutdown")?;
        fixture
            .agent()
            .meta_timeout(Duration::from_secs(12))
            .run("stop")?
            .assert_exit_code(OCF_SUCCESS);
        assert_eq!(fixture.last_end_reason("ec1")?.as_deref(), Some("signal"));
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// A start, a deep monitor and a stop wait for a slow mzsh.
#[test]
fn slow_mzsh_is_waited_for() -> TestResult {
    let fixture = fixture(AgentKind::Platform).set("mzsh_time=2s").build()?;
    fixture.start()?;
    fixture.monitor(20)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert_eq!(fixture.last_end_reason("platform")?.as_deref(), Some("shutdown"));
    Ok(())
}

/// An mzsh that dies by a signal fails a start, whose reason says so. It fails no monitor of a pico and does
/// not keep a stop from succeeding.
#[test]
fn mzsh_killed_by_signal_fails_start_but_no_monitor_or_stop() -> TestResult {
    for signal in ["SEGV", "KILL", "TERM"] {
        let fixture = fixture(AgentKind::Platform).build()?;
        fixture.wrap_mzsh(&format!("[ ! -e /opt/mz/tmp/dies ] || kill -s {signal} $$"))?;
        fixture.start()?;
        fixture.sh("touch /opt/mz/tmp/dies")?;
        fixture.monitor(20)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        monitor_by_mzsh_only(&fixture)
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
        assert!(
            fixture.log()?.contains(&format!("mzsh ended by SIG{signal}")),
            "{}",
            fixture.log()?
        );
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        assert_eq!(fixture.last_end_reason("platform")?.as_deref(), Some("signal"));
        fixture.assert_nothing_left()?;
        let start = fixture.agent().run("start")?.assert_exit_code(OCF_ERR_GENERIC);
        start.assert_reason(&["platform", "mzsh startup: ", &format!("SIG{signal}")]);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// The agent waits until mzsh ends, not until its output is closed: an mzsh may close its output before it
/// begins its work.
#[test]
fn mzsh_closing_output_early_is_waited_for() -> TestResult {
    let fixture = fixture(AgentKind::Platform).set("start_time=1s").build()?;
    fixture.wrap_mzsh("exec >&- 2>&-")?;
    fixture.agent().run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.single_pico("platform")?;
    fixture.monitor(20)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert_eq!(fixture.last_end_reason("platform")?.as_deref(), Some("shutdown"));
    fixture.assert_nothing_left()
}

/// An mzsh that asks a question reads end-of-file and does not hang on a terminal. Its input is empty,
/// whatever the agent's input is.
#[test]
fn mzsh_reads_empty_stdin() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.wrap_mzsh(
        "IFS= read -r answer && echo \"got: $answer\" >/opt/mz/tmp/got; cat >>/opt/mz/tmp/got",
    )?;
    let (argv, environment) = fixture.agent().argv_and_environment("start");
    let line = format!("echo what a caller has to say | {}", argv.join(" "));
    let shell = fixture.node.command("sh").args(["-c", &line]).time_limit(Duration::from_secs(20));
    environment
        .into_iter()
        .fold(shell, |call, (name, value)| call.env(name, value))
        .run()?
        .expect_code(OCF_SUCCESS)?;
    fixture.single_pico("platform")?;
    fixture.monitor(20)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert_eq!(fixture.node.read("/opt/mz/tmp/got")?, "");
    fixture.assert_nothing_left()
}

/// A process that mzsh startup leaves behind with its output open does not delay the start, and is not the
/// pico.
#[test]
fn background_process_of_mzsh_startup_does_not_delay_start() -> TestResult {
    for detached in [true, false] {
        let fixture =
            fixture(AgentKind::Platform).set(&format!("jvm_detached={detached}")).build()?;
        fixture.override_mzsh_verb("startup", "sleep 1000001 &")?;
        fixture.agent().run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        fixture.wait_for_process(&["sleep", "1000001"])?;
        for level in [0, 10, 20] {
            fixture.monitor(level)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        }
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        assert!(fixture.pico_processes("platform")?.is_empty());
    }
    Ok(())
}

/// A process that mzsh status or shutdown leaves behind is ended: otherwise a monitor every two minutes would
/// accumulate them.
#[test]
fn background_process_of_mzsh_status_or_shutdown_is_ended() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.start()?;
    fixture.wrap_mzsh("[ \"$1\" = startup ] || sleep 1000001 >/dev/null 2>&1 &")?;
    fixture.monitor(20)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    // A killed process may still be exiting. The stop leaves one, too, by its mzsh shutdown.
    let until_left = |number| {
        fixture.wait_until(&format!("{number} processes to be left"), |fixture| {
            let left = fixture.processes()?;
            Ok(if left.len() == number { Ok(()) } else { Err(describe_processes(&left)) })
        })
    };
    until_left(1)?;
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    until_left(0)
}

/// Shell commands that let others write mzsh, and the file and remedy that the refusal names.
const WRITABLE_BY_OTHERS: [(&str, &[&str]); 6] = [
    ("chmod o+w $mzsh", &[MZSH_PATH, "can be written by everybody", "chmod o-w"]),
    ("chgrp 100 $mzsh; chmod g+w $mzsh", &[MZSH_PATH, "can be written by group 100", "chmod g-w"]),
    ("chmod o+w ${mzsh%/*}", &["/opt/mz/bin can be written by everybody", "chmod o-w"]),
    ("chmod o+w /opt/mz", &["/opt/mz can be written by everybody", "chmod o-w"]),
    ("chown 65534 $mzsh", &[MZSH_PATH, "belongs to nobody", "chown"]),
    ("chown 65534 ${mzsh%/*}", &["/opt/mz/bin belongs to nobody", "chown"]),
];

/// An mzsh that is writable by others than its owner and root, or that another user owns, is not run. A start
/// is refused with 4, and the reason names the file and the remedy. No monitor fails for that, and a stop
/// ends the pico by signals.
#[test]
fn mzsh_writable_by_others_is_refused() -> TestResult {
    for (line, words) in WRITABLE_BY_OTHERS {
        let fixture = fixture(AgentKind::Platform).build()?;
        if fixture.node.owner() == "root" {
            // The node of a normal user has no second user.
            return Ok(());
        }
        fixture.start()?;
        let calls = fixture.mzsh_call_count("")?;
        fixture.sh(&format!("mzsh={MZSH_PATH}; {line}"))?;
        for level in [0, 10, 20] {
            fixture.monitor(level)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        }
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        assert_eq!(fixture.last_end_reason("platform")?.as_deref(), Some("signal"), "{line}");
        fixture.agent().run("start")?.assert_exit_code(OCF_ERR_PERM).assert_reason(words);
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
        assert_eq!(fixture.mzsh_call_count("")?, calls, "{line}: it was not run");
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// An mzsh that root has edited is run, and so is one that is writable by the owner's group if that group has
/// no other member.
#[test]
fn mzsh_writable_only_by_owner_or_root_is_run() -> TestResult {
    for line in ["chown 0 $mzsh", "chmod g+w $mzsh ${mzsh%/*}"] {
        let fixture = fixture(AgentKind::Platform).build()?;
        fixture.sh(&format!("mzsh={MZSH_PATH}; {line}"))?;
        fixture.start()?;
        fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        assert_eq!(fixture.last_end_reason("platform")?.as_deref(), Some("shutdown"), "{line}");
    }
    Ok(())
}
