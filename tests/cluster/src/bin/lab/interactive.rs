//! `cargo xtask lab`: the cluster of the tests for interactive use. It has three real nodes with
//! the release build of the agents or the packages that ship, and faults by name. It can install a
//! simulated MediationZone, and nothing stays behind.
//!
//! Without packages, `mz-sim` comes from the development build and the agents come from the release
//! build. The lab lives in `target/lab/by-hand` until `down`, or for four hours.

use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use devtools::workspace::{self, Workspace};
use devtools::{TaskError, dist, generation, packages};
use lab::LabController;
use lab::cluster_fixture::{ec_installation, example_for_lab, platform_installation};
use lab::openstack::OpenStack;
use testkit::prerequisites;
use testkit::{Generation, NodeCommandOutput, Programs, packages_dir};

use crate::openstack;

/// The directory of the interactive lab.
pub(crate) const INTERACTIVE_LAB: &str = "by-hand";

/// Names another directory, for a second lab beside the first.
const LAB_NAME_VARIABLE: &str = "LAB_NAME";

/// The longest time of a script on a node.
const SCRIPT_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug, clap::Subcommand)]
pub(crate) enum LabTask {
    /// Start a cluster
    Up {
        /// Number of nodes, which are n1 and so on
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=9))]
        nodes: u8,
        /// Debian whose programs the nodes have: this machine's, or another one, made in
        /// target/generations (two minutes, once)
        #[arg(long, default_value = Generation::Machine.name(), value_parser = parse_generation)]
        generation: Generation,
        /// Install a simulated MediationZone as in docs/operate/lab.md: Platform and UI in /srv/mz,
        /// for /opt/mz; ec1, ec2 and sc1 in /opt/ec of each node; a configuration in /root/mz-pcs.sh
        #[arg(long)]
        install: bool,
        /// Install agents, mzha, mz-ha-scripts and mz-sim with dpkg, from the packages in
        /// target/dist. They are made first, as by `cargo xtask dist`, if they are missing or older
        /// than the sources
        #[arg(long)]
        from_package: bool,
        /// Add the services of OpenStack, in which the nodes are servers of the same names. The nodes
        /// have Debian 12 with its clients, made in target/generations (three minutes, once)
        #[arg(long, conflicts_with = "generation")]
        openstack: bool,
    },
    /// End the cluster and all its processes
    Down,
    /// Show power, network cable and each node's own view of the cluster
    Status,
    /// Run a command in a node; `host` is beside the nodes, on their network
    Exec {
        /// A node (n1 and so on) or host
        node: String,
        /// The command and its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Cut a node's power
    Kill(NodeArgument),
    /// Press a node's power button
    On(NodeArgument),
    /// Pull a node's network cable
    Cut(NodeArgument),
    /// Plug a node's network cable in again
    Heal(NodeArgument),
    /// SIGSTOP a node's corosync
    Freeze(NodeArgument),
    /// SIGCONT a node's corosync
    Thaw(NodeArgument),
    /// Stop a node's cluster software in an orderly way
    Stop(NodeArgument),
    /// Start a node's cluster software
    Start(NodeArgument),
}

#[derive(Debug, clap::Args)]
pub(crate) struct NodeArgument {
    /// A node (n1 and so on)
    node: String,
}

/// Runs the task; the exit code is that of its command.
pub(crate) fn run(task: &LabTask) -> Result<ExitCode, TaskError> {
    let workspace = Workspace::read()?;
    let name = std::env::var(LAB_NAME_VARIABLE).unwrap_or_else(|_| INTERACTIVE_LAB.to_owned());
    let control = LabController::new(workspace.lab_dir().join(name));
    let (verb, node) = match task {
        LabTask::Up { nodes, generation, install, from_package, openstack } => {
            check_prerequisites()?;
            if let Some(pid) = control.init_pid() {
                eprintln!(
                    "a lab is already up (process 1 is pid {pid}); run `cargo xtask lab down`"
                );
                return Ok(ExitCode::FAILURE);
            }
            let control = if *openstack {
                openstack::ensure_root()?;
                control.with_openstack_root()?
            } else {
                generation::ensure(*generation)?;
                control.with_generation(*generation)?
            };
            if *from_package {
                bring_up_from_packages(&control.clone().with_packages(packages_dir()), *nodes)?;
            } else {
                bring_up_from_build(&workspace, &control, *nodes)?;
            }
            if *install {
                install_product(&control, *nodes)?;
            }
            if *openstack {
                eprintln!("starting the services of OpenStack...");
                OpenStack::new(&control).up()?;
            }
            return run_at_terminal(control.interactive_command(&["status"]));
        }
        LabTask::Down => {
            control.down()?;
            println!("the lab is down");
            return Ok(ExitCode::SUCCESS);
        }
        LabTask::Status => return run_at_terminal(control.interactive_command(&["status"])),
        LabTask::Exec { node, command } => {
            let words: Vec<&str> =
                ["exec", node].into_iter().chain(command.iter().map(String::as_str)).collect();
            return run_at_terminal(control.interactive_command(&words));
        }
        LabTask::Kill(NodeArgument { node }) => ("kill", node),
        LabTask::On(NodeArgument { node }) => ("on", node),
        LabTask::Cut(NodeArgument { node }) => ("cut", node),
        LabTask::Heal(NodeArgument { node }) => ("heal", node),
        LabTask::Freeze(NodeArgument { node }) => ("freeze", node),
        LabTask::Thaw(NodeArgument { node }) => ("thaw", node),
        LabTask::Stop(NodeArgument { node }) => ("stop", node),
        LabTask::Start(NodeArgument { node }) => ("start", node),
    };
    run_at_terminal(control.interactive_command(&[verb, node]))
}

