//! A JVM that was killed and hangs in its exit: it closes a file on storage that does not answer (state D), and has no memory any more, so
//! neither a command line nor an executable.

use std::time::Duration;

use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::imitation::{Imitation, JAVA, State};
use testkit::site::{Kind, Site, recurring, site};
use testkit::{Done, Error, Held, Hung, Process};

use crate::cells::{CLASS, CLOSED, EXITING, HOME, MZSH, NAMED};

/// The file whose close hangs.
fn hang(site: &Site) -> Result<Hung, Error> {
    site.sh(&format!("truncate -s 4096 {CLOSED} && chmod 666 {CLOSED}"))?;
    site.node.hang(CLOSED, Held::Close)
}

fn node() -> Result<(Site, Hung), Error> {
    let site = site(Kind::Platform).build()?;
    let hung = hang(&site)?;
    Ok((site, hung))
}

/// Waits until it hangs so. Its executable is the sign: a process that waits to open the file is in state D, too.
fn until_exiting(site: &Site, pid: u32) -> Result<Process, Error> {
    site.until(&format!("pid {pid} to hang in its exit"), |site| {
        let now = site.brief(pid)?;
        let memory = site.node.read(format!("/proc/{pid}/statm")).unwrap_or_default();
        let is = |now: &Process| now.state == 'D' && memory.starts_with("0 0 ");
        Ok(now.clone().filter(is).ok_or_else(|| format!("{now:?} {memory}")))
    })
}

/// The look of these tests is right.
#[track_caller]
fn has_neither_arguments_nor_executable(site: &Site, process: &Process) -> Done {
    let now = until_exiting(site, process.pid)?;
    assert_eq!((now.state, now.comm.as_str()), ('D', "java"));
    let argv = site.processes()?.into_iter().find(|found| found.pid == process.pid).map(|found| found.argv);
    assert_eq!(argv, Some(Vec::new()));
    assert!(site.sh(&format!("readlink /proc/{}/exe", process.pid)).is_err());
    Ok(())
}

/// Without a record a java of the owner's in this state is never taken for none: probe, monitor and stop answer 1 and name it; and when the
/// storage is back, and it with it gone, nothing is running.
#[test]
fn killed_java_that_hangs_in_its_exit_is_not_taken_for_none() -> Done {
    let (site, hung) = node()?;
    // It begins after a look that finds no pico.
    site.probe()?.answers(NOT_RUNNING);
    let java = Imitation::java(&["java", NAMED, CLASS]).state(EXITING).start(&site)?;
    has_neither_arguments_nor_executable(&site, &java)?;
    let named = format!("pid {} ", java.pid);
    site.probe()?.answers(GENERIC).because(&["platform", &named]);
    site.monitor(0)?.answers(GENERIC).because(&["platform", &named]);
    let stop = site.agent().meta_timeout(Duration::from_secs(8)).run("stop")?;
    stop.answers(GENERIC).because(&["platform", &named]);
    hung.release();
    site.until("its end", |site| Ok(if site.lives(&java)? { Err("it lives".to_owned()) } else { Ok(()) }))?;
    site.probe()?.answers(NOT_RUNNING);
    site.stop()?.answers(OK).silently();
    Ok(())
}

/// The recorded JVM itself, killed, is never taken for none while it hangs in its exit.
#[test]
fn recorded_jvm_that_hangs_in_its_exit_is_not_taken_for_none() -> Done {
    let (site, hung) = node()?;
    let jvm = Imitation::pico("platform").before(&format!("hold {CLOSED}\n")).start(&site)?;
    site.monitor(0)?.answers(OK).silently();
    site.sh(&format!("kill -s KILL {}", jvm.pid))?;
    until_exiting(&site, jvm.pid)?;
    let named = format!("pid {} ", jvm.pid);
    for ran in [site.monitor(0)?, site.probe()?] {
        assert_ne!(ran.code(), Some(NOT_RUNNING), "{ran}");
    }
    let stop = site.agent().meta_timeout(Duration::from_secs(8)).run("stop")?;
    stop.answers(GENERIC).because(&["platform", &named]);
    hung.release();
    site.until("its end", |site| Ok(if site.lives(&jvm)? { Err("it lives".to_owned()) } else { Ok(()) }))?;
    site.probe()?.answers(NOT_RUNNING);
    site.stop()?.answers(OK).silently();
    Ok(())
}

