//! `cargo xtask demo`: the agents' work, in steps. A Platform and an EC are started, monitored,
//! killed, reported as dead, recovered, reported as hung, and stopped. A Platform is not started
//! while the address that it must bind is missing.
//!
//! The agents are the release build, run as Pacemaker runs them, in a sandbox that ends with this
//! process. Each step prints its expected result; the demo fails if one differs.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use devtools::transcript::Transcript;
use devtools::workspace::{self, Workspace};
use devtools::{TaskError, packages};
use testkit::{
    AgentCall, NodeCommandOutput, NodeProcess, Programs, Sandbox, prerequisites, wait_until,
};

use crate::lab;

/// The longest wait for any event; the whole demo takes a few seconds.
const WAIT_TIMEOUT: Duration = Duration::from_secs(20);
const MZ_HOME: &str = "/opt/mz";
/// The EC's workload, on the clock of its HA Monitor Server.
const EC_WORKLOAD: &str =
    "ec1.workload=from 0s to 120s consumes 25/40s; at 130s consumes 3; from 160s consumes 25/40s";

#[derive(Debug, clap::Args)]
pub(crate) struct DemoOptions {
    /// Show a fail-over on a real cluster of three nodes (as root), with a live table and a time
    /// line
    #[arg(long)]
    cluster: bool,
    /// With --cluster: leave the cluster running for `cargo xtask lab`
    #[arg(long, requires = "cluster")]
    keep: bool,
}

/// Succeeds if every step had its expected result.
pub(crate) fn run(options: &DemoOptions) -> Result<ExitCode, TaskError> {
    if options.cluster {
        return lab::run_lab(
            &[&["demo"][..], if options.keep { &["--keep"] } else { &[] }].concat(),
        );
    }
    packages::install_missing(prerequisites::SANDBOX);
    eprintln!(
        "building the agents and the simulated MediationZone (some minutes the first time)..."
    );
    workspace::build_programs()?;
    let workspace = Workspace::read()?;
    let begun = Instant::now();
    let node =
        Sandbox::with_programs(&Programs::with_simulator()?.add_agents(&workspace.release_dir())?)?;
    node.mz_sim([
        "install",
        MZ_HOME,
        "--pico",
        "platform:platform",
        "--pico",
        "ec1:ec",
        "--owner",
        node.owner(),
        "--set",
        "start_time=1s",
        // The EC meets these thresholds until a chapter changes its workload.
        "--property",
        "ec1:mz.ha.min_consumes=10",
        "--set",
        "ec1.ha_clock=80s",
        "--set",
        EC_WORKLOAD,
    ])?;
    let mut transcript = Transcript::on_stdout();
    Demo { node: &node, transcript: &mut transcript }.run_steps()?;
    drop(node);
    Ok(transcript.close(begun.elapsed()))
}

struct Demo<'a> {
    node: &'a Sandbox,
    transcript: &'a mut Transcript,
}

