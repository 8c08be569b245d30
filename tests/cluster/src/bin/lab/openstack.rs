//! `cargo xtask lab openstack`: the services of OpenStack beside the interactive lab.

use std::process::ExitCode;

use devtools::generation;
use devtools::workspace::Workspace;
use devtools::{TaskError, packages};
use lab::LabController;
use lab::openstack::OpenStack;
use testkit::{OPENSTACK_ROOT, prerequisites};

use crate::interactive::{INTERACTIVE_LAB, run_at_terminal};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum OpenStackTask {
    /// Run a command beside the services: `openstack server list`
    Exec {
        /// The user, of the services' clouds.yaml: mz, or admin for the operator of the cloud
        #[arg(long, default_value = "mz")]
        cloud: String,
        /// The command and its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Show each service's process and answer
    Status,
    /// Send a signal to a service: an outage, or its end
    Signal {
        /// keystone, placement, glance, neutron, nova or cinder
        service: String,
        /// KILL or TERM: the service is gone; STOP: it hangs; SLOW: it answers slowly; CONT: it continues
        #[arg(value_parser = ["KILL", "TERM", "STOP", "SLOW", "CONT"])]
        signal: String,
    },
    /// Start a service that is gone
    Start {
        /// keystone, placement, glance, neutron, nova or cinder
        service: String,
    },
    /// End all services; the nodes stay on
    Down,
}

/// Runs the task; the exit code is that of its command.
pub(crate) fn run(task: &OpenStackTask) -> Result<ExitCode, TaskError> {
    let lab = LabController::new(Workspace::read()?.lab_dir().join(INTERACTIVE_LAB));
    let words = match task {
        OpenStackTask::Exec { cloud, command } => {
            ["exec", cloud].into_iter().chain(command.iter().map(String::as_str)).collect()
        }
        OpenStackTask::Status => vec!["status"],
        OpenStackTask::Signal { service, signal } => vec!["signal", service, signal],
        OpenStackTask::Start { service } => vec!["start", service],
        OpenStackTask::Down => vec!["down"],
    };
    run_at_terminal(OpenStack::new(&lab).interactive_command(&words))
}

/// Makes the root of the services and nodes, if it is missing.
pub(crate) fn ensure_root() -> Result<(), TaskError> {
    generation::ensure_folder(OPENSTACK_ROOT)?;
    packages::require("the OpenStack lab", prerequisites::OPENSTACK)
}
