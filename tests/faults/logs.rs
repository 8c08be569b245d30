//! Log files and traces on a file system that hangs: /var/log is frozen for a snapshot, or its server is
//! gone.

use std::time::Duration;

use testkit::assertions::{AgentAssertions, OCF_ERR_CONFIGURED, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, as_recurring_monitor, describe_processes, fixture};
use testkit::{
    AgentCall, HungOperation, HungStorage, NodeCommandOutput, NodeProcess, TestResult, TestkitError,
};

/// The agents' log file unless a test says otherwise.
const DEFAULT_LOG_FILE: &str = "/var/log/pacemaker/pacemaker.log";

/// Places that hang, and the variable or parameter that sets each.
const HUNG_PLACES: [(&str, &str); 4] = [
    ("HA_LOGFILE", DEFAULT_LOG_FILE),
    ("HA_DEBUGLOG", "/var/log/debug"),
    ("OCF_RESKEY_trace_dir", "/var/lib/heartbeat/trace_ra"),
    ("OCF_RESKEY_trace_file", "/var/log/trace"),
];

/// A log line or trace that cannot be written costs the action the second that it is given. The rest is for a
/// busy machine.
const MAX_WALL_TIME: Duration = Duration::from_secs(5);

fn hang_place(fixture: &Fixture, (name, path): (&str, &str)) -> Result<HungStorage, TestkitError> {
    fixture.sh(&if name.ends_with("dir") {
        format!("mkdir -p {path}")
    } else {
        format!("touch {path}")
    })?;
    fixture.node.hang_storage(path, HungOperation::Everything)
}

/// A call that writes to the place, and also to its log file where that is another place.
fn agent_writing_to<'a>(call: AgentCall<'a>, (name, path): (&str, &str)) -> AgentCall<'a> {
    let call = call.env(name, path);
    if name.contains("trace") { call.param("trace_ra", "1") } else { call }
}

/// Excludes the process that an agent has forked for its log, which has a session of its own.
fn is_agent(process: &NodeProcess) -> bool {
    process.argv.first().is_some_and(|first| first.contains("resource.d/mediationzone/"))
}

/// Processes that an agent has forked and left behind.
fn writer_processes(fixture: &Fixture) -> Result<Vec<NodeProcess>, TestkitError> {
    let mut all = fixture.processes()?;
    all.retain(|process| is_agent(process) && process.session == process.pid);
    Ok(all)
}

/// Runs the action while the place hangs. An agent that waited for the place would end only when the place is
/// released.
fn ends_while_it_hangs(
    call: AgentCall<'_>,
    action: &str,
) -> Result<NodeCommandOutput, TestkitError> {
    let ran = call.run(action)?;
    assert!(ran.wall_time < MAX_WALL_TIME, "{ran}");
    Ok(ran)
}

/// A hung log file, debug log, trace directory or trace file changes no answer and no reason of an action.
/// The agent never waits for it and leaves at most one process for each. Afterwards the lines are written
/// again.
#[test]
fn hung_log_or_trace_delays_no_action() -> TestResult {
    for place in HUNG_PLACES {
        let fixture = fixture(AgentKind::Platform).build()?;
        let hung = hang_place(&fixture, place)?;
        let call = || agent_writing_to(fixture.agent(), place);
        let run = |call, action| ends_while_it_hangs(call, action);
        let not_running = ["platform", "not running"];
        run(call(), "monitor")?.assert_exit_code(OCF_NOT_RUNNING).assert_reason(&not_running);
        run(as_recurring_monitor(call(), 0), "monitor")?
            .assert_exit_code(OCF_NOT_RUNNING)
            .assert_reason(&not_running);
        run(call().check_level(10), "validate-all")?.assert_exit_code(OCF_SUCCESS);
        run(call().param("pico_name", "-"), "validate-all")?
            .assert_exit_code(OCF_ERR_CONFIGURED)
            .assert_reason(&["pico_name"]);
        run(call(), "start")?.assert_exit_code(OCF_SUCCESS);
        fixture.single_pico("platform")?;
        for level in [0, 10, 20] {
            run(as_recurring_monitor(call(), level), "monitor")?
                .assert_exit_code(OCF_SUCCESS)
                .assert_no_output();
        }
        run(call(), "reload-agent")?.assert_exit_code(OCF_SUCCESS);
        assert!(
            run(call(), "meta-data")?
                .expect_code(OCF_SUCCESS)?
                .stdout
                .contains("</resource-agent>")
        );
        run(call(), "stop")?.assert_exit_code(OCF_SUCCESS);
        assert_eq!(fixture.last_end_reason("platform")?.as_deref(), Some("shutdown"));
        let left = writer_processes(&fixture)?;
        assert!(
            left.len() == 1 && left[0].state == 'D',
            "{place:?}: {}",
            describe_processes(&left)
        );

        hung.release();
        // An exiting process has no arguments any more, so all processes count.
        fixture.wait_until("the end of what hung", |fixture| {
            let left = fixture.processes()?;
            Ok(if left.is_empty() { Ok(()) } else { Err(describe_processes(&left)) })
        })?;
        fixture.assert_nothing_left()?;
        call().run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
        let written = fixture.sh(&format!("find {} -type f -exec cat {{}} +", place.1))?;
        assert!(
            written.contains("monitor: platform") || written.contains("\"begins\""),
            "{place:?}: {written}"
        );
    }
    Ok(())
}

