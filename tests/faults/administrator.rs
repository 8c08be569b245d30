//! An administrator starts, restarts or queries a pico outside the cluster.

use std::thread;
use std::time::Duration;

use testkit::assertions::OCF_NOT_RUNNING;
use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_SUCCESS};
use testkit::fake_process::FakeProcess;
use testkit::fixture::{AgentKind, Fixture, fixture};
use testkit::{NodeProcess, TestResult, TestkitError};

/// A probe finds a pico that somebody started by hand, whatever its type, and records it. It is then
/// monitored and stopped like one that the cluster started.
#[test]
fn manually_started_pico_is_found_and_recorded_by_probe() -> TestResult {
    for kind in [AgentKind::Platform, AgentKind::Ec, AgentKind::Sc, AgentKind::Ui] {
        let fixture = fixture(kind).build()?;
        let pid = fixture.start_by_mzsh()?.pid;
        fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        assert_eq!(fixture.recorded_pid()?, Some(pid));
        for level in [0, 10, 20] {
            fixture.monitor(level)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        }
        fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// A recurring monitor or a start that finds a manually started pico adopts it and logs the adoption. No
/// second one is started.
#[test]
fn manually_started_pico_is_adopted_by_recurring_monitor_and_start() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let pid = fixture.start_by_mzsh()?.pid;
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert_eq!(fixture.recorded_pid()?, Some(pid));
    let log = fixture.log()?;
    assert!(log.contains(&format!("pid {pid} ")) && log.contains("adopted"), "{log}");

    fixture.sh(&format!("rm {}", fixture.record_path()))?;
    fixture.agent().run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert_eq!((fixture.recorded_pid()?, fixture.single_pico("platform")?.pid), (Some(pid), pid));
    Ok(())
}

/// A pico that was restarted behind the cluster's back is running, which is no failure. The monitors
/// supervise the new process from then on.
#[test]
fn manual_restart_is_adopted_without_failure() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let old = fixture.start()?.pid;
    fixture.mzsh(&["restart", "platform"])?.expect_code(0)?;
    let new = fixture.single_pico("platform")?.pid;
    assert_ne!(old, new);
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert_eq!(fixture.recorded_pid()?, Some(new));
    Ok(())
}

/// A monitor during an administrator's own startup succeeds, because the JVM is coming up. A start waits for
/// that startup and kills nothing, although the HA Monitor Server does not answer yet.
#[test]
fn start_waits_for_foreign_mzsh_startup() -> TestResult {
    let fixture = fixture(AgentKind::Platform).set("start_time=3s").build()?;
    let (pid, by_hand) = thread::scope(|scope| {
        let by_hand = scope.spawn(|| fixture.mzsh(&["startup", "platform"]));
        let pid = fixture.wait_until("the JVM of the administrator's startup", |fixture| {
            let found = fixture.pico_processes("platform")?;
            Ok(found.first().map(|process| process.pid).ok_or_else(|| "no such process".to_owned()))
        })?;
        // Nor does a monitor report that JVM as hung.
        fixture
            .recurring_monitor(10)
            .param("monitor_retries", "0")
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
        assert!(fixture.log()?.contains("): it may be coming up"), "{}", fixture.log()?);
        let start = fixture.agent().meta_timeout(Duration::from_secs(60)).run("start")?;
        start.assert_exit_code(OCF_SUCCESS).assert_no_output();
        let listens =
            fixture.sh("cat /proc/net/tcp")?.contains(&format!("0100007F:{:04X} ", 26000));
        assert!(listens, "its HA Monitor Server was waited for");
        Ok::<_, TestkitError>((pid, by_hand.join().expect("the startup's thread does not panic")?))
    })?;
    by_hand.expect_code(0)?;
    assert_eq!((fixture.single_pico("platform")?.pid, fixture.recorded_pid()?), (pid, Some(pid)));
    assert_eq!((fixture.mzsh_call_count("startup")?, fixture.mzsh_call_count("shutdown")?), (1, 0));
    fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    Ok(())
}

