//! A pico that an administrator starts, restarts or asks about beside the cluster.

use std::thread;
use std::time::Duration;

use testkit::answer::NOT_RUNNING;
use testkit::answer::{Answer, GENERIC, OK};
use testkit::imitation::Imitation;
use testkit::site::{Kind, Site, site};
use testkit::{Done, Error, Process};

/// A pico of any type that somebody started by hand is found by a probe, written down, monitored and stopped
/// like one of the cluster's own.
#[test]
fn a_pico_that_was_started_by_hand_is_found_and_written_down_by_a_probe() -> Done {
    for kind in [Kind::Platform, Kind::Ec, Kind::Sc, Kind::Ui] {
        let site = site(kind).build()?;
        let pid = site.start_by_hand()?.pid;
        site.probe()?.answers(OK).silently();
        assert_eq!(site.recorded()?, Some(pid));
        for level in [0, 10, 20] {
            site.monitor(level)?.answers(OK).silently();
        }
        site.stop()?.answers(OK).silently();
        site.nothing_left()?;
    }
    Ok(())
}

/// A recurring monitor or a start that finds a pico started by hand adopts it, says so in the log, and starts
/// no second one.
#[test]
fn a_recurring_monitor_and_a_start_adopt_one_that_was_started_by_hand() -> Done {
    let site = site(Kind::Platform).build()?;
    let pid = site.start_by_hand()?.pid;
    site.monitor(0)?.answers(OK).silently();
    assert_eq!(site.recorded()?, Some(pid));
    let log = site.log()?;
    assert!(log.contains(&format!("pid {pid} ")) && log.contains("adopted"), "{log}");

    site.sh(&format!("rm {}", site.record()))?;
    site.agent().run("start")?.answers(OK).silently();
    assert_eq!((site.recorded()?, site.one("platform")?.pid), (Some(pid), pid));
    Ok(())
}

/// A pico that was restarted behind the cluster's back is running and no failure: the new process is the one
/// that is watched from then on.
#[test]
fn a_restart_by_hand_is_noticed_and_no_failure() -> Done {
    let site = site(Kind::Platform).build()?;
    let old = site.start()?.pid;
    site.mzsh(&["restart", "platform"])?.expect(0)?;
    let new = site.one("platform")?.pid;
    assert_ne!(old, new);
    site.monitor(0)?.answers(OK).silently();
    assert_eq!(site.recorded()?, Some(new));
    Ok(())
}

/// A monitor that meets an administrator's own startup half-way is well, for that JVM is coming up; a start waits for it and kills
/// nothing, although its HA Monitor Server does not answer yet.
#[test]
fn a_pico_that_an_administrator_is_just_starting_is_waited_for() -> Done {
    let site = site(Kind::Platform).set("start_time=3s").build()?;
    let (pid, by_hand) = thread::scope(|scope| {
        let by_hand = scope.spawn(|| site.mzsh(&["startup", "platform"]));
        let pid = site.until("the JVM of the administrator's startup", |site| {
            let found = site.picos("platform")?;
            Ok(found.first().map(|process| process.pid).ok_or_else(|| "no such process".to_owned()))
        })?;
        // Nor does a monitor take it for one that hangs.
        site.recurring(10).param("monitor_retries", "0").run("monitor")?.answers(OK).silently();
        assert!(site.log()?.contains("): it may be coming up"), "{}", site.log()?);
        let start = site.agent().meta_timeout(Duration::from_secs(60)).run("start")?;
        start.answers(OK).silently();
        let listens = site.sh("cat /proc/net/tcp")?.contains(&format!("0100007F:{:04X} ", 26000));
        assert!(listens, "its HA Monitor Server was waited for");
        Ok::<_, Error>((pid, by_hand.join().expect("the startup's thread does not panic")?))
    })?;
    by_hand.expect(0)?;
    assert_eq!((site.one("platform")?.pid, site.recorded()?), (pid, Some(pid)));
    assert_eq!((site.calls("startup")?, site.calls("shutdown")?), (1, 0));
    site.monitor(10)?.answers(OK).silently();
    Ok(())
}

