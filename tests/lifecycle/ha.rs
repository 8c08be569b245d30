//! Depth 10: what the HA Monitor Server says, and what the administrator wants made of it.

use std::thread;
use std::time::Duration;

use testkit::{AgentCall, Error, Process};

use testkit::Done;
use testkit::answer::{Answer, DEGRADED, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, Site, in_short, site};

/// What the pico is made to say.
const FAILED: &str = "ha_answer=FAILED aborts 7 of 5";

/// A running pico whose HA Monitor Server says FAILED.
fn failing(kind: Kind) -> Result<Site, Error> {
    let site = site(kind).build()?;
    site.start()?;
    site.monitor(10)?.answers(OK).silently();
    site.set(&[FAILED])?;
    Ok(site)
}

/// Depth 10 without the grace of a young JVM.
fn deep(site: &Site) -> AgentCall<'_> {
    site.recurring(10).param("ha_grace", "0")
}

#[test]
fn failed_is_a_failure_with_the_servers_own_words() -> Done {
    for kind in [Kind::Platform, Kind::Sc] {
        let site = failing(kind)?;
        deep(&site).run("monitor")?.answers(GENERIC).because(&[site.pico(), "FAILED", "aborts 7 of 5"]);
        // The process is well: depth 0 and a probe know nothing else.
        site.monitor(0)?.answers(OK).silently();
        site.probe()?.answers(OK).silently();
    }
    Ok(())
}

#[test]
fn on_ha_failed_degrade_answers_degraded_from_the_second_time() -> Done {
    let site = failing(Kind::Platform)?;
    let degrade = || deep(&site).param("on_ha_failed", "degrade");
    degrade().run("monitor")?.answers(OK).silently();
    for _ in 0..2 {
        degrade().run("monitor")?.answers(DEGRADED).because(&["FAILED", "aborts 7 of 5"]);
    }
    site.set(&["ha_answer=OK"])?;
    degrade().run("monitor")?.answers(OK).silently();
    site.set(&[FAILED])?;
    degrade().run("monitor")?.answers(OK).silently();
    Ok(())
}

#[test]
fn on_ha_failed_ignore_leaves_a_line_in_the_log() -> Done {
    let site = failing(Kind::Platform)?;
    for _ in 0..2 {
        deep(&site).param("on_ha_failed", "ignore").run("monitor")?.answers(OK).silently();
    }
    let log = site.log()?;
    assert!(log.contains("aborts 7 of 5"), "{log}");
    Ok(())
}

#[test]
fn failed_does_not_count_within_the_grace_of_a_young_jvm() -> Done {
    let site = failing(Kind::Platform)?;
    // By default mz.ha.interval and 20 s: a minute here.
    site.monitor(10)?.answers(OK).silently();
    site.recurring(10).param("ha_grace", "1h").run("monitor")?.answers(OK).silently();
    deep(&site).run("monitor")?.answers(GENERIC);
    Ok(())
}

#[test]
fn failures_are_tolerated_in_a_row_and_a_success_clears_the_count() -> Done {
    let site = failing(Kind::Platform)?;
    let tolerant = |level| site.recurring(level).param("ha_grace", "0").param("failures_tolerated", "2");
    for _ in 0..2 {
        for code in [OK, OK, GENERIC, GENERIC] {
            tolerant(10).run("monitor")?.answers(code);
            // Which says nothing of what is counted at depth 10.
            tolerant(0).run("monitor")?.answers(OK).silently();
        }
        site.set(&["ha_answer=OK"])?;
        tolerant(10).run("monitor")?.answers(OK).silently();
        site.set(&[FAILED])?;
    }
    let log = site.log()?;
    assert!(log.contains("tolerated, 2 of 2"), "{log}");
    Ok(())
}

#[test]
fn tolerance_covers_neither_a_death_nor_a_hang() -> Done {
    let site = site(Kind::Platform).build()?;
    let pid = site.start()?.pid;
    let tolerant = || site.recurring(10).param("failures_tolerated", "9");
    site.signal(pid, "STOP")?;
    tolerant().run("monitor")?.answers(GENERIC).because(&["hung"]);
    site.signal(pid, "KILL")?;
    tolerant().run("monitor")?.answers(NOT_RUNNING);
    Ok(())
}

#[test]
fn ha_check_no_asks_nobody() -> Done {
    let site = failing(Kind::Platform)?;
    deep(&site).param("ha_check", "no").run("monitor")?.answers(OK).silently();
    Ok(())
}

#[test]
fn a_pico_without_ha_monitor_server_is_not_asked_unless_told_so() -> Done {
    let site = site(Kind::Platform).property("platform:mz.ha.enabled=false").build()?;
    site.start()?;
    deep(&site).run("monitor")?.answers(OK).silently();
    let told = deep(&site).param("ha_check", "yes").param("monitor_retries", "0");
    // The JVM that runs was started without it, and nothing that is changed since makes it listen.
    told.run("monitor")?.answers(OK).silently();
    let log = site.log()?;
    assert!(log.contains("was never seen to listen on 127.0.0.1:26000"), "{log}");
    Ok(())
}

#[test]
fn a_client_that_cant_be_run_is_a_warning_and_no_failure() -> Done {
    let site = site(Kind::Platform).build()?;
    site.start()?;
    site.sh("mv /opt/mz/lib/ha.jar /opt/mz/lib/ha.jar.away")?;
    for _ in 0..2 {
        site.monitor(10)?.answers(OK).silently();
    }
    let log = site.log()?;
    assert!(log.contains("could not be asked") && log.contains("/opt/mz/lib/ha.jar"), "{log}");
    let degraded = || deep(&site).param("degraded", "yes").param("unchecked_limit", "3");
    degraded().run("monitor")?.answers(DEGRADED).because(&["not checked since", "ha.jar"]);
    site.sh("mv /opt/mz/lib/ha.jar.away /opt/mz/lib/ha.jar")?;
    degraded().run("monitor")?.answers(OK).silently();
    Ok(())
}

