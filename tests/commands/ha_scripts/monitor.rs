//! What `monitor` says of a pico: healthy, not healthy, or that it can't be told.

use testkit::imitation::Imitation;

use super::*;

#[test]
fn a_dead_pico_is_failed_and_a_hung_one_too() -> Done {
    let (site, jvm) = online()?;
    site.signal(jvm.pid, "STOP")?;
    answers(monitor(&site, EC1).run()?, NOT_HEALTHY, &["ec1 hung", &format!("pid {} ", jvm.pid), "(T)"]);
    assert!(site.lives(&jvm)?, "a monitor does nothing to it");
    site.signal(jvm.pid, "KILL")?;
    answers(monitor(&site, EC1).run()?, NOT_HEALTHY, &["ec1 is not running", &format!("pid {} ", jvm.pid)]);
    site.nothing_left()
}

/// What Veritas would take for "offline", and start elsewhere.
#[test]
fn one_that_lives_and_is_not_online_is_never_offline() -> Done {
    let site = site(Kind::Ec).commands().build()?;
    site.sh("truncate -s 4096 /opt/device && chmod 666 /opt/device")?;
    let hung = site.node.hang("/opt/device", Held::Read)?;
    // No signal ends it, and nobody answers at its port.
    let jvm = site.stand_in("ec1", "read /opt/device")?;
    site.until("the process to wait for the device", |site| {
        let all = site.processes()?;
        let waits = all.iter().any(|process| process.pid == jvm.pid && process.state == 'D');
        Ok(if waits { Ok(()) } else { Err(in_short(&all)) })
    })?;
    let looks = || monitor(&site, EC1).env("OCF_RESKEY_monitor_retries", "0").run();
    let never_asked = ["can't be told", "never seen to listen on port 26001"];
    answers(looks()?, UNKNOWN, &never_asked);
    for script in ["offline", "clean"] {
        call(&site, script, "ec1").env("MZ_HA_TIMEOUT", "10").run()?.expect(1)?;
        assert!(site.lives(&jvm)?);
        answers(looks()?, UNKNOWN, &never_asked);
    }
    hung.release();
    site.until("its end by the signals", |site| {
        Ok(if site.lives(&jvm)? { Err(in_short(&site.processes()?)) } else { Ok(()) })
    })?;
    answers(looks()?, NOT_HEALTHY, &["ec1 is not running"]);

    // One that a monitor has seen well is online, whoever has started it.
    site.mzsh(&["startup", "ec1"])?.expect(0)?;
    let jvm = site.one("ec1")?;
    site.signal(jvm.pid, "STOP")?;
    answers(looks()?, UNKNOWN, &["ec1 hung", "is not offline"]);
    site.signal(jvm.pid, "CONT")?;
    answers(looks()?, HEALTHY, &[]);
    site.signal(jvm.pid, "STOP")?;
    answers(looks()?, NOT_HEALTHY, &["ec1 hung"]);
    done(call(&site, "clean", "ec1").run()?, "Cleaning ec1...done.\n");
    site.nothing_left()
}

#[test]
fn failed_by_its_own_word_is_failed_but_not_in_a_young_jvm() -> Done {
    let (site, _) = online()?;
    site.set(&["ec1.ha_answer=FAILED aborts 7 of 5"])?;
    answers(call(&site, "monitor", EC1).run()?, HEALTHY, &["aborts 7 of 5"]);
    // Nothing is tolerated here: the manager counts.
    let tolerant = || monitor(&site, EC1).env("OCF_RESKEY_failures_tolerated", "9");
    answers(tolerant().run()?, NOT_HEALTHY, &["FAILED", "aborts 7 of 5"]);
    answers(
        monitor(&site, EC1).env("OCF_RESKEY_on_ha_failed", "degrade").run()?,
        HEALTHY,
        &["aborts 7 of 5"],
    );
    answers(monitor(&site, PLATFORM).run()?, HEALTHY, &[]);
    Ok(())
}

#[test]
fn a_server_that_is_silent_or_absent_is_failed_within_the_time_that_it_has() -> Done {
    let (site, jvm) = online()?;
    site.set(&["ec1.ha_answer=silent"])?;
    let silent = monitor(&site, EC1).args(["127.0.0.1", "1"]).env("OCF_RESKEY_monitor_retries", "0");
    answers(silent.run()?, NOT_HEALTHY, &["ec1 hangs", "no answer in 1 s"]);
    let absent = monitor(&site, EC1).args(["127.0.0.3"]).env("OCF_RESKEY_monitor_retries", "0");
    answers(absent.run()?, UNKNOWN, &["was never seen to listen on 127.0.0.3, port 26001"]);
    site.set(&["ec1.ha_answer=OK"])?;
    answers(monitor(&site, EC1).args(["127.0.0.1", "5"]).run()?, HEALTHY, &[]);
    assert!(site.lives(&jvm)?);
    Ok(())
}