/// The same before there is any JVM: a start waits for the administrator's mzsh and adopts what it brings up. One that does not come to its
/// end fails the start, which names it, and lives on.
#[test]
fn start_waits_for_an_administrators_mzsh_that_has_no_jvm_yet() -> Done {
    let by_hand = |site: &Site| {
        let line = "setsid /opt/mz/bin/mzsh startup platform </dev/null >/dev/null 2>&1 &";
        site.as_owner("sh").args(["-c", line]).run()?.expect(0)?;
        site.until_calls("startup", 1)?;
        assert!(site.picos("platform")?.is_empty());
        Ok::<_, Error>(())
    };
    let site = site(Kind::Platform).set("mzsh_time=3s").build()?;
    by_hand(&site)?;
    site.agent().meta_timeout(Duration::from_secs(60)).run("start")?.answers(OK).silently();
    assert_eq!(site.recorded()?, Some(site.one("platform")?.pid));
    assert_eq!(site.calls("startup")?, 1);
    site.stop()?.answers(OK);

    let site = testkit::site::site(Kind::Platform).set("mzsh_time=10m").build()?;
    by_hand(&site)?;
    let start = site.agent().meta_timeout(Duration::from_secs(10)).run("start")?;
    start.answers(GENERIC).because(&["platform", "not launched", "(pid "]);
    assert_eq!((site.startups()?, site.calls("startup")?), (1, 1));
    site.stop()?.answers(OK);
    site.nothing_left()
}

/// A stop ends the pico and leaves an administrator's `mzsh status` alone: a question is no startup.
#[test]
fn a_stop_leaves_an_mzsh_alone_that_only_asks() -> Done {
    let site = site(Kind::Platform).build()?;
    site.start()?;
    site.set(&["mzsh_time=10m"])?;
    let ask = "setsid /opt/mz/bin/mzsh status platform >/dev/null 2>&1 &";
    site.as_owner("sh").args(["-c", ask]).run()?.expect(0)?;
    let asks = |site: &Site| -> Result<Vec<u32>, Error> {
        let status = |p: &Process| {
            p.argv.iter().any(|a| a.ends_with(".CommandLine")) && p.argv.contains(&"status".to_owned())
        };
        Ok(site.processes()?.into_iter().filter(status).map(|p| p.pid).collect())
    };
    let asking = site.until("the administrator's mzsh", |site| {
        let found = asks(site)?;
        Ok(if found.len() == 1 { Ok(found) } else { Err(format!("{found:?}")) })
    })?;
    site.set(&["mzsh_time=0ms"])?;
    site.stop()?.answers(OK);
    assert!(site.picos("platform")?.is_empty());
    assert_eq!(asks(&site)?, asking);
    site.probe()?.answers(NOT_RUNNING);
    Ok(())
}