/// Repeated monitors with a hung log file leave one process in all, not one each, and do not wait for the
/// file again. That holds for monitors of other resources, too.
#[test]
fn monitors_on_hung_log_leave_one_process() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let hung = hang_place(&fixture, HUNG_PLACES[0])?;
    for round in 0..30 {
        let monitor = as_recurring_monitor(fixture.agent(), 0).instance(["one", "two"][round % 2]);
        let ran = monitor.run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
        let left = writer_processes(&fixture)?;
        assert!(left.len() <= 1, "{round}: {ran}{}", describe_processes(&left));
    }
    hung.release();
    Ok(())
}

/// A process that was left behind keeps no output of the agent open: a caller that reads to end-of-file gets
/// it when the agent ends.
#[test]
fn hung_log_writer_keeps_no_output_open() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let hung = hang_place(&fixture, HUNG_PLACES[0])?;
    let (argv, environment) =
        as_recurring_monitor(fixture.agent(), 0).argv_and_environment("monitor");
    let line =
        format!("said=$({} 2>&1 9>/tmp/held); code=$?; echo \"$said\"; exit $code", argv.join(" "));
    let shell = fixture.node.command("sh").args(["-c", &line]).time_limit(Duration::from_secs(20));
    let shell = environment.into_iter().fold(shell, |call, (name, value)| call.env(name, value));
    let ran = shell.run()?.expect_code(OCF_NOT_RUNNING)?;
    assert!(
        ran.stdout.contains("ocf-exit-reason:platform") && ran.wall_time < MAX_WALL_TIME,
        "{ran}"
    );
    let left = writer_processes(&fixture)?;
    assert_eq!(left.len(), 1, "{}", describe_processes(&left));
    let open = fixture.sh(&format!("readlink /proc/{}/fd/*", left[0].pid))?;
    assert!(!open.contains("/tmp/held") && !open.contains("pipe:"), "{open}");
    hung.release();
    Ok(())
}

/// A hung debug log costs the log file no line.
#[test]
fn hung_debug_log_loses_no_line_of_log_file() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    let hung = hang_place(&fixture, HUNG_PLACES[1])?;
    for _ in 0..3 {
        agent_writing_to(as_recurring_monitor(fixture.agent(), 0), HUNG_PLACES[1])
            .run("monitor")?
            .assert_exit_code(OCF_NOT_RUNNING);
    }
    let log = fixture.log()?;
    assert_eq!(
        log.lines().filter(|line| line.contains("ERROR: monitor: platform")).count(),
        3,
        "{log}"
    );
    hung.release();
    Ok(())
}

/// Lines in the log file begin with the local time, like those of the shell agents and of Pacemaker.
#[test]
fn log_lines_are_in_local_time() -> TestResult {
    for zone in ["Asia/Kolkata", "<-11>11"] {
        let fixture = fixture(AgentKind::Platform).build()?;
        let now = || -> Result<u64, TestkitError> {
            Ok(fixture.sh("date +%s")?.trim().parse().expect("date tells seconds"))
        };
        let before = now()?;
        as_recurring_monitor(fixture.agent(), 0)
            .env("TZ", zone)
            .run("monitor")?
            .assert_exit_code(OCF_NOT_RUNNING);
        let log = fixture.log()?;
        let line = log.lines().last().unwrap_or_default();
        let times: Vec<String> = (before..=now()?)
            .map(|second| {
                fixture
                    .sh(&format!("TZ='{zone}' date -d @{second} '+%b %d %T  platform(platform)['"))
            })
            .collect::<Result<_, _>>()?;
        assert!(
            times.iter().any(|time| line.starts_with(time.trim_end())),
            "{zone}: {line}, not one of {times:?}"
        );
    }
    Ok(())
}
