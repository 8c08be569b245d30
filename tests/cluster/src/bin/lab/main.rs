//! The lab's own program, which `cargo xtask` calls: an interactive cluster, measurements on
//! clusters, and the generated pages.
#![forbid(unsafe_code)]

mod deaths;
mod decisions;
mod demo;
mod interactive;
mod openstack;
mod reliability;
mod soak;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use devtools::TaskError;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask lab", bin_name = "cargo xtask lab")]
struct LabCli {
    #[command(subcommand)]
    task: LabCommand,
}

/// A real Corosync and Pacemaker cluster on this machine
#[derive(Debug, Subcommand)]
enum LabCommand {
    #[command(flatten)]
    ByHand(interactive::LabTask),
    /// The services of a lab that is up with --openstack
    #[command(subcommand)]
    Openstack(openstack::OpenStackTask),
    /// Show a fail-over, with a live table and a time line
    Demo(demo::ClusterDemoOptions),
    /// Inject random faults, one after the other, on a cluster of three nodes with five picos; a
    /// seed determines them
    Soak(soak::SoakOptions),
    /// Measure the times from a death to its detection and to the recovery, with the waiting
    /// monitor and without, by interval and pico type
    Deaths(deaths::DeathsOptions),
    /// Run the scenarios once and record the pass for docs/evidence/reliability.md
    Reliability,
    /// Check that each scenario and each promise has a record in docs/evidence/reliability
    Records,
    /// Query Pacemaker's scheduler again for docs/design/in-the-cluster.md
    Decisions,
    /// Print a page of docs/
    Page {
        /// The page
        page: GeneratedPage,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum GeneratedPage {
    /// docs/design/in-the-cluster.md
    InTheCluster,
    /// docs/evidence/reliability.md
    Reliability,
}

fn main() -> ExitCode {
    run(&LabCli::parse().task).unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

fn run(task: &LabCommand) -> Result<ExitCode, TaskError> {
    match task {
        LabCommand::ByHand(task) => return interactive::run(task),
        LabCommand::Openstack(task) => return openstack::run(task),
        LabCommand::Demo(options) => return demo::run(options),
        LabCommand::Soak(options) => return soak::run(options),
        LabCommand::Deaths(options) => return deaths::run(options),
        LabCommand::Reliability => return reliability::run(),
        LabCommand::Records => reliability::check()?,
        LabCommand::Decisions => println!("{}", decisions::record_decisions()?),
        LabCommand::Page { page: GeneratedPage::InTheCluster } => print!("{}", decisions::page()?),
        LabCommand::Page { page: GeneratedPage::Reliability } => print!("{}", reliability::page()?),
    }
    Ok(ExitCode::SUCCESS)
}