/// A pico that an administrator restarts again and again: each time the monitor says that a start is under way, then that it runs, and
/// never that it does not, although the record names a dead process each time.
#[test]
fn restarts_by_hand_again_and_again_are_no_failure() -> Done {
    for real in [true, false] {
        let site = site(Kind::Platform).real(real).set("start_time=300ms").build()?;
        let mut old = site.start()?;
        for level in [0, 10, 20] {
            let (restart, ()) = site.meanwhile(
                || site.mzsh(&["restart", "platform"]),
                |site| {
                    site.until_calls("restart", 1)?;
                    while site.lives(&old)? {}
                    let (before, ran) = (site.startups()?, site.monitor(0)?);
                    if before > 0 && site.startups()? == before {
                        assert_ne!(ran.code(), Some(NOT_RUNNING), "{ran}");
                    }
                    Ok(())
                },
            )?;
            restart.expect(0)?;
            let new = site.one("platform")?;
            assert_ne!(new.pid, old.pid);
            site.monitor(level)?.answers(OK).silently();
            assert_eq!(site.recorded()?, Some(new.pid));
            old = new;
        }
        site.stop()?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}

/// A restart by hand under the eyes of a monitor that waits: that one says at the moment of the death that a start is under way, not that
/// nothing runs, and the next one is well.
#[test]
fn a_restart_by_hand_while_a_monitor_waits_is_a_start_under_way() -> Done {
    let site = site(Kind::Platform).jvm().build()?;
    let old = site.start()?;
    let waiting = || site.agent().param("wait", "20").interval(Duration::from_millis(100)).run("monitor");
    // The first after a start does not wait.
    waiting()?.answers(OK).silently();
    // Between its two halves it waits, so that there is no JVM for the time of a look.
    site.sh("mkfifo -m 666 /opt/gate")?;
    let mzsh = "/opt/mz/bin/mzsh.true";
    site.mzsh_does("restart", &format!("{mzsh} shutdown $2; read -r _ </opt/gate; exec {mzsh} startup $2"))?;
    let (monitor, ()) = site.meanwhile(waiting, |site| {
        site.waiting_monitor()?;
        let line = "setsid /opt/mz/bin/mzsh restart platform </dev/null >/dev/null 2>&1 &";
        site.as_owner("sh").args(["-c", line]).run()?.expect(0).map(drop)
    })?;
    monitor.answers(GENERIC).because(&["platform", "a start is under way, mzsh"]);
    site.sh("echo >/opt/gate")?;
    site.until("the new one to be up", |site| {
        let ready = site.history()?.iter().filter(|event| event.what == "ready").count();
        let done = ready == 2 && site.startups()? == 0;
        Ok(if done { Ok(()) } else { Err(format!("{ready} were ready so far")) })
    })?;
    site.monitor(0)?.answers(OK).silently();
    let new = site.one("platform")?.pid;
    assert_ne!(new, old.pid);
    assert_eq!(site.recorded()?, Some(new));
    Ok(())
}

/// A pico that an administrator has shut down or killed with mzsh is not running, and a stop and a start go on from there.
#[test]
fn what_was_ended_by_hand_is_not_running() -> Done {
    let site = site(Kind::Platform).build()?;
    for verb in ["shutdown", "kill"] {
        let pid = site.start()?.pid;
        site.mzsh(&[verb, "platform"])?.expect(0)?;
        site.monitor(0)?.answers(NOT_RUNNING).because(&["platform", &format!("pid {pid} "), "has ended"]);
        site.probe()?.answers(NOT_RUNNING);
        site.start()?;
        site.stop()?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}

/// An administrator's startup that is at work is told by a monitor and a probe before there is any JVM, and a stop ends it, so that
/// nothing comes up afterwards.
#[test]
fn an_administrators_startup_is_no_absence_and_a_stop_ends_it() -> Done {
    for verb in ["startup", "restart"] {
        let site = site(Kind::Platform).set("mzsh_time=10m").build()?;
        let line = format!("setsid /opt/mz/bin/mzsh {verb} platform </dev/null >/dev/null 2>&1 &");
        site.as_owner("sh").args(["-c", &line]).run()?.expect(0)?;
        site.until_calls(verb, 1)?;
        assert!(site.picos("platform")?.is_empty());
        for ran in [site.monitor(0)?, site.monitor(10)?, site.probe()?] {
            ran.answers(GENERIC).because(&["platform", "a start is under way, mzsh"]);
        }
        site.stop()?.answers(OK);
        site.nothing_left()?;
        site.probe()?.answers(NOT_RUNNING);
    }
    Ok(())
}

/// A startup of another pico, or by an mzsh of another installation, is no startup of ours, and a stop leaves it at work.
#[test]
fn a_startup_of_another_pico_is_left_at_work() -> Done {
    let site = site(Kind::Ec).pico("ec10:ec").build()?;
    site.set(&["mzsh_time=10m"])?;
    site.second("/opt/mz2", &["--free-ports", "--pico", "ec1:ec", "--set", "mzsh_time=10m"])?;
    for (home, pico) in [("/opt/mz", "ec10"), ("/opt/mz2", "ec1")] {
        let line = format!("setsid {home}/bin/mzsh startup {pico} </dev/null >/dev/null 2>&1 &");
        site.as_owner("sh").args(["-c", &line]).run()?.expect(0)?;
    }
    site.until("two startups", |site| {
        let startups = site.startups()?;
        Ok(if startups == 2 { Ok(()) } else { Err(format!("{startups}")) })
    })?;
    site.probe()?.answers(NOT_RUNNING);
    site.monitor(0)?.answers(NOT_RUNNING);
    site.stop()?.answers(OK);
    assert_eq!(site.startups()?, 2);
    Ok(())
}

/// How somebody calls the script: by which path, from which directory, with which `MZ_HOME`; and whether it is of our installation.
const CALLED: [(&str, &str, Option<&str>, bool); 13] = [
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

/// An mzsh startup is seen by whichever path somebody calls the script, also by a link; one of another installation is not ours.
#[test]
fn a_startup_is_seen_however_the_script_is_called() -> Done {
    let site = site(Kind::Platform).build()?;
    site.sh("mkdir -p /opt/local/bin /opt/local2/bin /opt/mz2/bin && cp /opt/mz/bin/mzsh /opt/mz2/bin/ && \
         ln -s /opt/mz/bin/mzsh /opt/local/bin/mzsh && ln -s /opt/mz2/bin/mzsh /opt/local2/bin/mzsh")?;
    for (script, directory, home, ours) in CALLED {
        let startup = Imitation::of("/opt/imitated/bin/sh", &["sh", script, "startup", "platform"]);
        let startup = startup.directory(directory);
        let startup = if let Some(home) = home { startup.env("MZ_HOME", home) } else { startup };
        let process = startup.start(&site)?;
        let what = format!("{script} in {directory}, MZ_HOME {home:?}");
        for ran in [site.probe()?, site.monitor(0)?] {
            assert_eq!(ran.code(), Some(if ours { GENERIC } else { NOT_RUNNING }), "{what}: {ran}");
            let is_told = ran.reason().is_some_and(|reason| reason.contains("a start is under way, mzsh"));
            assert_eq!(is_told, ours, "{what}: {ran}");
        }
        site.stop()?.answers(OK);
        assert_eq!(site.lives(&process)?, !ours, "{what}");
        if !ours {
            site.signal(process.pid, "KILL")?;
        }
    }
    site.nothing_left()
}
