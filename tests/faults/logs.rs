//! Log files and traces on a file system that hangs: a freeze of /var/log for a snapshot, a server that is gone.

use std::time::Duration;

use testkit::answer::{Answer, CONFIGURED, NOT_RUNNING, OK};
use testkit::site::{Kind, Site, in_short, recurring, site};
use testkit::{AgentCall, Done, Error, Held, Hung, Process, Ran};

/// Log lines of the agents unless a test says otherwise.
const LOG: &str = "/var/log/pacemaker/pacemaker.log";

/// What hangs, and the variable or parameter that names it.
const PLACES: [(&str, &str); 4] = [
    ("HA_LOGFILE", LOG),
    ("HA_DEBUGLOG", "/var/log/debug"),
    ("OCF_RESKEY_trace_dir", "/var/lib/heartbeat/trace_ra"),
    ("OCF_RESKEY_trace_file", "/var/log/trace"),
];

/// A line, or a trace, may cost the action the second that it is given, once it could not be written; the machine may be busy.
const LONGEST: Duration = Duration::from_secs(5);

/// Has the place hang.
fn hang(site: &Site, (name, path): (&str, &str)) -> Result<Hung, Error> {
    site.sh(&if name.ends_with("dir") { format!("mkdir -p {path}") } else { format!("touch {path}") })?;
    site.node.hang(path, Held::Everything)
}

/// A call that writes to the place; to its log file, too, where that is not the place.
fn writing_to<'a>(call: AgentCall<'a>, (name, path): (&str, &str)) -> AgentCall<'a> {
    let call = call.env(name, path);
    if name.contains("trace") { call.param("trace_ra", "1") } else { call }
}

/// An agent itself, and not what it has forked for its log, which has a session of its own.
fn is_agent(process: &Process) -> bool {
    process.argv.first().is_some_and(|first| first.contains("resource.d/mediationzone/"))
}

/// What an agent has forked and left behind.
fn writers(site: &Site) -> Result<Vec<Process>, Error> {
    let mut all = site.processes()?;
    all.retain(|process| is_agent(process) && process.session == process.pid);
    Ok(all)
}

/// Runs it while the place hangs. An agent that waited for the place would end with the release of it and not before.
fn ends_while_it_hangs(call: AgentCall<'_>, action: &str) -> Result<Ran, Error> {
    let ran = call.run(action)?;
    assert!(ran.wall < LONGEST, "{ran}");
    Ok(ran)
}

/// Each action answers as ever, with its reason, where a log file, the debug log, the directory or the file of the traces hangs: the agent
/// never waits for it, one process at most is left behind for each, and afterwards the lines are written again.
#[test]
fn a_log_or_a_trace_that_hangs_holds_no_action_up() -> Done {
    for place in PLACES {
        let site = site(Kind::Platform).build()?;
        let hung = hang(&site, place)?;
        let call = || writing_to(site.agent(), place);
        let run = |call, action| ends_while_it_hangs(call, action);
        let not_running = ["platform", "not running"];
        run(call(), "monitor")?.answers(NOT_RUNNING).because(&not_running);
        run(recurring(call(), 0), "monitor")?.answers(NOT_RUNNING).because(&not_running);
        run(call().level(10), "validate-all")?.answers(OK);
        run(call().param("pico_name", "-"), "validate-all")?.answers(CONFIGURED).because(&["pico_name"]);
        run(call(), "start")?.answers(OK);
        site.one("platform")?;
        for level in [0, 10, 20] {
            run(recurring(call(), level), "monitor")?.answers(OK).silently();
        }
        run(call(), "reload-agent")?.answers(OK);
        assert!(run(call(), "meta-data")?.expect(OK)?.stdout.contains("</resource-agent>"));
        run(call(), "stop")?.answers(OK);
        assert_eq!(site.last_end("platform")?.as_deref(), Some("shutdown"));
        let left = writers(&site)?;
        assert!(left.len() == 1 && left[0].state == 'D', "{place:?}: {}", in_short(&left));

        hung.release();
        // A process that is in its exit has no arguments any more, so all are looked at.
        site.until("the end of what hung", |site| {
            let left = site.processes()?;
            Ok(if left.is_empty() { Ok(()) } else { Err(in_short(&left)) })
        })?;
        site.nothing_left()?;
        call().run("monitor")?.answers(NOT_RUNNING);
        let written = site.sh(&format!("find {} -type f -exec cat {{}} +", place.1))?;
        assert!(
            written.contains("monitor: platform") || written.contains("\"begins\""),
            "{place:?}: {written}"
        );
    }
    Ok(())
}

