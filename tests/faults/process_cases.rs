//! Tables of process imitations, and the answer of every action to each of them.
//!
//! The cells of a table share a node, one after the other. Problems are collected and reported by the name of
//! the cell.

use std::time::Duration;

use testkit::assertions::{OCF_ERR_GENERIC, OCF_NOT_RUNNING, OCF_SUCCESS};
use testkit::fake_process::{FakeProcess, FakeProcessState};
use testkit::fixture::{AgentKind, Fixture, as_recurring_monitor, fixture};
use testkit::{
    AgentCall, HungOperation, HungStorage, NodeCommandOutput, NodeProcess, TestResult, TestkitError,
};

/// A user who owns nothing of the installation.
pub(crate) const FOREIGN_UID: u32 = 4712;

/// Its writes hang: for [`UNREADABLE_MEMORY`].
pub(crate) const HUNG_ON_WRITE: &str = "/opt/written";
/// Its close hangs: for [`EXITING`].
pub(crate) const HUNG_ON_CLOSE: &str = "/opt/closed";
pub(crate) const UNREADABLE_MEMORY: FakeProcessState =
    FakeProcessState::UnreadableMemory(HUNG_ON_WRITE);
pub(crate) const EXITING: FakeProcessState = FakeProcessState::Exiting(HUNG_ON_CLOSE);

/// Longest duration of any action but a start that is not affected by the process.
const MAX_WALL_TIME: Duration = Duration::from_secs(5);

/// Arguments of command lines.
pub(crate) const HOME_OPTION: &str = "-Dmz.home=/opt/mz";
pub(crate) const CONFIGNAME_OPTION: &str = "-Dpico.configname=platform";
pub(crate) const OOM_OPTION: &str =
    "-XX:OnOutOfMemoryError=oom platform /opt/mz/log/platform.log /opt/mz/log/critical.log";
pub(crate) const PICO_MAIN_CLASS: &str = "com.digitalroute.picostart.PicoStart";
pub(crate) const MZSH_MAIN_CLASS: &str = "com.digitalroute.picostart.cmdline.CommandLine";

/// The role of a process for the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExpectedRole {
    /// Not the Platform: no action reports it, waits for it or touches it, with or without the Platform
    /// beside it.
    Ignored,
    /// The live Platform: it is found, adopted and ended.
    Pico,
    /// The Platform as a zombie thread-group leader: it has failed, and is ended.
    FailedPico,
    /// A startup of the Platform: it is reported, and ended.
    Startup,
    /// Possibly the Platform: nothing answers "not running" or "stopped". It is named and left alone.
    Unknown,
}

/// A cell of a table.
pub(crate) struct ProcessCase {
    name: String,
    process: FakeProcess,
    role: ExpectedRole,
}

pub(crate) fn process_case(
    name: impl Into<String>,
    is: ExpectedRole,
    imitation: FakeProcess,
) -> ProcessCase {
    ProcessCase { name: name.into(), process: imitation, role: is }
}

/// A node, and the problems that were found on it.
pub(crate) struct ProcessCaseRunner {
    pub(crate) fixture: Fixture,
    problems: Vec<String>,
    /// Storage on which operations hang.
    hung: Vec<HungStorage>,
}

/// `None` where a test runs as a normal user, whose node has no second user.
pub(crate) fn new_runner() -> Result<Option<ProcessCaseRunner>, TestkitError> {
    let fixture = fixture(AgentKind::Platform).build()?;
    let has_other_users = fixture.node.owner() != "root";
    Ok(has_other_users.then_some(ProcessCaseRunner {
        fixture,
        problems: Vec::new(),
        hung: Vec::new(),
    }))
}

/// Checks the cells on one node.
pub(crate) fn check_on_shared_node(cells: Vec<ProcessCase>) -> TestResult {
    let Some(mut table) = new_runner()? else { return Ok(()) };
    for cell in cells {
        table.check_case(&cell)?;
    }
    table.assert_no_problems();
    Ok(())
}

