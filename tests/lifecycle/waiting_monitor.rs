//! The waiting monitor: a recurring monitor of depth 0 waits beside a healthy pico and answers at the moment
//! of its death.

use std::thread;
use std::time::{Duration, Instant};

use testkit::{AgentCall, NodeCommandOutput, NodeProcess};

use testkit::TestResult;
use testkit::assertions::{AgentAssertions, OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fixture::{AgentKind, Fixture, fixture};

/// Far longer than any action that does not wait.
const LONG_WAIT: &str = "15s";
/// Far below `LONG_WAIT`.
pub(super) const MAX_IMMEDIATE_ANSWER: Duration = Duration::from_secs(5);
/// The interval of the schedule entry: here each monitor starts as soon as the last one has ended.
pub(super) const SHORT_INTERVAL: Duration = Duration::from_millis(100);

pub(super) fn waiting_call<'a>(fixture: &'a Fixture, wait: &str) -> AgentCall<'a> {
    let call = fixture.agent().param("wait", wait).interval(SHORT_INTERVAL).check_level(0);
    call.meta_timeout(Duration::from_secs(60))
}

/// Major and minor number.
fn kernel_version() -> (u32, u32) {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release
        .split(|c: char| !c.is_ascii_digit())
        .map(|digits| digits.parse().unwrap_or_default());
    (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default())
}

fn assert_immediate(ran: &NodeCommandOutput) {
    assert!(ran.wall_time < MAX_IMMEDIATE_ANSWER, "{ran}");
}

/// The next monitor waits, as long as it may.
fn assert_next_waits(fixture: &Fixture) -> Result<NodeCommandOutput, testkit::TestkitError> {
    let ran = waiting_call(fixture, "300ms")
        .run("monitor")?
        .assert_exit_code(OCF_SUCCESS)
        .assert_no_output();
    assert!(ran.wall_time >= Duration::from_millis(300), "{ran}");
    Ok(ran)
}

/// The next monitor answers at once, and the one after it waits.
fn assert_next_is_first_of_schedule(fixture: &Fixture) -> TestResult {
    assert_immediate(
        &waiting_call(fixture, LONG_WAIT)
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output(),
    );
    assert_next_waits(fixture).map(drop)
}

/// A fixture after the first monitor since the start.
fn fixture_after_first_monitor() -> Result<(Fixture, u32), testkit::TestkitError> {
    let fixture = fixture(AgentKind::Platform).build()?;
    let pid = fixture.start()?.pid;
    // The first monitor does not wait, because Pacemaker needs its result.
    assert_immediate(
        &waiting_call(&fixture, LONG_WAIT)
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output(),
    );
    Ok((fixture, pid))
}

#[test]
fn waiting_monitor_answers_0_when_wait_is_over() -> TestResult {
    let (fixture, _) = fixture_after_first_monitor()?;
    assert_immediate(&assert_next_waits(&fixture)?);
    Ok(())
}

#[test]
fn waiting_monitor_answers_7_at_once_when_pico_dies() -> TestResult {
    for (signal, switch) in [
        ("KILL", "sigterm_orderly=true"),
        ("TERM", "sigterm_orderly=true"),
        ("TERM", "sigterm_orderly=false"),
    ] {
        let (fixture, pid) = fixture_after_first_monitor()?;
        fixture.set(&[switch])?;
        let (ran, noticed) = thread::scope(|scope| {
            let monitor =
                scope.spawn(|| (waiting_call(&fixture, LONG_WAIT).run("monitor"), Instant::now()));
            fixture.wait_for_waiting_monitor()?;
            let killed = Instant::now();
            fixture.sh(&format!("kill -s {signal} {pid}"))?;
            let (ran, ended) = monitor.join().expect("the monitor's thread does not panic");
            Ok::<_, testkit::TestkitError>((ran?, ended - killed))
        })?;
        let ran = ran
            .assert_exit_code(OCF_NOT_RUNNING)
            .assert_reason(&["platform", &format!("pid {pid} exited at ")]);
        // Kernels before 6.15 report the exit status only until the process is reaped.
        if signal == "KILL" && kernel_version() >= (6, 15) {
            ran.assert_reason(&["(SIGKILL)"]);
        }
        assert!(noticed < Duration::from_secs(2), "{noticed:?} after {signal}");
    }
    Ok(())
}

