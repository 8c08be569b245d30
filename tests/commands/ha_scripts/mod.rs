//! `mz-ha-scripts`: the product's HA scripts, as Veritas and Serviceguard call them.

mod monitor;

use std::time::Duration;

use testkit::assertions::{AgentAssertions, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, MZ_HOME, describe_processes, fixture};
use testkit::{
    HungOperation, NodeCommand, NodeCommandOutput, NodeExitStatus, NodeProcess, TestResult,
    TestkitError,
};

/// Exit code of monitor.
const HEALTHY: i32 = 110;
const NOT_HEALTHY: i32 = 100;
const UNKNOWN: i32 = 99;

/// HA ports of the first two picos of a fixture.
const PLATFORM_PORT: &str = "26000";
const EC1_PORT: &str = "26001";

const JAVA_HOME: &str = "/opt/mz/java";

fn script_command<'a>(fixture: &'a Fixture, script: &str, of: &str) -> NodeCommand<'a> {
    fixture.command("mz-ha-scripts").args([script, JAVA_HOME, MZ_HOME, fixture.node.owner(), of])
}

/// monitor without the grace of a young JVM.
fn monitor_command<'a>(fixture: &'a Fixture, port: &str) -> NodeCommand<'a> {
    script_command(fixture, "monitor", port).env("OCF_RESKEY_ha_grace", "0")
}

/// Exit code and stdout of a monitor, which agree, and all of this text in its reason.
#[track_caller]
fn assert_monitor_answer(ran: NodeCommandOutput, code: i32, words: &[&str]) -> NodeCommandOutput {
    let word = match code {
        HEALTHY => "OK\n",
        NOT_HEALTHY => "FAILED\n",
        _ => "UNKNOWN\n",
    };
    assert_eq!((ran.code(), ran.stdout.as_str()), (Some(code), word), "{ran}");
    assert!(ran.stderr.lines().count() <= 1, "{ran}");
    for word in words {
        assert!(ran.stderr.contains(word), "{word:?} is not in the reason: {ran}");
    }
    ran
}

/// A script that succeeded.
#[track_caller]
fn assert_done(ran: NodeCommandOutput, stdout: &str) -> NodeCommandOutput {
    assert_eq!((ran.code(), ran.stdout.as_str()), (Some(0), stdout), "{ran}");
    ran
}

/// A running ec1 that the script started.
fn fixture_with_online_ec() -> Result<(Fixture, NodeProcess), TestkitError> {
    let fixture = fixture(AgentKind::Ec).commands().build()?;
    assert_done(script_command(&fixture, "online", "ec1").run()?, "Starting ec1...done.\n");
    let jvm = fixture.single_pico("ec1")?;
    Ok((fixture, jvm))
}

#[test]
fn pico_goes_online_is_healthy_and_goes_offline() -> TestResult {
    let (fixture, jvm) = fixture_with_online_ec()?;
    assert_monitor_answer(monitor_command(&fixture, EC1_PORT).run()?, HEALTHY, &[]);
    assert_monitor_answer(monitor_command(&fixture, PLATFORM_PORT).run()?, HEALTHY, &[]);
    // A second online is no failure and starts nothing.
    assert_done(script_command(&fixture, "online", "ec1").run()?, "Starting ec1...done.\n");
    assert_eq!(fixture.single_pico("ec1")?.pid, jvm.pid);
    assert_done(script_command(&fixture, "offline", "ec1").run()?, "Shutting down ec1...done.\n");
    assert_eq!(fixture.last_end_reason("ec1")?.as_deref(), Some("shutdown"), "in order, by mzsh");
    fixture.assert_nothing_left()?;
    assert_monitor_answer(
        monitor_command(&fixture, EC1_PORT).run()?,
        NOT_HEALTHY,
        &["ec1 is not running"],
    );
    assert_done(script_command(&fixture, "offline", "ec1").run()?, "Shutting down ec1...done.\n");
    Ok(())
}

#[test]
fn link_named_like_a_script_runs_that_script() -> TestResult {
    let fixture = fixture(AgentKind::Platform).commands().build()?;
    for script in ["monitor", "online", "offline", "clean"] {
        fixture.sh(&format!(
            "mkdir -p /opt/ha && ln -s /run/testkit/bin/mz-ha-scripts /opt/ha/{script}"
        ))?;
    }
    let by_link = |script: &str, of: &str| {
        let words = [JAVA_HOME, MZ_HOME, fixture.node.owner(), of];
        fixture.node.command(format!("/opt/ha/{script}")).args(words).run()
    };
    assert_done(by_link("online", "platform")?, "Starting platform...done.\n");
    assert_monitor_answer(by_link("monitor", PLATFORM_PORT)?, HEALTHY, &[]);
    assert_done(by_link("offline", "platform")?, "Shutting down platform...done.\n");
    assert_done(by_link("clean", "platform")?, "Cleaning platform...done.\n");
    fixture.assert_nothing_left()
}

