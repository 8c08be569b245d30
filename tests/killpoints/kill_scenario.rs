//! One action, from one initial state, killed again and again.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use testkit::assertions::{OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fixture::{self, AgentKind, Fixture, WAIT_TIMEOUT, describe_processes};
use testkit::{
    AgentCall, KillAtResult, NodeCommandOutput, NodeProcess, TestResult, TestkitError, wait_until,
};

/// More calls than any action makes.
const MORE_CALLS_THAN_ANY_ACTION: u64 = 1_000_000;

/// After so many failures the test ends.
const MAX_FAILURES: usize = 5;

/// The number of calls of an action varies; it must end this often before the last point is reached.
const MAX_COMPLETED_RUNS: usize = 3;

/// At every fourth point of a start mzsh is so slow that monitors run while there is no JVM yet, on a loaded
/// machine, too.
const SLOW_MZSH_EVERY: u64 = 4;

/// The directory of records and locks.
const RECORD_DIRECTORY: &str = "/run/mediationzone-ra";

/// Largest number of command files that one killed action and the next stop can leave.
const MAX_COMMAND_FILES: usize = 4;

/// The state of the fixture when the action begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum InitialState {
    /// The pico is not running.
    NotRunning,
    /// It runs, and the record names it.
    Running,
    /// It runs, and there is no record.
    RunningUnrecorded,
    /// It runs, and mzsh is gone for as long as the action lives.
    RunningWithoutMzsh,
    /// It is stopped (SIGSTOP).
    Sigstopped,
}

/// The action to be killed, and its initial state.
#[derive(Debug, Clone)]
pub(crate) struct KillScenario {
    action: &'static str,
    initial_state: InitialState,
    depth: Option<u32>,
    kind: AgentKind,
    simulator_setting: &'static str,
    real_jvm: bool,
}

impl KillScenario {
    pub(crate) fn new(action: &'static str, from: InitialState) -> Self {
        Self {
            action,
            initial_state: from,
            depth: None,
            kind: AgentKind::Platform,
            simulator_setting: "jvm_detached=true",
            real_jvm: false,
        }
    }

    /// The pico under test is another one than the Platform.
    pub(crate) fn with_kind(self, kind: AgentKind) -> Self {
        Self { kind, ..self }
    }

    /// A setting of the simulator.
    pub(crate) fn with_setting(self, switch: &'static str) -> Self {
        Self { simulator_setting: switch, ..self }
    }

    /// The monitor is a recurring one of this depth; else it is a probe.
    pub(crate) fn recurring_monitor(self, depth: u32) -> Self {
        Self { depth: Some(depth), ..self }
    }

    /// The pico is a real JVM.
    pub(crate) fn with_real_jvm(self) -> Self {
        Self { real_jvm: true, ..self }
    }

    /// Kills it at each call, up to its end.
    pub(crate) fn kill_at_each_call(&self) -> TestResult {
        self.kill_at_points(1..MORE_CALLS_THAN_ANY_ACTION)
    }

    /// Kills it at about this many calls, spread evenly.
    pub(crate) fn kill_at_some_calls(&self, points: u64) -> TestResult {
        let fixture = self.build_fixture()?;
        self.bring_to_initial_state(&fixture)?;
        let KillAtResult::Ended { calls, .. } =
            self.agent_call(&fixture).run_killed_at(MORE_CALLS_THAN_ANY_ACTION, self.action)?
        else {
            panic!("no action makes that many calls")
        };
        self.kill_at_points((0..points).map(|point| 1 + point * calls / points))
    }

    fn kill_at_points(&self, points: impl Iterator<Item = u64>) -> TestResult {
        let mut fixture = self.build_fixture()?;
        let mut wrong = String::new();
        let (mut killed, mut ended, mut failures) = (0, 0, 0);
        for number in points {
            self.bring_to_initial_state(&fixture)?;
            let slow = self.initial_state == InitialState::NotRunning
                && number.is_multiple_of(SLOW_MZSH_EVERY);
            if slow {
                fixture.set(&["mzsh_time=500ms"])?;
            }
            let at = self.agent_call(&fixture).run_killed_at(number, self.action)?;
            if slow {
                // For the next mzsh; the one that was started is slow.
                fixture.set(&["mzsh_time=0ms"])?;
            }
            if self.initial_state == InitialState::RunningWithoutMzsh {
                fixture.sh("mv /opt/mz/bin/mzsh.away /opt/mz/bin/mzsh")?;
            }
            if let Err(what) = self.check_aftermath(&fixture, number) {
                failures += 1;
                // Writing to a String does not fail.
                let _ = writeln!(wrong, "{self:?}, {at}: {what}");
                fixture = self.build_fixture()?;
            }
            match at {
                KillAtResult::KilledAt { .. } => killed += 1,
                KillAtResult::Ended { .. } => ended += 1,
            }
            if ended == MAX_COMPLETED_RUNS || failures == MAX_FAILURES {
                break;
            }
        }
        assert!(wrong.is_empty(), "{failures} of {killed} points:\n{wrong}");
        // Shown with --nocapture.
        println!("{self:?}: killed at {killed} points");
        Ok(())
    }

