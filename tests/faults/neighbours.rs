//! Other picos on the same node: whoever is not meant is neither reported nor touched.

use std::time::Duration;

use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, Site, in_short, recurring, site};
use testkit::{AgentCall, Done, Error, Process};

fn ec10(site: &Site) -> AgentCall<'_> {
    site.agent().param("pico_name", "ec10").instance("ec10")
}

/// ec1 and ec10 are told apart by each of the markers that a command line may have: neither is reported,
/// killed or found for the other.
#[test]
fn ec1_is_not_ec10_by_whatever_marker() -> Done {
    let site = site(Kind::Ec).pico("ec10:ec").build()?;
    for marker in ["both", "configname", "oom", "none-but-last-argument"] {
        site.set(&[&format!("marker={marker}")])?;
        ec10(&site).run("start")?.answers(OK);
        let other = site.one("ec10")?.pid;
        site.probe()?.answers(NOT_RUNNING);
        site.monitor(10)?.answers(NOT_RUNNING);
        site.stop()?.answers(OK);
        assert_eq!(site.one("ec10")?.pid, other, "{marker}");

        let ec1 = site.start()?.pid;
        for call in [site.agent(), ec10(&site)] {
            recurring(call, 10).run("monitor")?.answers(OK).silently();
        }
        site.signal(ec1, "KILL")?;
        site.monitor(0)?.answers(NOT_RUNNING);
        recurring(ec10(&site), 0).run("monitor")?.answers(OK);
        site.start()?;
        site.stop()?.answers(OK);
        assert_eq!(site.one("ec10")?.pid, other, "{marker}");
        ec10(&site).run("stop")?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}

/// The Platforms of two installations, whose paths begin alike, are monitored and stopped apart.
#[test]
fn the_same_pico_of_another_installation_is_another() -> Done {
    let site = site(Kind::Platform).build()?;
    // Its name begins with the first one's.
    site.second("/opt/mz2", &["--free-ports", "--set", "start_time=50ms"])?;
    let second = || site.agent().param("mz_home", "/opt/mz2").instance("second");
    site.mzsh_of("/opt/mz2", &["startup", "platform"])?.expect(0)?;
    let other = site.one_of("/opt/mz2", "platform")?.pid;

    site.probe()?.answers(NOT_RUNNING);
    second().run("monitor")?.answers(OK);
    let first = site.start()?.pid;
    for call in [site.agent(), second()] {
        recurring(call, 10).run("monitor")?.answers(OK).silently();
    }
    site.stop()?.answers(OK);
    assert_eq!(site.one_of("/opt/mz2", "platform")?.pid, other);
    recurring(second(), 0).run("monitor")?.answers(OK);

    site.start()?;
    second().run("stop")?.answers(OK);
    assert!(site.picos_of("/opt/mz2", "platform")?.is_empty());
    assert_ne!(site.one("platform")?.pid, first);
    site.monitor(0)?.answers(OK).silently();
    site.stop()?.answers(OK);
    site.nothing_left()
}

/// With our own installation's storage gone, or failing, the running Platform of another installation is
/// neither taken for ours nor stopped.
#[test]
fn with_our_installation_gone_the_same_pico_of_another_is_still_another() -> Done {
    // Away with its storage; and in a state in which asking for it is an error, as with storage that fails.
    for gone in ["mv /opt/mz /opt/away", "mv /opt/mz /opt/away && ln -s mz /opt/mz"] {
        let site = site(Kind::Platform).build()?;
        site.second("/opt/mz2", &["--free-ports", "--set", "start_time=50ms"])?;
        site.mzsh_of("/opt/mz2", &["startup", "platform"])?.expect(0)?;
        let other = site.one_of("/opt/mz2", "platform")?.pid;
        let ours = site.start()?.pid;
        site.signal(ours, "KILL")?;
        site.sh(gone)?;
        site.probe()?.answers(NOT_RUNNING);
        site.monitor(0)?.answers(NOT_RUNNING);
        site.stop()?.answers(OK);
        assert_eq!(site.one_of("/opt/mz2", "platform")?.pid, other, "{gone}");
    }
    Ok(())
}

/// A stop of the Platform leaves an EC of the same installation running.
#[test]
fn a_stop_of_the_platform_leaves_an_ec_alone() -> Done {
    let site = site(Kind::Platform).pico("ec1:ec").build()?;
    site.start()?;
    site.mzsh(&["startup", "ec1"])?.expect(0)?;
    let ec = site.one("ec1")?.pid;
    site.stop()?.answers(OK);
    assert!(site.picos("platform")?.is_empty());
    assert_eq!(site.one("ec1")?.pid, ec);
    Ok(())
}

/// An EC that was started by a script of the Platform, and so descends from it, lives on with its own
/// children when the Platform is stopped with its.
#[test]
fn another_pico_below_the_stopped_one_lives_on_with_all_below_it() -> Done {
    let site = site(Kind::Platform).pico("ec1:ec").build()?;
    let ec = site.as_pico("ec1", "run exec sleep 1000002")?;
    site.stand_in("platform", &format!("run exec sleep 1000001\nrun exec {ec}"))?;
    let sleeper = |site: &Site, seconds: &str| -> Result<Option<Process>, Error> {
        Ok(site.processes()?.into_iter().find(|process| process.argv == ["sleep", seconds]))
    };
    let child = site.until("both picos with a child each", |site| {
        let (own, of_ec) = (sleeper(site, "1000001")?, sleeper(site, "1000002")?);
        Ok(own.and(of_ec).map(|child| child.pid).ok_or(in_short(&site.processes()?)))
    })?;
    let (platform, ec) = (site.one("platform")?, site.one("ec1")?);
    let all = site.processes()?;
    let parent = |pid| all.iter().find(|process| process.pid == pid).map(|process| process.ppid);
    let above = parent(ec.pid);
    assert!(
        above == Some(platform.pid) || above.and_then(parent) == Some(platform.pid),
        "{}",
        in_short(&all)
    );

    site.stop()?.answers(OK);
    assert!(site.picos("platform")?.is_empty());
    assert!(sleeper(&site, "1000001")?.is_none(), "the Platform's own child goes with it");
    let lives = sleeper(&site, "1000002")?.map(|process| process.pid);
    assert_eq!((site.one("ec1")?.pid, lives), (ec.pid, Some(child)));

    site.agent_for(Kind::Ec).run("stop")?.answers(OK);
    site.nothing_left()
}

/// Names that begin alike, end alike, differ in case, or look the same to a pattern.
const ALIKE: [&str; 6] = ["ec", "ec1", "ec10", "ec1.0", "EC1", "xec1"];

fn named<'a>(site: &'a Site, name: &str) -> AgentCall<'a> {
    site.agent().param("pico_name", name).instance(name)
}

