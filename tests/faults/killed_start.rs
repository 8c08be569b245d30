//! A start that was killed at its time-out, and what it leaves at work.

use std::thread;
use std::time::Duration;

use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, Site, in_short, site};
use testkit::{Done, End, Error};

/// A start that is killed, as Pacemaker's executor does it at the time-out, once it has come as far as `so_far` says.
fn killed_once(site: &Site, what: &str, so_far: impl Fn(&Site) -> Result<bool, Error>) -> Done {
    let ran = thread::scope(|scope| {
        let start = scope.spawn(|| site.agent().run("start"));
        site.until(what, |site| Ok(if so_far(site)? { Ok(()) } else { Err(in_short(&site.processes()?)) }))?;
        let agent = site.sleeping_agent("start")?;
        site.signal(agent.pid, "KILL")?;
        start.join().expect("the start's thread does not panic")
    })?;
    assert_eq!(ran.end, End::Signal(9), "{ran}");
    Ok(())
}

/// A stop after a start that was killed ends both the mzsh and the JVM that went on without it.
#[test]
fn a_stop_ends_what_a_killed_start_has_left() -> Done {
    for detached in [true, false] {
        let site = site(Kind::Platform).set("startup_outcome=slow");
        let site = site.set(&format!("jvm_detached={detached}")).build()?;
        killed_once(&site, "the JVM of the start", |site| Ok(!site.picos("platform")?.is_empty()))?;
        // Both went on: they are none of the agent's group.
        assert_eq!(site.startups()?, 1, "{}", in_short(&site.processes()?));
        site.one("platform")?;
        site.stop()?.answers(OK);
        site.nothing_left()?;
        site.probe()?.answers(NOT_RUNNING);
    }
    Ok(())
}

/// While the mzsh of a killed start is still at work, monitor and probe say that a start is under way and
/// never that nothing runs, with the record and without.
#[test]
fn an_mzsh_that_a_killed_start_has_left_is_not_taken_for_nothing() -> Done {
    let site = site(Kind::Platform).set("mzsh_time=10m").build()?;
    killed_once(&site, "the mzsh of the start", |site| Ok(site.startups()? == 1))?;
    assert_eq!((site.startups()?, site.picos("platform")?.len()), (1, 0));
    // With the record and without: the process says it itself.
    for _ in 0..2 {
        site.monitor(0)?.answers(GENERIC).because(&["platform", "start is under way", "mzsh"]);
        site.probe()?.answers(GENERIC).because(&["start is under way"]);
        site.sh(&format!("rm -f {}", site.record()))?;
    }
    site.stop()?.answers(OK);
    site.nothing_left()
}

/// After a killed start and a stop the next start succeeds.
#[test]
fn a_start_that_was_killed_can_be_tried_again() -> Done {
    let site = site(Kind::Platform).set("startup_outcome=slow").build()?;
    killed_once(&site, "the JVM of the start", |site| Ok(!site.picos("platform")?.is_empty()))?;
    let first = site.one("platform")?.pid;
    site.set(&["startup_outcome=ok"])?;
    site.stop()?.answers(OK);
    site.nothing_left()?;
    assert_ne!(site.start()?.pid, first);
    Ok(())
}

/// From now on mzsh is a script whose child, once the gate is open, becomes the true one. Until then nobody in the
/// session of the start looks like anything of the product but, for as long as it lives, the script.
fn mzsh_behind_a_gate(site: &Site) -> Done {
    site.sh("mkfifo -m 666 /opt/gate")?;
    site.wrap_mzsh(
        "[ \"$1\" != startup ] || {
            sh -c 'read _ </opt/gate; exec /opt/mz/bin/mzsh.true \"$@\"' sh \"$@\"
            exit
        }",
    )
}

/// The script that leads the session, and its child.
fn at_the_gate(site: &Site) -> Result<[u32; 2], Error> {
    site.until("a child of mzsh at the gate", |site| {
        let all = site.processes()?;
        let child = all.iter().find(|process| {
            process.command_line().contains("read _ </opt/gate") && process.session == process.ppid
        });
        Ok(child.map(|child| [child.session, child.pid]).ok_or_else(|| in_short(&all)))
    })
}