#[test]
fn unknown_user_fails_online_and_ha_check() -> TestResult {
    let (fixture, jvm) = fixture_with_online_ec()?;
    let by_stranger = |script: &str, of: &str| {
        fixture.command("mz-ha-scripts").args([script, JAVA_HOME, MZ_HOME, "mzstranger", of]).run()
    };
    fixture.set(&["ec1.ha_answer=silent"])?;
    assert_monitor_answer(
        by_stranger("monitor", EC1_PORT)?,
        HEALTHY,
        &["could not be asked", "mzstranger"],
    );
    fixture.signal(jvm.pid, "KILL")?;
    assert_monitor_answer(by_stranger("monitor", EC1_PORT)?, NOT_HEALTHY, &["ec1 is not running"]);
    let ran = by_stranger("online", "ec1")?.expect_code(1)?;
    assert!(ran.stdout.contains("os_user: user mzstranger is unknown"), "{ran}");
    fixture.assert_nothing_left()
}

#[test]
fn picos_with_similar_names_are_neither_reported_nor_touched() -> TestResult {
    let fixture = fixture(AgentKind::Ec).pico("ec10:ec").commands().build()?;
    for ec in ["ec1", "ec10"] {
        assert_done(
            script_command(&fixture, "online", ec).run()?,
            &format!("Starting {ec}...done.\n"),
        );
    }
    let (ec1, ec10) = (fixture.single_pico("ec1")?, fixture.single_pico("ec10")?);
    fixture.signal(ec1.pid, "KILL")?;
    assert_monitor_answer(
        monitor_command(&fixture, EC1_PORT).run()?,
        NOT_HEALTHY,
        &["ec1 is not running"],
    );
    assert_monitor_answer(monitor_command(&fixture, "26002").run()?, HEALTHY, &[]);
    for script in ["offline", "clean"] {
        script_command(&fixture, script, "ec1").run()?.expect_code(0)?;
        assert!(fixture.is_alive(&ec10)?, "{script}");
    }
    assert_done(script_command(&fixture, "clean", "ec10").run()?, "Cleaning ec10...done.\n");
    fixture.assert_nothing_left()
}

#[test]
fn same_pico_of_other_installation_is_managed_separately() -> TestResult {
    let fixture = fixture(AgentKind::Platform).commands().build()?;
    let ports = [
        "--common",
        "pico.rcp.platform.port=6791",
        "--property",
        "platform:mz.webserver.port=9009",
    ];
    let pico =
        ["--pico", "platform:platform:26000", "--set", "start_time=50ms", "--set", "mzsh_time=0ms"];
    fixture.install_second(
        "/opt/mz2",
        &[ports, ["--property", "platform:mz.ha.host=127.0.0.2", pico[0], pico[1]]].concat(),
    )?;
    fixture.mzsh_in("/opt/mz2", &["startup", "platform"])?.expect_code(0)?;
    let other = fixture.single_pico_in("/opt/mz2", "platform")?;
    // The other pico is known by its own record, this one is not there.
    let theirs = fixture.command("mz-ha-scripts").args([
        "monitor",
        JAVA_HOME,
        "/opt/mz2",
        fixture.node.owner(),
        PLATFORM_PORT,
    ]);
    assert_monitor_answer(theirs.run()?, HEALTHY, &[]);
    assert_monitor_answer(
        monitor_command(&fixture, PLATFORM_PORT).run()?,
        NOT_HEALTHY,
        &["platform is not running"],
    );
    for script in ["offline", "clean"] {
        script_command(&fixture, script, "platform").run()?.expect_code(0)?;
        assert!(fixture.is_alive(&other)?, "{script}");
    }
    Ok(())
}

#[test]
fn offline_ends_pico_ignoring_mzsh_shutdown_and_sigterm() -> TestResult {
    let fixture = fixture(AgentKind::Ec).commands().build()?;
    let jvm = fixture.start_fake_pico("ec1", "ignore TERM")?;
    let ran = script_command(&fixture, "offline", "ec1")
        .env("MZ_HA_TIMEOUT", "20")
        .env("OCF_RESKEY_thread_dump", "no")
        .run()?;
    assert_done(ran, "Shutting down ec1...done.\n");
    assert_eq!(fixture.mzsh_call_count("shutdown ec1")?, 1, "mzsh was asked first");
    assert!(!fixture.is_alive(&jvm)?);
    fixture.assert_nothing_left()
}

