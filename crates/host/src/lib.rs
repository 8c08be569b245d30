//! The operating system as a resource agent needs it.
//!
//! Thin wrappers with the guarantees that the agents are built on:
//!
//! - a process is a pid *and* its start time ([`ProcessId`]), and a signal goes through a pidfd, or where there is none
//!   to a process whose start time was compared the moment before ([`ProcessHandle`]), so that a reused pid is not hit;
//! - whatever can block for ever (shared storage, name services, an `exec` from a mount that hangs) happens in
//!   a child made by fork ([`worker::run_in_child`], [`command::launch`]), never in the calling process: Pacemaker's
//!   executor waits for that one, and a process in uninterruptible sleep would take the executor with it;
//! - every wait ends at an [`Instant`](std::time::Instant) that the caller gives. Nothing here has seconds of
//!   its own.
//!
//! This is the only crate of the workspace with `unsafe`: [`fork`] and what must run between it and `exec`, signals, a request to a
//! pidfd, and the local time.

pub mod addresses;
mod bounded_output;
pub mod command;
pub mod command_lines;
pub mod credentials;
pub mod descriptors;
pub mod files;
mod fork;
pub mod inherited;
pub mod kernel;
pub mod listeners;
pub mod local_time;
pub mod lock;
pub mod log_writer;
pub mod mounts;
mod pidfd;
pub mod private_files;
pub mod process;
pub mod unix_socket;
mod wait;
pub mod worker;

pub use fork::ForkedChild;
pub use pidfd::{PidFd, ProcessHandle};
pub use process::{ExitStatus, Pid, ProcessId, Signal};
pub use wait::{remaining, sleep_capped};