    fn build_fixture(&self) -> Result<Fixture, TestkitError> {
        let fixture = fixture::fixture(self.kind).set(self.simulator_setting);
        let fixture = if self.real_jvm { fixture.jvm() } else { fixture }.build()?;
        // The first start of a node makes calls that no later one makes: the points would shift after a
        // failure.
        fixture.start()?;
        fixture.stop()?.expect_code(OCF_SUCCESS)?;
        Ok(fixture)
    }

    fn agent_call<'a>(&self, fixture: &'a Fixture) -> AgentCall<'a> {
        self.depth.map_or_else(|| fixture.agent(), |depth| fixture.recurring_monitor(depth))
    }

    fn bring_to_initial_state(&self, fixture: &Fixture) -> TestResult {
        if self.initial_state != InitialState::NotRunning {
            fixture.start()?;
        }
        match self.initial_state {
            InitialState::NotRunning | InitialState::Running => Ok(()),
            InitialState::RunningUnrecorded => {
                fixture.sh(&format!("rm {}", fixture.record_path())).map(drop)
            }
            InitialState::RunningWithoutMzsh => {
                fixture.sh("mv /opt/mz/bin/mzsh /opt/mz/bin/mzsh.away").map(drop)
            }
            InitialState::Sigstopped => {
                fixture.signal(fixture.single_pico(fixture.pico())?.pid, "STOP")
            }
        }
    }

    /// Checks the invariants after the kill; the error names the violation.
    fn check_aftermath(&self, fixture: &Fixture, number: u64) -> Result<(), String> {
        let end = wait_until_settled(fixture)?;
        if self.action == "monitor" && end != SettledState::Running {
            return Err("the pico that was only looked at is gone".to_owned());
        }
        stop_and_check_leftovers(fixture)?;
        if self.initial_state == InitialState::NotRunning && number.is_multiple_of(10) {
            fixture.start().map_err(|e| format!("a start afterwards: {e}"))?;
            stop_and_check_leftovers(fixture)
                .map_err(|e| format!("after a start afterwards: {e}"))?;
        }
        Ok(())
    }
}

/// The state when no startup is in progress any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SettledState {
    Running,
    Hung,
    Gone,
}

/// The pico's processes by /proc.
#[derive(Debug, PartialEq, Eq)]
struct ObservedProcesses {
    /// Its JVMs, and whether they are stopped.
    jvms: Vec<(u32, bool)>,
    /// Processes of an mzsh in its startup.
    startups: Vec<u32>,
    /// Processes of a session that an agent has made, before they execute mzsh.
    before_exec: Vec<u32>,
}

impl ObservedProcesses {
    fn from_proc(fixture: &Fixture) -> Result<Self, TestkitError> {
        let pids = |found: Vec<NodeProcess>| found.into_iter().map(|process| process.pid).collect();
        let all = fixture.processes()?;
        let (mut startups, mut unborn) = (all.clone(), all);
        startups.retain(|process| is_startup(process, fixture.pico()));
        unborn.retain(is_before_exec);
        let jvms = fixture.pico_processes(fixture.pico())?;
        let jvms = jvms.into_iter().map(|process| (process.pid, process.state == 'T')).collect();
        Ok(Self { jvms, startups: pids(startups), before_exec: pids(unborn) })
    }

    /// The settled state, if no startup is in progress.
    fn settled_state(&self) -> Option<SettledState> {
        if !(self.startups.is_empty() && self.before_exec.is_empty()) {
            return None;
        }
        Some(match self.jvms.as_slice() {
            [] => SettledState::Gone,
            jvms if jvms.iter().any(|(_, stopped)| *stopped) => SettledState::Hung,
            _ => SettledState::Running,
        })
    }

    /// Whether this answer of a monitor is wrong.
    fn contradicts(&self, answer: Option<i32>) -> bool {
        match answer {
            Some(OCF_SUCCESS) => self.jvms.is_empty(),
            Some(OCF_NOT_RUNNING) => !(self.jvms.is_empty() && self.startups.is_empty()),
            Some(1) => false,
            _ => true,
        }
    }
}

fn is_startup(process: &NodeProcess, pico: &str) -> bool {
    process.argv.iter().any(|word| word.ends_with("mzsh") || word.ends_with(".CommandLine"))
        && process.argv.iter().any(|word| word == "startup")
        && process.argv.last().is_some_and(|last| last == pico)
}

