//! Other picos on the same node are neither reported nor touched.

use std::time::Duration;

use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, as_recurring_monitor, describe_processes, fixture};
use testkit::{AgentCall, NodeProcess, TestResult, TestkitError};

fn ec10_agent(fixture: &Fixture) -> AgentCall<'_> {
    fixture.agent().param("pico_name", "ec10").instance("ec10")
}

/// ec1 and ec10 are distinguished by each marker that a command line may have. Neither is reported, killed or
/// found for the other.
#[test]
fn ec1_and_ec10_are_distinguished_by_every_marker() -> TestResult {
    let fixture = fixture(AgentKind::Ec).pico("ec10:ec").build()?;
    for marker in ["both", "configname", "oom", "none-but-last-argument"] {
        fixture.set(&[&format!("marker={marker}")])?;
        ec10_agent(&fixture).run("start")?.assert_exit_code(OCF_SUCCESS);
        let other = fixture.single_pico("ec10")?.pid;
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
        fixture.monitor(10)?.assert_exit_code(OCF_NOT_RUNNING);
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        assert_eq!(fixture.single_pico("ec10")?.pid, other, "{marker}");

        let ec1 = fixture.start()?.pid;
        for call in [fixture.agent(), ec10_agent(&fixture)] {
            as_recurring_monitor(call, 10)
                .run("monitor")?
                .assert_exit_code(OCF_SUCCESS)
                .assert_no_output();
        }
        fixture.signal(ec1, "KILL")?;
        fixture.monitor(0)?.assert_exit_code(OCF_NOT_RUNNING);
        as_recurring_monitor(ec10_agent(&fixture), 0).run("monitor")?.assert_exit_code(OCF_SUCCESS);
        fixture.start()?;
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        assert_eq!(fixture.single_pico("ec10")?.pid, other, "{marker}");
        ec10_agent(&fixture).run("stop")?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// The Platforms of two installations whose paths have a common prefix are monitored and stopped separately.
#[test]
fn same_pico_of_other_installation_is_managed_separately() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    // Its path begins with the first installation's path.
    fixture.install_second("/opt/mz2", &["--free-ports", "--set", "start_time=50ms"])?;
    let second = || fixture.agent().param("mz_home", "/opt/mz2").instance("second");
    fixture.mzsh_in("/opt/mz2", &["startup", "platform"])?.expect_code(0)?;
    let other = fixture.single_pico_in("/opt/mz2", "platform")?.pid;

    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    second().run("monitor")?.assert_exit_code(OCF_SUCCESS);
    let first = fixture.start()?.pid;
    for call in [fixture.agent(), second()] {
        as_recurring_monitor(call, 10)
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
    }
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    assert_eq!(fixture.single_pico_in("/opt/mz2", "platform")?.pid, other);
    as_recurring_monitor(second(), 0).run("monitor")?.assert_exit_code(OCF_SUCCESS);

    fixture.start()?;
    second().run("stop")?.assert_exit_code(OCF_SUCCESS);
    assert!(fixture.pico_processes_in("/opt/mz2", "platform")?.is_empty());
    assert_ne!(fixture.single_pico("platform")?.pid, first);
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}

/// With the storage of our own installation gone or failing, the running Platform of another installation is
/// neither reported as ours nor stopped.
#[test]
fn same_pico_of_other_installation_is_ignored_when_own_is_gone() -> TestResult {
    // Its storage is gone; or every access is an error, as with storage that fails.
    for gone in ["mv /opt/mz /opt/away", "mv /opt/mz /opt/away && ln -s mz /opt/mz"] {
        let fixture = fixture(AgentKind::Platform).build()?;
        fixture.install_second("/opt/mz2", &["--free-ports", "--set", "start_time=50ms"])?;
        fixture.mzsh_in("/opt/mz2", &["startup", "platform"])?.expect_code(0)?;
        let other = fixture.single_pico_in("/opt/mz2", "platform")?.pid;
        let ours = fixture.start()?.pid;
        fixture.signal(ours, "KILL")?;
        fixture.sh(gone)?;
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
        fixture.monitor(0)?.assert_exit_code(OCF_NOT_RUNNING);
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        assert_eq!(fixture.single_pico_in("/opt/mz2", "platform")?.pid, other, "{gone}");
    }
    Ok(())
}

/// A stop of the Platform leaves an EC of the same installation running.
#[test]
fn stop_of_platform_leaves_ec_running() -> TestResult {
    let fixture = fixture(AgentKind::Platform).pico("ec1:ec").build()?;
    fixture.start()?;
    fixture.mzsh(&["startup", "ec1"])?.expect_code(0)?;
    let ec = fixture.single_pico("ec1")?.pid;
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    assert!(fixture.pico_processes("platform")?.is_empty());
    assert_eq!(fixture.single_pico("ec1")?.pid, ec);
    Ok(())
}

/// An EC that a script of the Platform started, and so descends from the Platform, survives the Platform's
/// stop with its own children.
#[test]
fn ec_descending_from_platform_survives_stop_of_platform() -> TestResult {
    let fixture = fixture(AgentKind::Platform).pico("ec1:ec").build()?;
    let ec = fixture.fake_pico_command("ec1", "run exec sleep 1000002")?;
    fixture.start_fake_pico("platform", &format!("run exec sleep 1000001\nrun exec {ec}"))?;
    let sleeper = |fixture: &Fixture, seconds: &str| -> Result<Option<NodeProcess>, TestkitError> {
        Ok(fixture.processes()?.into_iter().find(|process| process.argv == ["sleep", seconds]))
    };
    let child = fixture.wait_until("both picos with a child each", |fixture| {
        let (own, of_ec) = (sleeper(fixture, "1000001")?, sleeper(fixture, "1000002")?);
        Ok(own.and(of_ec).map(|child| child.pid).ok_or(describe_processes(&fixture.processes()?)))
    })?;
    let (platform, ec) = (fixture.single_pico("platform")?, fixture.single_pico("ec1")?);
    let all = fixture.processes()?;
    let parent = |pid| all.iter().find(|process| process.pid == pid).map(|process| process.ppid);
    let above = parent(ec.pid);
    assert!(
        above == Some(platform.pid) || above.and_then(parent) == Some(platform.pid),
        "{}",
        describe_processes(&all)
    );

    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    assert!(fixture.pico_processes("platform")?.is_empty());
    assert!(sleeper(&fixture, "1000001")?.is_none(), "the Platform's own child goes with it");
    let lives = sleeper(&fixture, "1000002")?.map(|process| process.pid);
    assert_eq!((fixture.single_pico("ec1")?.pid, lives), (ec.pid, Some(child)));

    fixture.agent_for(AgentKind::Ec).run("stop")?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}

/// Names with a common prefix or suffix, names that differ only in case, and one that matches another as a
/// pattern.
const SIMILAR_NAMES: [&str; 6] = ["ec", "ec1", "ec10", "ec1.0", "EC1", "xec1"];

fn ec_agent<'a>(fixture: &'a Fixture, name: &str) -> AgentCall<'a> {
    fixture.agent().param("pico_name", name).instance(name)
}

