//! The trace of an action.

use crate::{behave_command, run_and_capture};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

fn read(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn trace_holds_all_events_where_crm_looks_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = behave_command("log", "monitor");
    command.env("OCF_RESKEY_trace_ra", "1").env("OCF_RESKEY_trace_dir", dir.path().join("t"));
    command.env("OCF_RESOURCE_INSTANCE", "my/thing").env("OCF_RESKEY_passwd", "secret\u{1}");
    for _ in 0..2 {
        assert_eq!(run_and_capture(&mut command), (Some(0), String::new(), String::new()));
    }
    let files = files(&dir.path().join("t/behave"));
    assert_eq!(files.len(), 2, "{files:?}");
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(name.starts_with("my%2Fthing.monitor.20"), "{name}");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let lines = read(&file);
        let find = |message: &str| lines.iter().find(|line| line["message"] == message).unwrap();
        assert_eq!(find("begins")["action"], "monitor");
        assert_eq!(find("seen only by those who look closely")["level"], "DEBUG");
        assert_eq!(
            (&find("it is up")["pid"], &find("it is up")["path"]),
            (&7.into(), &"/a b".into())
        );
        assert!(find("child said: ocf-exit-reason:all is well\nand more")["ms"].is_u64());
        assert_eq!(find("ends")["exit_code"], 0);
        assert!(!fs::read_to_string(&file).unwrap().contains("secret"));
    }
}

#[test]
fn similar_or_overlong_instance_names_have_separate_traces() {
    let dir = tempfile::tempdir().unwrap();
    let long = "x".repeat(300);
    for name in ["mz-\u{e4}", "mz-\u{f6}", &format!("{long}1"), &format!("{long}2")] {
        let mut command = behave_command("log", "monitor");
        command.env("OCF_RESKEY_trace_ra", "1").env("OCF_RESKEY_trace_dir", dir.path());
        assert_eq!(
            run_and_capture(command.env("OCF_RESOURCE_INSTANCE", name)),
            (Some(0), String::new(), String::new())
        );
    }
    let files = files(&dir.path().join("behave"));
    let of =
        |file: &PathBuf| Some(file.file_name()?.to_str()?.split_once(".monitor.")?.0.to_owned());
    let resources: BTreeSet<_> = files.iter().filter_map(of).collect();
    assert_eq!(resources.len(), 4, "{files:?}");
}

#[test]
fn trace_follows_no_symlink_and_its_write_error_is_ignored() {
    let dir = tempfile::tempdir().unwrap();
    let (target, link) = (dir.path().join("target"), dir.path().join("link"));
    fs::write(&target, "precious").unwrap();
    symlink(&target, &link).unwrap();
    for path in [&link, &dir.path().join("no/such/dir/file"), &dir.path().to_path_buf()] {
        let seen = run_and_capture(
            behave_command("", "monitor")
                .env("OCF_RESKEY_trace_ra", "1")
                .env("OCF_RESKEY_trace_file", path),
        );
        assert_eq!(seen, (Some(0), String::new(), String::new()), "{}", path.display());
    }
    assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
}

#[test]
fn trace_ends_at_its_size_limit() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("trace");
    let mut command = behave_command("log much", "monitor");
    command.env("OCF_RESKEY_trace_ra", "1").env("OCF_RESKEY_trace_file", &file);
    assert_eq!(run_and_capture(&mut command), (Some(0), String::new(), String::new()));
    let length = fs::metadata(&file).unwrap().len();
    assert!(
        (ocf::trace::MAX_BYTES as u64 - 300..ocf::trace::MAX_BYTES as u64 + 100).contains(&length),
        "{length}"
    );
    assert_eq!(read(&file).last().unwrap()["message"], "the trace ends here: it is full");
}

#[test]
fn trace_is_off_unless_requested() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("trace");
    // crm_resource always names a file.
    assert_eq!(
        run_and_capture(behave_command("log", "monitor").env("OCF_TRACE_FILE", &file)).0,
        Some(0)
    );
    assert!(!file.exists());
    let (_, _, stderr) = run_and_capture(
        behave_command("log", "monitor")
            .env("OCF_TRACE_RA", "1")
            .env("OCF_TRACE_FILE", "/dev/stderr"),
    );
    assert!(
        stderr.contains("\"message\":\"begins\"") && !stderr.contains("ocf-exit-reason:"),
        "{stderr}"
    );
}