fn is_before_exec(process: &NodeProcess) -> bool {
    process.session == process.pid
        && process.argv.first().is_some_and(|first| first.contains("resource.d/mediationzone/"))
}

/// A worker process of an agent, which exits when the agent is killed. Its threads (it looks up names) each
/// need the processor once more to exit, on a loaded machine after the stop. No other process may be left at
/// that moment.
fn is_exiting_worker(process: &NodeProcess, kind: AgentKind) -> bool {
    (process.state == 'Z' || process.is_killed) && process.comm == kind.agent()
}

/// Runs monitors until no startup is in progress any more, and compares each answer with the states before
/// and after it.
fn wait_until_settled(fixture: &Fixture) -> Result<SettledState, String> {
    let broken = |e: TestkitError| e.to_string();
    let until = Instant::now() + WAIT_TIMEOUT;
    let mut denied: Vec<u32> = Vec::new();
    loop {
        let mut settled = None;
        for probe in [false, true] {
            let before = ObservedProcesses::from_proc(fixture).map_err(broken)?;
            let ran = if probe { fixture.probe() } else { fixture.monitor(0) }.map_err(broken)?;
            let after = ObservedProcesses::from_proc(fixture).map_err(broken)?;
            if after.startups.iter().any(|pid| denied.contains(pid)) {
                return Err(format!(
                    "7 was answered while this was about to become mzsh: {}",
                    describe_fixture(fixture)
                ));
            }
            if ran.code() == Some(OCF_NOT_RUNNING) {
                denied.extend(before.before_exec.iter().chain(&after.before_exec));
            }
            // If the state changed during the monitor, its answer may belong to either state.
            settled = if before == after { after.settled_state() } else { None };
            let right = match settled {
                Some(SettledState::Gone) => Some(OCF_NOT_RUNNING),
                Some(SettledState::Hung) if !probe => Some(1),
                Some(SettledState::Hung | SettledState::Running) => Some(OCF_SUCCESS),
                None => ran.code(),
            };
            if before == after && (after.contradicts(ran.code()) || ran.code() != right) {
                return Err(format!(
                    "{ran}\nwhile this was true: {after:?}, {}",
                    describe_fixture(fixture)
                ));
            }
        }
        if let Some(rest) = settled {
            return Ok(rest);
        }
        if Instant::now() >= until {
            return Err(format!(
                "no rest within {WAIT_TIMEOUT:?}: {:?}, {}",
                ObservedProcesses::from_proc(fixture),
                describe_fixture(fixture)
            ));
        }
    }
}

/// A stop, after which there is no process and no file.
fn stop_and_check_leftovers(fixture: &Fixture) -> Result<(), String> {
    let broken = |e: TestkitError| e.to_string();
    let stop: NodeCommandOutput =
        fixture.agent().meta_timeout(Duration::from_secs(20)).run("stop").map_err(broken)?;
    if stop.code() != Some(OCF_SUCCESS) {
        return Err(format!("{stop}, {}", describe_fixture(fixture)));
    }
    let left = wait_until("the end of the helpers of the killed agent", WAIT_TIMEOUT, || {
        let mut left = fixture.processes().map_err(broken)?;
        if fixture.kind != AgentKind::Platform {
            let platform = fixture.pico_processes("platform").map_err(broken)?;
            left.retain(|process| platform.iter().all(|platform| platform.pid != process.pid));
        }
        let said = describe_processes(&left);
        let dying =
            !left.is_empty() && left.iter().all(|process| is_exiting_worker(process, fixture.kind));
        if dying { Err(said) } else { Ok((!left.is_empty()).then_some(said)) }
    });
    if let Some(left) = left.map_err(broken)? {
        return Err(format!("after the stop is left: {left}"));
    }
    let kept = |name: &&str| {
        [".lock", ".absent", ".writer"].iter().any(|end| name.strip_suffix(end).is_some())
    };
    let files = fixture
        .sh(&format!("cd {RECORD_DIRECTORY} && find . -type f -printf '%P\\n'"))
        .map_err(broken)?;
    // The next command removes the files of a killed agent's command.
    let (questions, files): (Vec<&str>, Vec<&str>) =
        files.lines().filter(|name| !kept(name)).partition(|name| name.starts_with("commands/"));
    if questions.len() > MAX_COMMAND_FILES {
        return Err(format!("after the stop is left in {RECORD_DIRECTORY}: {questions:?}"));
    }
    if files.is_empty() {
        Ok(())
    } else {
        Err(format!("after the stop is left in {RECORD_DIRECTORY}: {files:?}"))
    }
}

/// All live processes, and the record.
fn describe_fixture(fixture: &Fixture) -> String {
    let record = fixture.node.read(fixture.record_path()).unwrap_or_else(|e| e.to_string());
    let all = fixture.processes().map_or_else(|e| e.to_string(), |all| describe_processes(&all));
    format!("record {record}, processes {all}")
}
