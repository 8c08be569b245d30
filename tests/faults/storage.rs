//! Storage that hangs on access (a dead NFS server), is not there, or is somebody else's: while nothing runs, and under a JVM that lives.

use std::thread;
use std::time::{Duration, Instant};

use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::site::{HOME, Kind, Site, in_short, recurring, site};
use testkit::{AgentCall, Done, Error, Held, Process, Ran};

/// Longest that an agent's own process may be seen in state D without a break. Loading a page of a program takes far less, and what
/// waits for storage waits for all of the action's time.
const BRIEF: Duration = Duration::from_secs(1);

/// Runs an action and watches the process that Pacemaker would wait for: it never waits for storage itself.
#[track_caller]
fn watched(site: &Site, call: AgentCall<'_>, action: &str) -> Result<Ran, Error> {
    thread::scope(|scope| {
        let at_work = scope.spawn(|| call.run(action));
        let (mut since, mut longest) = (None, Duration::ZERO);
        while !at_work.is_finished() {
            since = agent_in_d(site, action)?.then(|| since.unwrap_or_else(Instant::now));
            longest = longest.max(since.map_or(Duration::ZERO, |since: Instant| since.elapsed()));
        }
        assert!(longest < BRIEF, "{action}: the agent itself was in state D for {longest:?}");
        at_work.join().expect("the thread of the agent's call does not panic")
    })
}

/// Is the agent's own process, which is the executor's child, in state D?
fn agent_in_d(site: &Site, action: &str) -> Result<bool, Error> {
    let all = site.processes()?;
    let executors: Vec<u32> = all
        .iter()
        .filter(|p| p.argv.first().is_some_and(|a| a.ends_with("/executor")))
        .map(|p| p.pid)
        .collect();
    // One that was left behind by an agent is a child of process 1.
    let own = |p: &&Process| executors.contains(&p.ppid) && p.argv.last().is_some_and(|word| word == action);
    Ok(all.iter().filter(own).any(|process| process.state == 'D'))
}

/// Processes in state D: what an agent had to leave behind.
fn abandoned(site: &Site) -> Result<Vec<Process>, Error> {
    Ok(site.processes()?.into_iter().filter(|process| process.state == 'D').collect())
}

/// Everything that waited has got its end, and of all processes only these live.
fn until_only(site: &Site, pids: &[u32]) -> Done {
    site.until("all that waited for storage to be gone", |site| {
        let left = site.processes()?;
        Ok(if left.iter().map(|process| process.pid).eq(pids.iter().copied()) {
            Ok(())
        } else {
            Err(in_short(&left))
        })
    })
}

/// On a node where storage hangs and nothing runs, probe and monitor of any depth answer "not running" and a stop succeeds at
/// once; a start fails in time and says that storage does not answer.
#[test]
fn storage_that_hangs_under_nothing_is_not_running_and_no_failed_stop() -> Done {
    for kind in [Kind::Platform, Kind::Ec] {
        let site = site(kind).without_platform().build()?;
        let hung = site.node.hang(HOME, Held::Everything)?;
        watched(&site, site.agent(), "monitor")?.answers(NOT_RUNNING).because(&["not running"]);
        for level in [0, 10, 20] {
            watched(&site, site.recurring(level), "monitor")?.answers(NOT_RUNNING).because(&["not running"]);
        }
        let stop = watched(&site, site.agent(), "stop")?.answers(OK).silently();
        assert!(stop.wall < Duration::from_secs(5), "{stop}");
        assert!(abandoned(&site)?.is_empty(), "none of these needs storage");
        watched(&site, site.agent(), "start")?.answers(GENERIC).because(&[site.pico(), "storage", HOME]);
        let validated = watched(&site, site.agent().level(10), "validate-all")?.answers(GENERIC);
        validated.because(&["storage", HOME]);
        watched(&site, site.agent(), "stop")?.answers(OK);
        watched(&site, site.agent(), "monitor")?.answers(NOT_RUNNING);
        hung.release();
        until_only(&site, &[])?;
        assert_eq!(site.calls("")?, 0, "mzsh was not executed, then or later");
    }
    Ok(())
}

/// A JVM that lives runs while its storage hangs, for a monitor at depth 0 and a probe, whether a record knows of it or not.
#[test]
fn storage_that_hangs_under_a_live_jvm_is_no_failure() -> Done {
    for real in [false, true] {
        let site = site(Kind::Ec).real(real).build()?;
        let jvm = site.start()?;
        let hung = site.node.hang(HOME, Held::Everything)?;
        for _ in 0..2 {
            watched(&site, site.recurring(0), "monitor")?.answers(OK).silently();
            watched(&site, site.agent(), "monitor")?.answers(OK).silently();
            assert_eq!(site.recorded()?, Some(jvm.pid));
            site.sh(&format!("rm {}", site.record()))?;
        }
        assert!(abandoned(&site)?.is_empty(), "none of these needs storage");
        hung.release();
    }
    Ok(())
}

