//! The monitor that waits: a recurring depth 0 stays beside a well pico and answers at the moment of its death.

use std::thread;
use std::time::{Duration, Instant};

use testkit::{AgentCall, Process, Ran};

use testkit::Done;
use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, Site, site};

/// Beside this everything that does not wait is quick.
const LONG: &str = "15s";
/// Far below `LONG`.
pub(super) const QUICK: Duration = Duration::from_secs(5);
/// The interval of the row: here each one comes as soon as the last one has ended.
pub(super) const OFTEN: Duration = Duration::from_millis(100);

/// As the cluster calls it.
pub(super) fn waiting<'a>(site: &'a Site, wait: &str) -> AgentCall<'a> {
    let call = site.agent().param("wait", wait).interval(OFTEN).level(0);
    call.meta_timeout(Duration::from_secs(60))
}

/// Major and minor number.
fn kernel() -> (u32, u32) {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers =
        release.split(|c: char| !c.is_ascii_digit()).map(|digits| digits.parse().unwrap_or_default());
    (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default())
}

fn quick(ran: &Ran) {
    assert!(ran.wall < QUICK, "{ran}");
}

/// A site on which the first monitor after the start has been.
fn watched() -> Result<(Site, u32), testkit::Error> {
    let site = site(Kind::Platform).build()?;
    let pid = site.start()?.pid;
    // The first one does not wait: Pacemaker wants to hear of it.
    quick(&waiting(&site, LONG).run("monitor")?.answers(OK).silently());
    Ok((site, pid))
}

#[test]
fn it_answers_after_its_time_when_nothing_happens() -> Done {
    let (site, _) = watched()?;
    let ran = waiting(&site, "300ms").run("monitor")?.answers(OK).silently();
    assert!(ran.wall >= Duration::from_millis(300), "{ran}");
    quick(&ran);
    Ok(())
}

#[test]
fn the_death_of_the_pico_ends_it_at_once_however_it_dies() -> Done {
    for (signal, switch) in [
        ("KILL", "sigterm_orderly=true"),
        ("TERM", "sigterm_orderly=true"),
        ("TERM", "sigterm_orderly=false"),
    ] {
        let (site, pid) = watched()?;
        site.set(&[switch])?;
        let (ran, noticed) = thread::scope(|scope| {
            let monitor = scope.spawn(|| (waiting(&site, LONG).run("monitor"), Instant::now()));
            site.waiting_monitor()?;
            let killed = Instant::now();
            site.sh(&format!("kill -s {signal} {pid}"))?;
            let (ran, ended) = monitor.join().expect("the monitor's thread does not panic");
            Ok::<_, testkit::Error>((ran?, ended - killed))
        })?;
        let ran = ran.answers(NOT_RUNNING).because(&["platform", &format!("pid {pid} has ended at ")]);
        // Kernels before 6.15 tell it only until the process is reaped.
        if signal == "KILL" && kernel() >= (6, 15) {
            ran.because(&["(signal 9 (KILL))"]);
        }
        assert!(noticed < Duration::from_secs(2), "{noticed:?} after {signal}");
    }
    Ok(())
}

#[test]
fn it_never_waits_for_longer_than_half_of_its_time() -> Done {
    let (site, _) = watched()?;
    let ran = waiting(&site, LONG).meta_timeout(Duration::from_secs(10)).run("monitor")?;
    let ran = ran.answers(OK).silently();
    assert!((Duration::from_secs(4)..Duration::from_secs(8)).contains(&ran.wall), "{ran}");
    Ok(())
}