/// An administrator's mzsh startup is under way and there is no JVM yet: a start waits for that mzsh and
/// adopts the JVM. If mzsh never ends, the start fails and names it, and mzsh lives on.
#[test]
fn start_waits_for_foreign_mzsh_startup_without_jvm_yet() -> TestResult {
    let by_hand = |fixture: &Fixture| {
        let line = "setsid /opt/mz/bin/mzsh startup platform </dev/null >/dev/null 2>&1 &";
        fixture.as_owner("sh").args(["-c", line]).run()?.expect_code(0)?;
        fixture.wait_for_mzsh_calls("startup", 1)?;
        assert!(fixture.pico_processes("platform")?.is_empty());
        Ok::<_, TestkitError>(())
    };
    let fixture = fixture(AgentKind::Platform).set("mzsh_time=3s").build()?;
    by_hand(&fixture)?;
    fixture
        .agent()
        .meta_timeout(Duration::from_secs(60))
        .run("start")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    assert_eq!(fixture.recorded_pid()?, Some(fixture.single_pico("platform")?.pid));
    assert_eq!(fixture.mzsh_call_count("startup")?, 1);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);

    let fixture = testkit::fixture::fixture(AgentKind::Platform).set("mzsh_time=10m").build()?;
    by_hand(&fixture)?;
    let start = fixture.agent().meta_timeout(Duration::from_secs(10)).run("start")?;
    start.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["platform", "did not launch", "(pid "]);
    assert_eq!((fixture.startup_process_count()?, fixture.mzsh_call_count("startup")?), (1, 1));
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}

/// A stop ends the pico and leaves an administrator's `mzsh status` running, because that is no startup.
#[test]
fn stop_leaves_foreign_mzsh_status_running() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.start()?;
    fixture.set(&["mzsh_time=10m"])?;
    let ask = "setsid /opt/mz/bin/mzsh status platform >/dev/null 2>&1 &";
    fixture.as_owner("sh").args(["-c", ask]).run()?.expect_code(0)?;
    let asks = |fixture: &Fixture| -> Result<Vec<u32>, TestkitError> {
        let status = |p: &NodeProcess| {
            p.argv.iter().any(|a| a.ends_with(".CommandLine"))
                && p.argv.contains(&"status".to_owned())
        };
        Ok(fixture.processes()?.into_iter().filter(status).map(|p| p.pid).collect())
    };
    let asking = fixture.wait_until("the administrator's mzsh", |fixture| {
        let found = asks(fixture)?;
        Ok(if found.len() == 1 { Ok(found) } else { Err(format!("{found:?}")) })
    })?;
    fixture.set(&["mzsh_time=0ms"])?;
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    assert!(fixture.pico_processes("platform")?.is_empty());
    assert_eq!(asks(&fixture)?, asking);
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    Ok(())
}

