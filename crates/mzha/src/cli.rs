//! The command line.

use crate::{doctor, health};
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::process::ExitCode;

/// High availability of MediationZone on this node
#[derive(Debug, Parser)]
#[command(name = "mzha", version, about)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Is this node fit for the picos, and the cluster: exit code 0, with warnings 1, with errors 2
    Doctor(doctor::Doctor),
    /// How a pico is: exit code 0 well, 1 not well, 2 can't be told
    Health(health::Health),
}

/// Does what the words ask for; the first is the program's own name.
#[must_use]
pub fn run(words: impl IntoIterator<Item = OsString>) -> ExitCode {
    host::inherited::reset();
    let cli = match Cli::try_parse_from(words) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match cli.task {
        Task::Doctor(doctor) => doctor::run(&doctor),
        Task::Health(health) => health::run(&health),
    }
}