#[test]
fn no_other_call_waits() -> Done {
    let (site, _) = watched()?;
    let calls = [
        ("a probe", site.agent().param("wait", LONG)),
        ("depth 10", waiting(&site, LONG).level(10)),
        ("depth 20", waiting(&site, LONG).level(20)),
        ("a person's, or ocf-tester's", waiting(&site, LONG).without("OCF_RESKEY_CRM_meta_on_node")),
        (
            "one that is not told how long it may take",
            waiting(&site, LONG).without("OCF_RESKEY_CRM_meta_timeout"),
        ),
        ("wait=0", waiting(&site, "0")),
    ];
    for (what, call) in calls {
        // Any would that follows this one.
        quick(&waiting(&site, "1ms").run("monitor")?.answers(OK).silently());
        let ran = call.run("monitor")?.answers(OK).silently();
        assert!(ran.wall < QUICK, "{what}: {ran}");
    }
    Ok(())
}

#[test]
fn where_the_record_cant_be_written_none_waits() -> Done {
    // If it were ended, the next one, which has to answer at once, could not know.
    let (site, _) = watched()?;
    let directory = "/run/mediationzone-ra";
    site.sh(&format!("mount --bind {directory} {directory} && mount -o remount,bind,ro {directory}"))?;
    quick(&waiting(&site, LONG).run("monitor")?.answers(OK));
    site.sh(&format!("umount {directory}"))?;
    let ran = waiting(&site, "300ms").run("monitor")?.answers(OK).silently();
    assert!(ran.wall >= Duration::from_millis(300), "{ran}");
    Ok(())
}

#[test]
fn the_first_one_after_an_adoption_does_not_wait_either() -> Done {
    let (site, _) = watched()?;
    site.sh(&format!("rm {}", site.record()))?;
    quick(&waiting(&site, LONG).run("monitor")?.answers(OK).silently());
    let second = waiting(&site, "300ms").run("monitor")?.answers(OK).silently();
    assert!(second.wall >= Duration::from_millis(300), "{second}");
    Ok(())
}

#[test]
fn the_first_one_after_one_that_was_ended_does_not_wait() -> Done {
    // As Pacemaker ends it for a refresh or for maintenance. Its first answer after that holds up the whole cluster.
    let (site, _) = watched()?;
    quick(&while_waiting(&site, waiting(&site, LONG), |monitor| site.signal(monitor, "KILL"))?);
    quick(&waiting(&site, LONG).run("monitor")?.answers(OK).silently());
    let next = waiting(&site, "300ms").run("monitor")?.answers(OK).silently();
    assert!(next.wall >= Duration::from_millis(300), "{next}");
    Ok(())
}

#[test]
fn the_first_one_after_a_probe_does_not_wait() -> Done {
    let (site, _) = watched()?;
    site.agent().run("monitor")?.answers(OK).silently();
    quick(&waiting(&site, LONG).run("monitor")?.answers(OK).silently());
    let next = waiting(&site, "300ms").run("monitor")?.answers(OK).silently();
    assert!(next.wall >= Duration::from_millis(300), "{next}");
    Ok(())
}

/// So much time passes that a wait of 5 s is over, and that the next ones of all rows would have come.
fn overdue(site: &Site) -> Done {
    let begun = Instant::now();
    site.until("what comes next to be overdue", |_| {
        let past = begun.elapsed();
        Ok(if past > Duration::from_secs(6) { Ok(()) } else { Err(format!("{past:?}")) })
    })
}

#[test]
fn the_first_one_of_a_row_that_begins_anew_without_a_probe_does_not_wait() -> Done {
    // As after maintenance. The last one of the old row has come to its end.
    let (site, _) = watched()?;
    overdue(&site)?;
    quick(&waiting(&site, LONG).run("monitor")?.answers(OK).silently());
    let next = waiting(&site, "300ms").run("monitor")?.answers(OK).silently();
    assert!(next.wall >= Duration::from_millis(300), "{next}");
    // Or of a row with another interval, which begins at once: the old one would have come later.
    quick(&waiting(&site, LONG).interval(Duration::from_secs(60)).run("monitor")?.answers(OK).silently());
    Ok(())
}

