//! Start, evidence, hang, death and end, at their defaults.

use std::fs;

use nix::sys::signal::Signal;

use crate::rehearsal::{Rehearsal, Said, arguments, heartbeats, stat, wait_until, whole_life};

#[test]
fn a_platform_and_an_ec_live() {
    whole_life(false);
}

#[test]
fn a_pico_looks_like_the_product_in_proc() {
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
        assert!(env.split(|byte| *byte == 0).any(|var| var == format!("MZ_HOME={home}").as_bytes()));
        let stat = stat(pid);
        assert_eq!((&stat[2], &stat[3]), (&pid.to_string(), &pid.to_string()), "leads its group and session");
        assert_eq!(fs::read_to_string(mz.mz.pid_file(pico)).unwrap(), format!("{pid}\n"));
        let out = fs::read_link(format!("/proc/{pid}/fd/1")).unwrap();
        assert_eq!(out, mz.mz.log(pico));
        let events = mz.mz.history().unwrap();
        let ready = events.iter().find(|event| event.pico == pico && event.event == "ready").unwrap();
        assert_eq!((ready.pid.to_string(), ready.starttime.to_string()), (pid.to_string(), stat[19].clone()));
        assert_eq!(ready.node, fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim_end());
    }
    assert_ne!(mz.ha("ec1", &["127.0.0.1", "1", "debug"]).text, "OK\n", "debug says more");
}

#[test]
fn a_name_that_is_not_defined_has_another_code_with_each_verb() {
    let mz = Rehearsal::new(false, &[]);
    for (verb, code) in [("startup", 0), ("status", 2), ("shutdown", 1), ("kill", 1), ("restart", 1)] {
        let said = mz.mzsh(&format!("{verb} platfoam"));
        assert_eq!(said.code, code, "{verb}: {said:?}");
        assert!(said.text.starts_with("platfoam: no such server process\n"), "{verb}: {said:?}");
    }
    assert_eq!(mz.mzsh("status -q platfoam ec1"), Said { code: 2, text: String::new() });
}

#[test]
fn a_killed_pico_leaves_its_files_and_the_next_startup_passes_over_them() {
    let mz = Rehearsal::new(false, &[]);
    mz.up("platform");
    let old = mz.signal("platform", Signal::SIGKILL);
    wait_until("it is gone", || mz.processes("platform"), Vec::is_empty);
    assert_eq!(fs::read_to_string(mz.mz.pid_file("platform")).unwrap(), format!("{old}\n"));
    assert_eq!(mz.mzsh("status platform").code, 2);
    let kill = mz.mzsh("kill platform");
    assert_eq!((kill.code, kill.text.contains("target process is not running")), (2, true), "{kill:?}");
    mz.up("platform");
    assert_ne!(mz.pid("platform"), old);
    assert_eq!(mz.mzsh("kill platform").code, 0);
    let kill = mz.mzsh("kill platform");
    assert_eq!((kill.code, kill.text.contains("no pid file")), (1, true), "{kill:?}");
    assert_eq!(mz.events("platform"), ["start", "ready", "start", "ready"]);
}

#[test]
fn a_pid_file_that_names_a_stranger_kills_nobody() {
    let mz = Rehearsal::new(false, &[]);
    fs::write(mz.mz.pid_file("ec1"), format!("{}\n", std::process::id())).unwrap();
    assert_eq!(mz.mzsh("kill ec1").code, 2);
}

#[test]
fn a_restart_goes_down_in_reverse_and_up_in_order() {
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
fn a_thread_dump_is_printed_and_the_pico_lives_on() {
    let mz = Rehearsal::new(false, &[]);
    mz.up("platform");
    mz.signal("platform", Signal::SIGQUIT);
    let log = || fs::read_to_string(mz.mz.log("platform")).unwrap();
    wait_until("the dump is in the log", log, |log| log.contains("Full thread dump"));
    assert_eq!(mz.mzsh("status platform").code, 0);
}

#[test]
fn an_ha_monitor_server_without_a_port_says_so_however_it_was_switched_on() {
    for (enabled, expected) in [("true", true), ("TRUE", true), ("false", false)] {
        let mz = Rehearsal::new(false, &[]);
        mz.properties("platform", &format!("mz.ha.enabled : {enabled}, mz.ha.port : \"\""));
        mz.up("platform");
        let log = fs::read_to_string(mz.mz.log("platform")).unwrap();
        assert_eq!(log.contains("mz.ha.port is not set, nobody answers"), expected, "{enabled}: {log}");
    }
}

#[test]
fn an_address_that_is_not_here_starts_the_platform_with_errors() {
    let mz = Rehearsal::new(false, &[]);
    let container = mz.mz.pico_conf("platform").with_file_name("../container.conf");
    // 192.0.2.0/24 is for documentation: on no machine.
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
fn a_heart_beats_as_long_as_the_pico_runs_and_not_while_it_is_stopped() {
    heartbeats(false);
}
