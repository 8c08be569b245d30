//! `cargo xtask`: everything that a developer or CI does with this repository, and all set-up that it needs.
#![forbid(unsafe_code)]

mod behaviour;
mod bench;
mod demo;
mod fuzz;
mod r#gen;
mod lab;
mod mutants;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use devtools::Error;

/// Tasks of this repository.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct CommandLine {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Tell the main job in steps, on a simulated MediationZone: started, lost, recovered, stopped.
    Demo(demo::Options),
    /// Check format, lints, licences and generated files, and run every test.
    Test(test::Options),
    /// Run the suites that inject faults again and again.
    Repeat(test::repeat::Options),
    /// Random faults, one after the other, on a cluster of three nodes with five picos; a seed tells which.
    #[command(disable_help_flag = true)]
    Soak(lab::Arguments),
    /// Measure how long a death takes to be noticed and to be over, with the waiting monitor and without, by interval and pico type.
    #[command(disable_help_flag = true)]
    Deaths(lab::Arguments),
    /// A real Corosync and Pacemaker cluster on this machine: up, exec, kill, cut, heal, status, down.
    #[command(disable_help_flag = true)]
    Lab(lab::Arguments),
    /// Run the scenarios on a real cluster once, and record the pass for docs/reliability.md.
    #[command(disable_help_flag = true)]
    Reliability(lab::Arguments),
    /// Write what is generated: ocf-metadata/, docs/behaviour.md, docs/in-the-cluster.md, docs/reliability.md.
    Gen(r#gen::Options),
    /// Fuzz what the agents read from outside (needs a nightly toolchain and cargo-fuzz).
    Fuzz(fuzz::Options),
    /// Break the agents in each way of tests/faults/mutants.toml, and see that the fault suite notices.
    Mutants(mutants::Options),
    /// Measure what an action costs, beside an empty program and a JVM.
    Bench(bench::Options),
    /// The part of `bench` that runs inside the sandbox.
    #[command(hide = true)]
    BenchInside(bench::InsideOptions),
}

fn main() -> ExitCode {
    let outcome = match CommandLine::parse().task {
        Task::Demo(options) => demo::run(&options),
        Task::Test(options) => test::run(&options),
        Task::Repeat(options) => test::repeat::run(&options),
        Task::Soak(arguments) => lab::hand_on(Some("soak"), &arguments),
        Task::Deaths(arguments) => lab::hand_on(Some("deaths"), &arguments),
        Task::Lab(arguments) => lab::hand_on(None, &arguments),
        Task::Reliability(arguments) => lab::hand_on(Some("reliability"), &arguments),
        Task::Gen(options) => r#gen::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Mutants(options) => mutants::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::BenchInside(options) => bench::run_inside(&options),
    };
    outcome.unwrap_or_else(|error: Error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}
