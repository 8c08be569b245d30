//! Write OCF resource agents in Rust.
//!
//! A resource agent is a program that Pacemaker calls to start, stop and monitor a service. The
//! first argument is the action, and the environment holds the parameters. The exit code is the
//! answer, and a line on stderr is the reason for a failure. The API is version 1.1 of the Open
//! Cluster Framework's. It looks small, but mistakes are expensive. The node of an agent that
//! panics in a stop is fenced. An agent that is killed at its timeout gives no reason. An agent
//! whose metadata a tool can't parse can't be configured. This crate holds the parts that every
//! agent shares:
//!
//! - A table declares each [`Parameter`] once. Parsing, validation, defaults and the
//!   [metadata](Definition::metadata) follow from it, and with [`settings!`] the fields that hold
//!   the values.
//! - [`Invocation`] holds arguments and environment, read once. Each is optional, and none can
//!   cause a panic.
//! - [`Deadline`] is the one time by which an action must have answered.
//! - [`Agent`] is the trait to implement; its types restrict the answers of each action.
//! - [`run`](run()) dispatches, answers the actions that need no agent, and turns a panic into an
//!   [`exit_reason`].
//! - The log turns events of `tracing` into log lines in the cluster's format, and writes
//!   a [`trace`] on demand.
//!
//! This crate does not run commands, inspect processes or talk to the cluster. It has no `unsafe`,
//! no thread and no async runtime. A monitor without a message opens no file except those of the
//! agent. A log file on storage that hangs therefore blocks the action, unless the agent supplies
//! other [`LogFiles`].
//!
//! # A whole agent
//!
//! This one passes `ocf-tester`; it is `examples/flag.rs`.
//!
//! ```no_run
#![doc = include_str!("../examples/flag.rs")]
//! ```

#![forbid(unsafe_code)]
#![warn(
    missing_docs,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::must_use_candidate
)]

mod action;
mod agent;
pub mod calendar;
mod clock_jump;
mod deadline;
mod definition;
mod escape;
mod evidence;
mod exit_code;
pub mod exit_reason;
mod findings;
mod instance_name;
mod invocation;
mod json;
mod log;
mod metadata;
mod panic;
mod parameter;
mod run;
mod stderr;
pub mod time;

pub use action::Action;
pub use agent::{Agent, Failure, State};
pub use deadline::Deadline;
pub use definition::{Definition, Operation};
pub use escape::{escape_unprintable, escape_unprintable_json};
pub use evidence::Evidence;
pub use exit_code::{ErrorCode, ExitCode};
pub use findings::Findings;
pub use instance_name::encode_instance_name;
pub use invocation::{CloneKind, Invocation, OutputFormat};
pub use log::files::{Append, InProcess, LogFile, LogFiles};
pub use log::{install_subscriber as install_log, trace};
pub use panic::exit_on_panic;
pub use parameter::{
    Deprecation, FieldType, FromParameter, Parameter, ParameterError, ParameterKind,
    ParameterReader, ParameterValues,
};
pub use run::run;
