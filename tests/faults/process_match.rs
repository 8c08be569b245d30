//! `process_match` patterns that match more than the pico.

use testkit::assertions::{
    AgentAssertions, OCF_ERR_CONFIGURED, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS,
};
use testkit::fixture::{AgentKind, as_recurring_monitor, fixture};
use testkit::{TestResult, TestkitError};

/// Each of them matches a process other than the pico on every node of a cluster.
const REFUSED_PATTERNS: [&str; 8] = [
    ".*",
    "^",
    "x*",
    "mediationzone/ec ",
    "pacemaker-execd",
    "corosync",
    "^(/usr)?/s?bin/init|ec1",
    "pcsd$",
];

/// A pattern that matches anything, the agent itself, the node's init or a cluster daemon fails start and
/// validation with 6 and names the match. Nothing is started.
#[test]
fn pattern_matching_agent_or_cluster_daemon_is_refused() -> TestResult {
    let fixture = fixture(AgentKind::Ec).build()?;
    for pattern in REFUSED_PATTERNS {
        let call = || fixture.agent().param("process_match", pattern);
        call()
            .run("start")?
            .assert_exit_code(OCF_ERR_CONFIGURED)
            .assert_reason(&["process_match: ", "does not match"]);
        for level in [0, 10] {
            let validated =
                call().check_level(level).run("validate-all")?.assert_exit_code(OCF_ERR_CONFIGURED);
            assert!(validated.stderr.starts_with("ERROR: process_match: "), "{validated}");
        }
    }
    assert_eq!(fixture.pico_processes("ec1")?.len(), 0);
    assert_eq!(fixture.mzsh_call_count("startup")?, 1, "the Platform's");
    fixture.assert_nothing_left()
}

/// A pattern that matches a running cluster daemon of this node, with whatever options, fails start and
/// validation at level 10 with 6. The reason has the daemon's pid and command line.
#[test]
fn pattern_matching_running_cluster_daemon_is_refused() -> TestResult {
    let fixture = fixture(AgentKind::Ec).build()?;
    fixture.sh("mkdir /opt/x && cp /bin/sleep /opt/x/corosync")?;
    let call = || fixture.agent().param("process_match", "-?ec1$|sync 1000007$");
    call().check_level(10).run("validate-all")?.assert_exit_code(OCF_SUCCESS);
    let line = "setsid bash -c 'exec -a /usr/sbin/corosync /opt/x/corosync 1000007' </dev/null >/dev/null 2>&1 & echo $!";
    let runs = |said: &str| -> Result<u32, TestkitError> {
        let pid: u32 = said.trim().parse().expect("a number");
        fixture.wait_until("the daemon to be what it is", |fixture| {
            let all = fixture.processes()?;
            let found = all
                .iter()
                .any(|p| p.pid == pid && p.argv.first().is_some_and(|a| a.ends_with("/corosync")));
            Ok(found.then_some(pid).ok_or_else(|| format!("{all:?}")))
        })
    };
    let daemon = runs(&fixture.sh(line)?)?;
    let seen = [format!("pid {daemon} "), "/usr/sbin/corosync 1000007".to_owned()];
    let seen = [seen[0].as_str(), seen[1].as_str(), "process_match: "];
    call().run("start")?.assert_exit_code(OCF_ERR_CONFIGURED).assert_reason(&seen);
    call()
        .check_level(10)
        .run("validate-all")?
        .assert_exit_code(OCF_ERR_CONFIGURED)
        .assert_reason(&seen);
    call().check_level(0).run("validate-all")?.assert_exit_code(OCF_SUCCESS);
    assert!(fixture.pico_processes("ec1")?.is_empty());
    fixture.signal(daemon, "KILL")?;
    // Any user can give a program this command line, so that is no reason to refuse a start.
    if fixture.node.owner() != "root" {
        let stranger =
            runs(&fixture.as_owner("sh").args(["-c", line]).run()?.expect_code(0)?.stdout)?;
        call().check_level(10).run("validate-all")?.assert_exit_code(OCF_SUCCESS);
        fixture.signal(stranger, "KILL")?;
    }
    fixture.assert_nothing_left()
}

/// Such a pattern in a resource that nobody has validated never identifies a daemon or a tool of the cluster
/// as the pico. The pico is not running, and a stop ends none of them.
#[test]
fn cluster_program_matching_pattern_is_never_the_pico() -> TestResult {
    let fixture = fixture(AgentKind::Ec).build()?;
    fixture.sh(
        "mkdir -p /opt/x && for name in corosync crm_resource; do cp /bin/sleep /opt/x/$name; done",
    )?;
    let mut pids = Vec::new();
    for name in ["corosync", "crm_resource"] {
        let line = format!(
            "setsid bash -c 'exec -a /usr/sbin/{name} /opt/x/{name} 1000007' </dev/null >/dev/null 2>&1 & echo $!"
        );
        let pid: u32 = fixture.sh(&line)?.trim().parse().expect("a number");
        pids.push(fixture.wait_until("the program to be what it is", |fixture| {
            let found = fixture.processes()?.into_iter().find(|process| process.pid == pid);
            let found =
                found.filter(|process| process.argv.first().is_some_and(|a| a.ends_with(name)));
            Ok(found.ok_or_else(|| name.to_owned()))
        })?);
    }
    let call = || fixture.agent().param("process_match", "sbin/(corosync|crm_resource) 1000007");
    call().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    as_recurring_monitor(call(), 0).run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    call().run("stop")?.assert_exit_code(OCF_SUCCESS);
    for process in &pids {
        assert!(fixture.is_alive(process)?, "{process:?}");
        fixture.signal(process.pid, "KILL")?;
    }
    fixture.assert_nothing_left()
}

/// A pattern that contains neither the pico's name nor its installation is only a warning of validation.
#[test]
fn pattern_without_pico_or_installation_is_a_warning() -> TestResult {
    let fixture = fixture(AgentKind::Ec).build()?;
    let validate = |pattern: &str| {
        fixture
            .agent()
            .param("process_match", pattern)
            .run("validate-all")?
            .expect_code(OCF_SUCCESS)
    };
    for pattern in ["java", "no-such-process", "(^|/)launcher( |$)"] {
        let validated = validate(pattern)?;
        assert!(
            validated.stderr.starts_with("WARNING: process_match: neither ec1 nor /opt/mz "),
            "{validated}"
        );
    }
    for pattern in ["launcher.*-ec1( |$)", "^/opt/mz/bin/odd ", r"^/opt\/mz\/bin/odd "] {
        validate(pattern)?.assert_no_output();
    }
    fixture
        .agent()
        .param("process_match", "no-such-process")
        .run("start")?
        .assert_exit_code(OCF_ERR_GENERIC);
    fixture
        .agent()
        .param("process_match", "no-such-process")
        .run("stop")?
        .assert_exit_code(OCF_SUCCESS);
    fixture.assert_nothing_left()
}
