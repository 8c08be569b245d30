//! Exit codes, stdout and stderr of each action.

use crate::{agent_command, behave_command, run_and_capture};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

#[test]
fn unimplemented_action_prints_usage_and_exits_3() {
    for action in ["", "promote", "notify", "migrate_to", "reload", "reload-agent", "START"] {
        let (code, stdout, stderr) = run_and_capture(&mut agent_command("flag", action));
        assert_eq!((code, stdout.as_str()), (Some(3), ""), "{action}");
        assert!(
            stderr.starts_with("usage: flag {start|stop|monitor|validate-all|meta-data|"),
            "{stderr}"
        );
    }
    // No argument, and one that is not UTF-8.
    let program = agent_command("flag", "").get_program().to_owned();
    assert_eq!(run_and_capture(Command::new(&program).env_clear()).0, Some(3));
    assert_eq!(
        run_and_capture(Command::new(&program).arg(OsStr::from_bytes(b"\xff")).env_clear()).0,
        Some(3)
    );
}

#[test]
fn usage_and_version_go_to_stdout() {
    for action in ["usage", "help", "--help", "-h"] {
        let (code, stdout, stderr) = run_and_capture(&mut agent_command("flag", action));
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{action}");
        assert!(stdout.starts_with("usage: flag {start|"), "{stdout}");
    }
    assert_eq!(
        run_and_capture(&mut agent_command("flag", "--version")),
        (Some(0), "flag 1.0.0\n".to_owned(), String::new())
    );
}

#[test]
fn flag_resource_goes_through_its_lifecycle() {
    let dir = tempfile::tempdir().unwrap();
    let call = |action: &str| {
        let mut command = agent_command("flag", action);
        // The cluster's actions ignore a further argument and missing variables.
        command.args((action != "status").then_some("ignored"));
        run_and_capture(command.env("OCF_RESKEY_flag", dir.path().join("up")))
    };
    let quiet = (Some(0), String::new(), String::new());
    let reason = format!("{}: no such file", dir.path().join("up").display());
    let stopped = (Some(7), String::new(), format!("ocf-exit-reason:{reason}\n"));
    assert_eq!(call("validate-all"), quiet);
    assert_eq!(call("monitor"), stopped);
    assert_eq!(
        call("status"),
        (Some(7), format!("default: not running: {reason}\n"), String::new())
    );
    for _ in 0..2 {
        assert_eq!(call("start").0, Some(0));
        assert_eq!(call("monitor"), quiet);
    }
    assert_eq!(call("status"), (Some(0), "default: running\n".to_owned(), String::new()));
    for _ in 0..2 {
        assert_eq!(call("stop"), quiet);
        assert_eq!(call("monitor"), stopped);
    }
}

#[test]
fn non_utf8_parameter_is_named_and_exits_6() {
    let call = |action| {
        let value = OsStr::from_bytes(b"/x\xff\n");
        run_and_capture(
            agent_command("flag", action)
                .env("OCF_RESKEY_flag", value)
                .env("OCF_RESKEY_trace_ra", value),
        )
    };
    let (code, stdout, stderr) = call("validate-all");
    assert_eq!((code, stdout.as_str()), (Some(6), ""));
    assert_eq!(
        stderr,
        "ERROR: flag: is \"/x? \", which is not UTF-8\n\
         ERROR: trace_ra: is \"/x? \", which is not UTF-8\n\
         ocf-exit-reason:2 errors, first: flag: is \"/x? \", which is not UTF-8\n"
    );
    let (code, _, stderr) = call("start");
    assert_eq!(code, Some(6));
    assert!(
        stderr.ends_with("ocf-exit-reason:flag: is \"/x? \", which is not UTF-8\n"),
        "{stderr}"
    );
}

#[test]
fn exit_reason_is_the_last_stderr_line_and_short() {
    let (code, stdout, stderr) =
        run_and_capture(behave_command("fail", "stop").env("OCF_EXIT_REASON_PREFIX", "why:"));
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    let last = stderr.lines().last().unwrap().strip_prefix("why:").unwrap();
    assert!(last.len() <= 128 && last.ends_with("..."), "{stderr}");
    assert_eq!(
        run_and_capture(&mut behave_command("degrade", "monitor")),
        (Some(190), String::new(), "ocf-exit-reason:half of it\n".to_owned())
    );
}

#[test]
fn explain_prints_evidence_and_the_exit_code_of_monitor() {
    let expected = "evidence          none, \"none\"\ndefault: running, degraded: half of it \
                    (monitor would exit 190 (OCF_DEGRADED))\n";
    assert_eq!(
        run_and_capture(&mut behave_command("degrade", "explain")),
        (Some(190), expected.to_owned(), String::new())
    );
    let expected = r#"{"resource":"default","state":"running, degraded","reason":"half of it","exit_code":190,"evidence":{"evidence":"none,\n\"none\""}}"#;
    let said = run_and_capture(behave_command("degrade", "explain").arg("--json"));
    assert_eq!(said, (Some(190), format!("{expected}\n"), String::new()));
    let expected = r#"{"resource":"default","state":"running","exit_code":0,"evidence":{}}"#;
    assert_eq!(
        run_and_capture(behave_command("", "status").arg("--json")),
        (Some(0), format!("{expected}\n"), String::new())
    );
}

#[test]
fn metadata_is_the_same_in_any_environment() {
    let (code, bare, stderr) = run_and_capture(&mut agent_command("flag", "meta-data"));
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let mut full = agent_command("flag", "meta-data");
    full.env("OCF_RESKEY_flag", OsStr::from_bytes(b"\xff"))
        .env("OCF_RESKEY_trace_ra", "1")
        .current_dir("/proc");
    full.env("HA_debug", "1").env("OCF_CHECK_LEVEL", "x").env("OCF_RESKEY_CRM_meta_timeout", "-1");
    assert_eq!(run_and_capture(&mut full), (Some(0), bare, String::new()));
}

#[test]
fn closed_stdio_does_not_panic() {
    for action in ["meta-data", "usage", "monitor", "status", "nonsense"] {
        let open = run_and_capture(&mut agent_command("flag", action)).0;
        // After a close, Rust's runtime opens /dev/null in place of the descriptors.
        let mut closed = agent_command("flag", action);
        let program = closed.get_program().to_owned();
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "exec \"$0\" \"$1\" <&- >&- 2>&-"]).arg(program).arg(action).env_clear();
        assert_eq!(shell.status().unwrap().code(), open, "{action}");
        // The pipe has no reader.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        closed.stdout(writer.try_clone().unwrap()).stderr(writer);
        let code = closed.status().unwrap().code();
        // Metadata or usage that could not be written is no success.
        let expected = if open == Some(0) { Some(1) } else { open };
        assert_eq!(code, expected, "{action}");
    }
}
