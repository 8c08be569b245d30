//! A JVM whose main thread has ended while others live: state Z, no command line of its own.

use std::time::Duration;

use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::imitation::{Imitation, State};
use testkit::site::{Kind, Site, site};
use testkit::{Done, Error, Process};

use crate::cells::{CLASS, HOME, Is, NAMED, cell, check};

/// A Platform that was adopted, and has lost its main thread since.
fn known_and_leaderless() -> Result<(Site, Process), Error> {
    let site = site(Kind::Platform).build()?;
    let pico = Imitation::pico("platform").before("await\nleaderless\n").start(&site)?;
    site.monitor(0)?.answers(OK).silently();
    assert_eq!(site.recorded()?, Some(pico.pid));
    site.signal(pico.pid, "USR1")?;
    site.until("its main thread to end", |site| {
        let now = site.brief(pico.pid)?;
        Ok(if now.as_ref().is_some_and(|now| now.state == 'Z') { Ok(()) } else { Err(format!("{now:?}")) })
    })?;
    Ok((site, pico))
}

/// A pico whose record names it and whose main thread has ended while another lives has failed for every monitor and for a probe, with
/// its number in the reason, and a stop ends it where a SIGKILL does.
#[test]
fn a_known_pico_that_lost_its_main_thread_has_failed_and_can_be_stopped() -> Done {
    let (site, pico) = known_and_leaderless()?;
    for ran in [site.monitor(0)?, site.monitor(10)?, site.probe()?] {
        ran.answers(GENERIC).because(&["platform", &format!("pid {} ", pico.pid), "main thread has ended"]);
    }
    assert!(site.lives(&pico)?);
    site.stop()?.answers(OK);
    site.nothing_left()?;
    site.probe()?.answers(NOT_RUNNING);
    Ok(())
}

/// A start replaces a known pico that has lost its main thread.
#[test]
fn a_start_replaces_a_known_pico_that_lost_its_main_thread() -> Done {
    let (site, pico) = known_and_leaderless()?;
    site.agent().meta_timeout(Duration::from_secs(60)).run("start")?.answers(OK);
    assert!(!site.lives(&pico)?);
    site.one("platform")?;
    site.monitor(10)?.answers(OK).silently();
    Ok(())
}

/// A node of a test that runs as a normal user has no second user.
fn has_other_users(site: &Site) -> bool {
    site.node.owner() != "root"
}

/// One that is named as the Platform and does not say of which installation, run by this user.
fn leaderless(site: &Site, user: Option<u32>) -> Result<Process, Error> {
    let java = Imitation::java(&["java", NAMED, CLASS]).state(State::Leaderless);
    user.map_or(java.clone(), |uid| java.user(uid)).start(site)
}

/// A java without main thread that another user runs is no reason to doubt that the pico is away, and is not
/// touched.
#[test]
fn one_of_another_user_is_no_reason_to_doubt_that_the_pico_is_away() -> Done {
    let site = site(Kind::Platform).build()?;
    if !has_other_users(&site) {
        return Ok(());
    }
    let other = leaderless(&site, Some(4712))?;
    site.probe()?.answers(NOT_RUNNING);
    site.monitor(0)?.answers(NOT_RUNNING);
    site.stop()?.answers(OK).silently();
    site.start()?;
    site.stop()?.answers(OK);
    assert_eq!(site.processes()?.iter().map(|process| process.pid).collect::<Vec<_>>(), [other.pid]);
    Ok(())
}

