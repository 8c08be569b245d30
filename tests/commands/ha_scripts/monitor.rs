//! Answers of `monitor` about a pico: healthy, not healthy, or unknown.

use testkit::fake_process::FakeProcess;

use super::*;

#[test]
fn dead_or_hung_pico_is_not_healthy() -> TestResult {
    let (fixture, jvm) = fixture_with_online_ec()?;
    fixture.signal(jvm.pid, "STOP")?;
    assert_monitor_answer(
        monitor_command(&fixture, EC1_PORT).run()?,
        NOT_HEALTHY,
        &["ec1: hung", &format!("pid {} ", jvm.pid), "(T)"],
    );
    assert!(fixture.is_alive(&jvm)?, "a monitor does nothing to it");
    fixture.signal(jvm.pid, "KILL")?;
    assert_monitor_answer(
        monitor_command(&fixture, EC1_PORT).run()?,
        NOT_HEALTHY,
        &["ec1 is not running", &format!("pid {} ", jvm.pid)],
    );
    fixture.assert_nothing_left()
}

/// Veritas would treat another answer as "offline", and start the pico elsewhere.
#[test]
fn live_pico_never_seen_online_is_unknown() -> TestResult {
    let fixture = fixture(AgentKind::Ec).commands().build()?;
    fixture.sh("truncate -s 4096 /opt/device && chmod 666 /opt/device")?;
    let hung = fixture.node.hang_storage("/opt/device", HungOperation::Read)?;
    // No signal ends it, and nothing answers at its port.
    let jvm = fixture.start_fake_pico("ec1", "read /opt/device")?;
    fixture.wait_until("the process to wait for the device", |fixture| {
        let all = fixture.processes()?;
        let waits = all.iter().any(|process| process.pid == jvm.pid && process.state == 'D');
        Ok(if waits { Ok(()) } else { Err(describe_processes(&all)) })
    })?;
    let looks = || monitor_command(&fixture, EC1_PORT).env("OCF_RESKEY_monitor_retries", "0").run();
    let never_asked = ["health unknown", "never seen to listen on port 26001"];
    assert_monitor_answer(looks()?, UNKNOWN, &never_asked);
    for script in ["offline", "clean"] {
        script_command(&fixture, script, "ec1").env("MZ_HA_TIMEOUT", "10").run()?.expect_code(1)?;
        assert!(fixture.is_alive(&jvm)?);
        assert_monitor_answer(looks()?, UNKNOWN, &never_asked);
    }
    hung.release();
    fixture.wait_until("its end by the signals", |fixture| {
        Ok(if fixture.is_alive(&jvm)? {
            Err(describe_processes(&fixture.processes()?))
        } else {
            Ok(())
        })
    })?;
    assert_monitor_answer(looks()?, NOT_HEALTHY, &["ec1 is not running"]);

    // A pico that a monitor has seen healthy is online, however it was started.
    fixture.mzsh(&["startup", "ec1"])?.expect_code(0)?;
    let jvm = fixture.single_pico("ec1")?;
    fixture.signal(jvm.pid, "STOP")?;
    assert_monitor_answer(
        looks()?,
        UNKNOWN,
        &["ec1: hung", "not online here before, and not offline"],
    );
    fixture.signal(jvm.pid, "CONT")?;
    assert_monitor_answer(looks()?, HEALTHY, &[]);
    fixture.signal(jvm.pid, "STOP")?;
    assert_monitor_answer(looks()?, NOT_HEALTHY, &["ec1: hung"]);
    assert_done(script_command(&fixture, "clean", "ec1").run()?, "Cleaning ec1...done.\n");
    fixture.assert_nothing_left()
}

#[test]
fn failed_ha_answer_is_not_healthy_after_grace() -> TestResult {
    let (fixture, _) = fixture_with_online_ec()?;
    fixture.set(&["ec1.ha_answer=FAILED aborts 7 of 5"])?;
    assert_monitor_answer(
        script_command(&fixture, "monitor", EC1_PORT).run()?,
        HEALTHY,
        &["aborts 7 of 5"],
    );
    // No failure is tolerated here: the cluster manager counts.
    let tolerant = || monitor_command(&fixture, EC1_PORT).env("OCF_RESKEY_failures_tolerated", "9");
    assert_monitor_answer(tolerant().run()?, NOT_HEALTHY, &["FAILED", "aborts 7 of 5"]);
    assert_monitor_answer(
        monitor_command(&fixture, EC1_PORT).env("OCF_RESKEY_on_ha_failed", "degrade").run()?,
        HEALTHY,
        &["aborts 7 of 5"],
    );
    assert_monitor_answer(monitor_command(&fixture, PLATFORM_PORT).run()?, HEALTHY, &[]);
    Ok(())
}

