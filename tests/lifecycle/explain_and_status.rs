//! Actions for people: explain, status, and the trace.

use serde_json::Value;
use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, fixture};
use testkit::{NodeCommandOutput, TestResult, TestkitError};

/// OCF exit code: no such action.
const UNIMPLEMENTED: i32 = 3;

/// The agent with additional arguments after its action.
fn run_with_arguments(
    fixture: &Fixture,
    action: &str,
    arguments: &[&str],
) -> Result<NodeCommandOutput, TestkitError> {
    let (mut argv, environment) = fixture.agent().argv_and_environment(action);
    argv.extend(arguments.iter().map(|&argument| argument.to_owned()));
    let command = fixture.node.command(&argv[0]).args(&argv[1..]);
    environment.into_iter().fold(command, |command, (name, value)| command.env(name, value)).run()
}

#[test]
fn explain_and_status_print_evidence_and_exit_like_monitor() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    for action in ["explain", "status"] {
        let ran = fixture.agent().run(action)?.expect_code(OCF_NOT_RUNNING)?;
        assert!(ran.stdout.contains("not running") && ran.stderr.is_empty(), "{ran}");
    }
    let pid = fixture.start()?.pid;
    let explained = fixture.agent().run("explain")?.expect_code(OCF_SUCCESS)?;
    for word in ["platform", "/opt/mz", &format!("pid {pid} "), "127.0.0.1:26000", "exit 0"] {
        assert!(explained.stdout.contains(word), "{word}: {explained}");
    }
    let status = fixture.agent().run("status")?.expect_code(OCF_SUCCESS)?;
    assert!(
        status.stdout.contains("running") && !status.stdout.contains("not running"),
        "{status}"
    );

    fixture.signal(pid, "STOP")?;
    let explained = fixture.agent().run("explain")?.expect_code(OCF_ERR_GENERIC)?;
    assert!(
        explained.stdout.contains("exit 1") && explained.stdout.contains("stopped"),
        "{explained}"
    );
    assert_eq!(fixture.single_pico("platform")?.pid, pid);
    Ok(())
}

/// A line of text for each value of the document: its label, a gap, its value.
#[test]
fn explain_separates_each_label_from_its_value() -> TestResult {
    for kind in [AgentKind::Platform, AgentKind::Ec] {
        let fixture =
            fixture(kind).property(&format!("{}:mz.ha.interval=-5", kind.pico())).build()?;
        fixture.start()?;
        let text = run_with_arguments(&fixture, "explain", &[])?.expect_code(OCF_SUCCESS)?.stdout;
        let document =
            run_with_arguments(&fixture, "explain", &["--json"])?.expect_code(OCF_SUCCESS)?.stdout;
        let document: Value = serde_json::from_str(&document).expect("JSON");
        let evidence = document["evidence"].as_object().expect("an object");
        assert!(evidence.contains_key("pico.rcp.server.host"), "{document}");
        let values = |value: &Value| match value {
            Value::Array(all) => all.clone(),
            one => vec![one.clone()],
        };
        for (label, value) in evidence {
            for value in values(value) {
                let value = value.as_str().expect("text");
                let is_its_line = |line: &&str| {
                    line.strip_prefix(label.as_str())
                        .and_then(|rest| rest.strip_prefix("  "))
                        // Age and state were read twice, at different times.
                        .is_some_and(|rest| {
                            rest.trim_start() == value || label == "age" || label == "state"
                        })
                };
                assert!(text.lines().any(|line| is_its_line(&line)), "{label}: {value}: {text}");
            }
        }
    }
    Ok(())
}

/// OCF requires that arguments after the action are ignored. For an action that only people use, an extra
/// argument is a mistake.
#[test]
fn extra_argument_of_explain_or_status_is_refused_with_usage() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    for action in ["explain", "status", "usage", "--version"] {
        for arguments in
            [["--jsn"].as_slice(), &["foo"], &["--json", "foo"], &["foo", "--json"], &[""]]
        {
            let ran =
                run_with_arguments(&fixture, action, arguments)?.expect_code(UNIMPLEMENTED)?;
            assert!(ran.stdout.is_empty() && ran.stderr.contains("\nusage: platform {"), "{ran}");
            let words = format!("platform: {action} takes no argument ");
            assert!(ran.stderr.starts_with(&words), "{ran}");
        }
    }
    for action in ["explain", "status"] {
        let ran =
            run_with_arguments(&fixture, action, &["--json"])?.expect_code(OCF_NOT_RUNNING)?;
        assert!(serde_json::from_str::<Value>(&ran.stdout).is_ok(), "{ran}");
    }
    for action in ["meta-data", "validate-all", "stop"] {
        run_with_arguments(&fixture, action, &["foo"])?.expect_code(OCF_SUCCESS)?;
    }
    Ok(())
}

/// Pacemaker shows the reason of a monitor until a cleanup: by then the process was resumed, or its pid was
/// reused.
#[test]
fn resume_command_for_stopped_pico_is_in_explain_but_not_in_reason() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let pid = fixture.start()?.pid;
    fixture.signal(pid, "STOP")?;
    let ran = fixture.monitor(0)?.assert_exit_code(OCF_ERR_GENERIC);
    let reason = ran.reason().unwrap_or_default();
    assert!(
        reason.starts_with(&format!("platform: hung: pid {pid} was stopped (T) at ")),
        "{reason}"
    );
    assert!(!reason.contains("kill") && reason.ends_with(" UTC"), "{reason}");
    let explained = fixture.agent().run("explain")?.expect_code(OCF_ERR_GENERIC)?;
    assert!(
        explained.stdout.contains(&format!("run `kill -CONT {pid}` to resume it")),
        "{explained}"
    );
    fixture.signal(pid, "CONT")?;
    let explained = fixture.agent().run("explain")?.expect_code(OCF_SUCCESS)?;
    assert!(!explained.stdout.contains("kill"), "{explained}");
    Ok(())
}

#[test]
fn traced_action_leaves_file_readable_by_root_only() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.agent().param("trace_ra", "1").run("start")?.expect_code(OCF_SUCCESS)?;
    // In the directory that crm report searches; the rest of the file name is the time.
    let files = fixture.sh("cd /var/lib/heartbeat/trace_ra/platform && stat --format='%n %a' *")?;
    assert!(files.starts_with("platform.start.") && files.trim_end().ends_with(" 600"), "{files}");
    assert_eq!(files.lines().count(), 1, "{files}");
    let text = fixture.sh("cat /var/lib/heartbeat/trace_ra/platform/*")?;
    assert!(text.lines().count() > 1, "{text}");
    for line in text.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok_and(|v| v.is_object()), "{line}");
    }
    fixture
        .agent()
        .param("trace_ra", "1")
        .param("trace_dir", "/tmp/traces")
        .run("stop")?
        .expect_code(OCF_SUCCESS)?;
    assert!(fixture.sh("ls /tmp/traces/platform")?.starts_with("platform.stop."));
    Ok(())
}
