//! Depth 10: answers of the HA Monitor Server, and the parameters that decide on their meaning.

use std::thread;
use std::time::Duration;

use testkit::{AgentCall, NodeProcess, TestkitError};

use testkit::TestResult;
use testkit::assertions::{
    AgentAssertions, OCF_DEGRADED, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS,
};
use testkit::fixture::{AgentKind, Fixture, describe_processes, fixture};

const HA_ANSWER_FAILED: &str = "ha_answer=FAILED aborts 7 of 5";

/// A running pico whose HA Monitor Server says FAILED.
fn fixture_with_failed_answer(kind: AgentKind) -> Result<Fixture, TestkitError> {
    let fixture = fixture(kind).build()?;
    fixture.start()?;
    fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.set(&[HA_ANSWER_FAILED])?;
    Ok(fixture)
}

/// Depth 10 without the grace of a young JVM.
fn deep_monitor(fixture: &Fixture) -> AgentCall<'_> {
    fixture.recurring_monitor(10).param("ha_grace", "0")
}

#[test]
fn failed_answer_fails_monitor_with_server_text() -> TestResult {
    for kind in [AgentKind::Platform, AgentKind::Sc] {
        let fixture = fixture_with_failed_answer(kind)?;
        deep_monitor(&fixture).run("monitor")?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&[
            fixture.pico(),
            "FAILED",
            "aborts 7 of 5",
        ]);
        // The process is healthy, and depth 0 and a probe check nothing else.
        fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    }
    Ok(())
}

#[test]
fn on_ha_failed_degrade_answers_190_from_second_failure() -> TestResult {
    let fixture = fixture_with_failed_answer(AgentKind::Platform)?;
    let degrade = || deep_monitor(&fixture).param("on_ha_failed", "degrade");
    degrade().run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    for _ in 0..2 {
        degrade()
            .run("monitor")?
            .assert_exit_code(OCF_DEGRADED)
            .assert_reason(&["FAILED", "aborts 7 of 5"]);
    }
    fixture.set(&["ha_answer=OK"])?;
    degrade().run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture.set(&[HA_ANSWER_FAILED])?;
    degrade().run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    Ok(())
}

#[test]
fn on_ha_failed_ignore_only_logs() -> TestResult {
    let fixture = fixture_with_failed_answer(AgentKind::Platform)?;
    for _ in 0..2 {
        deep_monitor(&fixture)
            .param("on_ha_failed", "ignore")
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
    }
    let log = fixture.log()?;
    assert!(log.contains("aborts 7 of 5"), "{log}");
    Ok(())
}

#[test]
fn failed_answer_is_ignored_within_ha_grace() -> TestResult {
    let fixture = fixture_with_failed_answer(AgentKind::Platform)?;
    // The default grace is mz.ha.interval and 20 s: a minute here.
    fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    fixture
        .recurring_monitor(10)
        .param("ha_grace", "1h")
        .run("monitor")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    deep_monitor(&fixture).run("monitor")?.assert_exit_code(OCF_ERR_GENERIC);
    Ok(())
}

#[test]
fn failures_tolerated_counts_in_a_row_and_success_resets() -> TestResult {
    let fixture = fixture_with_failed_answer(AgentKind::Platform)?;
    let tolerant = |level| {
        fixture.recurring_monitor(level).param("ha_grace", "0").param("failures_tolerated", "2")
    };
    for _ in 0..2 {
        for code in [OCF_SUCCESS, OCF_SUCCESS, OCF_ERR_GENERIC, OCF_ERR_GENERIC] {
            tolerant(10).run("monitor")?.assert_exit_code(code);
            // The count of depth 10 does not affect other depths.
            tolerant(0).run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        }
        fixture.set(&["ha_answer=OK"])?;
        tolerant(10).run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        fixture.set(&[HA_ANSWER_FAILED])?;
    }
    let log = fixture.log()?;
    assert!(log.contains("tolerated, 2 of 2"), "{log}");
    Ok(())
}