#[test]
fn silent_or_absent_server_is_not_healthy_within_timeout() -> TestResult {
    let (fixture, jvm) = fixture_with_online_ec()?;
    fixture.set(&["ec1.ha_answer=silent"])?;
    let silent = monitor_command(&fixture, EC1_PORT)
        .args(["127.0.0.1", "1"])
        .env("OCF_RESKEY_monitor_retries", "0");
    assert_monitor_answer(silent.run()?, NOT_HEALTHY, &["ec1: hung", "no answer in 1 s"]);
    let absent = monitor_command(&fixture, EC1_PORT)
        .args(["127.0.0.3"])
        .env("OCF_RESKEY_monitor_retries", "0");
    assert_monitor_answer(
        absent.run()?,
        UNKNOWN,
        &["never seen to listen on 127.0.0.3, port 26001"],
    );
    fixture.set(&["ec1.ha_answer=OK"])?;
    assert_monitor_answer(
        monitor_command(&fixture, EC1_PORT).args(["127.0.0.1", "5"]).run()?,
        HEALTHY,
        &[],
    );
    assert!(fixture.is_alive(&jvm)?);
    Ok(())
}

#[test]
fn pico_with_disabled_server_is_unknown_and_not_failed() -> TestResult {
    let fixture = fixture(AgentKind::Ec).property("ec1:mz.ha.enabled=false").commands().build()?;
    let off = ["mz.ha.enabled of ec1 is not true"];
    assert_done(script_command(&fixture, "online", "ec1").run()?, "Starting ec1...done.\n");
    let jvm = fixture.single_pico("ec1")?;
    assert_monitor_answer(monitor_command(&fixture, EC1_PORT).run()?, UNKNOWN, &off);
    // Another process has the port: this JVM does not answer there.
    let server = "import socket, time
server = socket.create_server(('127.0.0.1', 26001))
open('/opt/other.up', 'w')
time.sleep(1000001)
";
    fixture.node.write("/opt/other.py", server)?;
    fixture.sh("setsid python3 /opt/other.py </dev/null >/dev/null 2>&1 & until [ -e /opt/other.up ]; do sleep 0.01; done")?;
    assert_monitor_answer(monitor_command(&fixture, EC1_PORT).run()?, UNKNOWN, &off);
    // A state that needs no query is reported as for any other pico.
    fixture.signal(jvm.pid, "STOP")?;
    assert_monitor_answer(
        monitor_command(&fixture, EC1_PORT).run()?,
        NOT_HEALTHY,
        &["ec1: hung", "(T)"],
    );
    fixture.signal(jvm.pid, "KILL")?;
    assert_monitor_answer(
        monitor_command(&fixture, EC1_PORT).run()?,
        NOT_HEALTHY,
        &["ec1 is not running"],
    );
    Ok(())
}

#[test]
fn port_belongs_to_pico_with_enabled_server() -> TestResult {
    let fixture = fixture(AgentKind::Ec)
        .pico("ec2:ec")
        .property("ec2:mz.ha.port=26001")
        .property("ec1:mz.ha.enabled=false")
        .commands()
        .build()?;
    assert_done(script_command(&fixture, "online", "ec1").run()?, "Starting ec1...done.\n");
    assert_monitor_answer(
        monitor_command(&fixture, EC1_PORT).run()?,
        NOT_HEALTHY,
        &["ec2 is not running"],
    );
    assert_done(script_command(&fixture, "online", "ec2").run()?, "Starting ec2...done.\n");
    assert_monitor_answer(monitor_command(&fixture, EC1_PORT).run()?, HEALTHY, &[]);
    Ok(())
}