/// Checks each cell on a node of its own on which files hang, because no signal ends a process that waits for
/// them.
pub(crate) fn check_on_separate_nodes(cells: Vec<ProcessCase>) -> TestResult {
    let mut wrong = Vec::new();
    for cell in cells {
        let Some(mut table) = new_runner()? else { return Ok(()) };
        table.hang_files()?;
        table.check_case(&cell)?;
        wrong.append(&mut table.problems);
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    Ok(())
}

impl ProcessCaseRunner {
    /// From now on the files hang.
    pub(crate) fn hang_files(&mut self) -> TestResult {
        for (file, held) in
            [(HUNG_ON_WRITE, HungOperation::Write), (HUNG_ON_CLOSE, HungOperation::Close)]
        {
            self.fixture.sh(&format!("truncate -s 4096 {file} && chmod 666 {file}"))?;
            self.hung.push(self.fixture.node.hang_storage(file, held)?);
        }
        Ok(())
    }

    #[track_caller]
    pub(crate) fn assert_no_problems(self) {
        assert!(self.problems.is_empty(), "\n{}", self.problems.join("\n"));
    }

    /// Runs every action beside the process of the cell.
    pub(crate) fn check_case(&mut self, cell: &ProcessCase) -> TestResult {
        let process = cell.process.start(&self.fixture)?;
        match cell.role {
            ExpectedRole::Ignored => self.check_ignored(cell, &process)?,
            ExpectedRole::Pico => self.check_pico(cell, &process)?,
            ExpectedRole::FailedPico => self.check_failed_pico(cell, &process)?,
            ExpectedRole::Startup => {
                self.check_reported_and_ended(cell, &process, "start in progress")?;
            }
            ExpectedRole::Unknown => self.check_unknown(cell, &process)?,
        }
        self.clean_up(&process)
    }

    /// Adds one line to the report if the condition is false.
    pub(crate) fn require(&mut self, is: bool, what: impl FnOnce() -> String) {
        if !is {
            self.problems.push(what());
        }
    }

    fn require_answer(
        &mut self,
        cell: &ProcessCase,
        action: &str,
        ran: &NodeCommandOutput,
        code: i32,
        words: &[&str],
    ) {
        let said = ran.reason().unwrap_or_default();
        let told = words.iter().all(|word| said.contains(word));
        let so = ran.code() == Some(code) && told;
        self.require(so, || {
            let end = ran.exit_status;
            format!(
                "{}: {action}: {end}, not {code} {words:?}, after {:.1?}: {said}",
                cell.name, ran.wall_time
            )
        });
    }

    /// Probe, recurring monitors and stop.
    fn run_actions(
        &mut self,
        cell: &ProcessCase,
        when: &str,
        codes: [i32; 4],
        words: &[&str],
    ) -> Result<Vec<NodeCommandOutput>, TestkitError> {
        let mut all = Vec::new();
        for (action, code) in ["probe", "depth 0", "depth 10", "stop"].into_iter().zip(codes) {
            let ran = run_action(&self.fixture, action)?;
            let words = if ran.code() == Some(OCF_SUCCESS) { &[] } else { words };
            self.require_answer(cell, &format!("{action}{when}"), &ran, code, words);
            all.push(ran);
        }
        Ok(all)
    }

    fn check_ignored(&mut self, cell: &ProcessCase, process: &NodeProcess) -> TestResult {
        let alone = self.run_actions(
            cell,
            "",
            [OCF_NOT_RUNNING, OCF_NOT_RUNNING, OCF_NOT_RUNNING, OCF_SUCCESS],
            &[],
        )?;
        for ran in alone {
            self.require(ran.wall_time < MAX_WALL_TIME, || format!("{}: {ran}", cell.name));
        }
        let start = agent_call(&self.fixture).run("start")?;
        self.require_answer(cell, "start", &start, OCF_SUCCESS, &[]);
        let started = recorded_jvm_pid(&self.fixture);
        self.require(started.is_some_and(|pid| pid != process.pid), || {
            format!("{}: a start has recorded {started:?}", cell.name)
        });
        self.run_actions(cell, " beside the Platform", [OCF_SUCCESS; 4], &[])?;
        if let Some(pid) = started.filter(|&pid| pid != process.pid) {
            let left = self.fixture.process_without_args(pid)?.filter(|left| !left.is_dead());
            self.require(left.is_none(), || {
                format!("{}: stop left the Platform: {left:?}", cell.name)
            });
        }
        let lives = self.fixture.is_alive(process)?;
        self.require(lives, || format!("{}: it was ended", cell.name));
        Ok(())
    }

    fn check_pico(&mut self, cell: &ProcessCase, process: &NodeProcess) -> TestResult {
        let start = agent_call(&self.fixture).run("start")?;
        self.require_answer(cell, "start", &start, OCF_SUCCESS, &[]);
        let adopted = recorded_jvm_pid(&self.fixture);
        self.require(adopted == Some(process.pid), || {
            format!("{}: a start has recorded {adopted:?}", cell.name)
        });
        self.fixture.sh(&format!("rm -f {}", self.fixture.record_path()))?;
        self.run_actions(cell, "", [OCF_SUCCESS; 4], &[])?;
        let lives = self.fixture.is_alive(process)?;
        self.require(!lives, || format!("{}: a stop has left it", cell.name));
        // Beside the cluster's own pico it is a duplicate.
        let first = agent_call(&self.fixture).run("start")?;
        self.require_answer(cell, "start of another", &first, OCF_SUCCESS, &[]);
        let second = cell.process.start(&self.fixture)?;
        let pids = [second.pid.to_string()];
        self.run_actions(
            cell,
            " beside the Platform",
            [OCF_ERR_GENERIC, OCF_SUCCESS, OCF_ERR_GENERIC, OCF_SUCCESS],
            &[&pids[0]],
        )?;
        let lives = self.fixture.is_alive(&second)?;
        self.require(!lives, || format!("{}: a stop has left the second", cell.name));
        self.clean_up(&second)
    }

    fn check_failed_pico(&mut self, cell: &ProcessCase, process: &NodeProcess) -> TestResult {
        self.check_reported_and_ended(cell, process, "main thread")?;
        let next = cell.process.start(&self.fixture)?;
        let start = agent_call(&self.fixture).run("start")?;
        self.require_answer(cell, "start", &start, OCF_SUCCESS, &[]);
        let lives = self.fixture.is_alive(&next)?;
        self.require(!lives, || format!("{}: a start has left it", cell.name));
        self.clean_up(&next)
    }

    /// A process that is reported and that a stop ends.
    fn check_reported_and_ended(
        &mut self,
        cell: &ProcessCase,
        process: &NodeProcess,
        word: &str,
    ) -> TestResult {
        let pid = process.pid.to_string();
        self.run_actions(
            cell,
            "",
            [OCF_ERR_GENERIC, OCF_ERR_GENERIC, OCF_ERR_GENERIC, OCF_SUCCESS],
            &[word, &pid],
        )?;
        let lives = self.fixture.is_alive(process)?;
        self.require(!lives, || format!("{}: a stop has left it", cell.name));
        Ok(())
    }

    fn check_unknown(&mut self, cell: &ProcessCase, process: &NodeProcess) -> TestResult {
        let pid = process.pid.to_string();
        self.run_actions(cell, "", [OCF_ERR_GENERIC; 4], &[&pid])?;
        let start = agent_call(&self.fixture).run("start")?;
        self.require_answer(cell, "start", &start, OCF_ERR_GENERIC, &[&pid]);
        let lives = self.fixture.is_alive(process)?;
        self.require(lives, || format!("{}: it was ended", cell.name));
        Ok(())
    }

    /// Leaves nothing of the cell for the next one.
    fn clean_up(&mut self, process: &NodeProcess) -> TestResult {
        if self
            .fixture
            .process_without_args(process.pid)?
            .is_some_and(|now| now.state != 'D' && !now.is_dead())
        {
            self.fixture.signal(process.pid, "KILL")?;
        }
        self.fixture.stop()?;
        self.fixture.sh(&format!("rm -f {}", self.fixture.record_path())).map(drop)
    }
}

/// An agent with long timeouts and without HA check, because an imitation has no HA Monitor Server.
pub(crate) fn agent_call(fixture: &Fixture) -> AgentCall<'_> {
    fixture.agent().param("ha_check", "no").meta_timeout(Duration::from_secs(20))
}

/// Runs an action by its name in the tables.
pub(crate) fn run_action(
    fixture: &Fixture,
    action: &str,
) -> Result<NodeCommandOutput, TestkitError> {
    match action {
        "probe" => agent_call(fixture).run("monitor"),
        "depth 0" => as_recurring_monitor(agent_call(fixture), 0).run("monitor"),
        "depth 10" => as_recurring_monitor(agent_call(fixture), 10).run("monitor"),
        other => agent_call(fixture).run(other),
    }
}

fn recorded_jvm_pid(fixture: &Fixture) -> Option<u32> {
    fixture.recorded_pid().ok().flatten()
}
