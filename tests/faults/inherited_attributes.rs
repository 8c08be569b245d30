//! Attributes that an agent should not inherit from its parent: ignored or blocked signals, and a limit of
//! the file size.

use std::time::Duration;

use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, as_recurring_monitor, fixture};
use testkit::{AgentCall, NodeExitStatus, TestResult};

/// Wrappers that leave the next program these signals ignored or blocked, whatever the caller of the tests left: a shell starts its
/// background jobs with SIGINT ignored.
const SIGNAL_WRAPPERS: [&[&str]; 3] = [
    &["env", "--default-signal", "--ignore-signal=CHLD"],
    &["env", "--default-signal", "--block-signal=CHLD,TERM,INT,HUP,PIPE,ALRM"],
    &["env", "--default-signal", "--ignore-signal=CHLD,TERM,HUP", "--block-signal"],
];

/// The interval of a schedule entry whose next monitor comes as soon as the last one has ended.
const SHORT_INTERVAL: Duration = Duration::from_millis(100);

/// From signal(7); the same number on x86-64, Arm and RISC-V.
const SIGXFSZ: u32 = 25;

fn agent_run_by<'a>(fixture: &'a Fixture, parent: &[&str]) -> AgentCall<'a> {
    fixture.agent().wrap_with(parent.iter().copied())
}

/// The parent ignores SIGCHLD or blocks signals: each action answers as without.
#[test]
fn signals_ignored_or_blocked_by_parent_change_no_answer() -> TestResult {
    for parent in SIGNAL_WRAPPERS {
        let fixture = fixture(AgentKind::Platform).build()?;
        agent_run_by(&fixture, parent).run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
        let validate = agent_run_by(&fixture, parent)
            .check_level(10)
            .run("validate-all")?
            .expect_code(OCF_SUCCESS)?;
        assert!(!validate.stderr.contains("No child"), "{validate}");
        agent_run_by(&fixture, parent).run("start")?.assert_exit_code(OCF_SUCCESS);
        fixture.single_pico("platform")?;
        for level in [0, 10, 20] {
            as_recurring_monitor(agent_run_by(&fixture, parent), level)
                .run("monitor")?
                .assert_exit_code(OCF_SUCCESS)
                .assert_no_output();
        }
        agent_run_by(&fixture, parent)
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output();
        assert!(!fixture.log()?.contains("No child"), "{}", fixture.log()?);
        agent_run_by(&fixture, parent).run("stop")?.assert_exit_code(OCF_SUCCESS);
        assert_eq!(fixture.last_end_reason("platform")?.as_deref(), Some("shutdown"));
        fixture.assert_nothing_left()?;
    }
    Ok(())
}

/// An agent that inherited a blocked SIGINT still ends by it in the middle of its wait.
#[test]
fn sigint_blocked_by_parent_still_ends_agent() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    fixture.start()?;
    let row = || {
        let row = agent_run_by(&fixture, SIGNAL_WRAPPERS[1])
            .param("wait", "25s")
            .interval(SHORT_INTERVAL)
            .check_level(0);
        row.meta_timeout(Duration::from_secs(60))
    };
    row().run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    let (ran, ()) = fixture.run_during(
        || row().run("monitor"),
        |fixture| {
            let monitor = fixture.wait_for_waiting_monitor()?;
            fixture.signal(monitor.pid, "INT")
        },
    )?;
    assert_eq!(ran.exit_status, NodeExitStatus::Signal(2), "{ran}");
    Ok(())
}

/// No file may grow (`RLIMIT_FSIZE` 0): no action is ended by SIGXFSZ. Each monitor, probe and validation
/// answers as without the limit, a stop ends the pico, and a reload succeeds. A start cannot write the
/// record, fails and names the limit.
#[test]
fn file_size_limit_0_ends_no_action() -> TestResult {
    for (kind, trace) in [(AgentKind::Platform, "no"), (AgentKind::Ec, "yes")] {
        let fixture = fixture(kind).build()?;
        let agent = || agent_run_by(&fixture, &["prlimit", "--fsize=0"]).param("trace_ra", trace);
        agent().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
        agent().check_level(10).run("validate-all")?.assert_exit_code(OCF_SUCCESS);
        assert!(
            agent()
                .run("meta-data")?
                .expect_code(OCF_SUCCESS)?
                .stdout
                .contains("</resource-agent>")
        );
        agent()
            .run("start")?
            .assert_exit_code(OCF_ERR_GENERIC)
            .assert_reason(&["record", "RLIMIT_FSIZE 0"]);
        fixture.assert_nothing_left()?;
        let pid = fixture.start()?.pid;
        for level in [0, 10, 20] {
            as_recurring_monitor(agent(), level)
                .run("monitor")?
                .assert_exit_code(OCF_SUCCESS)
                .assert_no_output();
        }
        agent().run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        agent().run("reload-agent")?.assert_exit_code(OCF_SUCCESS);
        assert_eq!(fixture.single_pico(fixture.pico())?.pid, pid);
        agent().run("stop")?.assert_exit_code(OCF_SUCCESS);
        fixture.assert_nothing_left()?;
        agent().run("stop")?.assert_exit_code(OCF_SUCCESS);
    }
    Ok(())
}

/// Only the soft limit of the file size is 0: nothing fails. The pico may write as much as the hard limit
/// allows, and gets SIGXFSZ as any process.
#[test]
fn soft_file_size_limit_is_raised() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let agent = || agent_run_by(&fixture, &["prlimit", "--fsize=0:"]);
    agent().run("start")?.assert_exit_code(OCF_SUCCESS);
    let pid = fixture.single_pico("platform")?.pid;
    let limits = fixture.node.read(format!("/proc/{pid}/limits"))?;
    let largest =
        limits.lines().find_map(|line| line.strip_prefix("Max file size")).unwrap_or_default();
    assert!(largest.trim_start().starts_with("unlimited"), "{limits}");
    let status = fixture.node.read(format!("/proc/{pid}/status"))?;
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or_default();
    let ignored = u64::from_str_radix(ignored.trim(), 16).expect("a mask of signals");
    assert_eq!(
        ignored & 1 << (SIGXFSZ - 1),
        0,
        "what the agent ignores for itself is not handed on"
    );
    assert!(fixture.log()?.contains("platform(platform)"), "{}", fixture.log()?);
    agent().run("stop")?.assert_exit_code(OCF_SUCCESS);
    assert_eq!(fixture.last_end_reason("platform")?.as_deref(), Some("shutdown"));
    fixture.assert_nothing_left()
}
