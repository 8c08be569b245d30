//! Log lines in files and on stderr. The module of the sockets tests these, because their paths are
//! fixed.

use crate::{behave_command, run_and_capture};
use std::fs;
use std::process::Command;

fn lines(path: &std::path::Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[test]
fn log_file_gets_dated_tagged_lines_and_stderr_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("log");
    let mut command = behave_command("log", "start");
    command
        .env("HA_LOGFILE", &file)
        .env("OCF_RESOURCE_INSTANCE", "one:0")
        .env("OCF_RESOURCE_TYPE", "thing");
    assert_eq!(run_and_capture(&mut command), (Some(0), String::new(), String::new()));
    let lines = lines(&file);
    assert_eq!(lines.len(), 2, "{lines:?}");
    // The shell agents write `Nov 30 11:55:54  IPaddr2(ip)[1366]:    INFO: text`.
    let (date, rest) = lines[0].split_once("  ").unwrap();
    let blanks: Vec<usize> = date.match_indices([' ', ':']).map(|(at, _)| at).collect();
    assert_eq!((blanks.as_slice(), date.len()), ([3, 6, 9, 12].as_slice(), 15), "{date}");
    assert!(rest.starts_with("thing(one:0)["), "{rest}");
    assert!(rest.ends_with("]:    INFO: it is up pid=7 path=\"/a b\""), "{rest}");
    assert!(
        lines[1].ends_with("]:    WARNING: child said: ocf-exit-reason.all is well and more"),
        "{lines:?}"
    );
}

#[test]
fn debug_log_gets_debug_lines_when_ha_debug_is_set() {
    let dir = tempfile::tempdir().unwrap();
    let (file, debug) = (dir.path().join("log"), dir.path().join("debug"));
    let mut command = behave_command("log", "start");
    command.env("HA_LOGFILE", &file).env("HA_DEBUGLOG", &debug).env("HA_debug", "1");
    assert_eq!(run_and_capture(&mut command), (Some(0), String::new(), String::new()));
    let has_debug = |path| lines(path).iter().any(|line| line.contains("]:    DEBUG: seen only"));
    let has_info = |path| lines(path).iter().any(|line| line.contains("]:    INFO: it is up"));
    assert!(has_debug(&debug) && has_info(&debug) && has_info(&file), "{:?}", lines(&debug));
    assert!(!has_debug(&file), "{:?}", lines(&file));
}

#[test]
fn log_lines_without_destination_go_to_stderr_except_from_monitor() {
    let expected = "INFO: it is up pid=7 path=\"/a b\"\nWARNING: child said: ocf-exit-reason.all is well and more\n";
    assert_eq!(
        run_and_capture(&mut behave_command("log", "start")),
        (Some(0), String::new(), expected.to_owned())
    );
    let none = ["HA_LOGFACILITY", "HA_LOGFILE", "HA_DEBUGLOG"];
    let mut monitor = behave_command("log", "monitor");
    assert_eq!(
        run_and_capture(monitor.envs(none.map(|name| (name, "none")))),
        (Some(0), String::new(), String::new())
    );
}

#[test]
fn unwritable_log_neither_blocks_nor_fails_the_action() {
    let dir = tempfile::tempdir().unwrap();
    let fifo = dir.path().join("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    for path in [fifo, dir.path().join("no/such/dir/log"), dir.path().into(), "/dev/full".into()] {
        let seen = run_and_capture(behave_command("log", "start").env("HA_LOGFILE", &path));
        assert_eq!(seen, (Some(0), String::new(), String::new()), "{}", path.display());
    }
}

#[test]
fn a_reason_is_on_stderr_once_and_last() {
    let (code, _, stderr) = run_and_capture(&mut behave_command("fail", "stop"));
    assert_eq!((code, stderr.lines().count()), (Some(1), 1), "{stderr}");
    assert!(stderr.starts_with("ocf-exit-reason:it is bad"), "{stderr}");
}

#[test]
fn a_reason_comes_before_the_log() {
    let (_, _, stderr) =
        run_and_capture(behave_command("degrade", "monitor").env("HA_LOGFILE", "/dev/stderr"));
    let lines: Vec<&str> = stderr.lines().collect();
    assert_eq!((lines.len(), lines[0]), (2, "ocf-exit-reason:half of it"), "{stderr}");
    assert!(lines[1].ends_with("]:    WARNING: monitor: half of it"), "{stderr}");
}

#[test]
fn failure_reason_is_logged() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("log");
    assert_eq!(
        run_and_capture(behave_command("degrade", "monitor").env("HA_LOGFILE", &file)).0,
        Some(190)
    );
    assert_eq!(run_and_capture(behave_command("fail", "stop").env("HA_LOGFILE", &file)).0, Some(1));
    let lines = lines(&file);
    assert!(lines[0].ends_with("]:    WARNING: monitor: half of it"), "{lines:?}");
    assert!(lines[1].contains("]:    ERROR: stop: it is bad it is bad"), "{lines:?}");
}