/// A java without main thread that the pico's user runs could be the pico: probe, monitor and stop say so
/// with its number instead of claiming that nothing runs, and leave it alone.
#[test]
fn one_of_the_picos_user_could_be_the_pico_and_is_named() -> Done {
    let site = site(Kind::Platform).build()?;
    let pid = leaderless(&site, None)?.pid;
    let named = format!("pid {pid} ");
    let stop = || site.agent().meta_timeout(Duration::from_secs(4)).run("stop");
    for ran in [site.probe()?, site.monitor(0)?, stop()?] {
        let ran = ran.answers(GENERIC).because(&[&named, "its installation is unknown"]);
        assert!(ran.wall > Duration::from_secs(1), "a JVM that ends looks so for a moment: {ran}");
    }
    assert_eq!(site.processes()?.iter().map(|process| process.pid).collect::<Vec<_>>(), [pid]);

    site.signal(pid, "KILL")?;
    site.probe()?.answers(NOT_RUNNING);
    site.stop()?.answers(OK);
    Ok(())
}

/// With the installation's storage not mounted, its mount point is root's: that does not make a java without main thread another
/// user's, and it is named all the same.
#[test]
fn a_mount_point_of_roots_makes_it_nobody_elses() -> Done {
    let site = site(Kind::Platform).build()?;
    let pid = leaderless(&site, None)?.pid;
    site.sh("mount -t tmpfs tmpfs /opt/mz")?;
    let named = format!("pid {pid} ");
    let stop = || site.agent().meta_timeout(Duration::from_secs(4)).run("stop");
    for ran in [site.probe()?, site.monitor(0)?, stop()?] {
        ran.answers(GENERIC).because(&[&named, "its installation is unknown"]);
    }
    assert_eq!(site.processes()?.iter().map(|process| process.pid).collect::<Vec<_>>(), [pid]);
    Ok(())
}

/// A java without main thread that another resource's record names is that one's, and neither reported nor
/// touched.
#[test]
fn one_that_another_resource_runs_is_not_ours() -> Done {
    let site = site(Kind::Platform).build()?;
    site.start()?;
    let mut record = site.read_record()?;
    site.stop()?.answers(OK);
    let other = leaderless(&site, None)?;
    record["pico"] = "ec1".into();
    record["jvm"]["pid"] = other.pid.into();
    record["jvm"]["start"] = other.start_time.into();
    site.node.write("/run/mediationzone-ra/ec.json", record.to_string())?;
    site.probe()?.answers(NOT_RUNNING);
    site.monitor(0)?.answers(NOT_RUNNING);
    site.stop()?.answers(OK);
    assert_eq!(site.processes()?.iter().map(|process| process.pid).collect::<Vec<_>>(), [other.pid]);
    Ok(())
}

/// A java without main thread is told by what its other threads have of its command line, environment, executable and directory: another
/// pico, the Platform of another installation and a java that is no pico at all are ignored, and the Platform has failed and is ended.
#[test]
fn java_without_main_thread_is_told_by_its_other_threads() -> Done {
    let java = |argv: &[&str]| Imitation::java(argv).state(State::Leaderless);
    let of = |program: &str, argv: &[&str]| Imitation::of(program, argv).state(State::Leaderless);
    check(vec![
        cell("a java that says nothing", Is::Ignored, java(&["java"])),
        cell("a java of another program", Is::Ignored, java(&["java", "-jar", "/opt/x.jar", NAMED, HOME])),
        cell("another pico", Is::Ignored, Imitation::pico("ec1").state(State::Leaderless)),
        cell("another installation's", Is::Ignored, java(&["java", "-Dmz.home=/opt/imitated", NAMED, CLASS])),
        cell(
            "another installation's, by MZ_HOME",
            Is::Ignored,
            java(&["java", NAMED, CLASS]).env("MZ_HOME", "/opt/imitated"),
        ),
        cell(
            "a program that is only called java",
            Is::Ignored,
            of("/opt/imitated/bin/perl", &["java", HOME, NAMED, CLASS]),
        ),
        cell("the Platform", Is::Failed, Imitation::pico("platform").state(State::Leaderless)),
        cell("the Platform, by MZ_HOME", Is::Failed, java(&["java", NAMED, CLASS]).env("MZ_HOME", "/opt/mz")),
        cell(
            "the Platform, by a relative home",
            Is::Failed,
            java(&["java", "-Dmz.home=.", CLASS, "platform"]).directory("/opt/mz"),
        ),
    ])
}