fn running_ecs<'n>(fixture: &Fixture, names: &[&'n str]) -> Result<Vec<&'n str>, TestkitError> {
    let mut living = Vec::new();
    for &name in names {
        if !fixture.pico_processes(name)?.is_empty() {
            living.push(name);
        }
    }
    Ok(living)
}

/// Each of six ECs with similar names is reported, found dead, stopped and started alone, with and without
/// its record, while the five others run.
#[test]
fn ecs_with_similar_names_are_managed_separately() -> TestResult {
    let mut builder = fixture(AgentKind::Ec);
    for name in SIMILAR_NAMES.iter().filter(|name| **name != "ec1") {
        builder = builder.pico(&format!("{name}:ec"));
    }
    let fixture = builder.build()?;
    for with_record in [true, false] {
        let forget = |name: &str| {
            let forget = if with_record { ":" } else { "rm -f" };
            fixture.sh(&format!("{forget} /run/mediationzone-ra/{name}.json"))
        };
        for name in SIMILAR_NAMES {
            ec_agent(&fixture, name).run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
            ec_agent(&fixture, name).run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        }
        for name in SIMILAR_NAMES {
            let others: Vec<&str> =
                SIMILAR_NAMES.into_iter().filter(|other| *other != name).collect();
            forget(name)?;
            as_recurring_monitor(ec_agent(&fixture, name), 10)
                .run("monitor")?
                .assert_exit_code(OCF_SUCCESS)
                .assert_no_output();
            fixture.signal(fixture.single_pico(name)?.pid, "KILL")?;
            forget(name)?;
            as_recurring_monitor(ec_agent(&fixture, name), 0)
                .run("monitor")?
                .assert_exit_code(OCF_NOT_RUNNING)
                .assert_reason(&[name]);
            ec_agent(&fixture, name).run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
            forget(name)?;
            ec_agent(&fixture, name).run("stop")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
            assert_eq!(running_ecs(&fixture, &SIMILAR_NAMES)?, others, "{name} was stopped");
            ec_agent(&fixture, name).run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
            ec_agent(&fixture, name).run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        }
        for name in SIMILAR_NAMES {
            ec_agent(&fixture, name).run("stop")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        }
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// Real JVMs of ec, ec1 and ec10 are managed separately: one is killed, one hangs, and one is ended by
/// signals because mzsh is gone.
#[test]
fn real_jvms_with_prefix_names_are_managed_separately() -> TestResult {
    let fixture = fixture(AgentKind::Ec).jvm().pico("ec:ec").pico("ec10:ec").build()?;
    let names = ["ec", "ec1", "ec10"];
    for name in names {
        ec_agent(&fixture, name).run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    }
    fixture.signal(fixture.single_pico("ec1")?.pid, "KILL")?;
    fixture.signal(fixture.single_pico("ec10")?.pid, "STOP")?;
    as_recurring_monitor(ec_agent(&fixture, "ec1"), 10)
        .run("monitor")?
        .assert_exit_code(OCF_NOT_RUNNING);
    as_recurring_monitor(ec_agent(&fixture, "ec10"), 0)
        .run("monitor")?
        .assert_exit_code(OCF_ERR_GENERIC)
        .assert_reason(&["ec10: hung"]);
    as_recurring_monitor(ec_agent(&fixture, "ec"), 10)
        .run("monitor")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    ec_agent(&fixture, "ec1").run("stop")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert_eq!(running_ecs(&fixture, &names)?, ["ec", "ec10"]);
    fixture.sh("mv /opt/mz/bin/mzsh /opt/mz/bin/mzsh.away")?;
    ec_agent(&fixture, "ec").run("stop")?.assert_exit_code(OCF_SUCCESS);
    assert_eq!(running_ecs(&fixture, &names)?, ["ec10"]);
    ec_agent(&fixture, "ec10").run("stop")?.assert_exit_code(OCF_SUCCESS);
    assert_eq!(running_ecs(&fixture, &names)?, [""; 0]);
    fixture.assert_nothing_left()
}

/// Two picos that were started from one shell share a process group and a session. A stop of one, by mzsh, by
/// SIGTERM or by SIGKILL, leaves the other running.
#[test]
fn pico_in_same_process_group_survives_stop() -> TestResult {
    for (how, real) in [("mzsh", true), ("SIGTERM", false), ("SIGKILL", false)] {
        let fixture = fixture(AgentKind::Ec)
            .pico("ec2:ec")
            .real_jvm(real)
            .set("jvm_detached=false")
            .build()?;
        let both = "/opt/mz/bin/mzsh startup ec1 && /opt/mz/bin/mzsh startup ec2";
        let line = format!("setsid sh -c '{both}' </dev/null >/dev/null 2>&1 &");
        fixture.as_owner("sh").args(["-c", &line]).run()?.expect_code(0)?;
        fixture.wait_until("both picos, up", |fixture| {
            let ready = fixture
                .history()?
                .into_iter()
                .filter(|e| e.event == "ready" && e.pico.starts_with("ec"));
            let (ready, startups) = (ready.count(), fixture.startup_process_count()?);
            Ok(if ready == 2 && startups == 0 { Ok(()) } else { Err(format!("{ready} are ready")) })
        })?;
        let (ec1, ec2) = (fixture.single_pico("ec1")?, fixture.single_pico("ec2")?);
        assert_eq!((ec1.group, ec1.session), (ec2.group, ec2.session));
        if how != "mzsh" {
            fixture.sh("rm /opt/mz/bin/mzsh")?;
        }
        if how == "SIGKILL" {
            fixture.set(&["stop_time=10m"])?;
        }
        fixture
            .agent()
            .meta_timeout(Duration::from_secs(12))
            .run("stop")?
            .assert_exit_code(OCF_SUCCESS);
        assert!(!fixture.is_alive(&ec1)? && fixture.is_alive(&ec2)?, "{how}");
        as_recurring_monitor(ec_agent(&fixture, "ec2"), 10)
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
        ec_agent(&fixture, "ec2")
            .meta_timeout(Duration::from_secs(12))
            .run("stop")?
            .assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// Another pico that came up in the session of our own start, with a child of its own, survives the stop of
/// ours, also when ours was killed before.
#[test]
fn pico_in_session_of_own_start_survives_stop() -> TestResult {
    for killed in [false, true] {
        let fixture = fixture(AgentKind::Ec).pico("ec2:ec").set("jvm_detached=false").build()?;
        let other = fixture.fake_pico_command("ec2", "run exec sleep 1000001")?;
        fixture.override_mzsh_verb("startup", &format!("{other} >/dev/null 2>&1 &"))?;
        let ec1 = fixture.start()?;
        let child = fixture.wait_for_process(&["sleep", "1000001"])?;
        let ec2 = fixture.single_pico("ec2")?;
        assert_eq!((ec1.session, ec1.session), (ec2.session, child.session));
        fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        if killed {
            fixture.signal(ec1.pid, "KILL")?;
            fixture.monitor(0)?.assert_exit_code(OCF_NOT_RUNNING);
        }
        fixture.stop()?.assert_exit_code(OCF_SUCCESS);
        assert!(
            !fixture.is_alive(&ec1)? && fixture.is_alive(&ec2)? && fixture.is_alive(&child)?,
            "killed before: {killed}"
        );
        fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
        ec_agent(&fixture, "ec2").run("stop")?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// The Platforms of two installations on real JVMs: a stop of the one without mzsh signals that one alone. A
/// start of one does not adopt the other's Platform.
#[test]
fn real_jvms_of_two_installations_are_managed_separately() -> TestResult {
    let fixture = fixture(AgentKind::Platform).jvm().build()?;
    fixture.install_second("/opt/mz2", &["--free-ports", "--jvm", "--set", "start_time=50ms"])?;
    let second = || fixture.agent().param("mz_home", "/opt/mz2").instance("second");
    second().run("start")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    let other = fixture.single_pico_in("/opt/mz2", "platform")?;
    fixture.probe()?.assert_exit_code(OCF_NOT_RUNNING);
    fixture.stop()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    let ours = fixture.start()?;
    fixture.sh("rm /opt/mz/bin/mzsh; rm /run/mediationzone-ra/*.json")?;
    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    assert!(!fixture.is_alive(&ours)? && fixture.is_alive(&other)?);
    as_recurring_monitor(second(), 10)
        .run("monitor")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    second().run("stop")?.assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}