#[test]
fn clean_ends_signal_ignoring_pico_and_children_without_mzsh() -> TestResult {
    let fixture = fixture(AgentKind::Ec).commands().build()?;
    let stranger = fixture.start_unrelated_process()?;
    let tree = "ignore TERM HUP INT\nrun exec sleep 1000001\nrun exec setsid sleep 1000001\nrun sleep 1000001; true";
    fixture.start_fake_pico("ec1", tree)?;
    fixture.wait_until("three children", |fixture| {
        let mut all = fixture.processes()?;
        all.retain(|process| process.argv == ["sleep", "1000001"]);
        Ok(if all.len() == 3 { Ok(()) } else { Err(describe_processes(&all)) })
    })?;
    let ran = script_command(&fixture, "clean", "ec1")
        .env("MZ_HA_TIMEOUT", "12")
        .env("OCF_RESKEY_thread_dump", "no")
        .run()?;
    assert_done(ran, "Cleaning ec1...done.\n");
    assert_eq!(fixture.mzsh_call_count("")?, 1, "nothing but the startup of the Platform");
    assert!(fixture.is_alive(&stranger)?);
    fixture.signal(stranger.pid, "KILL")?;
    fixture.assert_nothing_left()
}

#[test]
fn clean_and_offline_succeed_without_pico_and_installation() -> TestResult {
    let fixture = fixture(AgentKind::Platform).commands().build()?;
    fixture.sh("rm -r /opt/mz")?;
    assert_done(
        script_command(&fixture, "clean", "platform").run()?,
        "Cleaning platform...done.\n",
    );
    assert_done(
        script_command(&fixture, "offline", "platform").run()?,
        "Shutting down platform...done.\n",
    );
    Ok(())
}

#[test]
fn offline_ends_online_under_way() -> TestResult {
    let fixture = fixture(AgentKind::Ec).set("ec1.startup_outcome=slow").commands().build()?;
    let (online, offline) = fixture.run_during(
        || script_command(&fixture, "online", "ec1").run(),
        |fixture| {
            fixture.wait_for_pico()?;
            assert_monitor_answer(
                monitor_command(fixture, EC1_PORT).run()?,
                UNKNOWN,
                &["ec1: running", "never seen to listen"],
            );
            script_command(fixture, "offline", "ec1").env("MZ_HA_TIMEOUT", "20").run()
        },
    )?;
    assert_ne!(online.code(), Some(0), "{online}");
    assert_done(offline, "Shutting down ec1...done.\n");
    fixture.assert_nothing_left()
}

/// The two programs are in different directories.
#[test]
fn clean_ends_pacemaker_start_and_pacemaker_stop_ends_online() -> TestResult {
    let slow = || fixture(AgentKind::Ec).set("ec1.startup_outcome=slow").commands().build();
    let fixture = slow()?;
    let (start, clean) = fixture.run_during(
        || fixture.agent().run("start"),
        |fixture| {
            fixture.wait_for_pico()?;
            script_command(fixture, "clean", "ec1").env("MZ_HA_TIMEOUT", "20").run()
        },
    )?;
    assert_done(clean, "Cleaning ec1...done.\n");
    assert_eq!(
        start.exit_status,
        NodeExitStatus::Signal(9),
        "it held the lock of this pico: {start}"
    );
    fixture.assert_nothing_left()?;

    let fixture = slow()?;
    let (online, stop) = fixture.run_during(
        || script_command(&fixture, "online", "ec1").run(),
        |fixture| {
            fixture.wait_for_pico()?;
            fixture.agent().run("stop")
        },
    )?;
    stop.assert_exit_code(OCF_SUCCESS);
    assert_eq!(online.code(), None, "it held the lock of this pico: {online}");
    fixture.assert_nothing_left()
}