/// An administrator restarts a pico again and again. Each time the monitor reports first a start under way,
/// then a running pico. It never reports "not running", although the record names a dead process.
#[test]
fn repeated_manual_restarts_are_no_failure() -> TestResult {
    for real in [true, false] {
        let fixture =
            fixture(AgentKind::Platform).real_jvm(real).set("start_time=300ms").build()?;
        let mut old = fixture.start()?;
        for level in [0, 10, 20] {
            let (restart, ()) = fixture.run_during(
                || fixture.mzsh(&["restart", "platform"]),
                |fixture| {
                    fixture.wait_for_mzsh_calls("restart", 1)?;
                    while fixture.is_alive(&old)? {}
                    let (before, ran) = (fixture.startup_process_count()?, fixture.monitor(0)?);
                    if before > 0 && fixture.startup_process_count()? == before {
                        assert_ne!(ran.code(), Some(OCF_NOT_RUNNING), "{ran}");
                    }
                    Ok(())
                },
            )?;
            restart.expect_code(0)?;
            let new = fixture.single_pico("platform")?;
            assert_ne!(new.pid, old.pid);
            fixture.monitor(level)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
            assert_eq!(fixture.recorded_pid()?, Some(new.pid));
            old = new;
        }
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// An administrator restarts the pico while a monitor waits. At the death the monitor reports a start under
/// way, not "not running". The next monitor succeeds.
#[test]
fn waiting_monitor_reports_manual_restart_as_start_under_way() -> TestResult {
    let fixture = fixture(AgentKind::Platform).jvm().build()?;
    let old = fixture.start()?;
    let waiting =
        || fixture.agent().param("wait", "20").interval(Duration::from_millis(100)).run("monitor");
    // The first monitor after a start does not wait.
    waiting()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    // mzsh waits between its two halves, so that a scan finds no JVM.
    fixture.sh("mkfifo -m 666 /opt/gate")?;
    let mzsh = "/opt/mz/bin/mzsh.true";
    fixture.override_mzsh_verb(
        "restart",
        &format!("{mzsh} shutdown $2; read -r _ </opt/gate; exec {mzsh} startup $2"),
    )?;
    let (monitor, ()) = fixture.run_during(waiting, |fixture| {
        fixture.wait_for_waiting_monitor()?;
        let line = "setsid /opt/mz/bin/mzsh restart platform </dev/null >/dev/null 2>&1 &";
        fixture.as_owner("sh").args(["-c", line]).run()?.expect_code(0).map(drop)
    })?;
    monitor
        .assert_exit_code(OCF_ERR_GENERIC)
        .assert_reason(&["platform", "start in progress (mzsh"]);
    fixture.sh("echo >/opt/gate")?;
    fixture.wait_until("the new one to be up", |fixture| {
        let ready = fixture.history()?.iter().filter(|event| event.event == "ready").count();
        let done = ready == 2 && fixture.startup_process_count()? == 0;
        Ok(if done { Ok(()) } else { Err(format!("{ready} were ready so far")) })
    })?;
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    let new = fixture.single_pico("platform")?.pid;
    assert_ne!(new, old.pid);
    assert_eq!(fixture.recorded_pid()?, Some(new));
    Ok(())
}

/// A pico that an administrator shut down or killed with mzsh is not running. A stop and a start work from
/// there.
#[test]
fn manually_ended_pico_is_not_running() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    for verb in ["shutdown", "kill"] {
        let pid = fixture.start()?.pid;
        fixture.mzsh(&[verb, "platform"])?.expect_code(0)?;
        fixture.monitor(0)?.assert_exit_code(OCF_NOT_RUNNING).assert_reason(&[
            "platform",
            &format!("pid {pid} "),
            "exited",
        ]);
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
        fixture.start()?;
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// A monitor and a probe report an administrator's startup before there is any JVM. A stop ends that startup,
/// so that nothing comes up afterwards.
#[test]
fn foreign_mzsh_startup_is_reported_and_ended_by_stop() -> TestResult {
    for verb in ["startup", "restart"] {
        let fixture = fixture(AgentKind::Platform).set("mzsh_time=10m").build()?;
        let line = format!("setsid /opt/mz/bin/mzsh {verb} platform </dev/null >/dev/null 2>&1 &");
        fixture.as_owner("sh").args(["-c", &line]).run()?.expect_code(0)?;
        fixture.wait_for_mzsh_calls(verb, 1)?;
        assert!(fixture.pico_processes("platform")?.is_empty());
        for ran in [fixture.monitor(0)?, fixture.monitor(10)?, fixture.probe()?] {
            ran.assert_exit_code(OCF_ERR_GENERIC)
                .assert_reason(&["platform", "start in progress (mzsh"]);
        }
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    }
    Ok(())
}

/// A startup of another pico, or by the mzsh of another installation, is not reported as ours. A stop leaves
/// it running.
#[test]
fn startup_of_another_pico_is_ignored_and_left_running() -> TestResult {
    let fixture = fixture(AgentKind::Ec).pico("ec10:ec").build()?;
    fixture.set(&["mzsh_time=10m"])?;
    fixture.install_second(
        "/opt/mz2",
        &["--free-ports", "--pico", "ec1:ec", "--set", "mzsh_time=10m"],
    )?;
    for (home, pico) in [("/opt/mz", "ec10"), ("/opt/mz2", "ec1")] {
        let line = format!("setsid {home}/bin/mzsh startup {pico} </dev/null >/dev/null 2>&1 &");
        fixture.as_owner("sh").args(["-c", &line]).run()?.expect_code(0)?;
    }
    fixture.wait_until("two startups", |fixture| {
        let startups = fixture.startup_process_count()?;
        Ok(if startups == 2 { Ok(()) } else { Err(format!("{startups}")) })
    })?;
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    fixture.monitor(0)?.assert_exit_code(OCF_NOT_RUNNING);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    assert_eq!(fixture.startup_process_count()?, 2);
    Ok(())
}

/// How the script is called: path, working directory, `MZ_HOME`, and whether the script is of our
/// installation.
const SCRIPT_CALLS: [(&str, &str, Option<&str>, bool); 13] = [
    ("/opt/mz/bin/mzsh", "/", None, true),
    ("bin/mzsh", "/opt/mz", None, true),
    ("../bin/mzsh", "/opt/mz/lib", None, true),
    ("./mzsh", "/opt/mz/bin", None, true),
    ("mzsh", "/opt/mz/bin", None, true),
    ("/opt/local/bin/mzsh", "/", None, true),
    ("local/bin/mzsh", "/opt", None, true),
    ("/opt/local/bin/mzsh", "/", Some("/opt/mz"), true),
    ("/opt/mz/bin/mzsh", "/", Some("/opt/mz2"), false),
    ("/opt/mz2/bin/mzsh", "/", None, false),
    ("./mzsh", "/opt/mz2/bin", None, false),
    ("/opt/local2/bin/mzsh", "/", None, false),
    ("mzsh", "/", None, false),
];

/// An mzsh startup is recognized by whichever path the script was called, a link included. A startup of
/// another installation is not ours.
#[test]
fn mzsh_startup_is_recognized_by_any_script_path() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.sh(
        "mkdir -p /opt/local/bin /opt/local2/bin /opt/mz2/bin && cp /opt/mz/bin/mzsh /opt/mz2/bin/ && \
         ln -s /opt/mz/bin/mzsh /opt/local/bin/mzsh && ln -s /opt/mz2/bin/mzsh /opt/local2/bin/mzsh",
    )?;
    for (script, directory, home, ours) in SCRIPT_CALLS {
        let startup = FakeProcess::for_program(
            "/opt/imitated/bin/sh",
            &["sh", script, "startup", "platform"],
        );
        let startup = startup.directory(directory);
        let startup = if let Some(home) = home { startup.env("MZ_HOME", home) } else { startup };
        let process = startup.start(&fixture)?;
        let what = format!("{script} in {directory}, MZ_HOME {home:?}");
        for ran in [fixture.probe()?, fixture.monitor(0)?] {
            assert_eq!(
                ran.code(),
                Some(if ours { OCF_ERR_GENERIC } else { OCF_NOT_RUNNING }),
                "{what}: {ran}"
            );
            let is_told =
                ran.reason().is_some_and(|reason| reason.contains("start in progress (mzsh"));
            assert_eq!(is_told, ours, "{what}: {ran}");
        }
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        assert_eq!(fixture.is_alive(&process)?, !ours, "{what}");
        if !ours {
            fixture.signal(process.pid, "KILL")?;
        }
    }
    fixture.assert_nothing_left()
}
