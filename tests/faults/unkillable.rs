//! A JVM that waits for a device or for storage (state D) and takes no signal until that answers.

use std::time::Duration;

use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::imitation::Imitation;
use testkit::site::{Kind, SOON, Site, in_short, site};
use testkit::{Done, Error, Held, Hung, Process, Ran, wait_until};

/// What the stand-ins read from, or write to.
const DEVICE: &str = "/opt/device";

/// A file of which something hangs, whoever asks.
fn device(site: &Site, held: Held) -> Result<Hung, Error> {
    site.sh(&format!("truncate -s 4096 {DEVICE} && chmod 666 {DEVICE}"))?;
    site.node.hang(DEVICE, held)
}

/// The state of a process, by the one file that can always be read.
fn state(site: &Site, pid: u32) -> Result<char, Error> {
    let stat = site.node.read(format!("/proc/{pid}/stat"))?;
    Ok(stat.rsplit_once(") ").and_then(|(_, fields)| fields.chars().next()).expect("the state is field 3"))
}

fn until_in(site: &Site, pid: u32, wanted: char) -> Done {
    wait_until(&format!("{pid} to be in state {wanted}"), SOON, || match state(site, pid) {
        Ok(now) if now == wanted => Ok(()),
        Ok(now) => Err(now.to_string()),
        Err(e) => Err(e.to_string()),
    })
}

/// One that will need all the time that it has.
fn stop(site: &Site) -> Result<Ran, Error> {
    site.agent().meta_timeout(Duration::from_secs(8)).run("stop")
}

/// What was sent to it before takes effect, once storage is back.
fn until_gone(site: &Site, jvm: &Process) -> Done {
    site.until(&format!("the end of {}", jvm.pid), |site| {
        Ok(if site.lives(jvm)? { Err(in_short(&site.processes()?)) } else { Ok(()) })
    })
}

/// A JVM in state D runs, for a monitor and a probe; a stop that can't end it says so in time, with its pid and state, and is
/// right at once when the storage is back and the signals have done their work.
#[test]
fn a_jvm_in_state_d_runs_and_a_stop_that_cant_end_it_says_so() -> Done {
    let site = site(Kind::Platform).build()?;
    let hung = device(&site, Held::Read)?;
    let jvm = site.stand_in("platform", &format!("read {DEVICE}"))?;
    until_in(&site, jvm.pid, 'D')?;
    for _ in 0..2 {
        site.monitor(0)?.answers(OK).silently();
        site.probe()?.answers(OK).silently();
        assert_eq!(site.recorded()?, Some(jvm.pid));
        site.sh(&format!("rm {}", site.record()))?;
    }
    for _ in 0..2 {
        stop(&site)?.answers(GENERIC).because(&["platform", &format!("pid {} ", jvm.pid), "(D)"]);
        assert_eq!(state(&site, jvm.pid)?, 'D');
        site.monitor(0)?.answers(OK).silently();
        site.probe()?.answers(OK).silently();
    }
    hung.release();
    until_gone(&site, &jvm)?;
    site.monitor(0)?.answers(NOT_RUNNING).because(&["platform"]);
    site.stop()?.answers(OK).silently();
    site.nothing_left()
}

/// A JVM that waited for storage and got its answer goes on as the same one, and nobody has noticed.
#[test]
fn a_jvm_that_was_in_state_d_for_a_while_goes_on() -> Done {
    let site = site(Kind::Platform).build()?;
    let hung = device(&site, Held::Read)?;
    let jvm = site.stand_in("platform", &format!("read {DEVICE}"))?;
    until_in(&site, jvm.pid, 'D')?;
    site.monitor(0)?.answers(OK).silently();
    hung.release();
    until_in(&site, jvm.pid, 'S')?;
    site.monitor(0)?.answers(OK).silently();
    assert_eq!(site.recorded()?, Some(jvm.pid));
    site.stop()?.answers(OK);
    site.nothing_left()
}