/// Which of them live, by /proc.
fn living<'n>(site: &Site, names: &[&'n str]) -> Result<Vec<&'n str>, Error> {
    let mut living = Vec::new();
    for &name in names {
        if !site.picos(name)?.is_empty() {
            living.push(name);
        }
    }
    Ok(living)
}

/// Every one of six ECs whose names are alike is alone reported, alone found dead, alone stopped and alone started, with its record
/// and without, while the five others run.
#[test]
fn each_of_many_names_that_are_alike_is_only_itself() -> Done {
    let mut builder = site(Kind::Ec);
    for name in ALIKE.iter().filter(|name| **name != "ec1") {
        builder = builder.pico(&format!("{name}:ec"));
    }
    let site = builder.build()?;
    for with_record in [true, false] {
        let forget = |name: &str| {
            let forget = if with_record { ":" } else { "rm -f" };
            site.sh(&format!("{forget} /run/mediationzone-ra/{name}.json"))
        };
        for name in ALIKE {
            named(&site, name).run("monitor")?.answers(NOT_RUNNING);
            named(&site, name).run("start")?.answers(OK).silently();
        }
        for name in ALIKE {
            let others: Vec<&str> = ALIKE.into_iter().filter(|other| *other != name).collect();
            forget(name)?;
            recurring(named(&site, name), 10).run("monitor")?.answers(OK).silently();
            site.signal(site.one(name)?.pid, "KILL")?;
            forget(name)?;
            recurring(named(&site, name), 0).run("monitor")?.answers(NOT_RUNNING).because(&[name]);
            named(&site, name).run("start")?.answers(OK).silently();
            forget(name)?;
            named(&site, name).run("stop")?.answers(OK).silently();
            assert_eq!(living(&site, &ALIKE)?, others, "{name} was stopped");
            named(&site, name).run("monitor")?.answers(NOT_RUNNING);
            named(&site, name).run("start")?.answers(OK).silently();
        }
        for name in ALIKE {
            named(&site, name).run("stop")?.answers(OK).silently();
        }
        site.nothing_left()?;
    }
    Ok(())
}

/// The same on real JVMs for ec, ec1 and ec10, where one is killed, one hangs and one is ended by signals because mzsh is gone.
#[test]
fn real_jvms_whose_names_are_prefixes_are_told_apart() -> Done {
    let site = site(Kind::Ec).jvm().pico("ec:ec").pico("ec10:ec").build()?;
    let names = ["ec", "ec1", "ec10"];
    for name in names {
        named(&site, name).run("start")?.answers(OK).silently();
    }
    site.signal(site.one("ec1")?.pid, "KILL")?;
    site.signal(site.one("ec10")?.pid, "STOP")?;
    recurring(named(&site, "ec1"), 10).run("monitor")?.answers(NOT_RUNNING);
    recurring(named(&site, "ec10"), 0).run("monitor")?.answers(GENERIC).because(&["ec10 hung"]);
    recurring(named(&site, "ec"), 10).run("monitor")?.answers(OK).silently();
    named(&site, "ec1").run("stop")?.answers(OK).silently();
    assert_eq!(living(&site, &names)?, ["ec", "ec10"]);
    site.sh("mv /opt/mz/bin/mzsh /opt/mz/bin/mzsh.away")?;
    named(&site, "ec").run("stop")?.answers(OK);
    assert_eq!(living(&site, &names)?, ["ec10"]);
    named(&site, "ec10").run("stop")?.answers(OK);
    assert_eq!(living(&site, &names)?, [""; 0]);
    site.nothing_left()
}

