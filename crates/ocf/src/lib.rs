//! Write OCF resource agents in Rust.
//!
//! A resource agent is a program that Pacemaker calls to start, stop and watch a service: the action is its first
//! argument, the parameters are in the environment, the answer is the exit code, and the reason for a bad one is a line
//! on stderr. The API is the Open Cluster Framework's, version 1.1. It looks small, and its corners cost clusters their
//! sleep: an agent that panics in a stop gets its node fenced; one that is killed at its timeout says nothing; one
//! whose metadata a tool can't read can't be configured. This crate holds what is the same in every agent:
//!
//! - [`Parameter`]s are declared once; parsing, validation, defaults and the [metadata](Definition::metadata) follow.
//! - [`Invocation`] is arguments and environment, read once, all of it optional, none of it able to make it panic.
//! - [`Deadline`] is the one time by which an action must have answered.
//! - [`Agent`] is what is left to write; its types say which answers an action may give.
//! - [`run`](run()) dispatches, answers what needs no agent, and turns a panic into an exit [`exit_reason`].
//! - Whatever is said through `tracing` becomes log lines where the cluster wants them, and a [`trace`] on demand.
//!
//! It does not know how to run commands, look at processes or talk to the cluster. There is no `unsafe`, no thread, no
//! async runtime; a monitor that has nothing to say opens nothing but what the agent itself opens. For the same reason a log file on
//! storage that hangs holds an action up, unless the agent brings [`LogFiles`] that do not.
//!
//! # A whole agent
//!
//! This one passes `ocf-tester`; it is `examples/flag.rs`.
//!
//! ```no_run
#![doc = include_str!("../examples/flag.rs")]
//! ```

#![forbid(unsafe_code)]
#![warn(missing_docs, clippy::missing_errors_doc, clippy::missing_panics_doc, clippy::must_use_candidate)]

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
pub use parameter::{Deprecation, Parameter, ParameterError, ParameterKind, ParameterValues};
pub use run::run;