#[test]
fn debug_option_adds_evidence() -> TestResult {
    let (fixture, jvm) = fixture_with_online_ec()?;
    let ran = monitor_command(&fixture, EC1_PORT).arg("debug").run()?.expect_code(HEALTHY)?;
    assert!(ran.stdout.starts_with("OK\n"), "{ran}");
    for seen in [
        "pico: ec1 ",
        &format!("processes: pid {}, alive", jvm.pid),
        "HA check: asks 127.0.0.1:26001",
    ] {
        assert!(ran.stdout.lines().any(|line| line.starts_with(seen)), "{seen}: {ran}");
    }
    fixture.signal(jvm.pid, "KILL")?;
    let ran = monitor_command(&fixture, EC1_PORT).arg("debug").run()?.expect_code(NOT_HEALTHY)?;
    assert!(
        ran.stdout.starts_with("FAILED\n") && ran.stdout.contains("\nreason: ec1 is not running"),
        "{ran}"
    );
    Ok(())
}

#[test]
fn port_of_no_or_two_picos_is_unknown() -> TestResult {
    let fixture = fixture(AgentKind::Ec)
        .pico("ec2:ec")
        .property("ec2:mz.ha.port=26001")
        .commands()
        .build()?;
    assert_monitor_answer(
        monitor_command(&fixture, "26099").run()?,
        UNKNOWN,
        &["no pico of /opt/mz has mz.ha.port 26099"],
    );
    assert_monitor_answer(
        monitor_command(&fixture, EC1_PORT).run()?,
        UNKNOWN,
        &["ec1, ec2 all have mz.ha.port 26001"],
    );
    assert_monitor_answer(monitor_command(&fixture, PLATFORM_PORT).run()?, HEALTHY, &[]);
    Ok(())
}

#[test]
fn port_may_be_shared_with_container_of_other_node() -> TestResult {
    let (fixture, jvm) = fixture_with_online_ec()?;
    // The registry contains the containers of all nodes.
    let containers = format!("{MZ_HOME}/common/config/cell/default/.active/containers");
    fixture.sh(&format!(
        "cd {containers} && cp -a main1 other1 && cd other1/picos && rm platform.conf && mv ec1.conf ec7.conf"
    ))?;
    let remembers_nothing = || fixture.sh("rm -f /run/mediationzone-ra/*.json");
    remembers_nothing()?;
    assert_monitor_answer(monitor_command(&fixture, EC1_PORT).run()?, HEALTHY, &[]);
    fixture.signal(jvm.pid, "KILL")?;
    remembers_nothing()?;
    assert_monitor_answer(
        monitor_command(&fixture, EC1_PORT).run()?,
        NOT_HEALTHY,
        &["ec1 is not running"],
    );
    let theirs = monitor_command(&fixture, EC1_PORT).env("OCF_RESKEY_container", "other1");
    assert_monitor_answer(theirs.run()?, NOT_HEALTHY, &["ec7 is not running"]);
    Ok(())
}

/// Another user's process that claims to be the pico, or to start it, affects none of the scripts.
#[test]
fn foreign_process_is_neither_healthy_nor_online_nor_ended() -> TestResult {
    let fixture = fixture(AgentKind::Ec).commands().build()?;
    if fixture.node.owner() == "root" {
        return Ok(());
    }
    let home = format!("-Dmz.home={MZ_HOME}");
    let startup =
        ["java", &home, "com.digitalroute.picostart.cmdline.CommandLine", "startup", "ec1"];
    let nameless = ["java", "-Dpico.configname=ec1"];
    for imitation in [
        FakeProcess::for_pico("ec1"),
        FakeProcess::for_java(&startup),
        FakeProcess::for_java(&nameless),
    ] {
        let other = imitation.user(4712).start(&fixture)?;
        assert_monitor_answer(
            monitor_command(&fixture, EC1_PORT).run()?,
            NOT_HEALTHY,
            &["ec1 is not running"],
        );
        assert_done(
            script_command(&fixture, "offline", "ec1").run()?,
            "Shutting down ec1...done.\n",
        );
        assert_done(script_command(&fixture, "clean", "ec1").run()?, "Cleaning ec1...done.\n");
        assert!(fixture.is_alive(&other)?);
        assert_done(script_command(&fixture, "online", "ec1").run()?, "Starting ec1...done.\n");
        let jvm = fixture.single_owned_pico("ec1")?;
        assert_monitor_answer(monitor_command(&fixture, EC1_PORT).run()?, HEALTHY, &[]);
        assert_done(
            script_command(&fixture, "offline", "ec1").run()?,
            "Shutting down ec1...done.\n",
        );
        assert!(!fixture.is_alive(&jvm)? && fixture.is_alive(&other)?);
        fixture.signal(other.pid, "KILL")?;
    }
    Ok(())
}

