//! The four resource agents: what OCF asks, put to [`pico`], and its answers put into OCF's words.
//!
//! The agents differ in a type and a default; each binary is a doorway of three lines. Each parameter is declared
//! once, in [`parameters`]; metadata, parsing, defaults and validation come from there.

#![forbid(unsafe_code)]

mod agent;
mod definition;
mod failures;
mod log_files;
pub mod parameters;
pub mod settings;

pub use agent::PicoAgent;
pub use definition::definition;
pub use log_files::ByWorkers;

/// The agent for one kind of pico, from `main` to the exit code.
#[must_use]
pub fn run_agent(kind: pico::PicoType) -> std::process::ExitCode {
    pico::reset_inherited();
    ocf::run(&PicoAgent::new(kind))
}