#[test]
fn a_pico_whose_server_is_off_is_never_failed_for_its_silence() -> Done {
    let site = site(Kind::Ec).property("ec1:mz.ha.enabled=false").commands().build()?;
    let off = ["mz.ha.enabled of ec1 is not true"];
    done(call(&site, "online", "ec1").run()?, "Starting ec1...done.\n");
    let jvm = site.one("ec1")?;
    answers(monitor(&site, EC1).run()?, UNKNOWN, &off);
    // Whoever else has the port: this JVM does not answer there.
    let server = "import socket, time
server = socket.create_server(('127.0.0.1', 26001))
open('/opt/other.up', 'w')
time.sleep(1000001)
";
    site.node.write("/opt/other.py", server)?;
    site.sh("setsid python3 /opt/other.py </dev/null >/dev/null 2>&1 & until [ -e /opt/other.up ]; do sleep 0.01; done")?;
    answers(monitor(&site, EC1).run()?, UNKNOWN, &off);
    // What needs no question is told as of any other.
    site.signal(jvm.pid, "STOP")?;
    answers(monitor(&site, EC1).run()?, NOT_HEALTHY, &["ec1 hung", "(T)"]);
    site.signal(jvm.pid, "KILL")?;
    answers(monitor(&site, EC1).run()?, NOT_HEALTHY, &["ec1 is not running"]);
    Ok(())
}

#[test]
fn a_port_is_of_the_pico_whose_server_is_on() -> Done {
    let site = site(Kind::Ec)
        .pico("ec2:ec")
        .property("ec2:mz.ha.port=26001")
        .property("ec1:mz.ha.enabled=false")
        .commands()
        .build()?;
    done(call(&site, "online", "ec1").run()?, "Starting ec1...done.\n");
    answers(monitor(&site, EC1).run()?, NOT_HEALTHY, &["ec2 is not running"]);
    done(call(&site, "online", "ec2").run()?, "Starting ec2...done.\n");
    answers(monitor(&site, EC1).run()?, HEALTHY, &[]);
    Ok(())
}

#[test]
fn debug_adds_the_evidence() -> Done {
    let (site, jvm) = online()?;
    let ran = monitor(&site, EC1).arg("debug").run()?.expect(HEALTHY)?;
    assert!(ran.stdout.starts_with("OK\n"), "{ran}");
    for seen in ["pico: ec1 ", &format!("processes: pid {}, well", jvm.pid), "HA check: asks 127.0.0.1:26001"]
    {
        assert!(ran.stdout.lines().any(|line| line.starts_with(seen)), "{seen}: {ran}");
    }
    site.signal(jvm.pid, "KILL")?;
    let ran = monitor(&site, EC1).arg("debug").run()?.expect(NOT_HEALTHY)?;
    assert!(
        ran.stdout.starts_with("FAILED\n") && ran.stdout.contains("\nreason: ec1 is not running"),
        "{ran}"
    );
    Ok(())
}

#[test]
fn a_port_that_no_pico_has_or_that_two_have_is_unknown() -> Done {
    let site = site(Kind::Ec).pico("ec2:ec").property("ec2:mz.ha.port=26001").commands().build()?;
    answers(monitor(&site, "26099").run()?, UNKNOWN, &["no pico of /opt/mz has mz.ha.port 26099"]);
    answers(monitor(&site, EC1).run()?, UNKNOWN, &["ec1, ec2 have mz.ha.port 26001"]);
    answers(monitor(&site, PLATFORM).run()?, HEALTHY, &[]);
    Ok(())
}

#[test]
fn a_pico_of_another_nodes_container_may_have_the_same_port() -> Done {
    let (site, jvm) = online()?;
    // The registry holds the containers of all nodes.
    let containers = format!("{HOME}/common/config/cell/default/.active/containers");
    site.sh(&format!(
        "cd {containers} && cp -a main1 other1 && cd other1/picos && rm platform.conf && mv ec1.conf ec7.conf"
    ))?;
    let remembers_nothing = || site.sh("rm -f /run/mediationzone-ra/*.json");
    remembers_nothing()?;
    answers(monitor(&site, EC1).run()?, HEALTHY, &[]);
    site.signal(jvm.pid, "KILL")?;
    remembers_nothing()?;
    answers(monitor(&site, EC1).run()?, NOT_HEALTHY, &["ec1 is not running"]);
    let theirs = monitor(&site, EC1).env("OCF_RESKEY_container", "other1");
    answers(theirs.run()?, NOT_HEALTHY, &["ec7 is not running"]);
    Ok(())
}

