//! A fixture: one node with a simulated MediationZone in `/opt/mz`, and an agent that manages one
//! of its picos.
//!
//! The pico under test is `platform`, `ec1`, `sc1` or `ui`, by the agent's type. Beside it there
//! always is a Platform, which runs before the test starts unless the test disables it. The
//! simulator's times are short, and no test waits for one of them.

use std::fmt::Write as _;
use std::time::Duration;

use crate::sandbox::KIT_DIR;
use crate::{
    AgentCall, NodeCommand, NodeCommandOutput, NodeProcess, Programs, Sandbox, TestResult,
    TestkitError, hung_storage, network, wait_until,
};

/// Longer than any event takes that a test waits for.
pub const WAIT_TIMEOUT: Duration = Duration::from_secs(10);

pub const MZ_HOME: &str = "/opt/mz";

/// The uid of the node's `mzadmin`.
pub const MZADMIN_UID: u32 = 4711;

/// Log lines of the agents, in the node.
const PACEMAKER_LOG: &str = "/var/log/pacemaker/pacemaker.log";

/// Short times; a test can override them.
const SHORT_TIMES: [&str; 5] = [
    "start_time=50ms",
    "stop_time=20ms",
    "mzsh_time=0ms",
    "platform_retry=50ms",
    "shutdown_retry=200ms",
];

/// The type of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AgentKind {
    Platform,
    Ec,
    Sc,
    Ui,
}

impl AgentKind {
    /// The agent's name, which is also the simulator's name of the type.
    pub fn agent(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Ec => "ec",
            Self::Sc => "sc",
            Self::Ui => "ui",
        }
    }

    /// The name of the pico under test.
    pub fn pico(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::Ec => "ec1",
            Self::Sc => "sc1",
            Self::Ui => "ui",
        }
    }
}

/// The description of a fixture.
#[derive(Debug)]
#[must_use = "nothing is laid out before build()"]
pub struct FixtureBuilder {
    kind: AgentKind,
    home: &'static str,
    arguments: Vec<String>,
    starts_platform: bool,
    with_commands: bool,
}

/// A fixture for the agent of this type, with native picos.
pub fn fixture(kind: AgentKind) -> FixtureBuilder {
    let mut arguments = Vec::new();
    for pico in
        [AgentKind::Platform, kind].iter().take(if kind == AgentKind::Platform { 1 } else { 2 })
    {
        arguments.extend(["--pico".to_owned(), format!("{}:{}", pico.pico(), pico.agent())]);
    }
    for setting in SHORT_TIMES {
        arguments.extend(["--set".to_owned(), setting.to_owned()]);
    }
    FixtureBuilder {
        kind,
        home: MZ_HOME,
        arguments,
        starts_platform: kind != AgentKind::Platform,
        with_commands: false,
    }
}

impl FixtureBuilder {
    fn add_option(mut self, name: &str, value: &str) -> Self {
        self.arguments.extend([name.to_owned(), value.to_owned()]);
        self
    }

    /// Adds a pico, `NAME:TYPE[:HA_PORT]`.
    pub fn pico(self, pico: &str) -> Self {
        self.add_option("--pico", pico)
    }

    /// Changes a setting of the simulator, `[PICO.]KEY=VALUE`.
    pub fn set(self, setting: &str) -> Self {
        self.add_option("--set", setting)
    }

    /// Sets a property of a pico, `NAME:KEY=VALUE`.
    pub fn property(self, property: &str) -> Self {
        self.add_option("--property", property)
    }

    /// Sets a property of the whole container, `KEY=VALUE`.
    pub fn common(self, property: &str) -> Self {
        self.add_option("--common", property)
    }

    /// Makes the picos real JVMs.
    pub fn jvm(mut self) -> Self {
        self.arguments.push("--jvm".to_owned());
        self
    }

    /// Leaves the Platform stopped.
    pub fn without_platform(mut self) -> Self {
        self.starts_platform = false;
        self
    }

    /// Adds the commands for people to the node ([`Fixture::command`]).
    pub fn commands(mut self) -> Self {
        self.with_commands = true;
        self
    }

