//! Deep checks that cannot be made, in many monitors in a row.

use testkit::assertions::{AgentAssertions, OCF_DEGRADED, OCF_ERR_GENERIC, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, fixture};
use testkit::{AgentCall, NodeCommandOutput, TestResult, TestkitError};

/// A check that cannot be made: its depth, shell commands that remove and restore a precondition, and text of
/// the reason.
struct Lack {
    depth: u32,
    take: &'static str,
    give: &'static str,
    why: &'static str,
    shown: &'static str,
}

const LACKS: [Lack; 5] = [
    Lack {
        depth: 10,
        take: "mv /opt/mz/lib/ha.jar /opt/mz/lib/away.jar",
        give: "mv /opt/mz/lib/away.jar /opt/mz/lib/ha.jar",
        why: "its HA Monitor Server could not be asked: ",
        shown: "ha.jar: No such file or directory",
    },
    Lack {
        depth: 20,
        take: "mv /opt/mz/lib/ha.jar /opt/mz/lib/away.jar",
        give: "mv /opt/mz/lib/away.jar /opt/mz/lib/ha.jar",
        why: "its HA Monitor Server could not be asked: ",
        shown: "ha.jar: No such file or directory",
    },
    Lack {
        depth: 10,
        take: "sed -i 's/: 26000/: 26007/' $conf; rm $record",
        give: "sed -i 's/: 26007/: 26000/' $conf; rm $record",
        why: "was never seen to listen on 127.0.0.1:26007",
        shown: "nothing listens",
    },
    Lack {
        depth: 20,
        take: "echo 'exit 127' >/tmp/status",
        give: ": >/tmp/status",
        why: "mzsh status could not be run: mzsh was not executed, exit code 127",
        shown: "exit code 127",
    },
    Lack {
        depth: 20,
        take: "echo 'kill -9 $$' >/tmp/status",
        give: ": >/tmp/status",
        why: "mzsh status could not be run: mzsh ended by SIGKILL",
        shown: "SIGKILL",
    },
];

const CONF: &str =
    "/opt/mz/common/config/cell/default/.active/containers/main1/picos/platform.conf";

fn running() -> Result<Fixture, TestkitError> {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.sh(": >/tmp/status")?;
    fixture.wrap_mzsh("[ \"$1\" != status ] || . /tmp/status")?;
    fixture.start()?;
    Ok(fixture)
}

fn sh(fixture: &Fixture, line: &str) -> TestResult {
    fixture.sh(&line.replace("$conf", CONF).replace("$record", &fixture.record_path())).map(drop)
}