#[test]
fn waiting_monitor_uses_at_most_half_of_its_timeout() -> TestResult {
    let (fixture, _) = fixture_after_first_monitor()?;
    let ran =
        waiting_call(&fixture, LONG_WAIT).meta_timeout(Duration::from_secs(10)).run("monitor")?;
    let ran = ran.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert!((Duration::from_secs(4)..Duration::from_secs(8)).contains(&ran.wall_time), "{ran}");
    Ok(())
}

#[test]
fn probe_deep_monitor_and_manual_call_do_not_wait() -> TestResult {
    let (fixture, _) = fixture_after_first_monitor()?;
    let calls = [
        ("a probe", fixture.agent().param("wait", LONG_WAIT)),
        ("depth 10", waiting_call(&fixture, LONG_WAIT).check_level(10)),
        ("depth 20", waiting_call(&fixture, LONG_WAIT).check_level(20)),
        (
            "a person's, or ocf-tester's",
            waiting_call(&fixture, LONG_WAIT).without_env("OCF_RESKEY_CRM_meta_on_node"),
        ),
        (
            "one that is not told how long it may take",
            waiting_call(&fixture, LONG_WAIT).without_env("OCF_RESKEY_CRM_meta_timeout"),
        ),
        ("wait=0", waiting_call(&fixture, "0")),
    ];
    for (what, call) in calls {
        // Any monitor that follows this one would wait.
        assert_immediate(
            &waiting_call(&fixture, "1ms")
                .run("monitor")?
                .assert_exit_code(OCF_SUCCESS)
                .assert_no_output(),
        );
        let ran = call.run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        assert!(ran.wall_time < MAX_IMMEDIATE_ANSWER, "{what}: {ran}");
    }
    Ok(())
}

#[test]
fn monitor_does_not_wait_when_record_is_unwritable() -> TestResult {
    // If this monitor were ended, the next one, which has to answer at once, could not know that.
    let (fixture, _) = fixture_after_first_monitor()?;
    let directory = "/run/mediationzone-ra";
    fixture.sh(&format!(
        "mount --bind {directory} {directory} && mount -o remount,bind,ro {directory}"
    ))?;
    assert_immediate(
        &waiting_call(&fixture, LONG_WAIT).run("monitor")?.assert_exit_code(OCF_SUCCESS),
    );
    fixture.sh(&format!("umount {directory}"))?;
    assert_next_waits(&fixture).map(drop)
}

#[test]
fn first_monitor_after_adoption_does_not_wait() -> TestResult {
    let (fixture, _) = fixture_after_first_monitor()?;
    fixture.sh(&format!("rm {}", fixture.record_path()))?;
    assert_next_is_first_of_schedule(&fixture)
}

#[test]
fn first_monitor_after_killed_monitor_does_not_wait() -> TestResult {
    // Pacemaker ends it so for a refresh or for maintenance mode. Its first answer after that delays the
    // whole cluster.
    let (fixture, _) = fixture_after_first_monitor()?;
    assert_immediate(&act_while_monitor_waits(
        &fixture,
        waiting_call(&fixture, LONG_WAIT),
        |monitor| fixture.signal(monitor, "KILL"),
    )?);
    assert_next_is_first_of_schedule(&fixture)
}

#[test]
fn first_monitor_after_probe_does_not_wait() -> TestResult {
    let (fixture, _) = fixture_after_first_monitor()?;
    fixture.agent().run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert_next_is_first_of_schedule(&fixture)
}

