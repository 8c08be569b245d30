//! A JVM that was started before the registry said where its HA Monitor Server listens.

use std::time::Duration;

use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Builder, Kind, Site, site};
use testkit::{AgentCall, Done};

/// A call that soon has no patience left, past the time in which a JVM is young.
fn quick(call: AgentCall<'_>) -> AgentCall<'_> {
    call.param("ha_timeout", "3").param("monitor_retries", "0").param("ha_grace", "0")
}

/// A monitor of this depth that is well, with a warning that the pico never listened there.
#[track_caller]
fn warns(site: &Site, depth: u32, endpoint: &str) -> Done {
    let pid = site.one(site.pico())?.pid;
    let before = site.log().unwrap_or_default().len();
    quick(site.recurring(depth)).run("monitor")?.answers(OK).silently();
    let log = site.log()?.split_off(before);
    let words = format!("pid {pid} was never seen to listen on {endpoint}");
    let is_it = |line: &str| line.contains(&words) && line.contains("restart the pico to make it effective");
    assert!(log.lines().any(is_it), "{words}: {log}");
    Ok(())
}

/// A monitor of depth 10 that says that it hangs, for this reason.
#[track_caller]
fn hangs(site: &Site, why: &str) -> Done {
    let pid = site.one(site.pico())?.pid;
    let hangs = format!("hangs: pid {pid} is alive");
    quick(site.recurring(10)).run("monitor")?.answers(GENERIC).because(&[site.pico(), &hangs, why]);
    Ok(())
}

/// A start that finds it running, and leaves it so.
#[track_caller]
fn start_adopts(site: &Site) -> Done {
    let (jvm, calls) = (site.one(site.pico())?, (site.calls("startup")?, site.calls("shutdown")?));
    quick(site.agent()).run("start")?.answers(OK).silently();
    assert!(site.lives(&jvm)?);
    assert_eq!(site.one(site.pico())?.pid, jvm.pid);
    assert_eq!((site.calls("startup")?, site.calls("shutdown")?), calls);
    assert_eq!(site.recorded()?, Some(jvm.pid));
    Ok(())
}

/// What the registry said when the JVM started, what is changed in it since, and where that asks.
const CHANGES: [(&str, &str, (&str, &str), &str); 6] = [
    ("enabled", "false", ("enabled : false", "enabled : true"), "127.0.0.1:26000"),
    ("port", "26000", (": 26000", ": 26007"), "127.0.0.1:26007"),
    ("host", "127.0.0.1", ("\"127.0.0.1\"", "\"127.0.0.9\""), "127.0.0.9:26000"),
    ("host", "127.0.0.1", ("\"127.0.0.1\"", "\"192.0.2.7\""), "192.0.2.7:26000"),
    // Somebody else's address, which a socket for all addresses does not stand for.
    ("host", "0.0.0.0", ("\"0.0.0.0\"", "\"192.0.2.7\""), "192.0.2.7:26000"),
    ("host", "127.0.0.1", ("\"127.0.0.1\"", "\"elsewhere\""), "elsewhere:26000"),
];

fn changed(property: &str, before: &str) -> Builder {
    let port = "platform:mz.ha.port=26000";
    site(Kind::Platform).property(port).property(&format!("platform:mz.ha.{property}={before}"))
}

/// An HA Monitor Server that is switched on, or given another port or host, while the JVM runs can't be asked before a restart: each deep monitor is
/// well with a warning that says so, a start adopts the pico and ends nothing, and after a restart it is asked.
#[test]
fn registry_changed_since_the_start_is_no_failure_and_ends_nothing() -> Done {
    for (property, before, (from, to), endpoint) in CHANGES {
        let site = changed(property, before).build()?;
        site.node.hosts(&["127.0.0.9 elsewhere"])?;
        site.start_by_hand()?;
        site.change_registry(from, to)?;
        site.probe()?.answers(OK).silently();
        for depth in [10, 20, 10] {
            warns(&site, depth, endpoint)?;
        }
        start_adopts(&site)?;
        warns(&site, 10, endpoint)?;
        site.monitor(0)?.answers(OK).silently();
        if to.contains("192.0.2.7") {
            site.node.address("192.0.2.7")?;
        }
        site.mzsh(&["restart", "platform"])?.expect(0)?;
        let before = site.log().unwrap_or_default().len();
        quick(site.recurring(10)).run("monitor")?.answers(OK).silently();
        assert!(!site.log()?.split_off(before).contains("never seen"), "{endpoint}");
        site.stop()?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}

/// The same after the record was lost, and with a real JVM: until then the pico is asked where it listens.
#[test]
fn registry_changed_since_the_start_counts_once_the_record_is_lost_and_is_no_failure() -> Done {
    for jvm in [false, true] {
        let site = site(Kind::Ec).real(jvm).build()?;
        site.start()?;
        site.change_registry("26001", "26007")?;
        quick(site.recurring(10)).run("monitor")?.answers(OK).silently();
        assert!(!site.log()?.contains("never seen"), "{}", site.log()?);
        site.sh(&format!("rm {}", site.record()))?;
        warns(&site, 10, "127.0.0.1:26007")?;
        start_adopts(&site)?;
        site.stop()?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}

/// Who has seen it listen before it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SeenBy {
    Start,
    Adoption,
    Monitor,
    /// One that could not ask.
    Witness,
}

/// An HA Monitor Server that was seen once, by a start, an adoption or a monitor, also one that could not ask it, and is gone, is a failure; lost with the record, it is
/// one that was never seen.
#[test]
fn server_that_was_seen_and_is_gone_is_a_failure() -> Done {
    for by in [SeenBy::Start, SeenBy::Adoption, SeenBy::Monitor, SeenBy::Witness] {
        let site = site(Kind::Platform).build()?;
        if by != SeenBy::Start {
            site.start_by_hand()?;
        }
        match by {
            SeenBy::Start | SeenBy::Adoption => quick(site.agent()).run("start")?,
            SeenBy::Monitor => quick(site.recurring(10)).run("monitor")?,
            SeenBy::Witness => {
                site.sh("mv /opt/mz/lib/ha.jar /opt/mz/lib/away.jar")?;
                let ran = quick(site.recurring(10)).run("monitor")?;
                site.sh("mv /opt/mz/lib/away.jar /opt/mz/lib/ha.jar")?;
                ran
            }
        }
        .answers(OK);
        let gone = site.one("platform")?;
        site.close_ha("127.0.0.1", 26000)?;
        for _ in 0..2 {
            hangs(&site, "nothing listens on 127.0.0.1:26000")?;
        }
        site.sh(&format!("cp -p {} /opt/known", site.record()))?;
        site.sh(&format!("rm {}", site.record()))?;
        warns(&site, 10, "127.0.0.1:26000")?;
        site.sh(&format!("cp -p /opt/known {}", site.record()))?;
        hangs(&site, "nothing listens on 127.0.0.1:26000")?;
        // That ends a start by replacing it, as any JVM that hangs.
        quick(site.agent()).run("start")?.answers(OK).silently();
        assert!(!site.lives(&gone)?, "{by:?}");
        quick(site.recurring(10)).run("monitor")?.answers(OK).silently();
        site.stop()?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}

/// A JVM that hangs still listens, for the kernel accepts for it: whoever sees it for the first time, also at an address that is given by a name, says that
/// it hangs.
#[test]
fn hung_jvm_that_nobody_has_seen_well_is_a_failure() -> Done {
    for host in ["127.0.0.1", "0.0.0.0", "mzha"] {
        let site = site(Kind::Platform).build()?;
        site.node.hosts(&["127.0.0.1 mzha"])?;
        site.change_registry("\"127.0.0.1\"", &format!("{host:?}"))?;
        site.set(&["ha_answer=silent"])?;
        site.start_by_hand()?;
        hangs(&site, "no answer in 3 s")?;
        site.sh(&format!("rm {}", site.record()))?;
        hangs(&site, "no answer in 3 s")?;
        let pid = site.one("platform")?.pid;
        site.signal(pid, "STOP")?;
        site.sh(&format!("rm {}", site.record()))?;
        quick(site.recurring(10)).run("monitor")?.answers(GENERIC).because(&["hung", "(T)"]);
        site.signal(pid, "CONT")?;
        site.stop()?.answers(OK);
        site.nothing_left()?;
    }
    Ok(())
}

/// Another pico's HA Monitor Server at the port that the registry gives since is not the pico's word: the warning names that process. Where the pico's own
/// was seen and is gone, it is a failure.
#[test]
fn another_picos_server_at_the_port_is_not_taken_for_its_own() -> Done {
    let site = site(Kind::Ec).pico("ec2:ec:26007").build()?;
    site.mzsh(&["startup", "ec2"])?.expect(0)?;
    let other = site.one("ec2")?.pid;
    site.start_by_hand()?;
    site.change_registry("26001", "26007")?;
    let holder = format!("port 26007 is held by pid {other} ");
    for _ in 0..2 {
        let before = site.log().unwrap_or_default().len();
        warns(&site, 10, "127.0.0.1:26007")?;
        assert!(site.log()?.split_off(before).contains(&holder), "{}", site.log()?);
    }
    start_adopts(&site)?;
    // The other one, which answers, is well by its own port.
    let ask = |port: &'static str| quick(site.recurring(10)).param("ha_port", port);
    ask("26001").run("monitor")?.answers(OK).silently();
    site.close_ha("127.0.0.1", 26001)?;
    ask("26001").run("monitor")?.answers(GENERIC).because(&["nothing listens on 127.0.0.1:26001"]);
    warns(&site, 10, "127.0.0.1:26007")?;
    Ok(())
}

/// A start knows what its own JVM was started with: where it is never seen to listen, the start fails, and leaves nothing.
#[test]
fn start_whose_own_jvm_never_listens_fails() -> Done {
    let site = site(Kind::Platform).build()?;
    let start = site.agent().param("ha_port", "25999").meta_timeout(Duration::from_secs(16)).run("start")?;
    start.answers(GENERIC).because(&["platform", "HA Monitor Server does not answer"]);
    site.nothing_left()?;
    site.probe()?.answers(NOT_RUNNING);
    Ok(())
}