/// A deep check whose client can't be run, for its storage hangs, is a warning and no failure: the JVM is alive.
#[test]
fn a_deep_check_that_storage_holds_up_is_no_failure() -> Done {
    for recorded in [true, false] {
        let site = site(Kind::Ec).build()?;
        let jvm = if recorded { site.start()? } else { site.start_by_hand()? };
        let hung = site.node.hang(HOME, Held::Everything)?;
        for level in [10, 20] {
            watched(&site, site.recurring(level), "monitor")?.answers(OK);
        }
        let log = site.log()?;
        assert!(log.contains("could not be asked") && log.contains("storage has not answered"), "{log}");
        assert!(site.lives(&jvm)?);
        hung.release();
    }
    Ok(())
}

/// A stop ends a JVM by signals while its storage hangs, within the shortest time that Pacemaker gives by default, whether a
/// record knows of it or not.
#[test]
fn a_stop_ends_a_jvm_whose_storage_hangs() -> Done {
    for recorded in [true, false] {
        let site = site(Kind::Platform).build()?;
        let jvm = site.stand_in("platform", "")?;
        if recorded {
            site.monitor(0)?.answers(OK);
        }
        let hung = site.node.hang(HOME, Held::Everything)?;
        watched(&site, site.agent(), "stop")?.answers(OK);
        assert!(!site.lives(&jvm)?);
        site.probe()?.answers(NOT_RUNNING);
        hung.release();
        until_only(&site, &[])?;
    }
    Ok(())
}

/// One that would write its log on SIGTERM or a thread dump, and so come to wait for storage where no signal ends it, is ended all the
/// same: what has to be written can't be, so it gets SIGKILL alone.
#[test]
fn a_stop_ends_a_jvm_that_would_write_to_storage_that_hangs() -> Done {
    for (kind, real) in [(Kind::Platform, false), (Kind::Ec, true)] {
        let site = site(kind).real(real).build()?;
        let jvm = site.start()?;
        let hung = site.node.hang(HOME, Held::Everything)?;
        watched(&site, site.agent(), "stop")?.answers(OK);
        assert!(!site.lives(&jvm)?);
        hung.release();
        assert_eq!(site.last_end(site.pico())?, None, "it had no time to say how it ended");
    }
    Ok(())
}

/// A helper that can't be ended keeps nothing of the agent's: a caller that reads the agent's output to the end, as `$(...)` does,
/// gets it when the agent ends.
#[test]
fn a_caller_that_reads_to_the_end_is_not_held_up_by_a_helper_that_hangs() -> Done {
    let site = site(Kind::Platform).build()?;
    let hung = site.node.hang(HOME, Held::Everything)?;
    let (argv, environment) = site.agent().meta_timeout(Duration::from_secs(8)).spelled_out("start");
    let line = format!("said=$({} 2>&1); code=$?; echo \"$said\"; exit $code", argv.join(" "));
    let shell = site.node.command("sh").args(["-c", &line]).time_limit(Duration::from_secs(20));
    let shell = environment.into_iter().fold(shell, |call, (name, value)| call.env(name, value));
    let ran = shell.run()?.expect(GENERIC)?;
    assert!(ran.stdout.contains("ocf-exit-reason:platform: "), "{ran}");
    assert_eq!(abandoned(&site)?.len(), 1);
    hung.release();
    until_only(&site, &[])
}

/// A JVM that is killed while its storage hangs is not running, and is named.
#[test]
fn a_jvm_that_dies_while_storage_hangs_is_not_running() -> Done {
    let site = site(Kind::Platform).build()?;
    let jvm = site.start()?;
    let hung = site.node.hang(HOME, Held::Everything)?;
    site.signal(jvm.pid, "KILL")?;
    for level in [0, 10, 20] {
        let monitor = watched(&site, site.recurring(level), "monitor")?.answers(NOT_RUNNING);
        monitor.because(&["platform", &format!("pid {} ", jvm.pid), "has ended"]);
    }
    site.probe()?.answers(NOT_RUNNING);
    site.stop()?.answers(OK).silently();
    hung.release();
    until_only(&site, &[])
}

