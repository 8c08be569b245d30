//! A death that the cluster has dropped is reported again, one that it has counted is not. The cluster's word is that of an `attrd_updater` of the
//! test's; that it is so in a cluster is shown by the cluster suite's `dropped`.

use std::time::Duration;

use testkit::answer::{Answer, GENERIC, NOT_RUNNING};
use testkit::site::Site;
use testkit::{AgentCall, Done, Error};

use crate::waiting::{OFTEN, QUICK, told, waiting};

/// What it says where nothing was counted, and its exit code.
const NEVER: &str =
    "echo \"attrd_updater: Could not query value of $name: attribute does not exist\" >&2; exit 78";
/// Where a failure was counted just now.
const NOW: &str = "echo \"name=\\\"$name\\\" host=\\\"n\\\" value=\\\"$(date +%s)\\\"\"";
/// Where one was counted before the pico was started.
const BEFORE: &str = "echo \"name=\\\"$name\\\" host=\\\"n\\\" value=\\\"$(($(date +%s) - 3600))\\\"\"";
/// Where one was counted on another node, or was cleaned up here: the attribute is there, and this node has no value of it.
const ELSEWHERE: &str = "echo \"name=\\\"$name\\\" host=\\\"n\\\" value=\\\"\\\"\"";

/// The cluster's tool: what it was asked is in `/opt/asked`, what it says is up to `/opt/says`.
fn cluster_says(site: &Site, says: &str) -> Done {
    site.node.write("/opt/says", format!("{says}\n"))?;
    site.sh("[ -d /opt/sbin ] && exit
        mkdir /opt/sbin && : >/opt/asked
        printf '#!/bin/sh\\nname=$3; shift; echo \"$*\" >>/opt/asked; . /opt/says\\n' >/opt/sbin/attrd_updater
        chmod 755 /opt/sbin/attrd_updater
        mount --bind /opt/sbin /usr/sbin")
        .map(drop)
}

/// What it was asked, all together.
fn asked(site: &Site) -> Result<Vec<String>, Error> {
    Ok(site.node.read("/opt/asked")?.lines().map(str::to_owned).collect())
}

/// The last report was made long ago.
fn later(site: &Site) -> Done {
    let record = site.record();
    site.sh(&format!("sed -i 's/\"last\":[0-9]*/\"last\":0/g' {record} && grep -q '\"last\":0' {record}"))
        .map(drop)
}

/// The pico has died, depth 0 has reported it, and the cluster says this of it.
fn reported(says: &str) -> Result<Site, Error> {
    let site = told()?;
    cluster_says(&site, says)?;
    Ok(site)
}

fn depth_0(site: &Site) -> AgentCall<'_> {
    waiting(site, "1s")
}

#[test]
fn death_that_was_not_counted_is_reported_again_every_20_s_with_the_other_code() -> Done {
    let site = reported(NEVER)?;
    depth_0(&site).run("monitor")?.answers(NOT_RUNNING);
    assert!(asked(&site)?.is_empty(), "within 20 s nobody is asked");
    for (code, other) in [(GENERIC, NOT_RUNNING), (NOT_RUNNING, GENERIC), (GENERIC, NOT_RUNNING)] {
        later(&site)?;
        let ran = depth_0(&site).run("monitor")?.answers(code);
        ran.because(&["platform is not running", "reported", "not counted by the cluster"]);
        // The next ones say the same, or that would be one more report.
        for _ in 0..2 {
            let ran = depth_0(&site).run("monitor")?;
            assert_ne!(ran.code(), Some(other), "{ran}");
            ran.answers(code);
        }
    }
    let name = format!("--name last-failure-platform#monitor_{}", OFTEN.as_millis());
    let asked = asked(&site)?;
    assert_eq!(asked.len(), 3, "{asked:?}");
    assert!(asked.iter().all(|words| words.starts_with(&name) && words.contains(" --node ")), "{asked:?}");
    Ok(())
}