/// Parses the name of a generation.
pub(crate) fn parse_generation(name: &str) -> Result<Generation, String> {
    Generation::ALL.into_iter().find(|generation| generation.name() == name).ok_or_else(|| {
        format!("expected one of {}", Generation::ALL.map(Generation::name).join(", "))
    })
}

fn bring_up_from_build(
    workspace: &Workspace,
    control: &LabController,
    nodes: u8,
) -> Result<(), TaskError> {
    eprintln!("building the agents and the simulated MediationZone...");
    workspace::build_programs()?;
    let release = workspace.release_dir();
    let programs = Programs::with_simulator()?
        .add_agents(&release)?
        .add_program(&release.join("mzha"), "mzha");
    control.up(nodes, &programs, false)?.1.expect_code(0)?;
    announce(nodes, "mzha and mz-sim of the build");
    Ok(())
}

fn bring_up_from_packages(control: &LabController, nodes: u8) -> Result<(), TaskError> {
    if !dist::is_current()? {
        eprintln!("making the packages in {}...", packages_dir().display());
        workspace::run_checked(dist::command().stderr(Stdio::inherit()))?;
    }
    let kit = ["--quiet", "--package", "testkit", "--bins"];
    workspace::run_checked(workspace::cargo(["build"]).args(kit))?;
    control.up(nodes, &Programs::kit_only()?, false)?.1.expect_code(0)?;
    let version = "dpkg-query --show --showformat '${Version}' resource-agents-mediationzone";
    let version = run_in_node(control, "n1", version)?.stdout;
    announce(nodes, &format!("the packages of {}, version {version}", packages_dir().display()));
    Ok(())
}

fn announce(nodes: u8, software: &str) {
    eprintln!(
        "{nodes} nodes are up, with {software}. Agents: ocf:mediationzone; fencing: stonith:fence_lab; shared by all nodes: /srv"
    );
}

/// The simulated product, and a configuration for it.
fn install_product(control: &LabController, nodes: u8) -> Result<(), TaskError> {
    for node in (1..=nodes).map(|number| format!("n{number}")) {
        run_in_node(control, &node, &ec_installation(""))?;
        let configuration = format!("cat >/root/mz-pcs.sh <<'END'\n{}END", example_for_lab());
        run_in_node(control, &node, &configuration)?;
    }
    run_in_node(control, "n1", &platform_installation(""))?;
    Ok(())
}

fn run_in_node(
    control: &LabController,
    node: &str,
    script: &str,
) -> Result<NodeCommandOutput, TaskError> {
    let output = control.run_script(SCRIPT_TIMEOUT, &["exec", node, "sh", "-c", script])?;
    Ok(output.expect_code(0)?)
}

/// Fails with the missing prerequisites of a lab.
pub(crate) fn check_prerequisites() -> Result<(), TaskError> {
    packages::require("a lab", &[prerequisites::CLUSTER, prerequisites::HUNG_STORAGE].concat())
}

/// Runs the script on our terminal. It exists only while a lab does.
pub(crate) fn run_at_terminal(mut command: Command) -> Result<ExitCode, TaskError> {
    if !std::path::Path::new(command.get_program()).exists() {
        eprintln!("no lab is up; run `cargo xtask lab up`");
        return Ok(ExitCode::FAILURE);
    }
    let status = command
        .status()
        .map_err(|source| TaskError::Spawn { command: "lab.sh".to_owned(), source })?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}
