//! Start, evidence, hang, death and end, with the default settings.

use std::fs;

use nix::sys::signal::Signal;

use crate::rehearsal::{Rehearsal, Said, arguments, heartbeats, stat, wait_until, whole_life};

#[test]
fn platform_and_ec_complete_a_lifecycle() {
    whole_life(false);
}

#[test]
fn pico_looks_like_the_product_in_proc() {
    let mz = Rehearsal::new(false, &[]);
    mz.up("platform ec1");
    let home = mz.mz.home().display().to_string();
    for (pico, main) in [
        ("platform", "com.digitalroute.codeserver.CodeServerMain"),
        ("ec1", "com.digitalroute.picostart.PicoStart"),
    ] {
        let pid = mz.pid(pico);
        let args = arguments(pid);
        assert_eq!(args[0], format!("{home}/java/bin/java"));
        assert!(args.contains(&format!("-Dpico.configname={pico}")), "{args:?}");
        let oom = format!(
            "-XX:OnOutOfMemoryError=oom {pico} {home}/log/{pico}_current.log {home}/log/{pico}_criticalerror.log"
        );
        assert!(args.contains(&oom), "{args:?}");
        assert_eq!(args[args.len() - 2..], [main, pico]);
        assert_eq!(fs::read_to_string(format!("/proc/{pid}/comm")).unwrap(), "java\n");
        assert_eq!(fs::read_link(format!("/proc/{pid}/cwd")).unwrap(), mz.mz.home());
        let env = fs::read(format!("/proc/{pid}/environ")).unwrap();
        assert!(
            env.split(|byte| *byte == 0).any(|var| var == format!("MZ_HOME={home}").as_bytes())
        );
        let stat = stat(pid);
        assert_eq!(
            (&stat[2], &stat[3]),
            (&pid.to_string(), &pid.to_string()),
            "leads its group and session"
        );
        assert_eq!(fs::read_to_string(mz.mz.pid_file(pico)).unwrap(), format!("{pid}\n"));
        let out = fs::read_link(format!("/proc/{pid}/fd/1")).unwrap();
        assert_eq!(out, mz.mz.log_path(pico));
        let events = mz.mz.history().unwrap();
        let ready =
            events.iter().find(|event| event.pico == pico && event.event == "ready").unwrap();
        assert_eq!(
            (ready.pid.to_string(), ready.starttime.to_string()),
            (pid.to_string(), stat[19].clone())
        );
        assert_eq!(ready.node, fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim_end());
    }
    assert_ne!(mz.ha("ec1", &["127.0.0.1", "1", "debug"]).text, "OK\n", "debug says more");
}

#[test]
fn undefined_pico_has_its_own_exit_code_for_each_verb() {
    let mz = Rehearsal::new(false, &[]);
    for (verb, code) in
        [("startup", 0), ("status", 2), ("shutdown", 1), ("kill", 1), ("restart", 1)]
    {
        let said = mz.mzsh(&format!("{verb} platfoam"));
        assert_eq!(said.code, code, "{verb}: {said:?}");
        assert!(said.text.starts_with("platfoam: no such server process\n"), "{verb}: {said:?}");
    }
    assert_eq!(mz.mzsh("status -q platfoam ec1"), Said { code: 2, text: String::new() });
}

#[test]
fn killed_pico_leaves_files_that_next_startup_ignores() {
    let mz = Rehearsal::new(false, &[]);
    mz.up("platform");
    let old = mz.signal("platform", Signal::SIGKILL);
    wait_until("it is gone", || mz.processes("platform"), Vec::is_empty);
    assert_eq!(fs::read_to_string(mz.mz.pid_file("platform")).unwrap(), format!("{old}\n"));
    assert_eq!(mz.mzsh("status platform").code, 2);
    let kill = mz.mzsh("kill platform");
    assert_eq!(
        (kill.code, kill.text.contains("target process is not running")),
        (2, true),
        "{kill:?}"
    );
    mz.up("platform");
    assert_ne!(mz.pid("platform"), old);
    assert_eq!(mz.mzsh("kill platform").code, 0);
    let kill = mz.mzsh("kill platform");
    assert_eq!((kill.code, kill.text.contains("no pid file")), (1, true), "{kill:?}");
    assert_eq!(mz.events("platform"), ["start", "ready", "start", "ready"]);
}

#[test]
fn pid_file_naming_unrelated_process_kills_nothing() {
    let mz = Rehearsal::new(false, &[]);
    fs::write(mz.mz.pid_file("ec1"), format!("{}\n", std::process::id())).unwrap();
    assert_eq!(mz.mzsh("kill ec1").code, 2);
}

#[test]
fn restart_stops_in_reverse_and_starts_in_order() {
    let mz = Rehearsal::new(false, &[]);
    mz.up("platform ec1");
    assert_eq!(mz.mzsh("restart platform ec1").code, 0);
    let events = mz.mz.history().unwrap();
    let order: Vec<String> = events
        .iter()
        .filter(|event| matches!(event.event.as_str(), "ready" | "end"))
        .map(|event| format!("{} {}", event.pico, event.event))
        .collect();
    assert_eq!(
        order,
        ["platform ready", "ec1 ready", "ec1 end", "platform end", "platform ready", "ec1 ready"]
    );
    assert_eq!(mz.mzsh("service restart --publish-only").code, 0);
    assert_eq!(mz.events("platform").last().unwrap(), "publish");
    assert_eq!(mz.mzsh("shutdown -q platform").code, 0);
    assert_eq!(mz.mzsh("service restart").code, 1, "the Platform is down");
}

#[test]
fn sigquit_prints_thread_dump_and_pico_keeps_running() {
    let mz = Rehearsal::new(false, &[]);
    mz.up("platform");
    mz.signal("platform", Signal::SIGQUIT);
    let log = || fs::read_to_string(mz.mz.log_path("platform")).unwrap();
    wait_until("the dump is in the log", log, |log| log.contains("Full thread dump"));
    assert_eq!(mz.mzsh("status platform").code, 0);
}

#[test]
fn ha_monitor_server_without_port_logs_that_nobody_answers() {
    for (enabled, expected) in [("true", true), ("TRUE", true), ("false", false)] {
        let mz = Rehearsal::new(false, &[]);
        mz.properties("platform", &format!("mz.ha.enabled : {enabled}, mz.ha.port : \"\""));
        mz.up("platform");
        let log = fs::read_to_string(mz.mz.log_path("platform")).unwrap();
        assert_eq!(
            log.contains("mz.ha.port is not set, nobody answers"),
            expected,
            "{enabled}: {log}"
        );
    }
}

#[test]
fn unavailable_address_starts_platform_with_errors() {
    let mz = Rehearsal::new(false, &[]);
    let container = mz.mz.pico_config_path("platform").with_file_name("../container.conf");
    // 192.0.2.0/24 is for documentation: no machine has it.
    fs::write(&container, "common { pico.rcp.server.host : \"192.0.2.1\" }\n").unwrap();
    let started = mz.mzsh("startup platform");
    assert_eq!(
        (started.code, started.text.contains("Started with errors, Only Codeserver service")),
        (0, true),
        "{started:?}"
    );
    assert_eq!(mz.events("platform"), ["start", "errors"]);
    assert_eq!(mz.ha("platform", &[]).code, 1);
    assert_eq!(mz.mzsh("status platform").code, 0, "the process itself can be asked");
}

#[test]
fn heartbeats_pause_while_pico_is_sigstopped() {
    heartbeats(false);
}
