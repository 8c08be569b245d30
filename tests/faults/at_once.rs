//! Two agents at once on one pico.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, Site, in_short, recurring, site};
use testkit::{Done, End, Error};

/// Two starts at once, by two resources that mean the same pico, make one JVM, and both succeed.
#[test]
fn two_starts_at_once_make_one_pico() -> Done {
    let site = site(Kind::Platform).set("start_time=500ms").build()?;
    let (one, other) = thread::scope(|scope| {
        let one = scope.spawn(|| site.agent().run("start"));
        let other = site.agent().instance("other").run("start");
        (one.join().expect("the start's thread does not panic"), other)
    });
    one?.answers(OK).silently();
    other?.answers(OK).silently();
    site.one("platform")?;
    assert_eq!(site.calls("startup")?, 1);
    Ok(())
}

/// A stop that meets a start of the same pico ends that start, its mzsh and its JVM, and succeeds.
#[test]
fn a_stop_during_a_start_ends_that() -> Done {
    let site = site(Kind::Platform).set("startup_outcome=slow").build()?;
    let (start, stop) = thread::scope(|scope| {
        let start = scope.spawn(|| site.agent().run("start"));
        site.until("the JVM of the start", |site| {
            let found = site.picos("platform")?;
            Ok(if found.is_empty() { Err(in_short(&site.processes()?)) } else { Ok(()) })
        })?;
        let stop = site.stop()?;
        Ok::<_, Error>((start.join().expect("the start's thread does not panic")?, stop))
    })?;
    stop.answers(OK);
    // It held the lock of this pico.
    assert_eq!(start.end, End::Signal(9), "{start}");
    site.nothing_left()
}

/// A stop that waits for a start acts by what that start has written in the end, not by what the record said
/// when the stop was called.
#[test]
fn a_stop_that_waits_for_a_start_reads_what_that_has_written_in_the_end() -> Done {
    // The process is there all the while, and only mzsh knows that it is the pico.
    let site = site(Kind::Platform).set("start_time=2s").build()?;
    let odd = || site.agent().param("process_match", "no-such-process");
    let (start, stop) = thread::scope(|scope| {
        let start = scope.spawn(|| odd().meta_timeout(Duration::from_secs(60)).run("start"));
        site.until("the JVM of the start", |site| {
            let found = site.picos("platform")?;
            Ok(if found.is_empty() { Err(in_short(&site.processes()?)) } else { Ok(()) })
        })?;
        // A tenth of this is more than the start needs.
        let stop = odd().meta_timeout(Duration::from_secs(300)).run("stop")?;
        Ok::<_, Error>((start.join().expect("the start's thread does not panic")?, stop))
    })?;
    start.answers(GENERIC).because(&["process_match"]);
    stop.answers(OK);
    site.nothing_left()
}

/// A start that comes while a stop of the same pico is at work waits for it and then brings the pico up again, by the same resource
/// or by another that means the same pico.
#[test]
fn a_start_during_a_stop_waits_for_it() -> Done {
    // Without a question to its HA Monitor Server nothing but the lock tells that it is on its way out.
    for (instance, real, ha_check) in [("platform", true, "auto"), ("other", false, "no")] {
        let site = site(Kind::Platform).real(real).set("stop_time=1s").set("shutdown_retry=5s").build()?;
        let old = site.start()?;
        let (stop, start) = site.meanwhile(
            || site.stop(),
            |site| {
                site.until_calls("shutdown", 1)?;
                let start = site.agent().instance(instance).param("ha_check", ha_check);
                start.meta_timeout(Duration::from_secs(60)).run("start")
            },
        )?;
        stop.answers(OK);
        start.answers(OK).silently();
        assert_ne!(site.one("platform")?.pid, old.pid);
        site.monitor(10)?.answers(OK).silently();
        assert_eq!(site.calls("startup")?, 2);
    }
    Ok(())
}

/// Two stops at once both succeed, and neither before the pico is gone.
#[test]
fn two_stops_at_once_end_one_pico() -> Done {
    for (instance, orderly) in [("platform", true), ("other", true), ("other", false)] {
        let site =
            site(Kind::Platform).set("stop_time=700ms").set(&format!("sigterm_orderly={orderly}")).build()?;
        site.start()?;
        let stop = |instance| {
            let stop = site.agent().instance(instance).run("stop")?.answers(OK);
            assert!(site.picos("platform")?.is_empty(), "{stop}");
            Ok::<_, Error>(stop)
        };
        site.meanwhile(
            || stop("platform"),
            |site| {
                site.until_calls("shutdown", 1)?;
                stop(instance).map(drop)
            },
        )?;
        site.nothing_left()?;
    }
    Ok(())
}

/// A stop by another resource that means the same pico ends a start that is at work, as one by the same resource does.
#[test]
fn a_stop_by_another_resource_ends_the_start_of_the_same_pico() -> Done {
    for detached in [true, false] {
        let site = site(Kind::Platform).jvm().set("startup_outcome=slow");
        let site = site.set(&format!("jvm_detached={detached}")).build()?;
        let (start, stop) = site.meanwhile(
            || site.agent().run("start"),
            |site| {
                site.until_there()?;
                site.agent().instance("other").run("stop")
            },
        )?;
        stop.answers(OK);
        assert_eq!(start.end, End::Signal(9), "it held the lock of this pico: {start}");
        site.nothing_left()?;
        site.probe()?.answers(NOT_RUNNING);
    }
    Ok(())
}