#[test]
fn failed_online_names_reason_and_leaves_nothing() -> TestResult {
    let fixture = fixture(AgentKind::Ec).set("ec1.startup_outcome=code:1").commands().build()?;
    let ran = script_command(&fixture, "online", "ec1").run()?.expect_code(1)?;
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{ran}");
    assert!(
        lines[0] == "Starting ec1...FAILED" && lines[1].starts_with("ec1: mzsh startup"),
        "{ran}"
    );
    fixture.assert_nothing_left()?;
    let ran = script_command(&fixture, "online", "ec9").run()?.expect_code(1)?;
    assert!(
        ran.stdout.contains("ec9") && ran.stdout.starts_with("Starting ec9...FAILED\n"),
        "{ran}"
    );
    let ran = script_command(&fixture, "online", "ec1")
        .env("OCF_RESKEY_wait_for", "nonsense")
        .run()?
        .expect_code(1)?;
    assert!(ran.stdout.contains("\nwait_for"), "{ran}");
    fixture.assert_nothing_left()
}

#[test]
fn pico_managed_by_pacemaker_is_a_warning() -> TestResult {
    let fixture = fixture(AgentKind::Ec).commands().build()?;
    let jvm = fixture.start()?;
    let ran = script_command(&fixture, "online", "ec1").run()?;
    assert!(ran.stderr.starts_with("WARNING: ec1: also managed by Pacemaker's ec"), "{ran}");
    assert_done(ran, "Starting ec1...done.\n");
    let ran = monitor_command(&fixture, EC1_PORT).arg("debug").run()?.expect_code(HEALTHY)?;
    assert!(ran.stdout.contains("other managers: ec1: also managed by Pacemaker's ec"), "{ran}");
    assert!(fixture.is_alive(&jvm)?);
    fixture.monitor(10)?.expect_code(0)?;
    Ok(())
}

#[test]
fn offline_with_unreadable_pattern_and_no_process_is_done_with_a_warning() -> TestResult {
    let fixture = fixture(AgentKind::Ec).commands().build()?;
    let ran =
        script_command(&fixture, "offline", "ec1").env("OCF_RESKEY_process_match", "(").run()?;
    assert!(ran.stderr.starts_with("WARNING: nothing to stop: "), "{ran}");
    assert_done(ran, "Shutting down ec1...done.\n");
    Ok(())
}

#[test]
fn wrong_arguments_exit_99_or_2_with_usage() -> TestResult {
    let (fixture, jvm) = fixture_with_online_ec()?;
    let run = |words: &[&str]| fixture.command("mz-ha-scripts").args(words).run();
    let owner = fixture.node.owner();
    for bad in [
        vec!["monitor"],
        vec!["monitor", JAVA_HOME, MZ_HOME, owner],
        vec!["monitor", JAVA_HOME, MZ_HOME, owner, "ec1"],
        vec!["monitor", JAVA_HOME, MZ_HOME, owner, EC1_PORT, "127.0.0.1", "soon"],
    ] {
        let ran = run(&bad)?.expect_code(UNKNOWN)?;
        assert!(ran.stdout.is_empty() && ran.stderr.contains("usage: monitor"), "{ran}");
    }
    for bad in [
        vec!["clean", JAVA_HOME, MZ_HOME, owner],
        vec!["clean", JAVA_HOME, MZ_HOME, owner, "-f"],
        vec!["offline", JAVA_HOME, "opt/mz", owner, "ec1"],
        vec!["start", JAVA_HOME, MZ_HOME, owner, "ec1"],
        vec![],
    ] {
        let ran = run(&bad)?.expect_code(2)?;
        assert!(ran.stdout.is_empty() && ran.stderr.contains("usage: monitor"), "{ran}");
    }
    assert!(run(&["--version"])?.expect_code(0)?.stdout.starts_with("mz-ha-scripts "));
    assert!(run(&["--help"])?.expect_code(0)?.stdout.starts_with("usage: monitor"));
    assert!(fixture.is_alive(&jvm)?);
    Ok(())
}

#[test]
fn non_root_call_is_refused_and_changes_nothing() -> TestResult {
    let (fixture, jvm) = fixture_with_online_ec()?;
    if fixture.node.owner() == "root" {
        // A normal user's node has one user only.
        return Ok(());
    }
    assert_monitor_answer(
        monitor_command(&fixture, EC1_PORT).user(4711).run()?,
        UNKNOWN,
        &["permission denied (not root"],
    );
    for script in ["online", "offline", "clean"] {
        let ran = script_command(&fixture, script, "ec1").user(4711).run()?.expect_code(1)?;
        assert!(
            ran.stdout.ends_with("...FAILED\npermission denied (not root); run it as root\n"),
            "{ran}"
        );
    }
    assert!(fixture.is_alive(&jvm)?);
    assert!(
        script_command(&fixture, "monitor", EC1_PORT)
            .time_limit(Duration::from_secs(30))
            .run()?
            .code()
            == Some(HEALTHY)
    );
    Ok(())
}