/// This call, and what is done to the monitor, by its number, while it waits.
fn while_waiting(
    site: &Site,
    call: AgentCall<'_>,
    done: impl FnOnce(u32) -> Done,
) -> Result<Ran, testkit::Error> {
    thread::scope(|scope| {
        let monitor = scope.spawn(move || call.run("monitor"));
        done(site.waiting_monitor()?.pid)?;
        monitor.join().expect("the monitor's thread does not panic")
    })
}

#[test]
fn one_that_was_suspended_beyond_its_time_answers_as_if_nothing_had_been() -> Done {
    // As a virtual machine that is paused or moved, with all that runs in it.
    let (site, pid) = watched()?;
    let suspended = |meanwhile: &dyn Fn() -> Done| {
        while_waiting(&site, waiting(&site, "5s"), |monitor| {
            site.signal(monitor, "STOP")?;
            meanwhile()?;
            overdue(&site)?;
            site.signal(monitor, "CONT")
        })
    };
    suspended(&|| Ok(()))?.answers(OK).silently();
    // The pico died while all was suspended, or at the moment when it woke up.
    let ran = suspended(&|| site.signal(pid, "KILL"))?;
    ran.answers(NOT_RUNNING).because(&[&format!("pid {pid} has ended at ")]);
    Ok(())
}

/// What `killall` of the agents' programs sends. The next run waits again.
#[test]
fn sigterm_ends_the_wait_with_an_answer() -> Done {
    let (site, pid) = watched()?;
    let ran = while_waiting(&site, waiting(&site, LONG), |agent| site.signal(agent, "TERM"))?;
    quick(&ran.answers(OK).silently());
    let ran = waiting(&site, "300ms").run("monitor")?.answers(OK).silently();
    assert!(ran.wall >= Duration::from_millis(300), "{ran}");
    let ran = while_waiting(&site, waiting(&site, LONG), |_| site.signal(pid, "KILL"))?;
    ran.answers(NOT_RUNNING);
    Ok(())
}

#[test]
fn a_pico_that_is_stopped_during_the_wait_is_found_at_the_end_of_it() -> Done {
    let (site, pid) = watched()?;
    let call = waiting(&site, "5s");
    let ran = while_waiting(&site, call, |_| site.signal(pid, "STOP"))?;
    ran.answers(GENERIC).because(&["hung", &format!("pid {pid} was stopped (T) at ")]);
    Ok(())
}

/// What is done on a site while the monitor waits, to the pico.
type Others = &'static dyn Fn(&Site, u32) -> Done;

/// The record says that a start is at work.
fn starts(site: &Site) -> Done {
    let record = site.record();
    let phase = "s/\"phase\":\"running\"/\"phase\":\"starting\"/";
    site.sh(&format!("sed -i '{phase}' {record} && grep -q starting {record}")).map(drop)
}

#[test]
fn what_others_wrote_meanwhile_is_left_as_it_is() -> Done {
    // One whose executor was killed is left behind, and comes to its end when others are at work.
    let a_start: Others = &|site, _| starts(site);
    let a_probe: Others = &|site, _| {
        site.agent().run("monitor")?.answers(OK).silently();
        Ok(())
    };
    let a_new_one: Others = &|site, pid| {
        site.signal(pid, "KILL")?;
        site.agent().run("stop")?.answers(OK);
        site.start()?;
        starts(site)
    };
    let a_death: Others = &|site, pid| {
        starts(site)?;
        site.signal(pid, "KILL")
    };
    for (others, wait, code) in
        [(a_start, "6s", OK), (a_death, LONG, NOT_RUNNING), (a_probe, "6s", OK), (a_new_one, LONG, OK)]
    {
        let (site, pid) = watched()?;
        let mut written = None;
        let ran = while_waiting(&site, waiting(&site, wait), |monitor| {
            site.signal(monitor, "STOP")?;
            others(&site, pid)?;
            written = Some(site.read_record()?);
            site.signal(monitor, "CONT")
        })?;
        let ran = ran.answers(code);
        assert_eq!(Some(site.read_record()?), written, "{ran}");
        // Another row has begun, and this is the first of it.
        if code == OK {
            quick(&waiting(&site, LONG).run("monitor")?);
        }
    }
    Ok(())
}