/// A process in this state that is no java, or a stranger's, is ignored.
#[test]
fn other_program_that_hangs_in_its_exit_is_ignored() -> Done {
    let (site, hung) = node()?;
    Imitation::of("/opt/imitated/bin/rsync", &["rsync", NAMED, CLASS]).state(EXITING).start(&site)?;
    if site.node.owner() != "root" {
        Imitation::pico("platform").user(4712).state(EXITING).start(&site)?;
    }
    site.probe()?.answers(NOT_RUNNING);
    site.monitor(0)?.answers(NOT_RUNNING);
    site.stop()?.answers(OK).silently();
    hung.release();
    Ok(())
}

/// One that began before the JVM that the record names, be this alive or dead, is not ours: it makes no answer doubtful.
#[test]
fn java_that_began_before_the_recorded_one_is_not_ours() -> Done {
    let (site, hung) = node()?;
    let before = Imitation::java(&["java"]).before(&format!("hold {CLOSED}\n")).start(&site)?;
    // No look has found that nothing runs.
    let jvm = site.start_by_hand()?;
    site.monitor(0)?.answers(OK).silently();
    site.sh(&format!("kill -s KILL {}", before.pid))?;
    until_exiting(&site, before.pid)?;
    site.probe()?.answers(OK).silently();
    for level in [0, 10] {
        site.monitor(level)?.answers(OK).silently();
    }
    site.sh(&format!("kill -s KILL {}", jvm.pid))?;
    site.until("its end", |site| Ok(if site.lives(&jvm)? { Err("it lives".to_owned()) } else { Ok(()) }))?;
    for level in [0, 10] {
        site.monitor(level)?.answers(NOT_RUNNING).because(&[&format!("pid {} ", jvm.pid)]);
    }
    site.probe()?.answers(NOT_RUNNING);
    site.stop()?.answers(OK).silently();
    assert!(site.lives(&before)?);
    hung.release();
    Ok(())
}

/// The words that run a java with this command line which keeps the file open until it is killed.
fn holds(site: &Site, argv: &str) -> Result<String, Error> {
    let holder = Imitation::java(&["java"]).start(site)?;
    site.signal(holder.pid, "KILL")?;
    site.node.write("/opt/imitated/holds", format!("hold {CLOSED}\n"))?;
    Ok(format!("exec /run/testkit/bin/imitator /opt/imitated/holds {JAVA} {argv}"))
}

/// The java that was killed by the agent and hangs since.
fn that_hangs(site: &Site) -> Result<Process, Error> {
    let all = site.briefly()?;
    let found = all.into_iter().find(|process| process.comm == "java" && process.state == 'D');
    until_exiting(site, found.expect("a java that was killed").pid)
}

/// An HA client that the agent ran, killed at its time-out, and that hangs in its exit, is known as such: it makes no probe and no monitor
/// doubtful, and fails no stop.
#[test]
fn ha_client_that_hangs_in_its_exit_is_known_as_the_agents_own() -> Done {
    let (site, hung) = node()?;
    let jvm = site.start()?;
    let holds = holds(&site, "java -cp /opt/mz/lib/ha.jar com.digitalroute.ha.HAClient 26000")?;
    let java = site.ha_client(&holds)?;
    let deep = recurring(site.agent(), 10).param("java_home", java).param("ha_timeout", "1");
    deep.param("monitor_retries", "0").run("monitor")?;
    let client = that_hangs(&site)?;
    for _ in 0..2 {
        site.probe()?.answers(OK).silently();
        site.monitor(10)?.answers(OK).silently();
    }
    // Not only beside what the record names.
    site.sh(&format!("rm -f {}", site.record()))?;
    site.stop()?.answers(OK);
    assert!(!site.lives(&jvm)? && site.lives(&client)?);
    for _ in 0..2 {
        site.probe()?.answers(NOT_RUNNING);
        site.monitor(0)?.answers(NOT_RUNNING);
        site.stop()?.answers(OK);
    }
    hung.release();
    Ok(())
}