#[test]
fn failures_tolerated_covers_neither_death_nor_hang() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let pid = fixture.start()?.pid;
    let tolerant = || fixture.recurring_monitor(10).param("failures_tolerated", "9");
    fixture.signal(pid, "STOP")?;
    tolerant().run("monitor")?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&["hung"]);
    fixture.signal(pid, "KILL")?;
    tolerant().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    Ok(())
}

#[test]
fn ha_check_no_runs_no_client() -> TestResult {
    let fixture = fixture_with_failed_answer(AgentKind::Platform)?;
    deep_monitor(&fixture)
        .param("ha_check", "no")
        .run("monitor")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    Ok(())
}

#[test]
fn disabled_ha_monitor_server_is_asked_only_with_ha_check_yes() -> TestResult {
    let fixture = fixture(AgentKind::Platform).property("platform:mz.ha.enabled=false").build()?;
    fixture.start()?;
    deep_monitor(&fixture).run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    let told = deep_monitor(&fixture).param("ha_check", "yes").param("monitor_retries", "0");
    // The running JVM was started without it, and no later change makes it listen.
    told.run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    let log = fixture.log()?;
    assert!(log.contains("was never seen to listen on 127.0.0.1:26000"), "{log}");
    Ok(())
}

#[test]
fn unrunnable_ha_client_is_a_warning() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.start()?;
    fixture.sh("mv /opt/mz/lib/ha.jar /opt/mz/lib/ha.jar.away")?;
    for _ in 0..2 {
        fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    }
    let log = fixture.log()?;
    assert!(log.contains("could not be asked") && log.contains("/opt/mz/lib/ha.jar"), "{log}");
    let degraded = || deep_monitor(&fixture).param("degraded", "yes").param("unchecked_limit", "3");
    degraded()
        .run("monitor")?
        .assert_exit_code(OCF_DEGRADED)
        .assert_reason(&["ha.jar: No such file"]);
    assert!(fixture.log()?.contains("; not checked since "), "{}", fixture.log()?);
    fixture.sh("mv /opt/mz/lib/ha.jar.away /opt/mz/lib/ha.jar")?;
    degraded().run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    Ok(())
}

#[test]
fn absent_or_silent_ha_monitor_server_fails_monitor() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let pid = fixture.start()?.pid;
    let named = format!("pid {pid} ");
    fixture.close_ha("127.0.0.1", 26000)?;
    deep_monitor(&fixture).run("monitor")?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&[
        "platform",
        &named,
        "127.0.0.1:26000",
    ]);
    fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();

    fixture.stop()?.assert_exit_code(OCF_SUCCESS);
    let named = format!("pid {} ", fixture.start()?.pid);
    fixture.set(&["platform.ha_answer=silent"])?;
    let silent = deep_monitor(&fixture)
        .param("ha_timeout", "1s")
        .param("monitor_retries", "0")
        .run("monitor")?;
    let silent = silent.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&[
        "platform",
        &named,
        "no answer in 1 s",
    ]);
    assert!(silent.wall_time < Duration::from_secs(4), "{silent}");
    Ok(())
}

#[test]
fn jvm_killed_during_ha_check_answers_7() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let pid = fixture.start()?.pid;
    fixture.set(&["ha_answer=silent"])?;
    let ran = thread::scope(|scope| {
        let asks = fixture.recurring_monitor(10).param("ha_timeout", "5s");
        let asks = asks.param("failures_tolerated", "2").param("monitor_retries", "0");
        let monitor = scope.spawn(|| asks.run("monitor"));
        fixture.wait_until("the HA client", |fixture| {
            let all = fixture.processes()?;
            let client = |process: &NodeProcess| process.command_line().contains(".HAClient 26000");
            Ok(if all.iter().any(client) { Ok(()) } else { Err(describe_processes(&all)) })
        })?;
        fixture.signal(pid, "KILL")?;
        monitor.join().expect("the monitor's thread does not panic")
    })?;
    ran.assert_exit_code(OCF_NOT_RUNNING).assert_reason(&["platform", &format!("pid {pid} ")]);
    Ok(())
}