/// Until a wait of 5 s would be over, and the next monitors of all schedule entries are overdue.
fn wait_until_schedule_is_overdue(fixture: &Fixture) -> TestResult {
    let begun = Instant::now();
    fixture.wait_until("what comes next to be overdue", |_| {
        let past = begun.elapsed();
        Ok(if past > Duration::from_secs(6) { Ok(()) } else { Err(format!("{past:?}")) })
    })
}

#[test]
fn first_monitor_of_reset_schedule_does_not_wait() -> TestResult {
    // As after maintenance mode, where the last monitor of the old schedule entry has ended.
    let (fixture, _) = fixture_after_first_monitor()?;
    wait_until_schedule_is_overdue(&fixture)?;
    assert_next_is_first_of_schedule(&fixture)?;
    // Or a schedule entry with another interval, which starts at once: the old one would have come later.
    assert_immediate(
        &waiting_call(&fixture, LONG_WAIT)
            .interval(Duration::from_secs(60))
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output(),
    );
    Ok(())
}

/// Runs this call, and acts on the monitor's process while it waits.
fn act_while_monitor_waits(
    fixture: &Fixture,
    call: AgentCall<'_>,
    done: impl FnOnce(u32) -> TestResult,
) -> Result<NodeCommandOutput, testkit::TestkitError> {
    thread::scope(|scope| {
        let monitor = scope.spawn(move || call.run("monitor"));
        done(fixture.wait_for_waiting_monitor()?.pid)?;
        monitor.join().expect("the monitor's thread does not panic")
    })
}

#[test]
fn suspended_monitor_answers_correctly_after_resume() -> TestResult {
    // As for a virtual machine that is paused or migrated with all its processes.
    let (fixture, pid) = fixture_after_first_monitor()?;
    let suspended = |meanwhile: &dyn Fn() -> TestResult| {
        act_while_monitor_waits(&fixture, waiting_call(&fixture, "5s"), |monitor| {
            fixture.signal(monitor, "STOP")?;
            meanwhile()?;
            wait_until_schedule_is_overdue(&fixture)?;
            fixture.signal(monitor, "CONT")
        })
    };
    suspended(&|| Ok(()))?.assert_exit_code(OCF_SUCCESS).assert_no_output();
    // The pico died while all was suspended, or when it woke up.
    let ran = suspended(&|| fixture.signal(pid, "KILL"))?;
    ran.assert_exit_code(OCF_NOT_RUNNING).assert_reason(&[&format!("pid {pid} exited at ")]);
    Ok(())
}

/// `killall` of the agents' programs sends this signal. The next monitor waits again.
#[test]
fn sigterm_ends_wait_with_answer() -> TestResult {
    let (fixture, pid) = fixture_after_first_monitor()?;
    let ran = act_while_monitor_waits(&fixture, waiting_call(&fixture, LONG_WAIT), |agent| {
        fixture.signal(agent, "TERM")
    })?;
    assert_immediate(&ran.assert_exit_code(OCF_SUCCESS).assert_no_output());
    assert_next_waits(&fixture)?;
    let ran = act_while_monitor_waits(&fixture, waiting_call(&fixture, LONG_WAIT), |_| {
        fixture.signal(pid, "KILL")
    })?;
    ran.assert_exit_code(OCF_NOT_RUNNING);
    Ok(())
}

#[test]
fn pico_sigstopped_during_wait_is_found_at_end_of_wait() -> TestResult {
    let (fixture, pid) = fixture_after_first_monitor()?;
    let call = waiting_call(&fixture, "5s");
    let ran = act_while_monitor_waits(&fixture, call, |_| fixture.signal(pid, "STOP"))?;
    ran.assert_exit_code(OCF_ERR_GENERIC)
        .assert_reason(&["hung", &format!("pid {pid} was stopped (T) at ")]);
    Ok(())
}

/// An action on a fixture and its pico while the monitor waits.
type MeanwhileAction = &'static dyn Fn(&Fixture, u32) -> TestResult;