/// A real JVM with one thread in state D has lost its main thread after SIGKILL and lives: stop says so, a monitor and a
/// probe never take it for gone, and when the storage is back it is.
#[test]
fn a_jvm_of_which_one_thread_cant_be_killed_is_not_gone() -> Done {
    let site = site(Kind::Platform).build()?;
    let jvm = jvm_with_a_thread_that_reads(&site)?;
    let hung = device(&site, Held::Read)?;
    site.sh("touch /opt/read")?;
    site.until("the thread that reads in state D", |site| {
        // A JVM has others that wait for a moment while it comes up.
        let states = site.sh(&format!("cut -d' ' -f2,3 /proc/{}/task/*/stat", jvm.pid))?;
        Ok(if states.contains("(reader) D") { Ok(()) } else { Err(states) })
    })?;
    site.monitor(0)?.answers(OK).silently();
    site.probe()?.answers(OK).silently();
    let named = format!("pid {} ", jvm.pid);
    for _ in 0..2 {
        stop(&site)?.answers(GENERIC).because(&["platform", &named, "main thread has ended (Z)"]);
        assert_eq!(state(&site, jvm.pid)?, 'Z');
        site.monitor(0)?.answers(GENERIC).because(&["platform", &named, "can't be used or killed"]);
        site.probe()?.answers(GENERIC).because(&[&named]);
    }
    hung.release();
    until_gone(&site, &jvm)?;
    site.probe()?.answers(NOT_RUNNING);
    site.stop()?.answers(OK).silently();
    site.nothing_left()
}