#[test]
fn a_server_that_is_gone_or_silent_is_a_failure() -> Done {
    let site = site(Kind::Platform).build()?;
    let pid = site.start()?.pid;
    let named = format!("pid {pid} ");
    site.close_ha("127.0.0.1", 26000)?;
    deep(&site).run("monitor")?.answers(GENERIC).because(&["platform", &named, "127.0.0.1:26000"]);
    site.monitor(0)?.answers(OK).silently();

    site.stop()?.answers(OK);
    let named = format!("pid {} ", site.start()?.pid);
    site.set(&["platform.ha_answer=silent"])?;
    let silent = deep(&site).param("ha_timeout", "1s").param("monitor_retries", "0").run("monitor")?;
    let silent = silent.answers(GENERIC).because(&["platform", &named, "no answer in 1 s"]);
    assert!(silent.wall < Duration::from_secs(4), "{silent}");
    Ok(())
}

#[test]
fn a_jvm_that_dies_while_it_is_asked_is_not_running_and_nothing_else() -> Done {
    let site = site(Kind::Platform).build()?;
    let pid = site.start()?.pid;
    site.set(&["ha_answer=silent"])?;
    let ran = thread::scope(|scope| {
        let asks = site.recurring(10).param("ha_timeout", "5s");
        let asks = asks.param("failures_tolerated", "2").param("monitor_retries", "0");
        let monitor = scope.spawn(|| asks.run("monitor"));
        site.until("the HA client", |site| {
            let all = site.processes()?;
            let client = |process: &Process| process.command_line().contains(".HAClient 26000");
            Ok(if all.iter().any(client) { Ok(()) } else { Err(in_short(&all)) })
        })?;
        site.signal(pid, "KILL")?;
        monitor.join().expect("the monitor's thread does not panic")
    })?;
    ran.answers(NOT_RUNNING).because(&["platform", &format!("pid {pid} ")]);
    Ok(())
}

#[test]
fn what_a_person_asks_does_not_use_up_what_is_tolerated() -> Done {
    fn tolerant(call: AgentCall<'_>) -> AgentCall<'_> {
        call.param("ha_grace", "0").param("failures_tolerated", "2")
    }
    let site = failing(Kind::Platform)?;
    let by_a_person = || tolerant(site.recurring(10)).without("OCF_RESKEY_CRM_meta_on_node");
    for code in [OK, OK, GENERIC] {
        for _ in 0..3 {
            // Both say what the cluster's next monitor will.
            tolerant(site.agent()).run("explain")?.expect(code)?;
            by_a_person().run("monitor")?.answers(code);
            tolerant(site.agent()).run("status")?;
        }
        tolerant(site.recurring(10)).run("monitor")?.answers(code);
    }
    Ok(())
}

/// An EC that is to consume 10 UDRs an interval, with the time and the traffic that it has had.
fn with_traffic(site: &Site, clock: &str, traffic: &str) -> Result<(), Error> {
    site.set(&[&format!("ec1.ha_clock={clock}"), &format!("ec1.workload={traffic}")])
}

#[test]
fn an_ec_below_its_threshold_is_treated_as_the_administrator_wants() -> Done {
    for jvm in [false, true] {
        let site = site(Kind::Ec).real(jvm).property("ec1:mz.ha.min_consumes=10").set("ec1.ha_clock=0s");
        let site = site.property("ec1:mz.ha.max_aborts=5").build()?;
        // Nothing is counted yet, which is no reason for a start to fail, nor for a monitor within the grace.
        let pid = site.start()?.pid;
        site.monitor(10)?.answers(OK).silently();
        deep(&site).run("monitor")?.answers(GENERIC).because(&[
            "ec1",
            "FAILED",
            "min_consumes: 0 of at least 10",
        ]);

        with_traffic(&site, "80s", "from 0s to 80s consumes 25/40s")?;
        deep(&site).run("monitor")?.answers(OK).silently();

        // The traffic ends at 80 s.
        with_traffic(&site, "119s", "from 0s to 80s consumes 25/40s; at 110s consumes 3")?;
        deep(&site).run("monitor")?.answers(OK).silently();
        site.set(&["ec1.ha_clock=120s"])?;
        deep(&site).run("monitor")?.answers(GENERIC).because(&[
            "ec1",
            "FAILED",
            "min_consumes: 3 of at least 10",
        ]);
        // The grace is over only for who has none.
        site.monitor(10)?.answers(OK).silently();
        let degrade = || deep(&site).param("on_ha_failed", "degrade");
        degrade().run("monitor")?.answers(OK).silently();
        degrade().run("monitor")?.answers(DEGRADED).because(&["min_consumes: 3 of at least 10"]);
        deep(&site).param("on_ha_failed", "ignore").run("monitor")?.answers(OK).silently();
        site.monitor(0)?.answers(OK).silently();
        site.probe()?.answers(OK).silently();

        // It comes back, with more aborts than are allowed.
        let back = "from 120s consumes 10/40s; at 130s aborts 6";
        with_traffic(&site, "160s", back)?;
        deep(&site).run("monitor")?.answers(GENERIC).because(&["max_aborts: 6 of at most 5"]);
        with_traffic(&site, "200s", back)?;
        deep(&site).run("monitor")?.answers(OK).silently();
        assert_eq!(site.one("ec1")?.pid, pid, "none of this has touched it");
    }
    Ok(())
}
