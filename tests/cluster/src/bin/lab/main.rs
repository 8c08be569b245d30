//! The lab's own program, called by `cargo xtask`: a cluster for a person, what is measured on clusters, and the pages made of it.
#![forbid(unsafe_code)]

mod by_hand;
mod deaths;
mod decisions;
mod demo;
mod reliability;
mod soak;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use devtools::Error;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask lab", bin_name = "cargo xtask lab")]
struct CommandLine {
    #[command(subcommand)]
    task: Task,
}

/// A real Corosync and Pacemaker cluster on this machine.
#[derive(Debug, Subcommand)]
enum Task {
    #[command(flatten)]
    ByHand(by_hand::Task),
    /// A fail-over, with a live table and a time line
    Demo(demo::Options),
    /// Random faults, one after the other, on a cluster of three nodes with five picos; a seed tells which
    Soak(soak::Options),
    /// Measure how long a death takes to be noticed and to be over, with the waiting monitor and without, by interval and pico type
    Deaths(deaths::Options),
    /// Run the scenarios once, and record the pass for docs/reliability.md
    Reliability,
    /// Check that each scenario and each promise has a record in docs/reliability
    Records,
    /// Ask Pacemaker's scheduler again what docs/in-the-cluster.md is made of
    Decisions,
    /// Print a page of docs/
    Page {
        /// Which
        page: Page,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Page {
    /// docs/in-the-cluster.md
    InTheCluster,
    /// docs/reliability.md
    Reliability,
}

fn main() -> ExitCode {
    run(&CommandLine::parse().task).unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}

fn run(task: &Task) -> Result<ExitCode, Error> {
    match task {
        Task::ByHand(task) => return by_hand::run(task),
        Task::Demo(options) => return demo::run(options),
        Task::Soak(options) => return soak::run(options),
        Task::Deaths(options) => return deaths::run(options),
        Task::Reliability => return reliability::run(),
        Task::Records => reliability::check()?,
        Task::Decisions => println!("{}", decisions::ask()?),
        Task::Page { page: Page::InTheCluster } => print!("{}", decisions::page()?),
        Task::Page { page: Page::Reliability } => print!("{}", reliability::page()?),
    }
    Ok(ExitCode::SUCCESS)
}
