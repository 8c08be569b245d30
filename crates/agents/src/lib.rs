//! The four resource agents: the OCF interface of [`pico`].
//!
//! The agents differ only in a type and a default. Each parameter is one row of [`pico::parameters`], which gives its metadata,
//! parsing, default and validation.

#![forbid(unsafe_code)]

mod agent;
mod definition;
mod failures;
mod log_files;
#[cfg(test)]
mod parameter_row;
pub mod settings;

pub use agent::PicoAgent;
pub use definition::{VERSION, definition};
pub use log_files::ByWorkers;

/// The agent for one kind of pico, from `main` to the exit code.
#[must_use]
pub fn run_agent(kind: pico::PicoType) -> std::process::ExitCode {
    pico::reset_inherited();
    ocf::run(&PicoAgent::new(kind))
}