    pub fn build(self) -> Result<Fixture, TestkitError> {
        let node = Sandbox::with_programs(&if self.with_commands {
            Programs::with_commands()?
        } else {
            Programs::with_agents()?
        })?;
        run_install(&node, self.home, &self.arguments)?;
        let fixture = Fixture { node, kind: self.kind };
        if self.starts_platform {
            fixture.mzsh(&["startup", "platform"])?.expect_code(0)?;
        }
        Ok(fixture)
    }
}

fn run_install(node: &Sandbox, home: &str, arguments: &[String]) -> Result<(), TestkitError> {
    let given = ["install", home, "--owner", node.owner()].map(str::to_owned);
    node.mz_sim(given.iter().chain(arguments)).map(drop)
}

/// One line of the simulator's history.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct SimulatorEvent {
    #[serde(rename = "event")]
    pub event: String,
    pub pico: String,
    /// The reason or the arguments.
    #[serde(default)]
    pub reason: String,
}

/// See the module.
#[derive(Debug)]
pub struct Fixture {
    pub node: Sandbox,
    /// The type of the pico under test.
    pub kind: AgentKind,
}

impl Fixture {
    /// Installs a second product beside the first, with its own Platform and these arguments for
    /// the ports.
    pub fn install_second(&self, home: &str, arguments: &[&str]) -> Result<(), TestkitError> {
        let arguments: Vec<String> =
            arguments.iter().map(|&argument| argument.to_owned()).collect();
        run_install(&self.node, home, &arguments)
    }

