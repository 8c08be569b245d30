//! A death that the cluster has dropped is reported again; one that it has counted is not. A fake
//! `attrd_updater` answers for the cluster here, and the cluster suite's `dropped` shows that a real cluster
//! answers so.

use std::time::Duration;

use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING};
use testkit::fixture::Fixture;
use testkit::{AgentCall, TestResult, TestkitError};

use crate::waiting_monitor::{
    MAX_IMMEDIATE_ANSWER, SHORT_INTERVAL, fixture_with_reported_death, waiting_call,
};

/// Output and exit code of the tool if no failure was counted.
const NEVER: &str =
    "echo \"attrd_updater: Could not query value of $name: attribute does not exist\" >&2; exit 78";
/// A failure was counted just now.
const NOW: &str = "echo \"name=\\\"$name\\\" host=\\\"n\\\" value=\\\"$(date +%s)\\\"\"";
/// A failure was counted before the pico was started.
const BEFORE: &str =
    "echo \"name=\\\"$name\\\" host=\\\"n\\\" value=\\\"$(($(date +%s) - 3600))\\\"\"";
/// A failure was counted on another node, or was cleaned up here: the attribute exists, and this node has no
/// value of it.
const ELSEWHERE: &str = "echo \"name=\\\"$name\\\" host=\\\"n\\\" value=\\\"\\\"\"";

/// Installs the cluster's tool: its queries are recorded in `/opt/asked`, and its answer is up to
/// `/opt/says`.
fn cluster_says(fixture: &Fixture, says: &str) -> TestResult {
    fixture.node.write("/opt/says", format!("{says}\n"))?;
    fixture
        .sh("[ -d /opt/sbin ] && exit
        mkdir /opt/sbin && : >/opt/asked
        printf '#!/bin/sh\\nname=$3; shift; echo \"$*\" >>/opt/asked; . /opt/says\\n' >/opt/sbin/attrd_updater
        chmod 755 /opt/sbin/attrd_updater
        mount --bind /opt/sbin /usr/sbin")
        .map(drop)
}

/// All queries so far.
fn asked(fixture: &Fixture) -> Result<Vec<String>, TestkitError> {
    Ok(fixture.node.read("/opt/asked")?.lines().map(str::to_owned).collect())
}

/// Backdates the last report.
fn later(fixture: &Fixture) -> TestResult {
    let record = fixture.record_path();
    fixture
        .sh(&format!(
            "sed -i 's/\"last\":[0-9]*/\"last\":0/g' {record} && grep -q '\"last\":0' {record}"
        ))
        .map(drop)
}

/// The pico has died, depth 0 has reported it, and this is the cluster's answer.
fn reported(says: &str) -> Result<Fixture, TestkitError> {
    let fixture = fixture_with_reported_death()?;
    cluster_says(&fixture, says)?;
    Ok(fixture)
}

fn depth_0(fixture: &Fixture) -> AgentCall<'_> {
    waiting_call(fixture, "1s")
}

#[test]
fn death_that_was_not_counted_is_reported_again_every_20_s_with_the_other_code() -> TestResult {
    let fixture = reported(NEVER)?;
    depth_0(&fixture).run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    assert!(asked(&fixture)?.is_empty(), "within 20 s nobody is asked");
    for (code, other) in [
        (OCF_ERR_GENERIC, OCF_NOT_RUNNING),
        (OCF_NOT_RUNNING, OCF_ERR_GENERIC),
        (OCF_ERR_GENERIC, OCF_NOT_RUNNING),
    ] {
        later(&fixture)?;
        let ran = depth_0(&fixture).run("monitor")?.assert_exit_code(code);
        ran.assert_reason(&["platform is not running", "reported", "not counted by the cluster"]);
        // The next monitors answer the same, because another code would be one more report.
        for _ in 0..2 {
            let ran = depth_0(&fixture).run("monitor")?;
            assert_ne!(ran.code(), Some(other), "{ran}");
            ran.assert_exit_code(code);
        }
    }
    let name = format!("--name last-failure-platform#monitor_{}", SHORT_INTERVAL.as_millis());
    let asked = asked(&fixture)?;
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(
        asked.iter().all(|words| words.starts_with(&name) && words.contains(" --node ")),
        "{asked:?}"
    );
    Ok(())
}