/// The record says that a start is under way.
fn set_phase_to_starting(fixture: &Fixture) -> TestResult {
    let record = fixture.record_path();
    let phase = "s/\"phase\":\"running\"/\"phase\":\"starting\"/";
    fixture.sh(&format!("sed -i '{phase}' {record} && grep -q starting {record}")).map(drop)
}

#[test]
fn superseded_waiting_monitor_does_not_write_record() -> TestResult {
    // A monitor whose executor was killed is left behind, and ends while other actions are in progress.
    let a_start: MeanwhileAction = &|fixture, _| set_phase_to_starting(fixture);
    let a_probe: MeanwhileAction = &|fixture, _| {
        fixture.agent().run("monitor")?.assert_exit_code(OCF_SUCCESS).assert_no_output();
        Ok(())
    };
    let a_new_one: MeanwhileAction = &|fixture, pid| {
        fixture.signal(pid, "KILL")?;
        fixture.agent().run("stop")?.assert_exit_code(OCF_SUCCESS);
        fixture.start()?;
        set_phase_to_starting(fixture)
    };
    let a_death: MeanwhileAction = &|fixture, pid| {
        set_phase_to_starting(fixture)?;
        fixture.signal(pid, "KILL")
    };
    for (others, wait, code) in [
        (a_start, "6s", OCF_SUCCESS),
        (a_death, LONG_WAIT, OCF_NOT_RUNNING),
        (a_probe, "6s", OCF_SUCCESS),
        (a_new_one, LONG_WAIT, OCF_SUCCESS),
    ] {
        let (fixture, pid) = fixture_after_first_monitor()?;
        let mut written = None;
        let ran = act_while_monitor_waits(&fixture, waiting_call(&fixture, wait), |monitor| {
            fixture.signal(monitor, "STOP")?;
            others(&fixture, pid)?;
            written = Some(fixture.read_record()?);
            fixture.signal(monitor, "CONT")
        })?;
        let ran = ran.assert_exit_code(code);
        assert_eq!(Some(fixture.read_record()?), written, "{ran}");
        // Another schedule entry has begun, and this is its first monitor.
        if code == OCF_SUCCESS {
            assert_immediate(&waiting_call(&fixture, LONG_WAIT).run("monitor")?);
        }
    }
    Ok(())
}

#[test]
fn superseded_deep_monitor_does_not_write_record() -> TestResult {
    // With a known pico, and with one that was adopted.
    for known in [true, false] {
        let (fixture, pid) = fixture_after_first_monitor()?;
        if !known {
            fixture.sh(&format!("rm {}", fixture.record_path()))?;
        }
        fixture.sh("mkfifo -m 666 /opt/gate")?;
        fixture.override_mzsh_verb(
            "status",
            "read -r _ </opt/gate; exec /opt/mz/bin/mzsh.true status $2",
        )?;
        let (ran, written) = thread::scope(|scope| {
            let monitor =
                scope.spawn(|| waiting_call(&fixture, LONG_WAIT).check_level(20).run("monitor"));
            fixture.wait_until("mzsh to be asked", |fixture| {
                let all = fixture.processes()?;
                let asked =
                    all.iter().any(|process| process.argv.iter().any(|word| word == "status"));
                Ok(if asked { Ok(()) } else { Err("it is not".to_owned()) })
            })?;
            fixture.signal(pid, "KILL")?;
            fixture.agent().run("stop")?.assert_exit_code(OCF_SUCCESS);
            let new = fixture.start()?;
            set_phase_to_starting(&fixture)?;
            if !known {
                // Nor if no process is found.
                fixture.signal(new.pid, "KILL")?;
            }
            let written = fixture.read_record()?;
            fixture.sh("echo >/opt/gate")?;
            let ran = monitor.join().expect("the monitor's thread does not panic")?;
            Ok::<_, testkit::TestkitError>((ran, written))
        })?;
        assert_eq!(fixture.read_record()?, written, "{ran}");
    }
    Ok(())
}

