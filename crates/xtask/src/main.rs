//! `cargo xtask`: the tasks of developers and CI in this repository, and the setup that they need.
#![forbid(unsafe_code)]

mod behaviour;
mod bench;
mod demo;
mod dist;
mod examples;
mod fuzz;
mod r#gen;
mod lab;
mod mutants;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use devtools::TaskError;

/// Tasks of this repository
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct XtaskCli {
    #[command(subcommand)]
    task: XtaskCommand,
}

#[derive(Debug, Subcommand)]
enum XtaskCommand {
    /// Show the agents' work in steps, on a simulated MediationZone
    Demo(demo::DemoOptions),
    /// Check format, lints, licences and generated files, and run every test
    Test(test::TestOptions),
    /// Run the suites that inject faults repeatedly
    Repeat(test::repeat::RepeatOptions),
    /// Inject random faults, one after the other, on a cluster of three nodes with five picos; a
    /// seed determines them
    #[command(disable_help_flag = true)]
    Soak(lab::LabArguments),
    /// Measure the times from a death to its detection and to the recovery, with the waiting
    /// monitor and without, by interval and pico type
    #[command(disable_help_flag = true)]
    Deaths(lab::LabArguments),
    /// A real Corosync and Pacemaker cluster on this machine: up, exec, kill, cut, heal, status,
    /// down
    #[command(disable_help_flag = true)]
    Lab(lab::LabArguments),
    /// Run the scenarios once on a real cluster and record the pass for
    /// docs/evidence/reliability.md
    #[command(disable_help_flag = true)]
    Reliability(lab::LabArguments),
    /// Make the packages that ship, .deb and .rpm, in target/dist
    #[command(disable_help_flag = true)]
    Dist(dist::DistArguments),
    /// Write the generated files: ocf-metadata/, pages below docs/, Containerfile
    Gen(r#gen::GenOptions),
    /// Fuzz the parsers of external input (needs a nightly toolchain and cargo-fuzz)
    Fuzz(fuzz::FuzzOptions),
    /// Apply each change of tests/faults/mutants.toml to the agents, and check that the fault suite
    /// fails
    Mutants(mutants::MutantsOptions),
    /// Measure the cost of an action, compared with an empty program and a JVM
    Bench(bench::BenchOptions),
    /// The part of `bench` inside the sandbox
    #[command(hide = true)]
    BenchInside(bench::BenchInsideOptions),
}

fn main() -> ExitCode {
    let outcome = match XtaskCli::parse().task {
        XtaskCommand::Demo(options) => demo::run(&options),
        XtaskCommand::Test(options) => test::run(&options),
        XtaskCommand::Repeat(options) => test::repeat::run(&options),
        XtaskCommand::Soak(arguments) => lab::forward(Some("soak"), &arguments),
        XtaskCommand::Deaths(arguments) => lab::forward(Some("deaths"), &arguments),
        XtaskCommand::Lab(arguments) => lab::forward(None, &arguments),
        XtaskCommand::Reliability(arguments) => lab::forward(Some("reliability"), &arguments),
        XtaskCommand::Dist(arguments) => dist::run(&arguments),
        XtaskCommand::Gen(options) => r#gen::run(&options),
        XtaskCommand::Fuzz(options) => fuzz::run(&options),
        XtaskCommand::Mutants(options) => mutants::run(&options),
        XtaskCommand::Bench(options) => bench::run(&options),
        XtaskCommand::BenchInside(options) => bench::run_inside(&options),
    };
    outcome.unwrap_or_else(|error: TaskError| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}
