//! The test kit: each test has a small node of its own.
//!
//! A [`Sandbox`] is a set of namespaces with private `/run`, `/tmp`, `/opt`, loopback and PIDs. The
//! agents are installed where Pacemaker expects them, and every path is that of production. So
//! nothing under test has a test mode. Three rules hold:
//!
//! - *Nothing stays behind, however a test ends.* Process 1 of the sandbox reads from a pipe that
//!   the test process holds. A return, a panic or a SIGKILL closes it. Process 1 then exits, and
//!   the kernel kills all other processes there.
//! - *Agents run as under Pacemaker* ([`AgentCall`]): only its environment, umask and directory, a
//!   process group of their own, SIGKILL to that group at the timeout.
//! - *The evidence comes from outside*: processes from /proc ([`Sandbox::processes`]), files from
//!   the node's file system ([`Sandbox::host_path`]), never from an agent's own answer. A test
//!   waits for a condition ([`wait_until`]), never for a time.
#![forbid(unsafe_code)]

mod agent;
pub mod assertions;
mod command;
mod debian_root;
mod error;
pub mod executor;
pub mod fake_process;
mod fault_helpers;
pub mod fixture;
pub mod generation;
mod hung_storage;
mod kill_at;
mod network;
pub mod prerequisites;
mod process;
mod programs;
mod root_folder;
mod sandbox;
pub mod systemd;
mod wait;

pub use agent::AgentCall;
pub use command::{NodeCommand, NodeCommandOutput, NodeExitStatus};
pub use debian_root::DebianRoot;
pub use error::TestkitError;
pub use generation::Generation;
pub use hung_storage::{HungOperation, HungStorage};
pub use kill_at::KillAtResult;
pub use network::NameServer;
pub use process::NodeProcess;
pub use programs::{
    AGENTS, FROM_PACKAGES_VARIABLE, Programs, STAGED_FOLDER, is_testing_packages, packages_dir,
    repack_agents,
};
pub use root_folder::{OPENSTACK_ROOT, RootFolder};
pub use sandbox::Sandbox;
pub use wait::wait_until;

/// The result of a test; a failure that is no error of the kit is a panic.
pub type TestResult = Result<(), TestkitError>;
