//! The lifecycle on real JVMs. It needs a JDK (Debian: default-jdk-headless) and fails without one.

mod rehearsal;

use nix::sys::signal::Signal;
use rehearsal::{Rehearsal, arguments, heartbeats, stat, thresholds, wait_until, whole_life};

#[test]
fn platform_and_ec_complete_a_lifecycle_on_real_jvms() {
    whole_life(true);
}

#[test]
fn ec_on_real_jvm_applies_its_thresholds() {
    thresholds(true);
}

#[test]
fn real_jvm_writes_heartbeats() {
    heartbeats(true);
}

#[test]
fn real_jvm_has_product_command_line_and_prints_thread_dump() {
    let mz = Rehearsal::new(true, &[]);
    mz.up("platform");
    let pid = mz.pid("platform");
    let args = arguments(pid);
    assert!(args.contains(&"-Dpico.configname=platform".into()), "{args:?}");
    assert!(
        args.iter().any(|arg| arg.starts_with("-XX:OnOutOfMemoryError=oom platform /")),
        "{args:?}"
    );
    assert_eq!(stat(pid)[3], pid.to_string(), "a session of its own");
    assert!(stat(pid)[17].parse::<u32>().unwrap() > 5, "a JVM has many threads");
    mz.signal("platform", Signal::SIGQUIT);
    let log = || std::fs::read_to_string(mz.mz.log_path("platform")).unwrap();
    wait_until("the dump is in the log", log, |log| {
        log.contains("at com.digitalroute.picostart.PicoStart")
    });
    assert_eq!(mz.mzsh("status platform").code, 0);
}

#[test]
fn real_jvm_obeys_sigterm_and_startup_outcome_settings() {
    let mz = Rehearsal::new(
        true,
        &["sigterm_orderly=false", "ui.startup_outcome=dies", "sc1.startup_outcome=errors"],
    );
    mz.up("platform");
    let dies = mz.mzsh("startup ui");
    assert_eq!(
        (dies.code, dies.text.contains("Startable ui exited unexpectedly")),
        (1, true),
        "{dies:?}"
    );
    let errors = mz.mzsh("startup sc1");
    assert_eq!((errors.code, errors.text.contains("Started with errors")), (0, true), "{errors:?}");
    assert_eq!(mz.ha("sc1", &[]).code, 1);
    mz.signal("platform", Signal::SIGTERM);
    wait_until("the Platform is gone", || mz.processes("platform"), Vec::is_empty);
    assert!(mz.mz.pid_file("platform").exists(), "left behind");
}