#[test]
fn death_that_was_counted_is_never_reported_again() -> Done {
    // At once, or after it had to be reported a second time.
    for (dropped, code) in [(0, NOT_RUNNING), (1, GENERIC)] {
        let site = reported(NEVER)?;
        for _ in 0..dropped {
            later(&site)?;
            depth_0(&site).run("monitor")?.answers(code);
        }
        cluster_says(&site, NOW)?;
        later(&site)?;
        depth_0(&site).run("monitor")?.answers(code);
        // The cluster forgets it, as after `failure-timeout`.
        cluster_says(&site, NEVER)?;
        later(&site)?;
        depth_0(&site).run("monitor")?.answers(code);
        assert_eq!(asked(&site)?.len(), dropped + 1);
    }
    Ok(())
}

#[test]
fn failure_before_the_last_start_or_on_another_node_is_not_this_death() -> Done {
    for says in [BEFORE, ELSEWHERE] {
        let site = reported(says)?;
        later(&site)?;
        depth_0(&site).run("monitor")?.answers(GENERIC);
    }
    Ok(())
}

#[test]
fn death_is_reported_as_before_where_the_cluster_does_not_answer() -> Done {
    let broken = [
        "exec sleep 1000000",
        "echo 'Could not connect to attrd' >&2; exit 102",
        "exit 0",
        "echo value=; exit 78",
    ];
    for says in broken {
        let site = reported(says)?;
        for _ in 0..2 {
            later(&site)?;
            let ran = depth_0(&site).run("monitor")?.answers(NOT_RUNNING);
            assert!(ran.wall < QUICK, "{ran}");
            // It is not asked again before 20 s are over.
            depth_0(&site).run("monitor")?.answers(NOT_RUNNING);
        }
        assert_eq!(asked(&site)?.len(), 2, "{says}");
    }
    // There is no such tool.
    let site = reported(NEVER)?;
    site.sh("rm /opt/sbin/attrd_updater")?;
    later(&site)?;
    depth_0(&site).run("monitor")?.answers(NOT_RUNNING);
    Ok(())
}

#[test]
fn monitors_of_all_depths_report_a_death_again_once_in_20_s_together() -> Done {
    let deeper = Duration::from_secs(3);
    let depth_10 = |site: &Site| depth_0(site).level(10).interval(deeper).run("monitor");
    let site = reported(NEVER)?;
    depth_10(&site)?.answers(NOT_RUNNING);
    later(&site)?;
    depth_10(&site)?.answers(GENERIC);
    depth_0(&site).run("monitor")?.answers(NOT_RUNNING);
    depth_10(&site)?.answers(GENERIC);
    // A failure of either one is this death.
    let names = [OFTEN, deeper].map(|every| format!("#monitor_{} ", every.as_millis()));
    let all = asked(&site)?;
    assert!(
        all.len() == 2 && names.iter().all(|name| all.iter().any(|words| words.contains(name))),
        "{all:?}"
    );
    cluster_says(&site, &format!("case $name in *_3000) {NOW} ;; *) {NEVER} ;; esac"))?;
    later(&site)?;
    depth_0(&site).run("monitor")?.answers(NOT_RUNNING);
    later(&site)?;
    depth_10(&site)?.answers(GENERIC);
    Ok(())
}

#[test]
fn report_that_cant_be_noted_is_not_made() -> Done {
    // The next run could not know of it, and would take it back.
    let site = reported(NEVER)?;
    later(&site)?;
    let directory = "/run/mediationzone-ra";
    site.sh(&format!("mount --bind {directory} {directory} && mount -o remount,bind,ro {directory}"))?;
    depth_0(&site).run("monitor")?.answers(NOT_RUNNING);
    Ok(())
}

#[test]
fn probe_and_call_by_a_person_know_no_report() -> Done {
    let site = reported(NEVER)?;
    for depth in [10, 0] {
        depth_0(&site).level(depth).run("monitor")?.answers(NOT_RUNNING);
    }
    for call in [site.agent(), depth_0(&site).without("OCF_RESKEY_CRM_meta_on_node")] {
        later(&site)?;
        call.run("monitor")?.answers(NOT_RUNNING);
    }
    assert!(asked(&site)?.is_empty());
    Ok(())
}

#[test]
fn next_life_begins_without_reports() -> Done {
    let site = reported(NEVER)?;
    later(&site)?;
    depth_0(&site).run("monitor")?.answers(GENERIC);
    site.agent().run("stop")?.answers(testkit::answer::OK);
    let pid = site.start()?.pid;
    site.signal(pid, "KILL")?;
    depth_0(&site).run("monitor")?.answers(NOT_RUNNING);
    Ok(())
}