#[test]
fn superseded_held_back_monitor_does_not_write_record() -> TestResult {
    let fixture = fixture_with_reported_death()?;
    let mut written = None;
    let ran = thread::scope(|scope| {
        let monitor = scope.spawn(|| waiting_call(&fixture, "6s").check_level(10).run("monitor"));
        fixture.wait_for_sleeping_agent("monitor")?;
        set_phase_to_starting(&fixture)?;
        written = Some(fixture.read_record()?);
        monitor.join().expect("the monitor's thread does not panic")
    })?;
    let ran = ran.assert_exit_code(OCF_NOT_RUNNING);
    assert_eq!(Some(fixture.read_record()?), written, "{ran}");
    Ok(())
}

/// The pico is killed while depth 0 waits, and depth 0 reports that. Each monitor ran once before, depth 10
/// first.
pub(super) fn fixture_with_reported_death() -> Result<Fixture, testkit::TestkitError> {
    let fixture = fixture(AgentKind::Platform).build()?;
    let pid = fixture.start()?.pid;
    for depth in [10, 0] {
        assert_immediate(
            &waiting_call(&fixture, LONG_WAIT)
                .check_level(depth)
                .run("monitor")?
                .assert_exit_code(OCF_SUCCESS)
                .assert_no_output(),
        );
    }
    act_while_monitor_waits(&fixture, waiting_call(&fixture, LONG_WAIT), |_| {
        fixture.signal(pid, "KILL")
    })?
    .assert_exit_code(OCF_NOT_RUNNING);
    Ok(fixture)
}

/// Runs a monitor that holds back a duplicate report, and acts meanwhile.
fn act_while_monitor_is_held_back(
    fixture: &Fixture,
    depth: u32,
    done: impl FnOnce(u32) -> TestResult,
) -> Result<NodeCommandOutput, testkit::TestkitError> {
    thread::scope(|scope| {
        let monitor = scope.spawn(|| {
            let call = waiting_call(fixture, "60s").check_level(depth);
            call.meta_timeout(Duration::from_secs(150)).run("monitor")
        });
        done(fixture.wait_for_sleeping_agent("monitor")?.pid)?;
        monitor.join().expect("the monitor's thread does not panic")
    })
}

#[test]
fn due_deep_monitor_is_held_back_after_reported_death() -> TestResult {
    let fixture = fixture_with_reported_death()?;
    // Pacemaker does this before the stop.
    let ended =
        act_while_monitor_is_held_back(&fixture, 10, |monitor| fixture.signal(monitor, "KILL"))?;
    assert_ne!(ended.code(), Some(OCF_NOT_RUNNING), "{ended}");
    Ok(())
}

#[test]
fn held_back_monitor_answers_7_after_one_delay_per_death() -> TestResult {
    let fixture = fixture_with_reported_death()?;
    let deep = waiting_call(&fixture, "1s")
        .check_level(10)
        .run("monitor")?
        .assert_exit_code(OCF_NOT_RUNNING);
    assert!(deep.wall_time >= Duration::from_secs(1), "{deep}");
    for depth in [10, 0] {
        assert_immediate(
            &waiting_call(&fixture, LONG_WAIT)
                .check_level(depth)
                .run("monitor")?
                .assert_exit_code(OCF_NOT_RUNNING),
        );
    }
    Ok(())
}

#[test]
fn first_monitor_of_schedule_reports_death_at_once() -> TestResult {
    // The cluster waits for the first answer of each monitor.
    assert_immediate(
        &waiting_call(&fixture_with_reported_death()?, LONG_WAIT)
            .check_level(20)
            .run("monitor")?
            .assert_exit_code(OCF_NOT_RUNNING),
    );
    let fixture = fixture(AgentKind::Platform).build()?;
    let pid = fixture.start()?.pid;
    fixture.signal(pid, "KILL")?;
    for depth in [0, 10, 20] {
        assert_immediate(
            &waiting_call(&fixture, LONG_WAIT)
                .check_level(depth)
                .run("monitor")?
                .assert_exit_code(OCF_NOT_RUNNING),
        );
    }
    Ok(())
}