#[test]
fn a_deeper_one_that_is_left_behind_leaves_it_as_it_is_too() -> Done {
    // Whether it knew the pico or has adopted it.
    for known in [true, false] {
        let (site, pid) = watched()?;
        if !known {
            site.sh(&format!("rm {}", site.record()))?;
        }
        site.sh("mkfifo -m 666 /opt/gate")?;
        site.mzsh_does("status", "read -r _ </opt/gate; exec /opt/mz/bin/mzsh.true status $2")?;
        let (ran, written) = thread::scope(|scope| {
            let monitor = scope.spawn(|| waiting(&site, LONG).level(20).run("monitor"));
            site.until("mzsh to be asked", |site| {
                let all = site.processes()?;
                let asked = all.iter().any(|process| process.argv.iter().any(|word| word == "status"));
                Ok(if asked { Ok(()) } else { Err("it is not".to_owned()) })
            })?;
            site.signal(pid, "KILL")?;
            site.agent().run("stop")?.answers(OK);
            let new = site.start()?;
            starts(&site)?;
            if !known {
                // Nor where it finds nobody.
                site.signal(new.pid, "KILL")?;
            }
            let written = site.read_record()?;
            site.sh("echo >/opt/gate")?;
            let ran = monitor.join().expect("the monitor's thread does not panic")?;
            Ok::<_, testkit::Error>((ran, written))
        })?;
        assert_eq!(site.read_record()?, written, "{ran}");
    }
    Ok(())
}

#[test]
fn one_that_stays_and_is_left_behind_leaves_it_as_it_is_too() -> Done {
    let site = told()?;
    let mut written = None;
    let ran = thread::scope(|scope| {
        let monitor = scope.spawn(|| waiting(&site, "6s").level(10).run("monitor"));
        site.sleeping_agent("monitor")?;
        starts(&site)?;
        written = Some(site.read_record()?);
        monitor.join().expect("the monitor's thread does not panic")
    })?;
    let ran = ran.answers(NOT_RUNNING);
    assert_eq!(Some(site.read_record()?), written, "{ran}");
    Ok(())
}

/// The pico is killed while depth 0 waits, which tells of it. Each has been once before, depth 10 first.
pub(super) fn told() -> Result<Site, testkit::Error> {
    let site = site(Kind::Platform).build()?;
    let pid = site.start()?.pid;
    for depth in [10, 0] {
        quick(&waiting(&site, LONG).level(depth).run("monitor")?.answers(OK).silently());
    }
    while_waiting(&site, waiting(&site, LONG), |_| site.signal(pid, "KILL"))?.answers(NOT_RUNNING);
    Ok(site)
}

/// A monitor that stays, and what is done meanwhile.
fn staying(site: &Site, depth: u32, done: impl FnOnce(u32) -> Done) -> Result<Ran, testkit::Error> {
    thread::scope(|scope| {
        let monitor = scope.spawn(|| {
            let call = waiting(site, "60s").level(depth);
            call.meta_timeout(Duration::from_secs(150)).run("monitor")
        });
        done(site.sleeping_agent("monitor")?.pid)?;
        monitor.join().expect("the monitor's thread does not panic")
    })
}

#[test]
fn one_death_is_told_once_and_a_deeper_monitor_that_was_due_stays_until_it_is_ended() -> Done {
    let site = told()?;
    // As Pacemaker does it before the stop.
    let ended = staying(&site, 10, |monitor| site.signal(monitor, "KILL"))?;
    assert_ne!(ended.code(), Some(NOT_RUNNING), "{ended}");
    Ok(())
}

