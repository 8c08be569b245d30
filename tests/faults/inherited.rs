//! What a parent hands on to the agents that it should not: signals that are ignored or blocked.

use std::time::Duration;

use testkit::answer::{Answer, NOT_RUNNING, OK};
use testkit::site::{Kind, Site, recurring, site};
use testkit::{AgentCall, Done, End};

/// Each through a program that leaves the next one these signals.
const PARENTS: [&[&str]; 3] = [
    &["env", "--ignore-signal=CHLD"],
    &["env", "--block-signal=CHLD,TERM,INT,HUP,PIPE,ALRM"],
    &["env", "--ignore-signal=CHLD,TERM,HUP", "--block-signal"],
];

/// The interval of a row whose next run comes as soon as the last one has ended.
const OFTEN: Duration = Duration::from_millis(100);

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