/// An mzsh that a start ran, killed at its end, and that hangs in its exit, is known as such: the stop after that start succeeds, and a
/// probe says that nothing runs. As long as it waits for its storage a start says so; then it starts.
#[test]
fn mzsh_that_hangs_in_its_exit_is_known_as_the_agents_own() -> Done {
    let (site, hung) = node()?;
    let holds = holds(&site, &format!("java -Dmz.home=/opt/mz {MZSH} \"$@\""))?;
    site.mzsh_does("startup", &format!("[ -e /opt/mz/tmp/once ] || {{ : >/opt/mz/tmp/once\n{holds}\n}}"))?;
    let start = site.agent().meta_timeout(Duration::from_secs(10)).run("start")?;
    start.answers(GENERIC).because(&["platform", "mzsh"]);
    let mzsh = that_hangs(&site)?;
    for _ in 0..2 {
        site.stop()?.answers(OK);
        site.probe()?.answers(NOT_RUNNING);
        site.monitor(0)?.answers(NOT_RUNNING);
    }
    // The script has to go on to the true mzsh this time.
    site.sh("mv /opt/mz/bin/mzsh.true /opt/mz/bin/mzsh")?;
    site.agent().run("start")?.answers(GENERIC).because(&["storage", "/opt/mz"]);
    assert!(site.lives(&mzsh)?);
    hung.release();
    site.until("its end", |site| Ok(if site.lives(&mzsh)? { Err("it lives".to_owned()) } else { Ok(()) }))?;
    site.start()?;
    site.monitor(10)?.answers(OK).silently();
    site.stop()?.answers(OK);
    site.nothing_left()
}

/// A java that a probe has seen alive, and not as the pico, is not the pico when it hangs in its exit: nothing is running, and a stop succeeds.
#[test]
fn java_that_was_seen_alive_is_not_the_pico_in_its_exit() -> Done {
    let (site, hung) = node()?;
    let java = Imitation::java(&["java"]).before(&format!("hold {CLOSED}\n")).start(&site)?;
    site.probe()?.answers(NOT_RUNNING);
    site.sh(&format!("kill -s KILL {}", java.pid))?;
    until_exiting(&site, java.pid)?;
    site.probe()?.answers(NOT_RUNNING);
    site.monitor(0)?.answers(NOT_RUNNING);
    site.stop()?.answers(OK);
    hung.release();
    Ok(())
}

/// One that began after the JVM that the record names fails no stop of that: which process the pico was is known. The log names it; and it
/// was there when the stop found no pico, so that nothing is running afterwards.
#[test]
fn java_that_began_after_the_recorded_one_fails_no_stop_of_that() -> Done {
    let (site, hung) = node()?;
    let jvm = site.start()?;
    let java = Imitation::java(&["java"]).state(EXITING).start(&site)?;
    site.probe()?.answers(OK).silently();
    site.stop()?.answers(OK);
    assert!(!site.lives(&jvm)? && site.lives(&java)?);
    let log = site.log()?;
    assert!(
        log.contains(&format!("pid {} (java, user ", java.pid)) && log.contains("is in its exit"),
        "{log}"
    );
    site.probe()?.answers(NOT_RUNNING);
    site.stop()?.answers(OK);
    hung.release();
    Ok(())
}

/// One that the record of another resource names, or that is of the session of such a one, is that resource's: nothing is running, and a stop
/// succeeds.
#[test]
fn java_of_another_resource_is_that_ones_in_its_exit() -> Done {
    for named in ["it", "the leader of its session"] {
        let (site, hung) = node()?;
        site.start()?;
        let mut record = site.read_record()?;
        site.stop()?.answers(OK);
        // The first one lives, and says nothing of any pico; its child hangs.
        let crowd = Imitation::java(&["java"]).crowd(&site, 1, &format!("hold {CLOSED}\nkill"))?;
        let child = crowd.members(&site)?.remove(0);
        crowd.hang(&site)?;
        let child = until_exiting(&site, child.pid)?;
        site.probe()?.answers(GENERIC).because(&[&format!("pid {} ", child.pid)]);
        let of = if named == "it" { child } else { site.brief(child.ppid)?.expect("it waits") };
        record["pico"] = "ec1".into();
        record["resource"] = "ec".into();
        record["jvm"]["pid"] = of.pid.into();
        record["jvm"]["start"] = of.start_time.into();
        site.node.write("/run/mediationzone-ra/ec.json", record.to_string())?;
        site.probe()?.answers(NOT_RUNNING);
        site.monitor(0)?.answers(NOT_RUNNING);
        let stop = site.stop()?;
        assert_eq!(stop.code(), Some(OK), "{named}: {stop}");
        hung.release();
    }
    Ok(())
}

/// As [`Imitation::java`], with a second thread that lives on where the main one has ended, and with the file open whose close hangs.
fn with_threads(argv: &[&str]) -> Imitation {
    Imitation::java(argv).before(&format!("hold {CLOSED}\n")).state(State::Leaderless)
}