/// Where mzsh is seen but its execution, or already the look into it, hangs, a start ends by itself with its own reason, and nothing
/// comes up later when the storage is back.
#[test]
fn an_mzsh_whose_execution_hangs_fails_the_start_and_brings_nothing_up_later() -> Done {
    for (held, words) in [(Held::Execution, "mzsh"), (Held::Open, "storage has not answered")] {
        let site = site(Kind::Platform).build()?;
        let hung = site.node.hang("/opt/mz/bin/mzsh", held)?;
        watched(&site, site.agent(), "start")?.answers(GENERIC).because(&["platform", words]);
        let left = site.processes()?;
        assert!(left.len() <= 1 && left.iter().all(|process| process.state == 'D'), "{}", in_short(&left));
        hung.release();
        until_only(&site, &[])?;
        site.probe()?.answers(NOT_RUNNING);
        assert_eq!(site.calls("")?, 0, "mzsh was not executed, then or later");
        site.start()?;
        site.stop()?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}

/// Where the execution of mzsh hangs, a stop ends the JVM by signals within the shortest time that Pacemaker gives by default.
#[test]
fn an_mzsh_whose_execution_hangs_does_not_keep_a_stop_from_ending_the_jvm() -> Done {
    for held in [Held::Execution, Held::Open, Held::Read] {
        let site = site(Kind::Platform).build()?;
        let jvm = site.start()?;
        let hung = site.node.hang("/opt/mz/bin/mzsh", held)?;
        for level in [0, 10] {
            watched(&site, site.recurring(level), "monitor")?.answers(OK).silently();
        }
        watched(&site, site.recurring(20).param("mzsh_timeout", "2"), "monitor")?.answers(OK);
        watched(&site, site.agent(), "stop")?.answers(OK);
        assert!(!site.lives(&jvm)?);
        site.probe()?.answers(NOT_RUNNING);
        hung.release();
        until_only(&site, &[])?;
    }
    Ok(())
}

/// However often a deep monitor asks storage that hangs, it leaves at most one process that can't be ended, and its reason says
/// for how long storage has not answered.
#[test]
fn of_ten_monitors_on_storage_that_hangs_at_most_one_process_is_left() -> Done {
    let site = site(Kind::Platform).build()?;
    let jvm = site.start_by_hand()?;
    let hung = site.node.hang(HOME, Held::Everything)?;
    for _ in 0..10 {
        let call = recurring(site.agent(), 10).param("ha_check", "yes").meta_timeout(Duration::from_secs(8));
        watched(&site, call, "monitor")?.answers(OK);
        let left = abandoned(&site)?;
        assert!(left.len() <= 1, "{}", in_short(&left));
    }
    let said =
        site.agent().meta_timeout(Duration::from_secs(8)).level(10).run("validate-all")?.answers(GENERIC);
    said.because(&["storage has not answered for ", HOME]);
    assert!(abandoned(&site)?.len() <= 1);
    hung.release();
    until_only(&site, &[jvm.pid])?;
    site.monitor(10)?.answers(OK).silently();
    Ok(())
}

/// Storage that hangs for a while and comes back restarts nothing: the same JVM is well at each depth, and nobody is left that
/// waited.
#[test]
fn storage_that_comes_back_finds_everything_as_it_was() -> Done {
    let site = site(Kind::Platform).build()?;
    let jvm = site.start()?;
    for _ in 0..2 {
        let hung = site.node.hang(HOME, Held::Everything)?;
        for level in [0, 10, 20] {
            watched(&site, site.recurring(level), "monitor")?;
        }
        hung.release();
        until_only(&site, &[jvm.pid])?;
        for level in [0, 10, 20] {
            site.monitor(level)?.answers(OK).silently();
        }
        assert_eq!((site.one("platform")?.pid, site.recorded()?), (jvm.pid, Some(jvm.pid)));
    }
    assert_eq!((site.calls("startup")?, site.calls("shutdown")?), (1, 0));
    Ok(())
}

/// Ways in which an installation is not where it was.
const GONE: [(&str, &str); 4] = [
    ("moved away", "mv /opt/mz /opt/away"),
    ("an empty directory of root's", "mv /opt/mz /opt/away && mkdir /opt/mz"),
    ("covered by an empty file system of root's", "mount -t tmpfs -o mode=755 tmpfs /opt/mz"),
    (
        "covered by somebody else's files",
        "mount -t tmpfs tmpfs /opt/mz && echo x >/opt/mz/notes && chown -R 1:1 /opt/mz",
    ),
];

/// A JVM whose installation is gone, or covered by an empty mount point of root's or somebody else's, runs for a monitor and a probe and
/// is ended by a stop, whether a record knows of it or not: who owns a directory never makes a process "not ours".
#[test]
fn an_installation_that_is_gone_under_a_live_jvm_hides_nothing() -> Done {
    for (what, how) in GONE {
        for recorded in [true, false] {
            let site = site(Kind::Platform).build()?;
            let jvm = site.start()?;
            site.sh(how)?;
            let forget =
                || if recorded { Ok(()) } else { site.sh(&format!("rm -f {}", site.record())).map(drop) };
            forget()?;
            site.monitor(0)?.answers(OK).silently();
            forget()?;
            site.probe()?.answers(OK).silently();
            forget()?;
            site.monitor(10)?.answers(OK);
            assert_eq!(site.recorded()?, Some(jvm.pid), "{what}");
            forget()?;
            site.stop()?.answers(OK);
            assert!(!site.lives(&jvm)?, "{what}");
            site.nothing_left()?;
            site.probe()?.answers(NOT_RUNNING);
            site.agent().run("start")?.answers(GENERIC).because(&[
                "mz_home",
                HOME,
                "is its storage mounted?",
            ]);
        }
    }
    Ok(())
}
