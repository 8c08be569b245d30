//! `cargo xtask bench`: what an action of an agent costs.
//!
//! One interleaved run: each round runs every candidate once, so that a slow minute of the machine is everybody's. The
//! yardsticks are an empty Rust program of the same profile (the floor), `ocf:pacemaker:Dummy` (what a cluster has today) and
//! a JVM that runs the product's HA client (what a check costs that is made the obvious way).
//!
//! The loop of fork, exec and wait runs inside the sandbox, in one process ([`runner`]): the way into the sandbox is not
//! measured. `--look` measures instead what a look at all processes costs ([`process_scan`]). CPU is user and system time of the process and of all that it started and left, from getrusage.

mod process_scan;
mod runner;
mod setup;
mod table;
mod waiting_monitors;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use devtools::workspace::{self, Workspace};
use devtools::{TaskError, packages};
use serde::{Serialize, de::DeserializeOwned};
use testkit::{Programs, Sandbox, prerequisites};

/// What `bench` is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct BenchOptions {
    /// How often each candidate runs.
    #[arg(long, default_value_t = 100)]
    rounds: u32,
    /// Measure instead what monitors cost that wait, 50, 100 and 200 at once
    #[arg(long, conflicts_with = "rounds")]
    waiting: bool,
    /// Measure instead what a look costs among 150, 1,000 and 10,000 processes, and among some that are there to make it costly
    #[arg(long, conflicts_with_all = ["rounds", "waiting"])]
    look: bool,
}

/// What the part inside the sandbox is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct BenchInsideOptions {
    /// What to run.
    plan: PathBuf,
    /// It is of monitors that wait.
    #[arg(long)]
    waiting: bool,
}

/// Builds, sets the stage, measures, prints.
pub(crate) fn run(options: &BenchOptions) -> Result<ExitCode, TaskError> {
    packages::install_missing(&[prerequisites::SANDBOX, prerequisites::JDK, prerequisites::BENCH].concat());
    workspace::build_programs()?;
    let workspace = Workspace::read()?;
    let me = std::env::current_exe().map_err(TaskError::file("find", std::path::Path::new("xtask")))?;
    let programs = Programs::kit_only()?
        .add_program(&workspace.debug_dir().join("mz-sim"), "mz-sim")
        .add_program(&workspace.release_dir().join("empty"), "empty")
        .add_program(&me, "xtask")
        .add_agents(&workspace.release_dir())?;
    let node = Sandbox::with_programs(&programs)?;
    let fits = if options.look {
        process_scan::run(node)?
    } else if options.waiting {
        let samples: Vec<waiting_monitors::WaitingMonitorSample> =
            run_in_sandbox(&node, &waiting_monitors::prepare(&node)?, &["--waiting"])?;
        waiting_monitors::print(&samples)
    } else {
        let plan = setup::prepare(&node, options.rounds)?;
        println!("{} candidates, {} rounds, interleaved", plan.candidates.len(), plan.rounds);
        let results: Vec<runner::BenchSamples> = run_in_sandbox(&node, &plan, &[])?;
        table::print(&results);
        table::within_limits(&results)
    };
    Ok(if fits { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the part inside the sandbox makes of a plan.
fn run_in_sandbox<T: DeserializeOwned>(
    node: &Sandbox,
    plan: &impl Serialize,
    how: &[&str],
) -> Result<T, TaskError> {
    let text = serde_json::to_string(plan).map_err(TaskError::unreadable("the plan"))?;
    node.write("/run/testkit/plan.json", text)?;
    let ran = node
        .command("/run/testkit/bin/xtask")
        .args(["bench-inside", "/run/testkit/plan.json"])
        .args(how)
        .time_limit(Duration::from_secs(3600))
        .run()?
        .expect_code(0)?;
    serde_json::from_str(&ran.stdout).map_err(TaskError::unreadable("the samples"))
}

/// The loop itself; called by [`run`] inside the sandbox.
pub(crate) fn run_inside(options: &BenchInsideOptions) -> Result<ExitCode, TaskError> {
    let text = fs::read(&options.plan).map_err(TaskError::file("read", &options.plan))?;
    if options.waiting {
        waiting_monitors::run(&serde_json::from_slice(&text).map_err(TaskError::unreadable("the plan"))?)?;
    } else {
        runner::run(&serde_json::from_slice(&text).map_err(TaskError::unreadable("the plan"))?)?;
    }
    Ok(ExitCode::SUCCESS)
}