fn quick(call: AgentCall<'_>) -> AgentCall<'_> {
    let call = call.param("ha_timeout", "3").param("monitor_retries", "0").param("ha_grace", "0");
    call.param("mzsh_timeout", "3s").param("unchecked_limit", "3")
}

fn strict(fixture: &Fixture, depth: u32) -> Result<NodeCommandOutput, TestkitError> {
    quick(fixture.recurring_monitor(depth)).param("degraded", "yes").run("monitor")
}

/// By the record this many checks in a row could not be made at this depth.
#[track_caller]
fn counted(fixture: &Fixture, depth: u32, runs: u64) -> TestResult {
    let counts = fixture.read_record()?["counts"][depth.to_string()].take();
    assert_eq!(counts["unchecked"]["runs"].as_u64().unwrap_or(0), runs, "depth {depth}: {counts}");
    Ok(())
}

/// A deep check that cannot be made says nothing about the pico: the monitor succeeds with a warning. From
/// the `unchecked_limit`th monitor in a row on it answers "degraded" where that is configured, and says since
/// when and why. The first check that is made resets the count.
#[test]
fn check_that_could_not_be_made_for_long_is_told_with_the_time_and_why() -> TestResult {
    for Lack { depth, take, give, why, shown } in &LACKS {
        let fixture = running()?;
        sh(&fixture, take)?;
        for run in 1..=2 {
            strict(&fixture, *depth)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
            counted(&fixture, *depth, run)?;
        }
        assert!(!fixture.log()?.contains("not checked since"), "{}", fixture.log()?);
        let since =
            fixture.read_record()?["counts"][depth.to_string()]["unchecked"]["since"].take();
        for _ in 3..=4 {
            // The cause survives the cut at 128 bytes.
            let ran = strict(&fixture, *depth)?
                .assert_exit_code(OCF_DEGRADED)
                .assert_reason(&[why, shown]);
            assert!(ran.reason().is_some_and(|reason| reason.starts_with("platform: ")), "{ran}");
        }
        assert_eq!(
            fixture.read_record()?["counts"][depth.to_string()]["unchecked"]["since"],
            since
        );
        let log = fixture.log()?;
        for runs in 3..=4 {
            let end = format!(" UTC ({runs} runs)");
            let told = |line: &str| {
                let (cause, since) = line.split_once("; not checked since ").unwrap_or_default();
                cause.contains("platform: ") && cause.contains(why) && since.ends_with(&end)
            };
            assert!(log.lines().any(told), "{why}: {log}");
        }
        // Without that setting the text is in the log only.
        quick(fixture.recurring_monitor(*depth))
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
        assert!(
            fixture.log()?.contains("; not checked since ")
                && fixture.log()?.contains(" UTC (5 runs)")
        );
        fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        sh(&fixture, give)?;
        strict(&fixture, *depth)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        counted(&fixture, *depth, 0)?;
        sh(&fixture, take)?;
        strict(&fixture, *depth)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        counted(&fixture, *depth, 1)?;
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// By default the limit is ten monitors in a row.
#[test]
fn ten_runs_are_the_limit_by_default() -> TestResult {
    let fixture = running()?;
    sh(&fixture, LACKS[0].take)?;
    let run = || fixture.recurring_monitor(10).param("degraded", "yes").run("monitor");
    for _ in 1..10 {
        run()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    }
    run()?.assert_exit_code(OCF_DEGRADED).assert_reason(&["ha.jar"]);
    assert!(fixture.log()?.contains(" UTC (10 runs)"), "{}", fixture.log()?);
    Ok(())
}

/// Only a check that was made at the same depth resets the count, whatever its result. A monitor of depth 0,
/// a check of another depth, and a start that leaves the JVM running do not.
#[test]
fn only_a_check_of_the_same_depth_that_was_made_clears_the_count() -> TestResult {
    let fixture = running()?;
    sh(&fixture, "echo 'exit 127' >/tmp/status")?;
    for _ in 0..2 {
        strict(&fixture, 20)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    }
    for depth in [0, 10] {
        strict(&fixture, depth)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    }
    quick(fixture.agent()).run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    let pid = fixture.single_pico("platform")?.pid;
    fixture.signal(pid, "STOP")?;
    strict(&fixture, 20)?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["(T)"]);
    fixture.signal(pid, "CONT")?;
    quick(fixture.agent()).run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    // One-shot monitors do not count.
    for _ in 0..2 {
        quick(fixture.recurring_monitor(20))
            .without_env("OCF_RESKEY_CRM_meta_on_node")
            .run("monitor")?;
    }
    counted(&fixture, 20, 2)?;
    counted(&fixture, 10, 0)?;
    strict(&fixture, 20)?.assert_exit_code(OCF_DEGRADED).assert_reason(&[
        "mzsh status",
        "not checked since ",
        "(3 runs)",
    ]);
    // A check that was made and failed resets the count, too.
    fixture.node.write("/tmp/status", "exit 1")?;
    fixture.set(&["ha_answer=silent"])?;
    strict(&fixture, 20)?.assert_exit_code(OCF_ERR_GENERIC);
    counted(&fixture, 20, 0)?;
    fixture.set(&["ha_answer=OK"])?;
    // A check of another JVM has its own count.
    sh(&fixture, "echo 'exit 127' >/tmp/status")?;
    strict(&fixture, 20)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    counted(&fixture, 20, 1)?;
    fixture.node.write("/tmp/status", "")?;
    fixture.mzsh(&["restart", "platform"])?.expect_code(0)?;
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    counted(&fixture, 20, 0)
}

/// A warning and a check that could not be made are both reported. A finding of mzsh about a pico without
/// another check comes first; then comes since when the HA Monitor Server was not queried.
#[test]
fn what_is_found_beside_a_check_that_could_not_be_made_is_told_first() -> TestResult {
    let fixture = fixture(AgentKind::Ec).build()?;
    fixture.wrap_mzsh("[ \"$1\" != status ] || exit 1")?;
    fixture.start()?;
    sh(&fixture, LACKS[0].take)?;
    // The EC's answer is excused, because its Platform is away.
    fixture.signal(fixture.single_pico("platform")?.pid, "KILL")?;
    let deep = || quick(fixture.recurring_monitor(20)).run("monitor");
    for _ in 0..3 {
        deep()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    }
    let log = fixture.log()?;
    let both = |line: &str| {
        let place = |word: &str| line.find(word);
        place("mzsh status: ")
            .zip(place("; not checked since "))
            .is_some_and(|(first, last)| first < last)
    };
    assert_eq!(log.lines().filter(|line| both(line)).count(), 1, "{log}");
    // A failure is reported without the check that was not made.
    fixture.mzsh(&["startup", "platform"])?.expect_code(0)?;
    let failed = deep()?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["mzsh status: "]);
    assert!(!failed.stderr.contains("not checked"), "{failed}");
    counted(&fixture, 20, 4)
}

/// `explain` reports for each depth since when and why a check could not be made, in text and as JSON, from
/// the first time on.
#[test]
fn explain_tells_since_when_and_why_a_check_could_not_be_made() -> TestResult {
    let fixture = running()?;
    let explain = || quick(fixture.agent()).run("explain");
    let ran = explain()?.expect_code(0)?;
    assert!(!ran.stdout.contains("not checked"), "{ran}");
    sh(&fixture, LACKS[0].take)?;
    strict(&fixture, 10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    for _ in 0..2 {
        strict(&fixture, 20)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    }
    let ran = explain()?.expect_code(0)?;
    let lines: Vec<&str> =
        ran.stdout.lines().filter(|line| line.starts_with("not checked ")).collect();
    let [ten, twenty] = lines.as_slice() else { panic!("{ran}") };
    for (line, words) in [(ten, "at depth 10 since "), (twenty, "at depth 20 since ")] {
        assert!(line.contains(words) && line.contains("ha.jar"), "{line}");
    }
    assert!(ten.contains(" UTC (1 run): ") && twenty.contains(" UTC (2 runs): "), "{ran}");
    // The executor passes on only the action.
    let (mut argv, environment) = quick(fixture.agent()).argv_and_environment("explain");
    argv.push("--json".to_owned());
    let call = fixture.node.command(&argv[0]).args(&argv[1..]);
    let ran =
        environment.into_iter().fold(call, |call, (name, value)| call.env(name, value)).run()?;
    let document: serde_json::Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran}"));
    let told = document["evidence"]["not checked"].as_array().unwrap_or_else(|| panic!("{ran}"));
    assert!(
        told.len() == 2
            && told[0].as_str().is_some_and(|text| text.starts_with("at depth 10 since "))
    );
    Ok(())
}
