//! A pico that is there and does not get on: stopped (T), or held by a debugger (t).

use std::thread;
use std::time::Duration;

use testkit::Done;
use testkit::answer::{Answer, DEGRADED, GENERIC, OK};
use testkit::site::{Kind, in_short, site};

/// A pico that is stopped (SIGSTOP) has failed for a recurring monitor of any depth, with its number and the time in the
/// reason and no command that would be wrong later, is alive for a probe, and a stop wakes it for SIGTERM and ends it.
#[test]
fn a_stopped_pico_has_failed_for_a_recurring_monitor_is_alive_for_a_probe_and_can_be_stopped() -> Done {
    for (kind, level) in [(Kind::Platform, 0), (Kind::Ec, 10)] {
        let site = site(kind).build()?;
        let pid = site.start()?.pid;
        site.signal(pid, "STOP")?;
        let reason = [site.pico(), "hung", &format!("pid {pid} was stopped (T) at ")];
        let ran = site.monitor(level)?.answers(GENERIC).because(&reason);
        // It is shown until a cleanup, when the process may long have gone on.
        assert!(!ran.reason().unwrap_or_default().contains("kill"), "{ran}");
        site.probe()?.answers(OK).silently();
        let stop = site.stop()?.answers(OK);
        assert!(stop.wall < Duration::from_secs(15), "{stop}");
        assert_eq!(site.last_end(site.pico())?.as_deref(), Some("signal"), "it was woken for SIGTERM");
        site.nothing_left()?;
    }
    Ok(())
}

/// Time since boot, in the ticks (hundredths of a second) in which /proc tells when a process started.
fn ticks(uptime: &str) -> u64 {
    let seconds = uptime.split_ascii_whitespace().next().expect("/proc/uptime has two numbers");
    seconds.replace('.', "").parse().expect("seconds with two decimals")
}

/// A pico that is stopped for a moment only, as by a snapshot tool, is no failure.
#[test]
fn a_moment_of_being_stopped_is_no_failure() -> Done {
    let site = site(Kind::Platform).build()?;
    let pid = site.start()?.pid;
    site.signal(pid, "STOP")?;
    let monitor = thread::scope(|scope| {
        let monitor = scope.spawn(|| site.monitor(0));
        // Not at its first look, but well before the end of the two seconds.
        let agent = site.sleeping_agent("monitor")?;
        site.until("the monitor to have looked for half a second", |site| {
            let uptime = site.node.read("/proc/uptime")?;
            let age = ticks(&uptime).saturating_sub(agent.start_time);
            Ok(if age >= 50 { Ok(()) } else { Err(format!("{age} ticks old")) })
        })?;
        site.signal(pid, "CONT")?;
        monitor.join().expect("the monitor's thread does not panic")
    })?;
    monitor.answers(OK).silently();
    Ok(())
}

/// A start replaces a pico that is stopped (SIGSTOP), whichever code mzsh would give for the old instance.
#[test]
fn a_start_replaces_a_stopped_pico_whatever_mzsh_says_of_the_old_one() -> Done {
    for code in ["255", "1"] {
        let site = site(Kind::Platform).set(&format!("old_instance_code={code}")).build()?;
        let hung = site.start()?.pid;
        site.signal(hung, "STOP")?;
        site.agent().run("start")?.answers(OK);
        assert_ne!(site.one("platform")?.pid, hung);
        site.monitor(10)?.answers(OK).silently();
    }
    Ok(())
}

/// A real JVM that is stopped (SIGSTOP), which can't dump its threads then, has failed, and a stop ends it.
#[test]
fn a_stopped_jvm_can_be_stopped() -> Done {
    let site = site(Kind::Platform).jvm().build()?;
    let jvm = site.start()?;
    assert!(jvm.threads > 5, "a real one: {jvm:?}");
    site.signal(jvm.pid, "STOP")?;
    site.monitor(0)?.answers(GENERIC).because(&["hung", &format!("pid {} ", jvm.pid)]);
    site.stop()?.answers(OK);
    site.nothing_left()
}

/// A real JVM that a debugger holds (t) is alive: 0 with a warning in the log, "degraded" from the second time where that is
/// wanted, and a stop ends it although it can do nothing.
#[test]
fn a_jvm_under_a_debugger_is_alive_with_a_warning_and_can_be_stopped() -> Done {
    for real in [true, false] {
        let site = site(Kind::Platform).real(real).build()?;
        let jvm = site.start()?;
        site.monitor(0)?.answers(OK).silently();
        site.debug(&jvm)?;
        for ran in [site.monitor(0)?, site.monitor(10)?, site.probe()?] {
            ran.answers(OK).silently();
        }
        let log = site.log()?;
        assert!(
            log.contains(&format!("pid {} ", jvm.pid)) && log.contains("held by a debugger (t)"),
            "{log}"
        );
        let strict = || site.recurring(0).param("degraded", "yes").run("monitor");
        strict()?.answers(DEGRADED).because(&["platform", "debugger", &format!("pid {} ", jvm.pid)]);
        assert_eq!(site.calls("")?, 1, "nothing was asked of it but its startup");
        site.agent().meta_timeout(Duration::from_secs(12)).run("stop")?.answers(OK);
        assert!(site.picos("platform")?.is_empty());
        site.until("the debugger to end, which has nothing left to hold", |site| {
            let left = site.processes()?;
            Ok(if left.is_empty() { Ok(()) } else { Err(in_short(&left)) })
        })?;
    }
    Ok(())
}

/// A start that meets a pico under a debugger, which answers nobody, replaces it.
#[test]
fn a_start_replaces_a_pico_under_a_debugger() -> Done {
    let site = site(Kind::Platform).build()?;
    let held = site.start()?;
    site.debug(&held)?;
    let start = site.agent().param("ha_timeout", "1").param("ha_grace", "0").param("monitor_retries", "0");
    start.meta_timeout(Duration::from_secs(40)).run("start")?.answers(OK);
    assert_ne!(site.one("platform")?.pid, held.pid);
    site.monitor(10)?.answers(OK).silently();
    Ok(())
}