impl Demo<'_> {
    fn run_steps(&mut self) -> Result<(), TaskError> {
        self.transcript.chapter(
            "A simulated MediationZone in /opt/mz of a private node. Is it fit to run here?",
        );
        self.step("platform", "validate-all", 0, |call| call.check_level(10))?;
        self.step("platform", "monitor", 7, |call| call)?;

        self.transcript.chapter("Start the Platform, then an Execution Context, which needs it.");
        self.step("platform", "start", 0, |call| call)?;
        self.step("ec", "start", 0, |call| call)?;

        self.transcript.chapter("Watch them: the process, its HA Monitor Server, mzsh status.");
        for level in [0, 10, 20] {
            self.step("platform", "monitor", 0, |call| as_recurring(call).check_level(level))?;
        }
        self.step("ec", "monitor", 0, |call| as_recurring(call).check_level(10))?;
        self.show_missed_threshold()?;

        self.transcript.chapter("kill -9 of the Platform, while a monitor waits for just that.");
        self.show_noticed_death()?;

        self.transcript
            .chapter("Recover it as Pacemaker does: stop, start. The EC was not touched.");
        self.step("platform", "stop", 0, |call| call)?;
        self.step("platform", "start", 0, |call| call)?;
        self.step("ec", "monitor", 0, |call| as_recurring(call).check_level(10))?;

        self.transcript.chapter("kill -STOP: the Platform hangs. It is not taken for dead.");
        let hung = self.signal("platform", "-STOP")?;
        // kill(1) returns when the signal is sent; the process stops only when it is next
        // scheduled.
        wait_until("the Platform to be stopped", WAIT_TIMEOUT, || {
            let processes = self.node.processes().map_err(|e| e.to_string())?;
            let state = processes.iter().find(|p| p.pid == hung).map(|p| p.state);
            if state == Some('T') { Ok(()) } else { Err(format!("its state is {state:?}")) }
        })?;
        self.step("platform", "monitor", 1, as_recurring)?;

        self.transcript.chapter("Stop both. Stopped is said when /proc says so.");
        self.step("ec", "stop", 0, |call| call)?;
        self.step("platform", "stop", 0, |call| call)?;
        self.step("platform", "monitor", 7, |call| call)?;

        self.show_unavailable_address()?;

        let left =
            self.node.processes()?.iter().filter(|p| p.command_line().contains("mz.home")).count();
        self.transcript.note(&format!("processes of MediationZone on the node: {left}"), left == 0);
        Ok(())
    }

    /// Runs one action and compares its exit code with the expected one.
    fn step<'s>(
        &'s mut self,
        agent: &str,
        action: &str,
        expected: i32,
        with: impl FnOnce(AgentCall<'s>) -> AgentCall<'s>,
    ) -> Result<(), TaskError> {
        let call = with(agent_call(self.node, agent).param("wait", "0"));
        let (_, environment) = call.argv_and_environment(action);
        let value =
            |name: &str| environment.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        let title = match (action, value("OCF_RESKEY_CRM_meta_interval"), value("OCF_CHECK_LEVEL"))
        {
            ("monitor", None, _) => format!("{agent} monitor (probe)"),
            ("monitor", _, level) => format!("{agent} monitor depth {}", level.unwrap_or("0")),
            _ => format!("{agent} {action}"),
        };
        let ran = call.run(action)?;
        self.transcript.step(&title, &ran, expected);
        Ok(())
    }

    /// Shows an EC that lives and has too little work, by the counters of its own HA Monitor
    /// Server.
    fn show_missed_threshold(&mut self) -> Result<(), TaskError> {
        self.transcript.chapter(
            "An EC whose thresholds are not met: mz.ha.min_consumes is 10, and its traffic dries up.",
        );
        // The test sets the server's clock, so nobody waits for its interval of 40 s or the grace
        // period of a new JVM.
        for (clock, code) in [("160s", 1), ("200s", 0)] {
            self.node.mz_sim(["set", MZ_HOME, &format!("ec1.ha_clock={clock}")])?;
            self.transcript
                .note(&format!("by the clock of its HA Monitor Server it is {clock}"), true);
            self.step("ec", "monitor", code, |call| {
                as_recurring(call).check_level(10).param("ha_grace", "0")
            })?;
        }
        Ok(())
    }

    /// Shows a Platform that must bind an address, before and after the address is on the node.
    fn show_unavailable_address(&mut self) -> Result<(), TaskError> {
        let (home, address) = ("/opt/mz-vip", "192.0.2.10");
        self.transcript.chapter(
            "Another Platform, which must bind the virtual address of mzplat. That is not here: no start.",
        );
        let name = [
            "--common",
            "pico.rcp.server.host=mzplat",
            "--common",
            "pico.rcp.platform.host=mzplat",
        ];
        self.node.mz_sim(["install", home, "--owner", self.node.owner()].iter().chain(&name))?;
        self.node.set_hosts(&[&format!("{address} mzplat")])?;
        self.step("platform", "start", 1, |call| call.param("mz_home", home))?;

        self.transcript
            .chapter("The address comes to this node, as ocf:heartbeat:IPaddr2 brings it: start.");
        self.node.add_address(address)?;
        self.step("platform", "start", 0, |call| call.param("mz_home", home))?;
        self.step("platform", "stop", 0, |call| call.param("mz_home", home))
    }

    /// Shows a waiting monitor, and the death that ends its wait.
    fn show_noticed_death(&mut self) -> Result<(), TaskError> {
        let waiting = || {
            agent_call(self.node, "platform")
                .interval(Duration::from_millis(100))
                .param("wait", "20s")
        };
        // The first monitor of a schedule does not wait.
        waiting().run("monitor")?;
        let (ran, noticed) =
            std::thread::scope(|scope| -> Result<(NodeCommandOutput, Duration), TaskError> {
                let monitor = scope.spawn(|| waiting().run("monitor"));
                wait_until("a waiting monitor", WAIT_TIMEOUT, || {
                    let processes = self.node.processes().map_err(|e| e.to_string())?;
                    let of_agent = |p: &&NodeProcess| {
                        p.argv.len() == 2 && p.argv[0].ends_with("/platform") && p.state == 'S'
                    };
                    processes
                        .iter()
                        .find(of_agent)
                        .map(drop)
                        .ok_or_else(|| "no such process".to_owned())
                })?;
                // The time starts before the kill, so it includes the entry into the node.
                let killed = Instant::now();
                self.signal("platform", "-KILL")?;
                let ran =
                    monitor.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
                Ok((ran, killed.elapsed()))
            })?;
        self.transcript.step("platform monitor depth 0, waiting", &ran, 7);
        let noticed = noticed.as_secs_f64() * 1e3;
        self.transcript
            .note(&format!("from the kill to the answer: at most {noticed:.0} ms"), true);
        Ok(())
    }

    /// Signals the pico, which /proc identifies and not the agent; returns its pid.
    fn signal(&self, pico: &str, signal: &str) -> Result<u32, TaskError> {
        let marker = format!("-Dpico.configname={pico}");
        let pid = wait_until("the process of the pico", WAIT_TIMEOUT, || {
            let processes = self.node.processes().map_err(|e| e.to_string())?;
            let found = processes.iter().find(|p| p.argv.contains(&marker));
            found.map(|p| p.pid).ok_or_else(|| format!("none of {} processes", processes.len()))
        })?;
        self.node.exec(["kill", signal, &pid.to_string()])?;
        Ok(pid)
    }
}

/// A call of one of the demo's two agents.
fn agent_call<'a>(node: &'a Sandbox, agent: &str) -> AgentCall<'a> {
    let call = node.agent(agent).param("mz_home", MZ_HOME).meta_timeout(WAIT_TIMEOUT);
    if agent == "ec" { call.param("pico_name", "ec1") } else { call }
}

fn as_recurring(call: AgentCall<'_>) -> AgentCall<'_> {
    call.interval(Duration::from_secs(1))
}