/// Monitors and probes, of this resource and of another one for the same pico, until `over`: none says "not running" while a JVM or
/// its startup lives, or that it runs while there is neither.
fn watch(site: &Site, over: impl Fn() -> bool) -> Done {
    let alive = || -> Result<(Vec<u32>, bool), Error> {
        let jvms: Vec<u32> = site.picos("platform")?.iter().map(|process| process.pid).collect();
        let any = !jvms.is_empty() || site.startups()? > 0;
        Ok((jvms, any))
    };
    let mut round = 0;
    // A few rounds in any case: a slow machine may have no time for them before the end.
    while !over() || round < 6 {
        let before = alive()?;
        let instance = ["platform", "other"][round / 3 % 2];
        let ran = match round % 3 {
            0 => recurring(site.agent().instance(instance), 0).run("monitor")?,
            1 => recurring(site.agent().instance(instance), 10).run("monitor")?,
            _ => site.agent().instance(instance).run("monitor")?,
        };
        round += 1;
        let after = alive()?;
        // What has changed meanwhile allows both answers.
        if before == after {
            // A start says that it is under way from the moment that it has forked what will be mzsh.
            let begins = ran.reason().is_some_and(|reason| reason.contains("a start is under way"));
            let absent = ran.code() == Some(NOT_RUNNING);
            assert!(if before.1 { !absent } else { absent || begins }, "{before:?}: {ran}");
            assert!(ran.code() != Some(OK) || !before.0.is_empty(), "{before:?}: {ran}");
        }
    }
    Ok(())
}

/// Monitors of every kind beside a start and a stop, by the same resource and by another for the same pico, tell the truth all the
/// while and disturb neither.
#[test]
fn monitors_beside_a_start_and_a_stop_tell_the_truth() -> Done {
    for detached in [true, false] {
        let site =
            site(Kind::Platform).set("start_time=1200ms").set("stop_time=800ms").set("shutdown_retry=5s");
        let site = site.set(&format!("jvm_detached={detached}")).build()?;
        for action in ["start", "stop"] {
            let over = AtomicBool::new(false);
            let (ran, ()) = site.meanwhile(
                || {
                    let ran = site.agent().meta_timeout(Duration::from_secs(60)).run(action);
                    over.store(true, Relaxed);
                    ran
                },
                |site| watch(site, || over.load(Relaxed)),
            )?;
            ran.answers(OK).silently();
            assert_eq!(site.picos("platform")?.len(), usize::from(action == "start"));
        }
        assert_eq!((site.calls("startup")?, site.calls("shutdown")?), (1, 1));
        site.nothing_left()?;
    }
    Ok(())
}

/// Neither a monitor nor a probe waits for a start that does not get on: each says that it is under way, and the start goes on.
#[test]
fn a_monitor_does_not_wait_for_a_start() -> Done {
    let site = site(Kind::Platform).build()?;
    site.sh("mkfifo -m 666 /opt/gate")?;
    site.mzsh_does("startup", "read _ </opt/gate; exec /opt/mz/bin/mzsh.true \"$@\"")?;
    let (start, ()) = site.meanwhile(
        || site.agent().meta_timeout(Duration::from_secs(120)).run("start"),
        |site| {
            site.until_runs(&["/bin/sh", "/opt/mz/bin/mzsh", "startup", "-f", "platform"])?;
            for ran in [site.monitor(0)?, site.monitor(10)?, site.probe()?] {
                ran.answers(GENERIC).because(&["platform", "a start is under way"]);
            }
            site.sh("echo >/opt/gate").map(drop)
        },
    )?;
    start.answers(OK).silently();
    site.monitor(0)?.answers(OK).silently();
    Ok(())
}

/// The start of one pico does not hold up the start, the stop and the monitor of another one of the same installation.
#[test]
fn a_start_of_another_pico_is_no_reason_to_wait() -> Done {
    let site = site(Kind::Ec).pico("ec2:ec").set("ec2.start_time=10m").build()?;
    let ec2 = || site.agent().param("pico_name", "ec2").instance("ec2");
    let (start, ()) = site.meanwhile(
        || ec2().meta_timeout(Duration::from_secs(60)).run("start"),
        |site| {
            site.until("the JVM of ec2", |site| {
                let found = site.picos("ec2")?;
                Ok(if found.is_empty() { Err("none".to_owned()) } else { Ok(()) })
            })?;
            site.start()?;
            site.monitor(10)?.answers(OK).silently();
            site.stop()?.answers(OK).silently();
            assert_eq!(site.picos("ec2")?.len(), 1, "it is still starting");
            ec2().run("stop")?.answers(OK);
            Ok(())
        },
    )?;
    assert_eq!(start.end, End::Signal(9), "{start}");
    site.nothing_left()
}
