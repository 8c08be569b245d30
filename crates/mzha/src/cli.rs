use crate::{doctor, health};
use clap::{CommandFactory, Parser, Subcommand};
use std::ffi::OsString;
use std::process::ExitCode;

/// High availability of MediationZone on this node
#[derive(Debug, Parser)]
#[command(name = "mzha", version = agents::VERSION, about)]
struct MzhaCli {
    #[command(subcommand)]
    task: MzhaCommand,
}

#[derive(Debug, Subcommand)]
enum MzhaCommand {
    /// Check this node and the cluster for the picos; exit code 0 OK, 1 warnings, 2 errors
    Doctor(doctor::DoctorOptions),
    /// Check the health of a pico; exit code 0 healthy, 1 unhealthy, 2 unknown
    Health(health::HealthOptions),
}

/// The command line of `mzha`, for its manual pages and completions.
#[must_use]
pub fn command() -> clap::Command {
    MzhaCli::command()
}

/// Runs the command; the first argument is the program's name.
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
