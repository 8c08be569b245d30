//! Both values of each setting for uncertain behaviour of the product.

use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::signal::Signal;

use crate::rehearsal::{Rehearsal, Said, arguments, stat, wait_until};

#[test]
fn marker_setting_selects_command_line_markers() {
    let mz = Rehearsal::new(false, &["ec_startup_without_platform=start"]);
    for (marker, configname, oom) in [
        ("both", true, true),
        ("configname", true, false),
        ("oom", false, true),
        ("none-but-last-argument", false, false),
    ] {
        mz.set(&format!("marker={marker}"));
        mz.up("ec1");
        let args = arguments(mz.pid("ec1"));
        let has = |start: &str| args.iter().any(|arg| arg.starts_with(start));
        assert_eq!(
            (has("-Dpico.configname=ec1"), has("-XX:OnOutOfMemoryError=oom ec1 ")),
            (configname, oom),
            "{args:?}"
        );
        assert_eq!(mz.mzsh("shutdown ec1").code, 0);
    }
}

#[test]
fn jvm_detached_false_keeps_session_and_output_of_mzsh() {
    let mz = Rehearsal::new(false, &["jvm_detached=false"]);
    let mut command = Command::new(mz.mz.mzsh());
    let mut mzsh = command
        .args(["startup", "platform"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    assert!(mzsh.wait().unwrap().success());
    let pid = mz.pid("platform");
    let own = stat(nix::unistd::getpid());
    assert_eq!(stat(pid)[2..4], own[2..4], "group and session are those of the caller");
    let kept = std::fs::read_link(format!("/proc/{pid}/fd/1")).unwrap();
    assert!(kept.to_str().unwrap().starts_with("pipe:"), "{kept:?}");
}

#[test]
fn pid_file_settings_switch_pid_files_of_sc_and_ui() {
    let mz = Rehearsal::new(false, &["pid_file_sc=false", "ec_startup_without_platform=start"]);
    mz.up("sc1 ui");
    assert_eq!((mz.mz.pid_file("sc1").exists(), mz.mz.pid_file("ui").exists()), (false, true));
    assert_eq!(mz.mzsh("kill sc1").code, 1);
    assert_eq!(mz.mzsh("status sc1").code, 0);
    assert_eq!(mz.mzsh("shutdown sc1 ui").code, 0);
    mz.set("pid_file_sc=true");
    mz.set("pid_file_ui=false");
    mz.up("sc1 ui");
    assert_eq!((mz.mz.pid_file("sc1").exists(), mz.mz.pid_file("ui").exists()), (true, false));
}

#[test]
fn ec_startup_without_platform_fails_has_errors_or_succeeds() {
    let mz = Rehearsal::new(false, &[]);
    let fails = mz.mzsh("startup ec1");
    assert_eq!(
        (fails.code, fails.text.contains("No open connection to localhost:")),
        (1, true),
        "{fails:?}"
    );
    assert_eq!((mz.processes("ec1"), mz.events("ec1")), (vec![], vec!["refused".to_owned()]));
    mz.set("ec_startup_without_platform=errors");
    let errors = mz.mzsh("startup ec1");
    assert_eq!((errors.code, errors.text.contains("Started with errors")), (0, true), "{errors:?}");
    assert_eq!(mz.mzsh("shutdown ec1").code, 0);
    mz.set("ec_startup_without_platform=start");
    mz.up("ec1");
    assert_eq!(mz.mzsh("status ec1").code, 0);
    mz.set("status_without_platform_code=1");
    assert_eq!(mz.mzsh("status ec1").code, 1);
}

#[test]
fn mz_platform_pointing_elsewhere_is_not_reachable() {
    let mz = Rehearsal::new(false, &[]);
    mz.up("platform");
    let mut mzsh = Command::new(mz.mz.mzsh());
    // 127.0.0.9 is on this machine, but nothing listens there.
    let out =
        mzsh.args(["startup", "ec1"]).env("MZ_PLATFORM", "http://127.0.0.9:9000").output().unwrap();
    assert_eq!(out.status.code(), Some(1), "{out:?}");
}

#[test]
fn startup_outcome_setting_selects_code_and_text() {
    let mz = Rehearsal::new(false, &["old_instance_code=1"]);
    for (outcome, code, text, lives) in [
        (
            "errors",
            0,
            "done.\nStarted with errors, Only Codeserver service is guaranteed to be running.\n",
            true,
        ),
        ("no-such", 0, "platform: no such server process\n", false),
        ("code:104", 104, "Starting platform...FAILED\n", false),
        ("dies", 1, "FAILED\nStartable platform exited unexpectedly\n", false),
    ] {
        mz.set(&format!("platform.startup_outcome={outcome}"));
        let said = mz.mzsh("startup platform");
        assert_eq!((said.code, said.text.contains(text)), (code, true), "{outcome}: {said:?}");
        assert_eq!(!mz.processes("platform").is_empty(), lives, "{outcome}");
        assert_eq!(mz.mzsh("shutdown platform").code, 0);
    }
    mz.set("platform.startup_outcome=slow");
    mz.set("startup_timeout=50ms");
    let late = mz.mzsh("startup platform");
    assert_eq!((late.code, late.text.contains("callback")), (102, true), "{late:?}");
    assert_eq!(mz.mzsh("status platform").code, 1, "it lives, and is not up yet");
    assert_eq!(mz.mzsh("startup platform").code, 1, "as old_instance_code says");
    assert_eq!(mz.mzsh("shutdown platform").code, 0);
}

#[test]
fn sigterm_orderly_false_ends_pico_at_once() {
    let mz = Rehearsal::new(false, &["sigterm_orderly=false", "stop_time=60s"]);
    mz.up("platform");
    mz.signal("platform", Signal::SIGTERM);
    wait_until("it is gone", || mz.processes("platform"), Vec::is_empty);
    assert!(mz.mz.pid_file("platform").exists());
}

#[test]
fn slow_stop_is_killed_or_fails_with_code_4() {
    let mz =
        Rehearsal::new(false, &["stop_time=60s", "shutdown_failed=code-4", "shutdown_retry=10ms"]);
    mz.up("platform");
    let failed = mz.mzsh("shutdown -r3 platform");
    assert_eq!(
        failed,
        Said {
            code: 4,
            text: "Shutting down platform......
Shutdown failed.
"
            .into()
        }
    );
    assert_eq!(mz.mzsh("status platform").code, 1);
    mz.set("shutdown_failed=kill");
    assert_eq!(mz.mzsh("shutdown -r1 platform").code, 0);
    assert_eq!(mz.processes("platform"), []);
}

#[test]
fn time_settings_delay_mzsh_and_startup() {
    let mz = Rehearsal::new(
        false,
        &["start_time=300ms", "mzsh_time=50ms", "status_without_platform_time=1s"],
    );
    let took = |line: &str| {
        let began = Instant::now();
        mz.mzsh(line);
        began.elapsed().as_millis()
    };
    assert!(took("status platform") >= 1050, "the Platform is down");
    assert!(took("startup platform") >= 350);
    let up = took("status platform");
    assert!((50..1000).contains(&up), "{up} ms");
}
