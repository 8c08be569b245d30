//! What people use: explain, status, and the trace.

use serde_json::Value;
use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, Site, site};
use testkit::{Done, Error, Ran};

/// OCF exit code: no such action.
const UNIMPLEMENTED: i32 = 3;

/// The agent, with more arguments than its action.
fn with_arguments(site: &Site, action: &str, arguments: &[&str]) -> Result<Ran, Error> {
    let (mut argv, environment) = site.agent().spelled_out(action);
    argv.extend(arguments.iter().map(|&argument| argument.to_owned()));
    let command = site.node.command(&argv[0]).args(&argv[1..]);
    environment.into_iter().fold(command, |command, (name, value)| command.env(name, value)).run()
}

#[test]
fn explain_and_status_tell_what_they_saw_and_exit_as_monitor_would() -> Done {
    let site = site(Kind::Platform).build()?;
    for action in ["explain", "status"] {
        let ran = site.agent().run(action)?.expect(NOT_RUNNING)?;
        assert!(ran.stdout.contains("not running") && ran.stderr.is_empty(), "{ran}");
    }
    let pid = site.start()?.pid;
    let explained = site.agent().run("explain")?.expect(OK)?;
    for word in ["platform", "/opt/mz", &format!("pid {pid} "), "127.0.0.1:26000", "exit 0"] {
        assert!(explained.stdout.contains(word), "{word}: {explained}");
    }
    let status = site.agent().run("status")?.expect(OK)?;
    assert!(status.stdout.contains("running") && !status.stdout.contains("not running"), "{status}");

    site.signal(pid, "STOP")?;
    let explained = site.agent().run("explain")?.expect(GENERIC)?;
    assert!(explained.stdout.contains("exit 1") && explained.stdout.contains("stopped"), "{explained}");
    assert_eq!(site.one("platform")?.pid, pid);
    Ok(())
}

/// A line of text for each point of the document: its label, a gap, its value.
#[test]
fn explain_keeps_each_label_whole_and_apart_from_its_value() -> Done {
    for kind in [Kind::Platform, Kind::Ec] {
        let site = site(kind).property(&format!("{}:mz.ha.interval=-5", kind.pico())).build()?;
        site.start()?;
        let text = with_arguments(&site, "explain", &[])?.expect(OK)?.stdout;
        let document = with_arguments(&site, "explain", &["--json"])?.expect(OK)?.stdout;
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
                        // The age is that of another moment.
                        .is_some_and(|rest| rest.trim_start() == value || label == "age")
                };
                assert!(text.lines().any(|line| is_its_line(&line)), "{label}: {value}: {text}");
            }
        }
    }
    Ok(())
}

/// OCF has arguments behind the action ignored; of an action that only people use, one is a slip of the pen.
#[test]
fn argument_that_an_action_for_people_does_not_take_is_refused_with_usage() -> Done {
    let site = site(Kind::Platform).build()?;
    for action in ["explain", "status", "usage", "--version"] {
        for arguments in [["--jsn"].as_slice(), &["foo"], &["--json", "foo"], &["foo", "--json"], &[""]] {
            let ran = with_arguments(&site, action, arguments)?.expect(UNIMPLEMENTED)?;
            assert!(ran.stdout.is_empty() && ran.stderr.contains("\nusage: platform {"), "{ran}");
            let words = format!("platform: {action} takes no argument ");
            assert!(ran.stderr.starts_with(&words), "{ran}");
        }
    }
    for action in ["explain", "status"] {
        let ran = with_arguments(&site, action, &["--json"])?.expect(NOT_RUNNING)?;
        assert!(serde_json::from_str::<Value>(&ran.stdout).is_ok(), "{ran}");
    }
    for action in ["meta-data", "validate-all", "stop"] {
        with_arguments(&site, action, &["foo"])?.expect(OK)?;
    }
    Ok(())
}

/// Pacemaker shows the reason of a monitor until a cleanup: by then the process has gone on, or its number is another's.
#[test]
fn stopped_process_has_a_command_for_a_person_and_none_in_what_the_cluster_keeps() -> Done {
    let site = site(Kind::Platform).build()?;
    let pid = site.start()?.pid;
    site.signal(pid, "STOP")?;
    let ran = site.monitor(0)?.answers(GENERIC);
    let reason = ran.reason().unwrap_or_default();
    assert!(reason.starts_with(&format!("platform hung: pid {pid} was stopped (T) at ")), "{reason}");
    assert!(!reason.contains("kill") && reason.ends_with(" UTC"), "{reason}");
    let explained = site.agent().run("explain")?.expect(GENERIC)?;
    assert!(explained.stdout.contains(&format!("run `kill -CONT {pid}` to resume it")), "{explained}");
    site.signal(pid, "CONT")?;
    let explained = site.agent().run("explain")?.expect(OK)?;
    assert!(!explained.stdout.contains("kill"), "{explained}");
    Ok(())
}

#[test]
fn a_traced_action_leaves_a_file_that_root_alone_can_read() -> Done {
    let site = site(Kind::Platform).build()?;
    site.agent().param("trace_ra", "1").run("start")?.expect(OK)?;
    // Where crm report looks for it; the rest of its name is the time.
    let files = site.sh("cd /var/lib/heartbeat/trace_ra/platform && stat --format='%n %a' *")?;
    assert!(files.starts_with("platform.start.") && files.trim_end().ends_with(" 600"), "{files}");
    assert_eq!(files.lines().count(), 1, "{files}");
    let text = site.sh("cat /var/lib/heartbeat/trace_ra/platform/*")?;
    assert!(text.lines().count() > 1, "{text}");
    for line in text.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok_and(|v| v.is_object()), "{line}");
    }
    site.agent().param("trace_ra", "1").param("trace_dir", "/tmp/traces").run("stop")?.expect(OK)?;
    assert!(site.sh("ls /tmp/traces/platform")?.starts_with("platform.stop."));
    Ok(())
}