/// A process of a stranger that claims to be the pico, or to start it, is nothing to any of the scripts.
#[test]
fn a_strangers_process_is_neither_healthy_nor_online_nor_ended() -> Done {
    let site = site(Kind::Ec).commands().build()?;
    if site.node.owner() == "root" {
        return Ok(());
    }
    let home = format!("-Dmz.home={HOME}");
    let startup = ["java", &home, "com.digitalroute.picostart.cmdline.CommandLine", "startup", "ec1"];
    let nameless = ["java", "-Dpico.configname=ec1"];
    for imitation in [Imitation::pico("ec1"), Imitation::java(&startup), Imitation::java(&nameless)] {
        let other = imitation.user(4712).start(&site)?;
        answers(monitor(&site, EC1).run()?, NOT_HEALTHY, &["ec1 is not running"]);
        done(call(&site, "offline", "ec1").run()?, "Shutting down ec1...done.\n");
        done(call(&site, "clean", "ec1").run()?, "Cleaning ec1...done.\n");
        assert!(site.lives(&other)?);
        done(call(&site, "online", "ec1").run()?, "Starting ec1...done.\n");
        let jvm = site.one_by_owner("ec1")?;
        answers(monitor(&site, EC1).run()?, HEALTHY, &[]);
        done(call(&site, "offline", "ec1").run()?, "Shutting down ec1...done.\n");
        assert!(!site.lives(&jvm)? && site.lives(&other)?);
        site.signal(other.pid, "KILL")?;
    }
    Ok(())
}

#[test]
fn a_process_that_could_be_it_and_cant_be_told_is_unknown() -> Done {
    let site = site(Kind::Ec).commands().build()?;
    // By its name it is ec1; of which installation it does not say.
    let doubtful = Imitation::java(&["java", "-Dpico.configname=ec1"]).start(&site)?;
    answers(
        monitor(&site, EC1).run()?,
        UNKNOWN,
        &["ec1", &format!("pid {} ", doubtful.pid), "its installation is unknown"],
    );
    let cleaned = call(&site, "clean", "ec1").env("MZ_HA_TIMEOUT", "10").run()?.expect(1)?;
    assert!(cleaned.stdout.starts_with("Cleaning ec1...FAILED\nec1 could not be stopped: "), "{cleaned}");
    assert_eq!(cleaned.stdout.lines().count(), 2, "{cleaned}");
    assert!(site.lives(&doubtful)?, "what may be somebody else's is not ended");
    Ok(())
}

#[test]
fn a_standby_without_the_storage_is_failed_as_long_as_nothing_of_the_installation_runs() -> Done {
    let site = site(Kind::Ec).commands().build()?;
    site.sh("mv /opt/mz /opt/away && mkdir /opt/mz")?;
    // The Platform runs: ec1 may be meant, or it.
    answers(monitor(&site, EC1).run()?, UNKNOWN, &["the registry can't be read", "platform"]);
    let platform = site.one("platform")?;
    site.signal(platform.pid, "STOP")?;
    answers(monitor(&site, EC1).run()?, UNKNOWN, &["the registry can't be read", "platform"]);
    site.signal(platform.pid, "KILL")?;
    answers(monitor(&site, EC1).run()?, NOT_HEALTHY, &["nothing of /opt/mz runs on this node"]);
    Ok(())
}

#[test]
fn with_storage_that_hangs_a_known_pico_is_still_told_dead_from_alive() -> Done {
    let (site, jvm) = online()?;
    let hung = site.node.hang(HOME, Held::Everything)?;
    let waiting = || Ok::<_, Error>(site.processes()?.iter().filter(|p| p.state == 'D').count());
    // As at depth 10: what can't be asked is no failure.
    answers(monitor(&site, EC1).run()?, HEALTHY, &["could not be asked", "storage"]);
    assert_eq!(waiting()?, 1, "the HA client; which pico has the port is known from the record");
    site.signal(jvm.pid, "KILL")?;
    let short = || monitor(&site, EC1).env("MZ_HA_TIMEOUT", "12");
    answers(short().run()?, NOT_HEALTHY, &["ec1 is not running"]);
    // The Platform's port is in no record: it runs, but which pico has the port is on storage.
    let unknown = || call(&site, "monitor", PLATFORM).env("MZ_HA_TIMEOUT", "12").run();
    answers(unknown()?, UNKNOWN, &["storage"]);
    let before = waiting()?;
    answers(unknown()?, UNKNOWN, &["storage"]);
    assert_eq!(waiting()?, before, "no more than one process hangs for it");
    hung.release();
    answers(monitor(&site, PLATFORM).run()?, HEALTHY, &[]);
    Ok(())
}
