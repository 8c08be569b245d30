//! A stop acts on what it knows: the JVM that the record names gets its signals, whatever becomes of the look at the node's other processes.

use std::time::Duration;

use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::imitation::{Crowd, Imitation, State};
use testkit::site::{Kind, Site, site};
use testkit::{Done, Error, Held, Hung, Process, Ran};

use crate::cells::{CLASS, NAMED};

/// As many as a look can't wait for one after the other.
const MANY: usize = 100;

/// Javas which say nothing of any pico, of the owner's or this user's, before they hang in the kernel when they are told to.
pub(crate) fn many(site: &Site, number: usize, user: Option<u32>) -> Result<(Crowd, Hung), Error> {
    site.sh("truncate -s 4096 /opt/written && chmod 666 /opt/written")?;
    let hung = site.node.hang("/opt/written", Held::Write)?;
    let java = Imitation::java(&["java"]).before("map /opt/written\n");
    let java = user.map_or(java.clone(), |uid| java.user(uid));
    Ok((java.crowd(site, number, "unmap")?, hung))
}

/// A stop with the shortest time that Pacemaker gives by default.
fn stop(site: &Site) -> Result<Ran, Error> {
    site.agent().meta_timeout(Duration::from_secs(20)).run("stop")
}

/// It has ended the JVM, and says "stopped" or, with a reason, that it does not know of others.
#[track_caller]
fn has_ended(site: &Site, jvm: &Process, ran: &Ran) -> Done {
    assert!(!site.lives(jvm)?, "it has left the JVM of the record: {ran}");
    assert!(matches!(ran.code(), Some(OK | GENERIC)), "{ran}");
    Ok(())
}

/// A hundred javas of the owner's that hang in the kernel, begun before the recorded JVM, cost a stop neither that JVM's end nor its answer.
#[test]
fn stop_ends_the_recorded_jvm_beside_a_hundred_that_hang() -> Done {
    let site = site(Kind::Platform).build()?;
    let (crowd, hung) = many(&site, MANY, None)?;
    let jvm = site.start()?;
    crowd.hang(&site)?;
    let ran = stop(&site)?.answers(OK);
    has_ended(&site, &jvm, &ran)?;
    hung.release();
    Ok(())
}

/// The same where they have begun later, so that nobody can tell what they are: the JVM is ended all the same.
#[test]
fn stop_ends_the_recorded_jvm_beside_a_hundred_that_could_be_it() -> Done {
    let site = site(Kind::Platform).build()?;
    let jvm = site.start()?;
    let (crowd, hung) = many(&site, MANY, None)?;
    crowd.hang(&site)?;
    let ran = stop(&site)?;
    has_ended(&site, &jvm, &ran)?;
    hung.release();
    Ok(())
}

/// With so little time that no look comes to its end beside a java that hangs, the recorded JVM is ended all the same.
#[test]
fn stop_ends_the_recorded_jvm_though_no_look_comes_to_its_end() -> Done {
    let site = site(Kind::Platform).build()?;
    let jvm = site.start()?;
    let (crowd, hung) = many(&site, 1, None)?;
    crowd.hang(&site)?;
    let ran = site.agent().meta_timeout(Duration::from_secs(3)).run("stop")?.answers(GENERIC);
    has_ended(&site, &jvm, &ran.because(&["what runs can't be told"]))?;
    hung.release();
    Ok(())
}

/// A process that could be the pico and can't be told, alive or without main thread, keeps no signal from the recorded JVM; it is named, and
/// left alone.
#[test]
fn stop_ends_the_recorded_jvm_beside_one_that_cant_be_told() -> Done {
    for state in [State::Live, State::Leaderless] {
        let site = site(Kind::Platform).build()?;
        let jvm = site.start()?;
        let doubtful = Imitation::java(&["java", NAMED, CLASS]).state(state).start(&site)?;
        let ran = stop(&site)?;
        has_ended(&site, &jvm, &ran)?;
        assert!(site.lives(&doubtful)?, "{state:?}: {ran}");
        assert!(ran.stderr.contains(&format!("pid {}", doubtful.pid)), "{state:?}: {ran}");
    }
    Ok(())
}

/// With too few descriptors for a look at all processes the recorded JVM is ended, and a stop says "stopped" only if it could look.
#[test]
fn stop_ends_the_recorded_jvm_with_few_descriptors() -> Done {
    for descriptors in 4..16 {
        let site = site(Kind::Platform).build()?;
        let jvm = site.start()?;
        // One that no record names, and that only a look can find.
        let second = Imitation::pico("platform").start(&site)?;
        let limit = ["prlimit".to_owned(), format!("--nofile={descriptors}")];
        let ran = site.agent().meta_timeout(Duration::from_secs(12)).through(limit).run("stop")?;
        has_ended(&site, &jvm, &ran)?;
        let left = site.lives(&second)?;
        assert_eq!(ran.code() == Some(OK), !left, "{descriptors} descriptors: {ran}");
        site.stop()?.answers(OK);
        site.probe()?.answers(NOT_RUNNING);
    }
    Ok(())
}
