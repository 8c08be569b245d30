//! The command line.

use crate::{doctor, health};
use clap::{Parser, Subcommand};
use std::ffi::OsString;
use std::process::ExitCode;

/// High availability of MediationZone on this node
#[derive(Debug, Parser)]
#[command(name = "mzha", version, about)]
struct MzhaCli {
    #[command(subcommand)]
    task: MzhaCommand,
}

#[derive(Debug, Subcommand)]
enum MzhaCommand {
    /// Is this node fit for the picos, and the cluster: exit code 0, with warnings 1, with errors 2
    Doctor(doctor::DoctorOptions),
    /// How a pico is: exit code 0 well, 1 not well, 2 can't be told
    Health(health::HealthOptions),
}

/// Does what the words ask for; the first is the program's own name.
#[must_use]
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    host::inherited::reset_signals_and_limits();
    let cli = match MzhaCli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match cli.task {
        MzhaCommand::Doctor(doctor) => doctor::run(&doctor),
        MzhaCommand::Health(health) => health::run(&health),
    }
}