#[test]
fn manual_calls_do_not_count_tolerated_failures() -> TestResult {
    fn with_tolerance(call: AgentCall<'_>) -> AgentCall<'_> {
        call.param("ha_grace", "0").param("failures_tolerated", "2")
    }
    let fixture = fixture_with_failed_answer(AgentKind::Platform)?;
    let by_a_person =
        || with_tolerance(fixture.recurring_monitor(10)).without_env("OCF_RESKEY_CRM_meta_on_node");
    for code in [OCF_SUCCESS, OCF_SUCCESS, OCF_ERR_GENERIC] {
        for _ in 0..3 {
            // Both report what the cluster's next monitor will answer.
            with_tolerance(fixture.agent()).run("explain")?.expect_code(code)?;
            by_a_person().run("monitor")?.assert_exit_code(code);
            with_tolerance(fixture.agent()).run("status")?;
        }
        with_tolerance(fixture.recurring_monitor(10)).run("monitor")?.assert_exit_code(code);
    }
    Ok(())
}

/// An EC that has to consume 10 UDRs an interval, with this clock and this traffic.
fn set_traffic(fixture: &Fixture, clock: &str, traffic: &str) -> Result<(), TestkitError> {
    fixture.set(&[&format!("ec1.ha_clock={clock}"), &format!("ec1.workload={traffic}")])
}

#[test]
fn ec_below_threshold_is_handled_by_on_ha_failed() -> TestResult {
    for jvm in [false, true] {
        let fixture = fixture(AgentKind::Ec)
            .real_jvm(jvm)
            .property("ec1:mz.ha.min_consumes=10")
            .set("ec1.ha_clock=0s");
        let fixture = fixture.property("ec1:mz.ha.max_aborts=5").build()?;
        // Nothing is counted yet, which fails neither a start nor a monitor within the grace.
        let pid = fixture.start()?.pid;
        fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        deep_monitor(&fixture).run("monitor")?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&[
            "ec1",
            "FAILED",
            "min_consumes: 0 of at least 10",
        ]);

        set_traffic(&fixture, "80s", "from 0s to 80s consumes 25/40s")?;
        deep_monitor(&fixture).run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();

        // The traffic ends at 80 s.
        set_traffic(&fixture, "119s", "from 0s to 80s consumes 25/40s; at 110s consumes 3")?;
        deep_monitor(&fixture).run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        fixture.set(&["ec1.ha_clock=120s"])?;
        deep_monitor(&fixture).run("monitor")?.assert_exit_code(OCF_ERR_GENERIC).assert_reason(&[
            "ec1",
            "FAILED",
            "min_consumes: 3 of at least 10",
        ]);
        // The grace is over only for a call with no grace configured.
        fixture.monitor(10)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        let degrade = || deep_monitor(&fixture).param("on_ha_failed", "degrade");
        degrade().run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        degrade()
            .run("monitor")?
            .assert_exit_code(OCF_DEGRADED)
            .assert_reason(&["min_consumes: 3 of at least 10"]);
        deep_monitor(&fixture)
            .param("on_ha_failed", "ignore")
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
        fixture.monitor(0)?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        fixture.probe()?.assert_exit_code(OCF_SUCCESS).assert_no_output();

        // The traffic comes back, with more aborts than are allowed.
        let back = "from 120s consumes 10/40s; at 130s aborts 6";
        set_traffic(&fixture, "160s", back)?;
        deep_monitor(&fixture)
            .run("monitor")?
            .assert_exit_code(OCF_ERR_GENERIC)
            .assert_reason(&["max_aborts: 6 of at most 5"]);
        set_traffic(&fixture, "200s", back)?;
        deep_monitor(&fixture).run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        assert_eq!(fixture.single_pico("ec1")?.pid, pid, "none of this has touched it");
    }
    Ok(())
}
