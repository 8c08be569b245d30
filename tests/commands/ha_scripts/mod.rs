//! `mz-ha-scripts`: the product's HA scripts, as Veritas and Serviceguard call them.

mod monitor;

use std::time::Duration;

use testkit::answer::{Answer, OK};
use testkit::site::{HOME, Kind, Site, in_short, site};
use testkit::{Done, End, Error, Held, NodeCommand, Process, Ran};

/// What monitor exits with.
const HEALTHY: i32 = 110;
const NOT_HEALTHY: i32 = 100;
const UNKNOWN: i32 = 99;

/// HA ports of the first two picos of a site.
const PLATFORM: &str = "26000";
const EC1: &str = "26001";

const JAVA: &str = "/opt/mz/java";

fn call<'a>(site: &'a Site, script: &str, of: &str) -> NodeCommand<'a> {
    site.command("mz-ha-scripts").args([script, JAVA, HOME, site.node.owner(), of])
}

/// monitor without the grace of a young JVM.
fn monitor<'a>(site: &'a Site, port: &str) -> NodeCommand<'a> {
    call(site, "monitor", port).env("OCF_RESKEY_ha_grace", "0")
}

/// What a monitor exits with and writes on stdout, which agree; with all of these words in its reason.
#[track_caller]
fn answers(ran: Ran, code: i32, words: &[&str]) -> Ran {
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

/// A script that did what it was to do.
#[track_caller]
fn done(ran: Ran, stdout: &str) -> Ran {
    assert_eq!((ran.code(), ran.stdout.as_str()), (Some(0), stdout), "{ran}");
    ran
}

/// ec1 runs, started by the script.
fn online() -> Result<(Site, Process), Error> {
    let site = site(Kind::Ec).commands().build()?;
    done(call(&site, "online", "ec1").run()?, "Starting ec1...done.\n");
    let jvm = site.one("ec1")?;
    Ok((site, jvm))
}

#[test]
fn a_pico_goes_online_is_healthy_and_goes_offline() -> Done {
    let (site, jvm) = online()?;
    answers(monitor(&site, EC1).run()?, HEALTHY, &[]);
    answers(monitor(&site, PLATFORM).run()?, HEALTHY, &[]);
    // Once more is no failure and starts nothing.
    done(call(&site, "online", "ec1").run()?, "Starting ec1...done.\n");
    assert_eq!(site.one("ec1")?.pid, jvm.pid);
    done(call(&site, "offline", "ec1").run()?, "Shutting down ec1...done.\n");
    assert_eq!(site.last_end("ec1")?.as_deref(), Some("shutdown"), "in order, by mzsh");
    site.nothing_left()?;
    answers(monitor(&site, EC1).run()?, NOT_HEALTHY, &["ec1 is not running"]);
    done(call(&site, "offline", "ec1").run()?, "Shutting down ec1...done.\n");
    Ok(())
}

#[test]
fn a_link_of_the_scripts_name_is_that_script() -> Done {
    let site = site(Kind::Platform).commands().build()?;
    for script in ["monitor", "online", "offline", "clean"] {
        site.sh(&format!("mkdir -p /opt/ha && ln -s /run/testkit/bin/mz-ha-scripts /opt/ha/{script}"))?;
    }
    let by_link = |script: &str, of: &str| {
        let words = [JAVA, HOME, site.node.owner(), of];
        site.node.command(format!("/opt/ha/{script}")).args(words).run()
    };
    done(by_link("online", "platform")?, "Starting platform...done.\n");
    answers(by_link("monitor", PLATFORM)?, HEALTHY, &[]);
    done(by_link("offline", "platform")?, "Shutting down platform...done.\n");
    done(by_link("clean", "platform")?, "Cleaning platform...done.\n");
    site.nothing_left()
}

#[test]
fn a_user_that_the_node_does_not_know_can_start_nothing_and_ask_nothing() -> Done {
    let (site, jvm) = online()?;
    let by_stranger = |script: &str, of: &str| {
        site.command("mz-ha-scripts").args([script, JAVA, HOME, "mzstranger", of]).run()
    };
    site.set(&["ec1.ha_answer=silent"])?;
    answers(by_stranger("monitor", EC1)?, HEALTHY, &["could not be asked", "mzstranger"]);
    site.signal(jvm.pid, "KILL")?;
    answers(by_stranger("monitor", EC1)?, NOT_HEALTHY, &["ec1 is not running"]);
    let ran = by_stranger("online", "ec1")?.expect(1)?;
    assert!(ran.stdout.contains("os_user: user mzstranger is unknown"), "{ran}");
    site.nothing_left()
}

#[test]
fn neighbours_with_nearly_the_same_name_are_neither_reported_nor_touched() -> Done {
    let site = site(Kind::Ec).pico("ec10:ec").commands().build()?;
    for ec in ["ec1", "ec10"] {
        done(call(&site, "online", ec).run()?, &format!("Starting {ec}...done.\n"));
    }
    let (ec1, ec10) = (site.one("ec1")?, site.one("ec10")?);
    site.signal(ec1.pid, "KILL")?;
    answers(monitor(&site, EC1).run()?, NOT_HEALTHY, &["ec1 is not running"]);
    answers(monitor(&site, "26002").run()?, HEALTHY, &[]);
    for script in ["offline", "clean"] {
        call(&site, script, "ec1").run()?.expect(0)?;
        assert!(site.lives(&ec10)?, "{script}");
    }
    done(call(&site, "clean", "ec10").run()?, "Cleaning ec10...done.\n");
    site.nothing_left()
}

#[test]
fn the_same_pico_of_another_installation_is_another() -> Done {
    let site = site(Kind::Platform).commands().build()?;
    let ports = ["--common", "pico.rcp.platform.port=6791", "--property", "platform:mz.webserver.port=9009"];
    let pico = ["--pico", "platform:platform:26000", "--set", "start_time=50ms", "--set", "mzsh_time=0ms"];
    site.second(
        "/opt/mz2",
        &[ports, ["--property", "platform:mz.ha.host=127.0.0.2", pico[0], pico[1]]].concat(),
    )?;
    site.mzsh_of("/opt/mz2", &["startup", "platform"])?.expect(0)?;
    let other = site.one_of("/opt/mz2", "platform")?;
    // The other is known by its own record, this one is not there.
    let theirs =
        site.command("mz-ha-scripts").args(["monitor", JAVA, "/opt/mz2", site.node.owner(), PLATFORM]);
    answers(theirs.run()?, HEALTHY, &[]);
    answers(monitor(&site, PLATFORM).run()?, NOT_HEALTHY, &["platform is not running"]);
    for script in ["offline", "clean"] {
        call(&site, script, "platform").run()?.expect(0)?;
        assert!(site.lives(&other)?, "{script}");
    }
    Ok(())
}

#[test]
fn offline_ends_one_that_ignores_mzsh_shutdown_and_sigterm() -> Done {
    let site = site(Kind::Ec).commands().build()?;
    let jvm = site.stand_in("ec1", "ignore TERM")?;
    let ran =
        call(&site, "offline", "ec1").env("MZ_HA_TIMEOUT", "20").env("OCF_RESKEY_thread_dump", "no").run()?;
    done(ran, "Shutting down ec1...done.\n");
    assert_eq!(site.calls("shutdown ec1")?, 1, "mzsh was asked first");
    assert!(!site.lives(&jvm)?);
    site.nothing_left()
}

#[test]
fn clean_ends_one_that_ignores_everything_with_all_that_it_has_started_and_asks_no_mzsh() -> Done {
    let site = site(Kind::Ec).commands().build()?;
    let stranger = site.stranger()?;
    let tree =
        "ignore TERM HUP INT\nrun exec sleep 1000001\nrun exec setsid sleep 1000001\nrun sleep 1000001; true";
    site.stand_in("ec1", tree)?;
    site.until("three children", |site| {
        let mut all = site.processes()?;
        all.retain(|process| process.argv == ["sleep", "1000001"]);
        Ok(if all.len() == 3 { Ok(()) } else { Err(in_short(&all)) })
    })?;
    let ran =
        call(&site, "clean", "ec1").env("MZ_HA_TIMEOUT", "12").env("OCF_RESKEY_thread_dump", "no").run()?;
    done(ran, "Cleaning ec1...done.\n");
    assert_eq!(site.calls("")?, 1, "nothing but the startup of the Platform");
    assert!(site.lives(&stranger)?);
    site.signal(stranger.pid, "KILL")?;
    site.nothing_left()
}

#[test]
fn clean_and_offline_of_nothing_are_done_even_without_the_installation() -> Done {
    let site = site(Kind::Platform).commands().build()?;
    site.sh("rm -r /opt/mz")?;
    done(call(&site, "clean", "platform").run()?, "Cleaning platform...done.\n");
    done(call(&site, "offline", "platform").run()?, "Shutting down platform...done.\n");
    Ok(())
}

#[test]
fn offline_ends_an_online_that_is_under_way() -> Done {
    let site = site(Kind::Ec).set("ec1.startup_outcome=slow").commands().build()?;
    let (online, offline) = site.meanwhile(
        || call(&site, "online", "ec1").run(),
        |site| {
            site.until_there()?;
            answers(monitor(site, EC1).run()?, UNKNOWN, &["ec1 runs", "never seen to listen"]);
            call(site, "offline", "ec1").env("MZ_HA_TIMEOUT", "20").run()
        },
    )?;
    assert_ne!(online.code(), Some(0), "{online}");
    done(offline, "Shutting down ec1...done.\n");
    site.nothing_left()
}

/// The programs are not in one directory.
#[test]
fn clean_ends_a_start_of_pacemakers_and_a_stop_of_pacemakers_an_online() -> Done {
    let slow = || site(Kind::Ec).set("ec1.startup_outcome=slow").commands().build();
    let site = slow()?;
    let (start, clean) = site.meanwhile(
        || site.agent().run("start"),
        |site| {
            site.until_there()?;
            call(site, "clean", "ec1").env("MZ_HA_TIMEOUT", "20").run()
        },
    )?;
    done(clean, "Cleaning ec1...done.\n");
    assert_eq!(start.end, End::Signal(9), "it held the lock of this pico: {start}");
    site.nothing_left()?;

    let site = slow()?;
    let (online, stop) = site.meanwhile(
        || call(&site, "online", "ec1").run(),
        |site| {
            site.until_there()?;
            site.agent().run("stop")
        },
    )?;
    stop.answers(OK);
    assert_eq!(online.code(), None, "it held the lock of this pico: {online}");
    site.nothing_left()
}

#[test]
fn an_online_that_fails_says_why_on_the_next_line_and_leaves_nothing() -> Done {
    let site = site(Kind::Ec).set("ec1.startup_outcome=code:1").commands().build()?;
    let ran = call(&site, "online", "ec1").run()?.expect(1)?;
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{ran}");
    assert!(lines[0] == "Starting ec1...FAILED" && lines[1].starts_with("ec1: mzsh startup"), "{ran}");
    site.nothing_left()?;
    let ran = call(&site, "online", "ec9").run()?.expect(1)?;
    assert!(ran.stdout.contains("ec9") && ran.stdout.starts_with("Starting ec9...FAILED\n"), "{ran}");
    let ran = call(&site, "online", "ec1").env("OCF_RESKEY_wait_for", "nonsense").run()?.expect(1)?;
    assert!(ran.stdout.contains("\nwait_for"), "{ran}");
    site.nothing_left()
}

#[test]
fn a_pico_that_pacemaker_manages_too_is_warned_of() -> Done {
    let site = site(Kind::Ec).commands().build()?;
    let jvm = site.start()?;
    let ran = call(&site, "online", "ec1").run()?;
    assert!(ran.stderr.starts_with("WARNING: Pacemaker's ec manages ec1, too"), "{ran}");
    done(ran, "Starting ec1...done.\n");
    let ran = monitor(&site, EC1).arg("debug").run()?.expect(HEALTHY)?;
    assert!(ran.stdout.contains("other managers: Pacemaker's ec manages ec1"), "{ran}");
    assert!(site.lives(&jvm)?);
    site.monitor(10)?.expect(0)?;
    Ok(())
}

#[test]
fn wrong_arguments_are_neither_online_nor_offline_to_anybody() -> Done {
    let (site, jvm) = online()?;
    let run = |words: &[&str]| site.command("mz-ha-scripts").args(words).run();
    let owner = site.node.owner();
    for bad in [
        vec!["monitor"],
        vec!["monitor", JAVA, HOME, owner],
        vec!["monitor", JAVA, HOME, owner, "ec1"],
        vec!["monitor", JAVA, HOME, owner, EC1, "127.0.0.1", "soon"],
    ] {
        let ran = run(&bad)?.expect(UNKNOWN)?;
        assert!(ran.stdout.is_empty() && ran.stderr.contains("usage: monitor"), "{ran}");
    }
    for bad in [
        vec!["clean", JAVA, HOME, owner],
        vec!["clean", JAVA, HOME, owner, "-f"],
        vec!["offline", JAVA, "opt/mz", owner, "ec1"],
        vec!["start", JAVA, HOME, owner, "ec1"],
        vec![],
    ] {
        let ran = run(&bad)?.expect(2)?;
        assert!(ran.stdout.is_empty() && ran.stderr.contains("usage: monitor"), "{ran}");
    }
    assert!(run(&["--version"])?.expect(0)?.stdout.starts_with("mz-ha-scripts "));
    assert!(run(&["--help"])?.expect(0)?.stdout.starts_with("usage: monitor"));
    assert!(site.lives(&jvm)?);
    Ok(())
}

#[test]
fn who_is_not_root_is_told_so_and_nothing_is_done() -> Done {
    let (site, jvm) = online()?;
    if site.node.owner() == "root" {
        // A normal user's node knows one user only.
        return Ok(());
    }
    answers(monitor(&site, EC1).user(4711).run()?, UNKNOWN, &["must be run by root"]);
    for script in ["online", "offline", "clean"] {
        let ran = call(&site, script, "ec1").user(4711).run()?.expect(1)?;
        assert!(ran.stdout.ends_with("...FAILED\nit must be run by root\n"), "{ran}");
    }
    assert!(site.lives(&jvm)?);
    assert!(call(&site, "monitor", EC1).time_limit(Duration::from_secs(30)).run()?.code() == Some(HEALTHY));
    Ok(())
}