/// A monitor again and again, over a log file that hangs, leaves one process behind and not one each time, and does not wait for it again;
/// neither do those of other resources.
#[test]
fn monitors_over_a_log_that_hangs_leave_one_process_behind() -> Done {
    let site = site(Kind::Platform).build()?;
    let hung = hang(&site, PLACES[0])?;
    for round in 0..30 {
        let monitor = recurring(site.agent(), 0).instance(["one", "two"][round % 2]);
        let ran = monitor.run("monitor")?.answers(NOT_RUNNING);
        let left = writers(&site)?;
        assert!(left.len() <= 1, "{round}: {ran}{}", in_short(&left));
    }
    hung.release();
    Ok(())
}

/// What is left behind keeps nothing of the agent's open: who reads its output to the end has it when the agent ends.
#[test]
fn what_hangs_in_a_log_keeps_nothing_open() -> Done {
    let site = site(Kind::Platform).build()?;
    let hung = hang(&site, PLACES[0])?;
    let (argv, environment) = recurring(site.agent(), 0).spelled_out("monitor");
    let line = format!("said=$({} 2>&1 9>/tmp/held); code=$?; echo \"$said\"; exit $code", argv.join(" "));
    let shell = site.node.command("sh").args(["-c", &line]).time_limit(Duration::from_secs(20));
    let shell = environment.into_iter().fold(shell, |call, (name, value)| call.env(name, value));
    let ran = shell.run()?.expect(NOT_RUNNING)?;
    assert!(ran.stdout.contains("ocf-exit-reason:platform") && ran.wall < LONGEST, "{ran}");
    let left = writers(&site)?;
    assert_eq!(left.len(), 1, "{}", in_short(&left));
    let open = site.sh(&format!("readlink /proc/{}/fd/*", left[0].pid))?;
    assert!(!open.contains("/tmp/held") && !open.contains("pipe:"), "{open}");
    hung.release();
    Ok(())
}

/// A debug log that hangs costs the log file beside it no line.
#[test]
fn a_debug_log_that_hangs_costs_the_log_no_line() -> Done {
    let site = site(Kind::Platform).build()?;
    let hung = hang(&site, PLACES[1])?;
    for _ in 0..3 {
        writing_to(recurring(site.agent(), 0), PLACES[1]).run("monitor")?.answers(NOT_RUNNING);
    }
    let log = site.log()?;
    assert_eq!(log.lines().filter(|line| line.contains("ERROR: monitor: platform")).count(), 3, "{log}");
    hung.release();
    Ok(())
}

/// Lines in the log file begin with the local time, as those of the shell agents and of Pacemaker around them do.
#[test]
fn log_lines_are_in_local_time() -> Done {
    for zone in ["Asia/Kolkata", "<-11>11"] {
        let site = site(Kind::Platform).build()?;
        let now =
            || -> Result<u64, Error> { Ok(site.sh("date +%s")?.trim().parse().expect("date tells seconds")) };
        let before = now()?;
        recurring(site.agent(), 0).env("TZ", zone).run("monitor")?.answers(NOT_RUNNING);
        let log = site.log()?;
        let line = log.lines().last().unwrap_or_default();
        let times: Vec<String> = (before..=now()?)
            .map(|second| site.sh(&format!("TZ='{zone}' date -d @{second} '+%b %d %T  platform(platform)['")))
            .collect::<Result<_, _>>()?;
        assert!(
            times.iter().any(|time| line.starts_with(time.trim_end())),
            "{zone}: {line}, not one of {times:?}"
        );
    }
    Ok(())
}
