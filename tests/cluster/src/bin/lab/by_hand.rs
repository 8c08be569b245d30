//! `cargo xtask lab`: the cluster of the tests, for a person: three real nodes with the agents as they ship and a simulated
//! MediationZone to install, faults by name, nothing left behind.
//!
//! The lab is built from what is built for development (`mz-sim`) and for release (the agents), and lives in `target/lab/by-hand`
//! until `down`, or for four hours.

use std::process::{Command, ExitCode};
use std::time::Duration;

use devtools::workspace::{self, Workspace};
use devtools::{Error, generation, packages};
use lab::Control;
use lab::site::{ec_installation, platform_installation};
use testkit::needs;
use testkit::{Generation, Programs};

/// The directory of the lab that is a person's.
pub(crate) const BY_HAND: &str = "by-hand";

/// Longest time for a script on a node.
const LIMIT: Duration = Duration::from_secs(60);

/// What is to be done with the lab.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Task {
    /// Bring up a cluster
    Up {
        /// How many nodes, n1 and on
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=9))]
        nodes: u8,
        /// Whose programs the nodes have: this machine's, or another Debian's, made in target/generations (two minutes, once)
        #[arg(long, default_value = Generation::Machine.name(), value_parser = generation_named)]
        generation: Generation,
        /// Install a simulated MediationZone, as docs/operate/lab.md has it: Platform and UI in /srv/mz, for /opt/mz; ec1, ec2 and sc1 in
        /// /opt/ec of each node
        #[arg(long)]
        install: bool,
    },
    /// End it, with all that runs in it
    Down,
    /// Show power, cable, and what each node itself believes
    Status,
    /// Run a command in a node; in `host`: beside the nodes, on their network
    Exec {
        /// n1 and on, or host
        node: String,
        /// The command
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Cut a node's power
    Kill(Node),
    /// Press a node's power button
    On(Node),
    /// Pull a node's network cable
    Cut(Node),
    /// Plug it in again
    Heal(Node),
    /// SIGSTOP a node's corosync
    Freeze(Node),
    /// SIGCONT a node's corosync
    Thaw(Node),
    /// Stop a node's cluster software in an orderly way
    Stop(Node),
    /// Start it
    Start(Node),
}

/// Which one.
#[derive(Debug, clap::Args)]
pub(crate) struct Node {
    /// n1 and on
    node: String,
}

/// Does it; the exit code is that of what was run.
pub(crate) fn run(task: &Task) -> Result<ExitCode, Error> {
    let workspace = Workspace::read()?;
    let control = Control::new(workspace.lab().join(BY_HAND));
    let (verb, node) = match task {
        Task::Up { nodes, generation, install } => {
            return up(&workspace, &control, *nodes, *generation, *install);
        }
        Task::Down => {
            control.down()?;
            return Ok(ExitCode::SUCCESS);
        }
        Task::Status => return pass(control.at_terminal(&["status"])),
        Task::Exec { node, command } => {
            let words: Vec<&str> =
                ["exec", node].into_iter().chain(command.iter().map(String::as_str)).collect();
            return pass(control.at_terminal(&words));
        }
        Task::Kill(Node { node }) => ("kill", node),
        Task::On(Node { node }) => ("on", node),
        Task::Cut(Node { node }) => ("cut", node),
        Task::Heal(Node { node }) => ("heal", node),
        Task::Freeze(Node { node }) => ("freeze", node),
        Task::Thaw(Node { node }) => ("thaw", node),
        Task::Stop(Node { node }) => ("stop", node),
        Task::Start(Node { node }) => ("start", node),
    };
    pass(control.at_terminal(&[verb, node]))
}

/// The generation of this name.
pub(crate) fn generation_named(name: &str) -> Result<Generation, String> {
    Generation::ALL
        .into_iter()
        .find(|generation| generation.name() == name)
        .ok_or_else(|| format!("there is {}", Generation::ALL.map(Generation::name).join(", ")))
}

fn up(
    workspace: &Workspace,
    control: &Control,
    nodes: u8,
    generation: Generation,
    install: bool,
) -> Result<ExitCode, Error> {
    provide()?;
    if let Some(pid) = control.init() {
        eprintln!("a lab is up already (its process 1 is {pid}): cargo xtask lab down");
        return Ok(ExitCode::FAILURE);
    }
    generation::made(generation)?;
    eprintln!("building the agents and the simulated MediationZone...");
    workspace::build()?;
    let control = control.clone().of(generation)?;
    let release = workspace.release();
    let programs = Programs::simulator()?.and_agents(&release)?.and(&release.join("mzha"), "mzha");
    control.up(nodes, &programs, false)?.1.expect(0)?;
    let sh = |node: &str, script: &str| {
        control.call(LIMIT, &["exec", node, "sh", "-c", script]).and_then(|ran| ran.expect(0))
    };
    for node in (1..=nodes).map(|number| format!("n{number}")) {
        sh(&node, "ln -s /usr/lib/mz-sim/mzha /usr/lib/mz-sim/mz-sim /usr/local/sbin/")?;
        if install {
            sh(&node, &ec_installation(""))?;
        }
    }
    if install {
        sh("n1", &platform_installation(""))?;
    }
    eprintln!(
        "{nodes} nodes are up, with mzha and mz-sim. Agents: ocf:mediationzone; fencing: stonith:fence_lab; shared by all nodes: /srv"
    );
    pass(control.at_terminal(&["status"]))
}

/// What a lab needs; an error says what of it this machine lacks.
pub(crate) fn provide() -> Result<(), Error> {
    packages::require("a lab", &[needs::CLUSTER, needs::HUNG_STORAGE].concat())
}

/// Runs it with our terminal. Where there is no lab yet there is no script either.
fn pass(mut command: Command) -> Result<ExitCode, Error> {
    if !std::path::Path::new(command.get_program()).exists() {
        eprintln!("no lab is up: cargo xtask lab up");
        return Ok(ExitCode::FAILURE);
    }
    let status = command.status().map_err(|source| Error::Spawn { command: "lab.sh".to_owned(), source })?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}