/// A stop ends everything in the session of a killed start, whatever it looks like and even when mzsh itself
/// has died, so that nothing comes up afterwards.
#[test]
fn a_stop_ends_all_that_a_killed_start_has_set_going_and_nothing_comes_up_afterwards() -> Done {
    for leader_ends_first in [false, true] {
        let site = site(Kind::Platform).build()?;
        mzsh_behind_a_gate(&site)?;
        killed_once(&site, "the mzsh at the gate", |site| Ok(at_the_gate(site).is_ok()))?;
        let [leader, child] = at_the_gate(&site)?;
        if leader_ends_first {
            site.signal(leader, "KILL")?;
        }
        site.monitor(0)?.answers(GENERIC).because(&["start is under way"]);
        site.stop()?.answers(OK);
        let left: Vec<_> =
            site.processes()?.into_iter().filter(|process| process.session == leader).collect();
        assert!(left.is_empty(), "of the session of {leader}, with {child}: {}", in_short(&left));
        site.nothing_left()?;
    }
    Ok(())
}

/// A start whose time is over ends everything that it has set going, also what does not look like the
/// product.
#[test]
fn a_start_whose_time_is_over_ends_all_that_it_has_set_going() -> Done {
    let site = site(Kind::Platform).build()?;
    mzsh_behind_a_gate(&site)?;
    let start = site.agent().meta_timeout(Duration::from_secs(10)).run("start")?;
    start.answers(GENERIC).because(&["platform", "mzsh startup"]);
    site.nothing_left()
}

/// A start that was killed at its time-out while its mzsh lived on: until that one has brought the JVM up, later, monitor and probe never
/// say "not running", then they say that it runs, and a stop ends it.
#[test]
fn a_jvm_that_comes_up_after_its_start_was_killed_is_found() -> Done {
    for (real, detached) in [(true, true), (true, false), (false, true)] {
        let site = site(Kind::Platform).real(real).set(&format!("jvm_detached={detached}")).build()?;
        mzsh_behind_a_gate(&site)?;
        let killed = site.agent().meta_timeout(Duration::from_secs(60));
        let (start, ()) = site.meanwhile(
            || killed.run("start"),
            |site| {
                at_the_gate(site)?;
                let agent = site.sleeping_agent("start")?;
                site.signal(agent.pid, "KILL")
            },
        )?;
        assert_eq!(start.end, End::Signal(9), "{start}");
        for ran in [site.monitor(0)?, site.monitor(10)?, site.probe()?] {
            ran.answers(GENERIC).because(&["platform", "a start is under way"]);
        }
        site.sh("echo >/opt/gate")?;
        site.until("the pico to be ready", |site| {
            let ran = site.monitor(0).unwrap_or_else(|error| panic!("{error}"));
            assert_ne!(ran.code(), Some(NOT_RUNNING), "{ran}");
            let ready = site.history()?.iter().any(|event| event.what == "ready");
            Ok(if ready && site.startups()? == 0 { Ok(()) } else { Err(ran.to_string()) })
        })?;
        for level in [0, 10, 20] {
            site.monitor(level)?.answers(OK).silently();
        }
        assert_eq!(site.recorded()?, Some(site.one("platform")?.pid));
        site.stop()?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}

/// The executor's SIGKILL to the group of a start that is over its time takes neither mzsh nor the JVM with it, in any session, and the
/// next start of the same pico ends or adopts what it finds and makes one.
#[test]
fn a_start_after_a_killed_start_makes_one_pico() -> Done {
    for detached in [true, false] {
        let site =
            site(Kind::Sc).jvm().set("sc1.start_time=2s").set(&format!("jvm_detached={detached}")).build()?;
        killed_once(&site, "the JVM of the start", |site| Ok(!site.picos("sc1")?.is_empty()))?;
        site.agent().meta_timeout(Duration::from_secs(60)).run("start")?.answers(OK).silently();
        let jvm = site.one("sc1")?;
        assert_eq!(site.recorded()?, Some(jvm.pid));
        site.monitor(10)?.answers(OK).silently();
        assert_eq!(site.startups()?, 0);
        site.stop()?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}