/// Waits until it is killed: its main thread a zombie, another one without memory.
fn until_its_threads_exit(site: &Site, pid: u32) -> Done {
    site.sh(&format!("kill -s KILL {pid}"))?;
    site.until(&format!("a thread of pid {pid} to hang in its exit"), |site| {
        let states =
            site.sh(&format!("grep -h '^State:' /proc/{pid}/task/*/status; cat /proc/{pid}/task/*/statm"))?;
        let is = states.contains("Z (")
            && states.contains("D (")
            && !states
                .lines()
                .any(|line| line.starts_with(|c: char| c.is_ascii_digit()) && !line.starts_with("0 0 "));
        Ok(if is { Ok(()) } else { Err(states) })
    })
}

/// A java of several threads that was killed is, to a look, without main thread and without memory, as real JVMs are in their exit: it is in
/// its exit like one of a single thread. Seen before by a look that found no pico it is none; come after the recorded JVM it fails no
/// stop of that.
#[test]
fn java_with_threads_that_hangs_in_its_exit_is_as_one_without() -> Done {
    let (site, hung) = node()?;
    let tool = with_threads(&["java", "-jar", "/opt/tool.jar"]).start(&site)?;
    site.probe()?.answers(NOT_RUNNING);
    let jvm = site.start()?;
    until_its_threads_exit(&site, tool.pid)?;
    for level in [0, 10] {
        site.monitor(level)?.answers(OK).silently();
    }
    site.stop()?.answers(OK);
    assert!(!site.lives(&jvm)?);
    site.probe()?.answers(NOT_RUNNING);
    hung.release();

    let (site, hung) = node()?;
    let jvm = site.start()?;
    let tool = with_threads(&["java", "-jar", "/opt/tool.jar"]).start(&site)?;
    until_its_threads_exit(&site, tool.pid)?;
    site.stop()?.answers(OK);
    assert!(!site.lives(&jvm)? && site.lives(&tool)?);
    hung.release();
    Ok(())
}

/// So is the mzsh of a start with its threads: the stop after that start succeeds, and nothing is running.
#[test]
fn mzsh_with_threads_that_hangs_in_its_exit_is_known_as_the_agents_own() -> Done {
    let (site, hung) = node()?;
    holds(&site, "")?;
    site.node.write("/opt/imitated/holds", format!("hold {CLOSED}\nleaderless\n"))?;
    let holds = format!(
        "exec /run/testkit/bin/imitator /opt/imitated/holds {JAVA} java -Dmz.home=/opt/mz {MZSH} \"$@\""
    );
    site.mzsh_does("startup", &holds)?;
    let start = site.agent().meta_timeout(Duration::from_secs(10)).run("start")?;
    start.answers(GENERIC).because(&["platform", "mzsh"]);
    site.stop()?.answers(OK);
    site.probe()?.answers(NOT_RUNNING);
    hung.release();
    Ok(())
}

/// A process that was another program when a look found no pico, and has executed the pico since, is not taken for none in its exit.
#[test]
fn process_that_executed_the_pico_after_a_look_is_not_taken_for_none() -> Done {
    let (site, hung) = node()?;
    holds(&site, "")?;
    site.node.write("/opt/imitated/became", format!("hold {CLOSED}\nawait\nkill\n"))?;
    let line = format!(
        "mkfifo -m 666 /opt/go; setsid setpriv --reuid 4711 --regid 4711 --clear-groups sh -c 'read -r _ </opt/go; \
            exec /run/testkit/bin/imitator /opt/imitated/became {JAVA} java {HOME} {NAMED} {CLASS} platform' </dev/null >/dev/null 2>&1 & echo $!"
    );
    let pid: u32 = site.sh(&line)?.trim().parse().expect("a number");
    site.until("the script to wait", |site| {
        let seen = site.brief(pid)?;
        Ok(seen
            .filter(|seen| seen.comm == "sh" && seen.state == 'S')
            .map(drop)
            .ok_or_else(|| "not yet".to_owned()))
    })?;
    site.probe()?.answers(NOT_RUNNING);
    site.sh("echo >/opt/go")?;
    let java = site.until("the pico", |site| {
        Ok(site
            .brief(pid)?
            .filter(|p| p.comm == "java" && p.state == 'S')
            .ok_or_else(|| "not yet".to_owned()))
    })?;
    site.signal(java.pid, "USR1")?;
    until_exiting(&site, java.pid)?;
    let named = format!("pid {} ", java.pid);
    for ran in [site.probe()?, site.monitor(0)?, site.monitor(10)?] {
        ran.answers(GENERIC).because(&["platform", &named]);
    }
    let stop = site.agent().meta_timeout(Duration::from_secs(8)).run("stop")?;
    stop.answers(GENERIC).because(&["platform", &named]);
    hung.release();
    Ok(())
}
