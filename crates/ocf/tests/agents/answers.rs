//! Exit codes, stdout and stderr of each action.

use crate::{agent, behave, seen};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

#[test]
fn what_is_not_implemented_is_answered_with_usage_and_3() {
    for action in ["", "promote", "notify", "migrate_to", "reload", "reload-agent", "START"] {
        let (code, stdout, stderr) = seen(&mut agent("flag", action));
        assert_eq!((code, stdout.as_str()), (Some(3), ""), "{action}");
        assert!(stderr.starts_with("usage: flag {start|stop|monitor|validate-all|meta-data|"), "{stderr}");
    }
    // No argument at all, and one that is no text.
    let program = agent("flag", "").get_program().to_owned();
    assert_eq!(seen(Command::new(&program).env_clear()).0, Some(3));
    assert_eq!(seen(Command::new(&program).arg(OsStr::from_bytes(b"\xff")).env_clear()).0, Some(3));
}

#[test]
fn people_get_usage_and_version_on_stdout() {
    for action in ["usage", "help", "--help", "-h"] {
        let (code, stdout, stderr) = seen(&mut agent("flag", action));
        assert_eq!((code, stderr.as_str()), (Some(0), ""), "{action}");
        assert!(stdout.starts_with("usage: flag {start|"), "{stdout}");
    }
    assert_eq!(seen(&mut agent("flag", "--version")), (Some(0), "flag 1.0.0\n".to_owned(), String::new()));
}

#[test]
fn the_life_of_a_resource() {
    let dir = tempfile::tempdir().unwrap();
    let call = |action: &str| {
        let mut command = agent("flag", action);
        // The cluster's actions ignore a further argument, and what the environment lacks.
        command.args((action != "status").then_some("ignored"));
        seen(command.env("OCF_RESKEY_flag", dir.path().join("up")))
    };
    let quiet = (Some(0), String::new(), String::new());
    let reason = format!("{}: no such file", dir.path().join("up").display());
    let stopped = (Some(7), String::new(), format!("ocf-exit-reason:{reason}\n"));
    assert_eq!(call("validate-all"), quiet);
    assert_eq!(call("monitor"), stopped);
    assert_eq!(call("status"), (Some(7), format!("default: not running: {reason}\n"), String::new()));
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
fn a_parameter_that_is_no_text_is_named_and_never_a_panic() {
    let call = |action| {
        let value = OsStr::from_bytes(b"/x\xff\n");
        seen(agent("flag", action).env("OCF_RESKEY_flag", value).env("OCF_RESKEY_trace_ra", value))
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
    assert!(stderr.ends_with("ocf-exit-reason:flag: is \"/x? \", which is not UTF-8\n"), "{stderr}");
}

#[test]
fn a_reason_is_the_last_line_and_short() {
    let (code, stdout, stderr) = seen(behave("fail", "stop").env("OCF_EXIT_REASON_PREFIX", "why:"));
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    let last = stderr.lines().last().unwrap().strip_prefix("why:").unwrap();
    assert!(last.len() <= 128 && last.ends_with("..."), "{stderr}");
    assert_eq!(
        seen(&mut behave("degrade", "monitor")),
        (Some(190), String::new(), "ocf-exit-reason:half of it\n".to_owned())
    );
}

#[test]
fn explain_gives_the_evidence_and_what_monitor_would_say() {
    let expected = "evidence          none, \"none\"\ndefault: running, degraded: half of it \
                    (monitor would exit 190 (OCF_DEGRADED))\n";
    assert_eq!(seen(&mut behave("degrade", "explain")), (Some(190), expected.to_owned(), String::new()));
    let expected = r#"{"resource":"default","state":"running, degraded","reason":"half of it","exit_code":190,"evidence":{"evidence":"none,\n\"none\""}}"#;
    let said = seen(behave("degrade", "explain").arg("--json"));
    assert_eq!(said, (Some(190), format!("{expected}\n"), String::new()));
    let expected = r#"{"resource":"default","state":"running","exit_code":0,"evidence":{}}"#;
    assert_eq!(seen(behave("", "status").arg("--json")), (Some(0), format!("{expected}\n"), String::new()));
}

#[test]
fn metadata_needs_nothing_and_is_the_same_with_everything() {
    let (code, bare, stderr) = seen(&mut agent("flag", "meta-data"));
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let mut full = agent("flag", "meta-data");
    full.env("OCF_RESKEY_flag", OsStr::from_bytes(b"\xff"))
        .env("OCF_RESKEY_trace_ra", "1")
        .current_dir("/proc");
    full.env("HA_debug", "1").env("OCF_CHECK_LEVEL", "x").env("OCF_RESKEY_CRM_meta_timeout", "-1");
    assert_eq!(seen(&mut full), (Some(0), bare, String::new()));
}

#[test]
fn closed_streams_are_no_panic() {
    for action in ["meta-data", "usage", "monitor", "status", "nonsense"] {
        let open = seen(&mut agent("flag", action)).0;
        // Closed: Rust's runtime opens /dev/null in their place.
        let mut closed = agent("flag", action);
        let program = closed.get_program().to_owned();
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "exec \"$0\" \"$1\" <&- >&- 2>&-"]).arg(program).arg(action).env_clear();
        assert_eq!(shell.status().unwrap().code(), open, "{action}");
        // A pipe that nobody reads.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        closed.stdout(writer.try_clone().unwrap()).stderr(writer);
        let code = closed.status().unwrap().code();
        // Metadata or usage that did not arrive is no success.
        let expected = if open == Some(0) { Some(1) } else { open };
        assert_eq!(code, expected, "{action}");
    }
}
