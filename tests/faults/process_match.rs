//! `process_match`: a pattern that takes more than the pico for the pico.

use testkit::answer::{Answer, CONFIGURED, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, recurring, site};
use testkit::{Done, Error};

/// Each of them matches something that is no pico on every node of a cluster.
const REFUSED: [&str; 8] =
    [".*", "^", "x*", "mediationzone/ec ", "pacemaker-execd", "corosync", "^(/usr)?/s?bin/init|ec1", "pcsd$"];

/// A pattern that matches anything, the agent itself, the node's first process or a daemon of the cluster fails start and
/// validation with 6 and what it matches; nothing is started.
#[test]
fn a_pattern_that_matches_the_agent_or_a_daemon_of_the_cluster_is_refused() -> Done {
    let site = site(Kind::Ec).build()?;
    for pattern in REFUSED {
        let call = || site.agent().param("process_match", pattern);
        call().run("start")?.answers(CONFIGURED).because(&["process_match: ", "does not match"]);
        for level in [0, 10] {
            let validated = call().level(level).run("validate-all")?.answers(CONFIGURED);
            assert!(validated.stderr.starts_with("ERROR: process_match: "), "{validated}");
        }
    }
    assert_eq!(site.picos("ec1")?.len(), 0);
    assert_eq!(site.calls("startup")?, 1, "the Platform's");
    site.nothing_left()
}

/// A pattern that matches a daemon of the cluster as it runs on this node, with whatever options, fails start and validation at
/// level 10 with 6, and its pid and command line.
#[test]
fn a_pattern_that_matches_a_daemon_as_it_runs_here_is_refused() -> Done {
    let site = site(Kind::Ec).build()?;
    site.sh("mkdir /opt/x && cp /bin/sleep /opt/x/corosync")?;
    let call = || site.agent().param("process_match", "-?ec1$|sync 1000007$");
    call().level(10).run("validate-all")?.answers(OK);
    let line = "setsid bash -c 'exec -a /usr/sbin/corosync /opt/x/corosync 1000007' </dev/null >/dev/null 2>&1 & echo $!";
    let runs = |said: &str| -> Result<u32, Error> {
        let pid: u32 = said.trim().parse().expect("a number");
        site.until("the daemon to be what it is", |site| {
            let all = site.processes()?;
            let found =
                all.iter().any(|p| p.pid == pid && p.argv.first().is_some_and(|a| a.ends_with("/corosync")));
            Ok(found.then_some(pid).ok_or_else(|| format!("{all:?}")))
        })
    };
    let daemon = runs(&site.sh(line)?)?;
    let seen = [format!("pid {daemon} "), "/usr/sbin/corosync 1000007".to_owned()];
    let seen = [seen[0].as_str(), seen[1].as_str(), "process_match: "];
    call().run("start")?.answers(CONFIGURED).because(&seen);
    call().level(10).run("validate-all")?.answers(CONFIGURED).because(&seen);
    call().level(0).run("validate-all")?.answers(OK);
    assert!(site.picos("ec1")?.is_empty());
    site.signal(daemon, "KILL")?;
    // Any user can call a program so: that is no reason to refuse a start.
    if site.node.owner() != "root" {
        let stranger = runs(&site.as_owner("sh").args(["-c", line]).run()?.expect(0)?.stdout)?;
        call().level(10).run("validate-all")?.answers(OK);
        site.signal(stranger, "KILL")?;
    }
    site.nothing_left()
}

/// Such a pattern in a resource that nobody has validated takes neither a daemon nor a tool of the cluster for the pico: nothing is running, and a
/// stop ends none of them.
#[test]
fn daemon_or_tool_that_the_pattern_matches_is_not_the_pico() -> Done {
    let site = site(Kind::Ec).build()?;
    site.sh("mkdir -p /opt/x && for name in corosync crm_resource; do cp /bin/sleep /opt/x/$name; done")?;
    let mut pids = Vec::new();
    for name in ["corosync", "crm_resource"] {
        let line = format!(
            "setsid bash -c 'exec -a /usr/sbin/{name} /opt/x/{name} 1000007' </dev/null >/dev/null 2>&1 & echo $!"
        );
        let pid: u32 = site.sh(&line)?.trim().parse().expect("a number");
        pids.push(site.until("the program to be what it is", |site| {
            let found = site.processes()?.into_iter().find(|process| process.pid == pid);
            let found = found.filter(|process| process.argv.first().is_some_and(|a| a.ends_with(name)));
            Ok(found.ok_or_else(|| name.to_owned()))
        })?);
    }
    let call = || site.agent().param("process_match", "sbin/(corosync|crm_resource) 1000007");
    call().run("monitor")?.answers(NOT_RUNNING);
    recurring(call(), 0).run("monitor")?.answers(NOT_RUNNING);
    call().run("stop")?.answers(OK);
    for process in &pids {
        assert!(site.lives(process)?, "{process:?}");
        site.signal(process.pid, "KILL")?;
    }
    site.nothing_left()
}

/// A pattern in which neither the pico's name nor its installation stands is a warning of validation, and no more.
#[test]
fn a_pattern_without_anything_of_the_pico_is_warned_of() -> Done {
    let site = site(Kind::Ec).build()?;
    let validate =
        |pattern: &str| site.agent().param("process_match", pattern).run("validate-all")?.expect(OK);
    for pattern in ["java", "no-such-process", "(^|/)launcher( |$)"] {
        let validated = validate(pattern)?;
        assert!(
            validated.stderr.starts_with("WARNING: process_match: neither ec1 nor /opt/mz "),
            "{validated}"
        );
    }
    for pattern in ["launcher.*-ec1( |$)", "^/opt/mz/bin/odd ", r"^/opt\/mz\/bin/odd "] {
        validate(pattern)?.silently();
    }
    site.agent().param("process_match", "no-such-process").run("start")?.answers(GENERIC);
    site.agent().param("process_match", "no-such-process").run("stop")?.answers(OK);
    site.nothing_left()
}