#[test]
fn all_depths_report_death_at_once_after_maintenance() -> TestResult {
    // The pico died in the meantime. All schedule entries begin anew, and there was no probe.
    for order in [[0, 10, 20], [10, 20, 0], [20, 0, 10]] {
        let (fixture, pid) = fixture_after_first_monitor()?;
        for depth in [10, 20, 0] {
            waiting_call(&fixture, "1ms")
                .check_level(depth)
                .run("monitor")?
                .assert_exit_code(OCF_SUCCESS);
        }
        wait_until_schedule_is_overdue(&fixture)?;
        fixture.signal(pid, "KILL")?;
        for depth in order {
            let ran = waiting_call(&fixture, LONG_WAIT)
                .check_level(depth)
                .run("monitor")?
                .assert_exit_code(OCF_NOT_RUNNING);
            // Depth 0 would hold back its report for 2 s.
            let limit = if depth == 0 { Duration::from_secs(2) } else { MAX_IMMEDIATE_ANSWER };
            assert!(ran.wall_time < limit, "{order:?}: {ran}");
        }
    }
    Ok(())
}

#[test]
fn depth_0_is_held_back_briefly_after_report_by_deep_monitor() -> TestResult {
    let (fixture, pid) = fixture_after_first_monitor()?;
    fixture.signal(pid, "KILL")?;
    waiting_call(&fixture, LONG_WAIT)
        .check_level(10)
        .run("monitor")?
        .assert_exit_code(OCF_NOT_RUNNING);
    let ran = waiting_call(&fixture, LONG_WAIT).run("monitor")?.assert_exit_code(OCF_NOT_RUNNING);
    assert!(ran.wall_time >= Duration::from_secs(1), "{ran}");
    assert_immediate(&ran);
    Ok(())
}

#[test]
fn held_back_monitor_answers_0_when_pico_is_up_again() -> TestResult {
    let fixture = fixture_with_reported_death()?;
    fixture.sh("mkfifo -m 666 /opt/gate")?;
    fixture.override_mzsh_verb(
        "startup",
        "read -r _ </opt/gate; exec /opt/mz/bin/mzsh.true startup $2",
    )?;
    let ran = act_while_monitor_is_held_back(&fixture, 10, |_| {
        let line = "setsid /opt/mz/bin/mzsh startup platform </dev/null >/dev/null 2>&1 &";
        fixture.as_owner("sh").args(["-c", line]).run()?.expect_code(0)?;
        // The monitor scans twice a second, and a start in progress does not end its wait.
        let begun = Instant::now();
        fixture.wait_until("the start to have been looked at", |fixture| {
            let is_mzsh =
                |process: &NodeProcess| process.argv.iter().any(|word| word.ends_with("/mzsh"));
            let looked_at = fixture.processes()?.iter().any(is_mzsh)
                && begun.elapsed() > Duration::from_secs(2);
            Ok(if looked_at { Ok(()) } else { Err("not yet".to_owned()) })
        })?;
        fixture.sh("echo >/opt/gate").map(drop)
    })?;
    let ran = ran.assert_exit_code(OCF_SUCCESS).assert_no_output();
    assert!(ran.wall_time < Duration::from_secs(40), "{ran}");
    Ok(())
}

#[test]
fn next_death_after_restart_is_reported_at_once_by_any_depth() -> TestResult {
    let fixture = fixture_with_reported_death()?;
    fixture.agent().run("stop")?.assert_exit_code(OCF_SUCCESS);
    let pid = fixture.start()?.pid;
    assert_immediate(
        &waiting_call(&fixture, LONG_WAIT)
            .run("monitor")?
            .assert_exit_code(OCF_SUCCESS)
            .assert_no_output(),
    );
    fixture.signal(pid, "KILL")?;
    assert_immediate(
        &waiting_call(&fixture, LONG_WAIT)
            .check_level(10)
            .run("monitor")?
            .assert_exit_code(OCF_NOT_RUNNING),
    );
    Ok(())
}