    /// The name of the pico under test.
    pub fn pico(&self) -> &'static str {
        self.kind.pico()
    }

    /// The agent, called as Pacemaker does for this pico.
    pub fn agent(&self) -> AgentCall<'_> {
        self.agent_for(self.kind)
    }

    /// The agent for the pico of another type.
    pub fn agent_for(&self, kind: AgentKind) -> AgentCall<'_> {
        let call =
            self.node.agent(kind.agent()).param("mz_home", MZ_HOME).param("pico_name", kind.pico());
        call.meta_timeout(Duration::from_secs(20))
    }

    /// The agent as a recurring monitor that does not wait.
    pub fn recurring_monitor(&self, level: u32) -> AgentCall<'_> {
        as_recurring_monitor(self.agent(), level)
    }

    /// Runs [`Fixture::recurring_monitor`].
    pub fn monitor(&self, level: u32) -> Result<NodeCommandOutput, TestkitError> {
        self.recurring_monitor(level).run("monitor")
    }

    /// Runs a probe.
    pub fn probe(&self) -> Result<NodeCommandOutput, TestkitError> {
        self.agent().run("monitor")
    }

    /// Runs a start, which must succeed, and returns the process.
    pub fn start(&self) -> Result<NodeProcess, TestkitError> {
        self.agent().run("start")?.expect_code(0)?;
        self.single_pico(self.pico())
    }

    pub fn stop(&self) -> Result<NodeCommandOutput, TestkitError> {
        self.agent().run("stop")
    }

    /// Runs mzsh as its owner.
    pub fn mzsh(&self, arguments: &[&str]) -> Result<NodeCommandOutput, TestkitError> {
        self.mzsh_in(MZ_HOME, arguments)
    }

    /// Runs mzsh of another installation.
    pub fn mzsh_in(
        &self,
        home: &str,
        arguments: &[&str],
    ) -> Result<NodeCommandOutput, TestkitError> {
        self.as_owner(&format!("{home}/bin/mzsh")).args(arguments).run()
    }

    /// One of our commands, which root runs with only `PATH` in its environment.
    pub fn command(&self, name: &str) -> NodeCommand<'_> {
        self.node.command(format!("{KIT_DIR}/bin/{name}"))
    }

    /// A program under the owner of the installation.
    pub fn as_owner(&self, program: &str) -> NodeCommand<'_> {
        let command = self.node.command(program);
        if self.node.owner() == "root" { command } else { command.user(MZADMIN_UID) }
    }

    /// Replaces mzsh by a script of the owner that first runs these lines.
    pub fn wrap_mzsh(&self, first: &str) -> TestResult {
        let mzsh = format!("{MZ_HOME}/bin/mzsh");
        self.sh(&format!("cp -p {mzsh} {mzsh}.true"))?;
        self.node.write(mzsh, format!("#!/bin/sh\n{first}\nexec {MZ_HOME}/bin/mzsh.true \"$@\"\n"))
    }

    pub fn set(&self, settings: &[&str]) -> TestResult {
        self.node.mz_sim(["set", MZ_HOME].iter().chain(settings)).map(drop)
    }

    /// Runs a shell command, which must succeed.
    pub fn sh(&self, line: &str) -> Result<String, TestkitError> {
        Ok(self.node.exec(["sh", "-c", line])?.stdout)
    }

    /// Sends a signal. It waits until a SIGKILL or a SIGSTOP has taken effect, because the process
    /// must be scheduled for it.
    pub fn signal(&self, pid: u32, signal: &str) -> TestResult {
        self.sh(&format!("kill -s {signal} {pid}"))?;
        let done = |process: Option<&NodeProcess>| match signal {
            "KILL" => process.is_none(),
            "STOP" => process.is_some_and(|process| process.state == 'T'),
            _ => true,
        };
        self.wait_until(&format!("SIG{signal} to be done to {pid}"), |fixture| {
            let left: Vec<NodeProcess> = fixture
                .process_without_args(pid)?
                .into_iter()
                .filter(|found| !found.is_dead())
                .collect();
            Ok(if done(left.first()) { Ok(()) } else { Err(describe_processes(&left)) })
        })
    }

    /// All live processes except the node's own: its init, hung storage and name servers.
    pub fn processes(&self) -> Result<Vec<NodeProcess>, TestkitError> {
        let mut all = self.node.processes()?;
        all.retain(|process| {
            let dead = process.state == 'Z' && process.threads < 2;
            !dead
                && process.pid != 1
                && !hung_storage::is_hung_mount(process)
                && !network::is_name_server(process)
        });
        Ok(all)
    }

    /// The processes of a pico of the installation. The simulator's command line identifies them:
    /// the home, and the name as the last argument of one of the product's main classes.
    pub fn pico_processes(&self, name: &str) -> Result<Vec<NodeProcess>, TestkitError> {
        self.pico_processes_in(MZ_HOME, name)
    }

    /// The same in another installation.
    pub fn pico_processes_in(
        &self,
        home: &str,
        name: &str,
    ) -> Result<Vec<NodeProcess>, TestkitError> {
        let home = format!("-Dmz.home={home}");
        let main_class =
            |word: &String| word.ends_with(".PicoStart") || word.ends_with(".CodeServerMain");
        let mut all = self.processes()?;
        all.retain(|process| {
            let [.., class, last] = process.argv.as_slice() else { return false };
            main_class(class) && last == name && process.argv.contains(&home)
        });
        Ok(all)
    }

    /// The only process of a pico; any other number fails the test.
    #[track_caller]
    pub fn single_pico(&self, name: &str) -> Result<NodeProcess, TestkitError> {
        self.single_pico_in(MZ_HOME, name)
    }

    /// The same in another installation.
    #[track_caller]
    pub fn single_pico_in(&self, home: &str, name: &str) -> Result<NodeProcess, TestkitError> {
        let mut found = self.pico_processes_in(home, name)?;
        assert_eq!(found.len(), 1, "{name}: {}", describe_processes(&found));
        Ok(found.remove(0))
    }

    /// Fails the test unless the pico, every mzsh and every command of an agent are gone. Only the
    /// Platform from before may live.
    #[track_caller]
    pub fn assert_nothing_left(&self) -> TestResult {
        let mut left = self.processes()?;
        if self.kind != AgentKind::Platform {
            let platform: Vec<u32> =
                self.pico_processes("platform")?.iter().map(|process| process.pid).collect();
            left.retain(|process| !platform.contains(&process.pid));
        }
        assert!(left.is_empty(), "left: {}", describe_processes(&left));
        Ok(())
    }

    /// The simulator's history of the installation.
    pub fn history(&self) -> Result<Vec<SimulatorEvent>, TestkitError> {
        let text = self.node.read(format!("{MZ_HOME}/sim/history.jsonl"))?;
        Ok(text
            .lines()
            .map(|line| serde_json::from_str(line).expect("the simulator writes events"))
            .collect())
    }

    /// The number of mzsh calls with these first arguments.
    pub fn mzsh_call_count(&self, of: &str) -> Result<usize, TestkitError> {
        let history = self.history()?;
        Ok(history
            .iter()
            .filter(|event| event.event == "mzsh" && event.reason.starts_with(of))
            .count())
    }

    /// The reason of the last end that a pico could log.
    pub fn last_end_reason(&self, pico: &str) -> Result<Option<String>, TestkitError> {
        let history = self.history()?.into_iter().rev();
        Ok(history
            .into_iter()
            .find(|e| e.event == "end" && e.pico == pico)
            .map(|event| event.reason))
    }

    /// The agents' log.
    pub fn log(&self) -> Result<String, TestkitError> {
        self.node.read(PACEMAKER_LOG)
    }

    pub fn record_path(&self) -> String {
        format!("/run/mediationzone-ra/{}.json", self.kind.agent())
    }

    /// The record of the resource under test, which must exist.
    pub fn read_record(&self) -> Result<serde_json::Value, TestkitError> {
        let text = self.node.read(self.record_path())?;
        Ok(serde_json::from_str(&text).expect("a record is JSON"))
    }

    /// Waits until the fixture has the expected state; `look` describes the state that it saw
    /// instead.
    pub fn wait_until<T>(
        &self,
        what: &str,
        look: impl Fn(&Self) -> Result<Result<T, String>, TestkitError>,
    ) -> Result<T, TestkitError> {
        wait_until(what, WAIT_TIMEOUT, || look(self).unwrap_or_else(|error| Err(error.to_string())))
    }

    /// Waits for an agent that sleeps during this action.
    pub fn wait_for_sleeping_agent(&self, action: &str) -> Result<NodeProcess, TestkitError> {
        self.wait_until(&format!("an agent that sleeps in its {action}"), |fixture| {
            let all = fixture.processes()?;
            let is_agent = |process: &&NodeProcess| {
                process.argv.len() == 2
                    && process.argv[0].contains("resource.d/mediationzone/")
                    && process.argv[1] == action
            };
            let agents: Vec<&NodeProcess> = all.iter().filter(is_agent).collect();
            // Skip its worker process, a fork that has executed no program.
            let found = agents.iter().find(|agent| {
                agent.state == 'S' && !agents.iter().any(|other| other.pid == agent.ppid)
            });
            Ok(found.map(|&agent| agent.clone()).ok_or_else(|| describe_processes(&all)))
        })
    }

    /// Waits for a monitor that waits for the death of its pico: its record exists, and it sleeps.
    pub fn wait_for_waiting_monitor(&self) -> Result<NodeProcess, TestkitError> {
        self.wait_until("a monitor that waits", |fixture| {
            let agent = fixture.wait_for_sleeping_agent("monitor")?;
            let row = fixture.read_record()?["rows"]["0"].take();
            Ok(if row["waits"]["by"] == agent.pid {
                Ok(agent)
            } else {
                Err(format!("{agent:?}, {row}"))
            })
        })
    }

    /// The uid of the owner's processes as seen from outside.
    pub fn owner_uid(&self) -> u32 {
        // In the node of a normal user, root is that user.
        if self.node.owner() == "root" { rustix::process::getuid().as_raw() } else { MZADMIN_UID }
    }
}

/// A call as a recurring monitor of the cluster that does not wait.
pub fn as_recurring_monitor(call: AgentCall<'_>, level: u32) -> AgentCall<'_> {
    call.param("wait", "0").interval(Duration::from_secs(1)).check_level(level)
}

pub fn describe_processes(processes: &[NodeProcess]) -> String {
    let mut text = String::new();
    for process in processes {
        // Writing to a String can't fail.
        let NodeProcess { pid, state, argv, comm, threads, ppid, .. } = process;
        let _ = if argv.is_empty() {
            writeln!(text, "\n{pid} {state} ({comm}, {threads} threads, child of {ppid})")
        } else {
            writeln!(text, "\n{pid} {state} {}", process.command_line())
        };
    }
    if text.is_empty() { "no process".to_owned() } else { text }
}