#[test]
fn unidentifiable_process_is_unknown_and_left_alone() -> TestResult {
    let fixture = fixture(AgentKind::Ec).commands().build()?;
    // By its name it is ec1; it has no installation.
    let doubtful = FakeProcess::for_java(&["java", "-Dpico.configname=ec1"]).start(&fixture)?;
    assert_monitor_answer(
        monitor_command(&fixture, EC1_PORT).run()?,
        UNKNOWN,
        &["ec1", &format!("pid {} ", doubtful.pid), "its installation is unknown"],
    );
    let cleaned = script_command(&fixture, "clean", "ec1")
        .env("MZ_HA_TIMEOUT", "10")
        .run()?
        .expect_code(1)?;
    assert!(
        cleaned.stdout.starts_with("Cleaning ec1...FAILED\nec1 could not be stopped: "),
        "{cleaned}"
    );
    assert_eq!(cleaned.stdout.lines().count(), 2, "{cleaned}");
    assert!(fixture.is_alive(&doubtful)?, "what may be somebody else's is not ended");
    Ok(())
}

#[test]
fn node_without_storage_is_not_healthy_when_nothing_runs() -> TestResult {
    let fixture = fixture(AgentKind::Ec).commands().build()?;
    fixture.sh("mv /opt/mz /opt/away && mkdir /opt/mz")?;
    // The Platform runs: the port may be its own or that of ec1.
    assert_monitor_answer(
        monitor_command(&fixture, EC1_PORT).run()?,
        UNKNOWN,
        &["the registry can't be read", "platform"],
    );
    let platform = fixture.single_pico("platform")?;
    fixture.signal(platform.pid, "STOP")?;
    assert_monitor_answer(
        monitor_command(&fixture, EC1_PORT).run()?,
        UNKNOWN,
        &["the registry can't be read", "platform"],
    );
    fixture.signal(platform.pid, "KILL")?;
    assert_monitor_answer(
        monitor_command(&fixture, EC1_PORT).run()?,
        NOT_HEALTHY,
        &["/opt/mz: not running on this node"],
    );
    Ok(())
}

#[test]
fn recorded_pico_on_hung_storage_is_reported_dead_or_alive() -> TestResult {
    let (fixture, jvm) = fixture_with_online_ec()?;
    let hung = fixture.node.hang_storage(MZ_HOME, HungOperation::Everything)?;
    let waiting =
        || Ok::<_, TestkitError>(fixture.processes()?.iter().filter(|p| p.state == 'D').count());
    // As at depth 10: a check that cannot be made is no failure.
    assert_monitor_answer(
        monitor_command(&fixture, EC1_PORT).run()?,
        HEALTHY,
        &["could not be asked", "storage"],
    );
    assert_eq!(waiting()?, 1, "the HA client; which pico has the port is known from the record");
    fixture.signal(jvm.pid, "KILL")?;
    let short = || monitor_command(&fixture, EC1_PORT).env("MZ_HA_TIMEOUT", "12");
    assert_monitor_answer(short().run()?, NOT_HEALTHY, &["ec1 is not running"]);
    // The Platform's port is in no record: it runs, but the registry, which has the pico of each port, is on
    // the hung storage.
    let unknown =
        || script_command(&fixture, "monitor", PLATFORM_PORT).env("MZ_HA_TIMEOUT", "12").run();
    assert_monitor_answer(unknown()?, UNKNOWN, &["storage"]);
    let before = waiting()?;
    assert_monitor_answer(unknown()?, UNKNOWN, &["storage"]);
    assert_eq!(waiting()?, before, "no more than one process hangs for it");
    hung.release();
    assert_monitor_answer(monitor_command(&fixture, PLATFORM_PORT).run()?, HEALTHY, &[]);
    Ok(())
}