#[test]
fn death_that_was_counted_is_never_reported_again() -> TestResult {
    // At once, or after the death had to be reported a second time.
    for (dropped, code) in [(0, OCF_NOT_RUNNING), (1, OCF_ERR_GENERIC)] {
        let fixture = reported(NEVER)?;
        for _ in 0..dropped {
            later(&fixture)?;
            depth_0(&fixture).run("monitor")?.assert_exit_code(code);
        }
        cluster_says(&fixture, NOW)?;
        later(&fixture)?;
        depth_0(&fixture).run("monitor")?.assert_exit_code(code);
        // The cluster forgets the failure, as after `failure-timeout`.
        cluster_says(&fixture, NEVER)?;
        later(&fixture)?;
        depth_0(&fixture).run("monitor")?.assert_exit_code(code);
        assert_eq!(asked(&fixture)?.len(), dropped + 1);
    }
    Ok(())
}

#[test]
fn failure_before_the_last_start_or_on_another_node_is_not_this_death() -> TestResult {
    for says in [BEFORE, ELSEWHERE] {
        let fixture = reported(says)?;
        later(&fixture)?;
        depth_0(&fixture).run("monitor")?.assert_exit_code(OCF_ERR_GENERIC);
    }
    Ok(())
}

#[test]
fn death_is_reported_as_before_where_the_cluster_does_not_answer() -> TestResult {
    let broken = [
        "exec sleep 1000000",
        "echo 'Could not connect to attrd' >&2; exit 102",
        "exit 0",
        "echo value=; exit 78",
    ];
    for says in broken {
        let fixture = reported(says)?;
        for _ in 0..2 {
            later(&fixture)?;
            let ran = depth_0(&fixture).run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
            assert!(ran.wall_time < MAX_IMMEDIATE_ANSWER, "{ran}");
            // The tool is not run again before 20 s are over.
            depth_0(&fixture).run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
        }
        assert_eq!(asked(&fixture)?.len(), 2, "{says}");
    }
    // The tool is missing.
    let fixture = reported(NEVER)?;
    fixture.sh("rm /opt/sbin/attrd_updater")?;
    later(&fixture)?;
    depth_0(&fixture).run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    Ok(())
}

#[test]
fn monitors_of_all_depths_report_a_death_again_once_in_20_s_together() -> TestResult {
    let deeper = Duration::from_secs(3);
    let depth_10 =
        |fixture: &Fixture| depth_0(fixture).check_level(10).interval(deeper).run("monitor");
    let fixture = reported(NEVER)?;
    depth_10(&fixture)?.assert_exit_code(OCF_NOT_RUNNING);
    later(&fixture)?;
    depth_10(&fixture)?.assert_exit_code(OCF_ERR_GENERIC);
    depth_0(&fixture).run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    depth_10(&fixture)?.assert_exit_code(OCF_ERR_GENERIC);
    // A failure of either monitor is this death.
    let names = [SHORT_INTERVAL, deeper].map(|every| format!("#monitor_{} ", every.as_millis()));
    let all = asked(&fixture)?;
    assert!(
        all.len() == 2 && names.iter().all(|name| all.iter().any(|words| words.contains(name))),
        "{all:?}"
    );
    cluster_says(&fixture, &format!("case $name in *_3000) {NOW} ;; *) {NEVER} ;; esac"))?;
    later(&fixture)?;
    depth_0(&fixture).run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    later(&fixture)?;
    depth_10(&fixture)?.assert_exit_code(OCF_ERR_GENERIC);
    Ok(())
}

#[test]
fn report_that_cant_be_noted_is_not_made() -> TestResult {
    // The next monitor could not know of the answer, and would revert it.
    let fixture = reported(NEVER)?;
    later(&fixture)?;
    let directory = "/run/mediationzone-ra";
    fixture.sh(&format!(
        "mount --bind {directory} {directory} && mount -o remount,bind,ro {directory}"
    ))?;
    depth_0(&fixture).run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    Ok(())
}

#[test]
fn probe_and_call_by_a_person_know_no_report() -> TestResult {
    let fixture = reported(NEVER)?;
    for depth in [10, 0] {
        depth_0(&fixture).check_level(depth).run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    }
    for call in [fixture.agent(), depth_0(&fixture).without_env("OCF_RESKEY_CRM_meta_on_node")] {
        later(&fixture)?;
        call.run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    }
    assert!(asked(&fixture)?.is_empty());
    Ok(())
}

#[test]
fn next_life_begins_without_reports() -> TestResult {
    let fixture = reported(NEVER)?;
    later(&fixture)?;
    depth_0(&fixture).run("monitor")?.assert_exit_code(OCF_ERR_GENERIC);
    fixture.agent().run("stop")?.assert_exit_code(testkit::assertions::OCF_SUCCESS);
    let pid = fixture.start()?.pid;
    fixture.signal(pid, "KILL")?;
    depth_0(&fixture).run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    Ok(())
}