#[test]
fn whom_nobody_ends_tells_too_and_stays_once_for_a_death() -> Done {
    let site = told()?;
    let deep = waiting(&site, "1s").level(10).run("monitor")?.answers(NOT_RUNNING);
    assert!(deep.wall >= Duration::from_secs(1), "{deep}");
    for depth in [10, 0] {
        quick(&waiting(&site, LONG).level(depth).run("monitor")?.answers(NOT_RUNNING));
    }
    Ok(())
}

#[test]
fn the_first_of_its_row_tells_at_once_whoever_has_told_before() -> Done {
    // The cluster does nothing before it has the first answer of each.
    quick(&waiting(&told()?, LONG).level(20).run("monitor")?.answers(NOT_RUNNING));
    let site = site(Kind::Platform).build()?;
    let pid = site.start()?.pid;
    site.signal(pid, "KILL")?;
    for depth in [0, 10, 20] {
        quick(&waiting(&site, LONG).level(depth).run("monitor")?.answers(NOT_RUNNING));
    }
    Ok(())
}

#[test]
fn after_maintenance_each_tells_at_once_in_whichever_order_they_come() -> Done {
    // In which the pico died. All rows begin anew, and nobody has probed.
    for order in [[0, 10, 20], [10, 20, 0], [20, 0, 10]] {
        let (site, pid) = watched()?;
        for depth in [10, 20, 0] {
            waiting(&site, "1ms").level(depth).run("monitor")?.answers(OK);
        }
        overdue(&site)?;
        site.signal(pid, "KILL")?;
        for depth in order {
            let ran = waiting(&site, LONG).level(depth).run("monitor")?.answers(NOT_RUNNING);
            // Depth 0 would stay for 2 s.
            let limit = if depth == 0 { Duration::from_secs(2) } else { QUICK };
            assert!(ran.wall < limit, "{order:?}: {ran}");
        }
    }
    Ok(())
}

#[test]
fn depth_0_stays_briefly_where_a_deeper_one_has_told() -> Done {
    let (site, pid) = watched()?;
    site.signal(pid, "KILL")?;
    waiting(&site, LONG).level(10).run("monitor")?.answers(NOT_RUNNING);
    let ran = waiting(&site, LONG).run("monitor")?.answers(NOT_RUNNING);
    assert!(ran.wall >= Duration::from_secs(1), "{ran}");
    quick(&ran);
    Ok(())
}

#[test]
fn one_that_stays_is_well_as_soon_as_somebody_has_brought_the_pico_up_again() -> Done {
    let site = told()?;
    site.sh("mkfifo -m 666 /opt/gate")?;
    site.mzsh_does("startup", "read -r _ </opt/gate; exec /opt/mz/bin/mzsh.true startup $2")?;
    let ran = staying(&site, 10, |_| {
        let line = "setsid /opt/mz/bin/mzsh startup platform </dev/null >/dev/null 2>&1 &";
        site.as_owner("sh").args(["-c", line]).run()?.expect(0)?;
        // It looks twice a second, and a start at work is not the end of it.
        let begun = Instant::now();
        site.until("the start to have been looked at", |site| {
            let is_mzsh = |process: &Process| process.argv.iter().any(|word| word.ends_with("/mzsh"));
            let looked_at = site.processes()?.iter().any(is_mzsh) && begun.elapsed() > Duration::from_secs(2);
            Ok(if looked_at { Ok(()) } else { Err("not yet".to_owned()) })
        })?;
        site.sh("echo >/opt/gate").map(drop)
    })?;
    let ran = ran.answers(OK).silently();
    assert!(ran.wall < Duration::from_secs(40), "{ran}");
    Ok(())
}

#[test]
fn whose_death_was_told_is_started_and_the_next_death_is_told_at_once_by_any() -> Done {
    let site = told()?;
    site.agent().run("stop")?.answers(OK);
    let pid = site.start()?.pid;
    quick(&waiting(&site, LONG).run("monitor")?.answers(OK).silently());
    site.signal(pid, "KILL")?;
    quick(&waiting(&site, LONG).level(10).run("monitor")?.answers(NOT_RUNNING));
    Ok(())
}