/// Two picos that were started from one shell, and so share a process group and a session, are ended one by one: by mzsh, by SIGTERM,
/// or by SIGKILL, a stop of one leaves the other.
#[test]
fn a_pico_in_the_same_process_group_lives_on() -> Done {
    for (how, real) in [("mzsh", true), ("SIGTERM", false), ("SIGKILL", false)] {
        let site = site(Kind::Ec).pico("ec2:ec").real(real).set("jvm_detached=false").build()?;
        let both = "/opt/mz/bin/mzsh startup ec1 && /opt/mz/bin/mzsh startup ec2";
        let line = format!("setsid sh -c '{both}' </dev/null >/dev/null 2>&1 &");
        site.as_owner("sh").args(["-c", &line]).run()?.expect(0)?;
        site.until("both picos, up", |site| {
            let ready = site.history()?.into_iter().filter(|e| e.what == "ready" && e.pico.starts_with("ec"));
            let (ready, startups) = (ready.count(), site.startups()?);
            Ok(if ready == 2 && startups == 0 { Ok(()) } else { Err(format!("{ready} are ready")) })
        })?;
        let (ec1, ec2) = (site.one("ec1")?, site.one("ec2")?);
        assert_eq!((ec1.group, ec1.session), (ec2.group, ec2.session));
        if how != "mzsh" {
            site.sh("rm /opt/mz/bin/mzsh")?;
        }
        if how == "SIGKILL" {
            site.set(&["stop_time=10m"])?;
        }
        site.agent().meta_timeout(Duration::from_secs(12)).run("stop")?.answers(OK);
        assert!(!site.lives(&ec1)? && site.lives(&ec2)?, "{how}");
        recurring(named(&site, "ec2"), 10).run("monitor")?.answers(OK).silently();
        named(&site, "ec2").meta_timeout(Duration::from_secs(12)).run("stop")?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}

/// Another pico that came up in the session of our own start, with a child of its own, lives on when ours is stopped, also when ours
/// was killed before.
#[test]
fn a_pico_in_the_session_of_our_start_lives_on() -> Done {
    for killed in [false, true] {
        let site = site(Kind::Ec).pico("ec2:ec").set("jvm_detached=false").build()?;
        let other = site.as_pico("ec2", "run exec sleep 1000001")?;
        site.mzsh_does("startup", &format!("{other} >/dev/null 2>&1 &"))?;
        let ec1 = site.start()?;
        let child = site.until_runs(&["sleep", "1000001"])?;
        let ec2 = site.one("ec2")?;
        assert_eq!((ec1.session, ec1.session), (ec2.session, child.session));
        site.monitor(10)?.answers(OK).silently();
        if killed {
            site.signal(ec1.pid, "KILL")?;
            site.monitor(0)?.answers(NOT_RUNNING);
        }
        site.stop()?.answers(OK);
        assert!(!site.lives(&ec1)? && site.lives(&ec2)? && site.lives(&child)?, "killed before: {killed}");
        site.probe()?.answers(NOT_RUNNING);
        named(&site, "ec2").run("stop")?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}

/// The Platforms of two installations on real JVMs: a stop of one whose mzsh is gone signals that one alone, and a start of one does not
/// adopt the other's.
#[test]
fn real_jvms_of_two_installations_are_told_apart() -> Done {
    let site = site(Kind::Platform).jvm().build()?;
    site.second("/opt/mz2", &["--free-ports", "--jvm", "--set", "start_time=50ms"])?;
    let second = || site.agent().param("mz_home", "/opt/mz2").instance("second");
    second().run("start")?.answers(OK).silently();
    let other = site.one_of("/opt/mz2", "platform")?;
    site.probe()?.answers(NOT_RUNNING);
    site.stop()?.answers(OK).silently();
    let ours = site.start()?;
    site.sh("rm /opt/mz/bin/mzsh; rm /run/mediationzone-ra/*.json")?;
    site.stop()?.answers(OK);
    assert!(!site.lives(&ours)? && site.lives(&other)?);
    recurring(second(), 10).run("monitor")?.answers(OK).silently();
    second().run("stop")?.answers(OK);
    site.nothing_left()
}
