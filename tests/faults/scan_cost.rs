//! The cost of a scan of the node's processes, whatever other users run, compared with as many plain
//! processes.

use std::time::Duration;

use testkit::assertions::{AgentAssertions, OCF_SUCCESS};
use testkit::fake_process::{FakeProcess, FakeProcessGroup};
use testkit::fixture::{AgentKind, Fixture, as_recurring_monitor, fixture};
use testkit::{AgentCall, NodeCommandOutput, TestResult, TestkitError};

use crate::process_cases::{
    CONFIGNAME_OPTION, ExpectedRole, FOREIGN_UID, HOME_OPTION, PICO_MAIN_CLASS,
    check_on_shared_node, process_case,
};
use crate::stop_recorded_jvm::start_hanging_javas;

/// More memory than a scan may need, and little enough to protect the machine.
const MEMORY_LIMIT_OPTION: &str = "--as=1073741824";
/// The best of so many runs counts.
const RUNS: usize = 3;
/// Memory in KiB that a scan may need in addition to one without these processes.
const MAX_EXTRA_KIB: u64 = 16 << 10;
/// Allowance for a busy machine. An agent that reads data that it must not read takes seconds more.
const MAX_NOISE: Duration = Duration::from_secs(1);
/// Longest wait for all unreadable processes: two seconds, and an allowance for a busy machine. A wait for
/// each of them would take two minutes.
const MAX_READ_DELAY: Duration = Duration::from_secs(20);

/// The lowest cost of an action.
#[derive(Debug, Clone, Copy)]
struct ScanCost {
    wall_time: Duration,
    rss_kib: u64,
}

impl ScanCost {
    fn from_output(ran: &NodeCommandOutput) -> Self {
        Self { wall_time: ran.wall_time, rss_kib: ran.peak_rss_kib }
    }

    fn best_of(self, other: Self) -> Self {
        Self {
            wall_time: self.wall_time.min(other.wall_time),
            rss_kib: self.rss_kib.min(other.rss_kib),
        }
    }
}

fn with_memory_limit(call: AgentCall<'_>) -> AgentCall<'_> {
    call.meta_timeout(Duration::from_secs(60)).wrap_with(["prlimit", MEMORY_LIMIT_OPTION])
}

/// The costs of probe, depth 10 and stop with the Platform running; each has to succeed.
fn measure_costs(fixture: &Fixture, when: &str) -> Result<[ScanCost; 3], TestkitError> {
    let mut best: Option<[ScanCost; 3]> = None;
    for _ in 0..RUNS {
        with_memory_limit(fixture.agent()).run("start")?.expect_code(OCF_SUCCESS)?;
        let run = |call: AgentCall<'_>, action: &str| -> Result<ScanCost, TestkitError> {
            let ran = with_memory_limit(call).run(action)?;
            assert_eq!(ran.code(), Some(OCF_SUCCESS), "{when}: {ran}");
            Ok(ScanCost::from_output(&ran))
        };
        let now = [
            run(fixture.agent(), "monitor")?,
            run(as_recurring_monitor(fixture.agent(), 10), "monitor")?,
            run(fixture.agent(), "stop")?,
        ];
        best = Some(best.map_or(now, |best| [0, 1, 2].map(|at| best[at].best_of(now[at]))));
    }
    Ok(best.expect("it runs more than once"))
}

/// No action takes more than 1.5 times as long as among as many plain processes and [`MAX_NOISE`], or 16 MiB
/// more than without any.
#[track_caller]
fn assert_costs_within_limits(
    without: [ScanCost; 3],
    among: [ScanCost; 3],
    attacked: [ScanCost; 3],
) {
    for (at, action) in ["probe", "depth 10", "stop"].into_iter().enumerate() {
        let (without, among, attacked) = (without[at], among[at], attacked[at]);
        let said = format!(
            "{action}: {without:?} without, {among:?} among as many others, {attacked:?} attacked"
        );
        assert!(attacked.wall_time <= among.wall_time * 3 / 2 + MAX_NOISE, "{said}");
        assert!(attacked.rss_kib <= without.rss_kib + MAX_EXTRA_KIB, "{said}");
        println!("{said}");
    }
}

/// A plain process of another user.
fn plain_process() -> FakeProcess {
    FakeProcess::for_program("/opt/imitated/bin/plain", &["plain"]).user(FOREIGN_UID)
}

/// The costs without other processes, and among as many plain ones.
fn measure_reference_costs(
    fixture: &Fixture,
    number: usize,
) -> Result<([ScanCost; 3], [ScanCost; 3]), TestkitError> {
    let without = measure_costs(fixture, "without")?;
    let others = plain_process().start_group(fixture, number, "")?;
    let among = measure_costs(fixture, "among others")?;
    others.kill_all(fixture)?;
    Ok((without, among))
}

/// Checks the precondition: the whole command line of one of them can be read.
#[track_caller]
fn assert_command_line_readable(fixture: &Fixture, crowd: &FakeProcessGroup) -> TestResult {
    let pid = crowd.members(fixture)?[0].pid;
    let length = fixture.sh(&format!("wc -c </proc/{pid}/cmdline"))?;
    assert!(length.trim().parse::<u32>().is_ok_and(|bytes| bytes > 1_900_000), "{length}");
    Ok(())
}

/// Checks the precondition: the command line of a hung one cannot be read.
#[track_caller]
fn assert_command_line_unreadable(fixture: &Fixture, crowd: &FakeProcessGroup) -> TestResult {
    let cmdline = format!("/proc/{}/cmdline", crowd.members(fixture)?[0].pid);
    let read = fixture.node.command("timeout").args(["0.5", "cat", &cmdline]).run()?;
    assert_eq!(read.code(), Some(124), "{read}");
    Ok(())
}

