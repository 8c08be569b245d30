//! What a parent hands on to the agents that it should not: signals that are ignored or blocked, and a limit of the size of files.

use std::time::Duration;

use testkit::answer::{Answer, GENERIC, NOT_RUNNING, OK};
use testkit::site::{Kind, Site, recurring, site};
use testkit::{AgentCall, Done, End};

/// Each through a program that leaves the next one these signals, whatever it has itself from who runs the tests: a shell starts what
/// it runs in the background with SIGINT ignored.
const PARENTS: [&[&str]; 3] = [
    &["env", "--default-signal", "--ignore-signal=CHLD"],
    &["env", "--default-signal", "--block-signal=CHLD,TERM,INT,HUP,PIPE,ALRM"],
    &["env", "--default-signal", "--ignore-signal=CHLD,TERM,HUP", "--block-signal"],
];

/// The interval of a row whose next run comes as soon as the last one has ended.
const OFTEN: Duration = Duration::from_millis(100);

/// From signal(7); the same number on x86-64, Arm and RISC-V.
const SIGXFSZ: u32 = 25;

fn agent<'a>(site: &'a Site, parent: &[&str]) -> AgentCall<'a> {
    site.agent().through(parent.iter().copied())
}

/// With SIGCHLD ignored, or signals blocked, by whoever runs the agent, each action answers as without.
#[test]
fn signals_ignored_or_blocked_by_the_parent_cost_no_answer() -> Done {
    for parent in PARENTS {
        let site = site(Kind::Platform).build()?;
        agent(&site, parent).run("monitor")?.answers(NOT_RUNNING);
        let validate = agent(&site, parent).level(10).run("validate-all")?.expect(OK)?;
        assert!(!validate.stderr.contains("No child"), "{validate}");
        agent(&site, parent).run("start")?.answers(OK);
        site.one("platform")?;
        for level in [0, 10, 20] {
            recurring(agent(&site, parent), level).run("monitor")?.answers(OK).silently();
        }
        agent(&site, parent).run("monitor")?.answers(OK).silently();
        assert!(!site.log()?.contains("No child"), "{}", site.log()?);
        agent(&site, parent).run("stop")?.answers(OK);
        assert_eq!(site.last_end("platform")?.as_deref(), Some("shutdown"));
        site.nothing_left()?;
    }
    Ok(())
}

/// An agent that got SIGINT blocked ends by it as any other, in the middle of its wait.
#[test]
fn sigint_blocked_by_the_parent_still_ends_the_agent() -> Done {
    let site = site(Kind::Platform).build()?;
    site.start()?;
    let row = || {
        let row = agent(&site, PARENTS[1]).param("wait", "25s").interval(OFTEN).level(0);
        row.meta_timeout(Duration::from_secs(60))
    };
    row().run("monitor")?.answers(OK).silently();
    let (ran, ()) = site.meanwhile(
        || row().run("monitor"),
        |site| {
            let monitor = site.waiting_monitor()?;
            site.signal(monitor.pid, "INT")
        },
    )?;
    assert_eq!(ran.end, End::Signal(2), "{ran}");
    Ok(())
}

/// With no file allowed to grow (`RLIMIT_FSIZE` 0) no action is ended by SIGXFSZ: each monitor, probe and validation answers as without the
/// limit, a stop ends the pico, a reload is no failure, and a start, which can't write the record, fails and names the limit.
#[test]
fn a_limit_of_the_size_of_files_ends_no_action() -> Done {
    for (kind, trace) in [(Kind::Platform, "no"), (Kind::Ec, "yes")] {
        let site = site(kind).build()?;
        let agent = || agent(&site, &["prlimit", "--fsize=0"]).param("trace_ra", trace);
        agent().run("monitor")?.answers(NOT_RUNNING);
        agent().level(10).run("validate-all")?.answers(OK);
        assert!(agent().run("meta-data")?.expect(OK)?.stdout.contains("</resource-agent>"));
        agent().run("start")?.answers(GENERIC).because(&["record", "RLIMIT_FSIZE 0"]);
        site.nothing_left()?;
        let pid = site.start()?.pid;
        for level in [0, 10, 20] {
            recurring(agent(), level).run("monitor")?.answers(OK).silently();
        }
        agent().run("monitor")?.answers(OK).silently();
        agent().run("reload-agent")?.answers(OK);
        assert_eq!(site.one(site.pico())?.pid, pid);
        agent().run("stop")?.answers(OK);
        site.nothing_left()?;
        agent().run("stop")?.answers(OK);
    }
    Ok(())
}

/// Where only the soft limit of the size of files is 0, nothing fails; the pico may write as much as the hard one allows, and gets SIGXFSZ as
/// any process.
#[test]
fn a_soft_limit_of_the_size_of_files_is_raised() -> Done {
    let site = site(Kind::Platform).build()?;
    let agent = || agent(&site, &["prlimit", "--fsize=0:"]);
    agent().run("start")?.answers(OK);
    let pid = site.one("platform")?.pid;
    let limits = site.node.read(format!("/proc/{pid}/limits"))?;
    let largest = limits.lines().find_map(|line| line.strip_prefix("Max file size")).unwrap_or_default();
    assert!(largest.trim_start().starts_with("unlimited"), "{limits}");
    let status = site.node.read(format!("/proc/{pid}/status"))?;
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or_default();
    let ignored = u64::from_str_radix(ignored.trim(), 16).expect("a mask of signals");
    assert_eq!(ignored & 1 << (SIGXFSZ - 1), 0, "what the agent ignores for itself is not handed on");
    assert!(site.log()?.contains("platform(platform)"), "{}", site.log()?);
    agent().run("stop")?.answers(OK);
    assert_eq!(site.last_end("platform")?.as_deref(), Some("shutdown"));
    site.nothing_left()
}