/// A real JVM by the product's main class that reads from the device as soon as it is told to; once it runs.
fn jvm_with_a_thread_that_reads(site: &Site) -> Result<Process, Error> {
    let class = "package com.digitalroute.picostart;
        import java.nio.file.*;
        public class PicoStart {
            public static void main(String[] arguments) throws Exception {
                Thread reader = new Thread(() -> {
                    try {
                        while (!Files.exists(Path.of(\"/opt/read\"))) Thread.sleep(20);
                        Files.readAllBytes(Path.of(\"/opt/device\"));
                    } catch (Exception e) { }
                }, \"reader\");
                reader.start();
                Thread.sleep(Long.MAX_VALUE);
            }
        }";
    site.node.write("/opt/stuck/PicoStart.java", class)?;
    site.sh("javac -J-XX:-UsePerfData -d /opt/stuck /opt/stuck/PicoStart.java && chmod -R a+rX /opt/stuck")?;
    let line = "setsid java -XX:-UsePerfData -cp /opt/stuck -Dmz.home=/opt/mz -Dpico.configname=platform \
        com.digitalroute.picostart.PicoStart platform </dev/null >/dev/null 2>&1 &";
    site.as_owner("sh").args(["-c", line]).run()?.expect(0)?;
    site.until_there()
}

/// Gives up a mapping of the device when it is told to, and holds the lock of its memory until that is written: who asks for its
/// command line or its environment waits with it, as ps does.
fn maps_the_device(site: &Site, imitation: Imitation) -> Result<Process, Error> {
    imitation.before(&format!("map {DEVICE}\nawait\nunmap")).start(site)
}

/// From here on neither the node's processes can be listed nor any command line of them be read.
fn lock_memory(site: &Site, pid: u32) -> Done {
    site.signal(pid, "USR1")?;
    until_in(site, pid, 'D')
}

/// A JVM in that state, named by a record.
fn jvm_whose_memory_is_locked() -> Result<(Site, Hung, Process), Error> {
    let site = site(Kind::Platform).build()?;
    let hung = device(&site, Held::Write)?;
    let jvm = maps_the_device(&site, Imitation::pico("platform"))?;
    site.monitor(0)?.answers(OK).silently();
    lock_memory(&site, jvm.pid)?;
    Ok((site, hung, jvm))
}

/// A JVM whose command line can't be read, since its memory is locked, runs as the one that the record names: no monitor hangs with
/// it, and a stop that can't end it says so in time.
#[test]
fn a_jvm_whose_command_line_cant_be_read_is_not_gone_and_holds_nobody_up() -> Done {
    let (site, hung, jvm) = jvm_whose_memory_is_locked()?;
    site.monitor(0)?.answers(OK).silently();
    site.probe()?.answers(OK).silently();
    // It was never seen to listen.
    site.monitor(10)?.answers(OK);
    stop(&site)?.answers(GENERIC).because(&["platform"]);
    assert_eq!(state(&site, jvm.pid)?, 'D');
    hung.release();
    until_gone(&site, &jvm)?;
    site.stop()?.answers(OK).silently();
    site.nothing_left()
}

/// Without a record nobody can tell that it is the pico, and nobody claims that it is not: probe, monitor and stop end in time and
/// answer 1, naming it.
#[test]
fn a_jvm_whose_command_line_cant_be_read_and_that_no_record_names_is_never_taken_for_none() -> Done {
    let (site, hung, jvm) = jvm_whose_memory_is_locked()?;
    site.sh(&format!("rm -f {}", site.record()))?;
    let named = ["platform", &format!("pid {} ", jvm.pid), "hangs in the kernel", "(D)"];
    site.probe()?.answers(GENERIC).because(&named);
    site.monitor(0)?.answers(GENERIC).because(&named);
    site.stop()?.answers(GENERIC).because(&["platform", &jvm.pid.to_string()]);
    hung.release();
    site.probe()?.answers(OK);
    site.stop()?.answers(OK).silently();
    assert!(!site.lives(&jvm)?);
    site.nothing_left()
}

/// A process of root whose memory is locked, so that ps hangs, is no reason to fail a monitor or a stop of the pico.
#[test]
fn a_strangers_command_line_that_cant_be_read_holds_nobody_up() -> Done {
    let site = site(Kind::Platform).build()?;
    let jvm = site.start()?;
    let hung = device(&site, Held::Write)?;
    let stranger = maps_the_device(&site, Imitation::of("/opt/imitated/bin/rsync", &["rsync"]).user(0))?;
    lock_memory(&site, stranger.pid)?;
    for level in [0, 10] {
        site.monitor(level)?.answers(OK).silently();
    }
    site.stop()?.answers(OK);
    site.monitor(0)?.answers(NOT_RUNNING);
    let probe = site.probe()?.answers(NOT_RUNNING);
    assert!(probe.wall < Duration::from_secs(2), "its command line is not asked for: {probe}");
    assert_eq!(state(&site, stranger.pid)?, 'D');
    hung.release();
    site.signal(stranger.pid, "KILL")?;
    assert!(!site.lives(&jvm)?);
    site.nothing_left()
}

/// When a java begins whose memory is locked, beside the recorded JVM; a jar that it has open; and what a probe says once that JVM is dead.
const JARS: [(&str, &str, i32); 4] = [
    ("later", "/opt/other/lib/a.jar", NOT_RUNNING),
    ("later", "/opt/mz/lib/a.jar", GENERIC),
    ("later", "/opt/imitated/lib/a.jar", GENERIC),
    ("before", "/opt/mz/lib/a.jar", GENERIC),
];

/// A java whose memory is locked is told by the jars that it has open: with one of another installation it makes no answer doubtful; with
/// one of ours, even if it began before the recorded JVM, or with none but its own JDK's, it is never taken for none. Only with one of ours it
/// fails a stop of the recorded JVM.
#[test]
fn a_java_whose_memory_is_locked_is_told_by_the_jars_that_it_has_open() -> Done {
    for (when, jar, code) in JARS {
        let site = site(Kind::Platform).build()?;
        site.sh(&format!("mkdir -p $(dirname {jar}) && : >{jar} && chmod 666 {jar}"))?;
        let hung = device(&site, Held::Write)?;
        let java = || maps_the_device(&site, Imitation::java(&["java"]).before(&format!("hold {jar}\n")));
        let (java, jvm) = if when == "before" {
            (java()?, site.start()?)
        } else {
            let jvm = site.start()?;
            (java()?, jvm)
        };
        lock_memory(&site, java.pid)?;
        site.signal(jvm.pid, "KILL")?;
        for ran in [site.probe()?, site.monitor(0)?] {
            assert_eq!(ran.code(), Some(code), "{when}, {jar}: {ran}");
        }
        let ran = stop(&site)?;
        // Which process the pico was is known: one that has nothing of ours open fails no stop of that.
        let stopped = if jar.starts_with("/opt/mz/") { GENERIC } else { OK };
        assert_eq!(ran.code(), Some(stopped), "{when}, {jar}: {ran}");
        hung.release();
    }
    Ok(())
}