/// A thousand javas of another user hang in the kernel with the lock of their memory, so that their command
/// lines cannot be read. They cost a scan no more time and memory than a thousand others.
#[test]
fn thousand_hung_processes_cost_scan_no_more_than_others() -> TestResult {
    const NUMBER: usize = 1000;
    let fixture = fixture(AgentKind::Platform).build()?;
    if fixture.node.owner() == "root" {
        return Ok(());
    }
    let (without, among) = measure_reference_costs(&fixture, NUMBER)?;
    let (crowd, hung) = start_hanging_javas(&fixture, NUMBER, Some(FOREIGN_UID))?;
    crowd.hang_all(&fixture)?;
    assert_command_line_unreadable(&fixture, &crowd)?;
    let attacked = measure_costs(&fixture, "attacked")?;
    hung.release();
    assert_costs_within_limits(without, among, attacked);
    Ok(())
}

/// Four thousand javas of another user with the Platform's options and 2 MiB of arguments each cost a scan no
/// more time and memory than four thousand others.
#[test]
fn four_thousand_long_command_lines_cost_scan_no_more_than_others() -> TestResult {
    const NUMBER: usize = 4000;
    let fixture = fixture(AgentKind::Platform).build()?;
    if fixture.node.owner() == "root" {
        return Ok(());
    }
    let (without, among) = measure_reference_costs(&fixture, NUMBER)?;
    // They share the pages of these arguments.
    let long = FakeProcess::for_java(&["java", HOME_OPTION, CONFIGNAME_OPTION])
        .user(FOREIGN_UID)
        .with_first_steps("pad 2000000\n");
    let crowd = long.start_group(&fixture, NUMBER, "")?;
    assert_command_line_readable(&fixture, &crowd)?;
    let attacked = measure_costs(&fixture, "attacked")?;
    crowd.kill_all(&fixture)?;
    assert_costs_within_limits(without, among, attacked);
    Ok(())
}

/// Sixty javas of the installation's owner that hang in the kernel cost an action one deadline of about two
/// seconds in all. If they started before the recorded JVM, they make no answer uncertain.
#[test]
fn sixty_hung_processes_of_owner_cost_one_deadline() -> TestResult {
    const NUMBER: usize = 60;
    let fixture = fixture(AgentKind::Platform).build()?;
    let without = measure_costs(&fixture, "without")?;
    let (crowd, hung) = start_hanging_javas(&fixture, NUMBER, None)?;
    let jvm = fixture.start()?;
    crowd.hang_all(&fixture)?;
    let calls = [
        (fixture.agent(), "monitor"),
        (as_recurring_monitor(fixture.agent(), 10), "monitor"),
        (fixture.agent(), "stop"),
    ];
    for ((call, action), without) in calls.into_iter().zip(without) {
        let ran = with_memory_limit(call).run(action)?;
        assert_eq!(ran.code(), Some(OCF_SUCCESS), "{ran}");
        assert!(ran.wall_time <= without.wall_time + MAX_READ_DELAY, "{without:?} without: {ran}");
    }
    assert!(!fixture.is_alive(&jvm)?);
    hung.release();
    Ok(())
}

/// Parameters and record of a stop name the same pico of two installations with two owners. The stop ends
/// both, and does not answer "stopped" while either lives.
#[test]
fn stop_ends_recorded_and_configured_pico_of_different_owners() -> TestResult {
    let fixture = fixture(AgentKind::Platform).build()?;
    if fixture.node.owner() == "root" {
        return Ok(());
    }
    let recorded = fixture.start()?;
    fixture.sh(&format!(
        "cp -a /opt/mz /opt/second && chown -R {FOREIGN_UID}:{FOREIGN_UID} /opt/second"
    ))?;
    let argv = ["java", "-Dmz.home=/opt/second", CONFIGNAME_OPTION, PICO_MAIN_CLASS, "platform"];
    let second = FakeProcess::for_java(&argv).user(FOREIGN_UID).start(&fixture)?;
    // A third process belongs to neither owner.
    let third = FakeProcess::for_java(&argv).user(FOREIGN_UID + 1).start(&fixture)?;
    fixture.agent().param("mz_home", "/opt/second").run("stop")?.assert_exit_code(OCF_SUCCESS);
    assert!(!fixture.is_alive(&recorded)? && !fixture.is_alive(&second)?);
    assert!(fixture.is_alive(&third)?);
    Ok(())
}

/// An option of 100 KB, for the shell that starts the imitation.
const LONG_OPTION: &str = "-Dlong='$(head -c 100000 /dev/zero | tr '\\0' x)'";

/// An agent reads 128 KiB of a command line. A java of the owner with longer options is never reported as not
/// running; one whose main class comes before them is identified by it.
#[test]
fn java_with_truncated_command_line_is_never_reported_as_not_running() -> TestResult {
    check_on_shared_node(vec![
        process_case(
            "options",
            ExpectedRole::Unknown,
            FakeProcess::for_java(&[
                "java",
                LONG_OPTION,
                LONG_OPTION,
                HOME_OPTION,
                CONFIGNAME_OPTION,
                PICO_MAIN_CLASS,
            ]),
        ),
        process_case(
            "the pico, then options",
            ExpectedRole::Pico,
            FakeProcess::for_java(&[
                "java",
                HOME_OPTION,
                CONFIGNAME_OPTION,
                PICO_MAIN_CLASS,
                LONG_OPTION,
                LONG_OPTION,
            ]),
        ),
        process_case(
            "another, then options",
            ExpectedRole::Ignored,
            FakeProcess::for_java(&[
                "java",
                "-jar",
                "/opt/x.jar",
                LONG_OPTION,
                LONG_OPTION,
                CONFIGNAME_OPTION,
            ]),
        ),
    ])
}
