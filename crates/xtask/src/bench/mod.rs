//! `cargo xtask bench`: the cost of an agent's action.
//!
//! Each round runs every candidate once, so a slow minute of the machine affects all of them. There
//! are three references. An empty Rust program with the same profile is the minimum.
//! `ocf:pacemaker:Dummy` is the cost in a cluster today. A JVM that runs the product's HA client is
//! the cost of the obvious implementation.
//!
//! The loop of fork, exec and wait runs inside the sandbox, in one process ([`runner`]), so the
//! entry into the sandbox is not measured. `--look` instead measures the cost of a scan of all
//! processes ([`process_scan`]). CPU is user and system time from getrusage. It covers the process
//! and all its descendants, including orphans.

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

#[derive(Debug, clap::Args)]
pub(crate) struct BenchOptions {
    /// Runs of each candidate
    #[arg(long, default_value_t = 100)]
    rounds: u32,
    /// Measure the cost of 50, 100 and 200 concurrent waiting monitors instead
    #[arg(long, conflicts_with = "rounds")]
    waiting: bool,
    /// Measure a scan among 150, 1,000 and 10,000 processes instead, and among processes that make
    /// it costly
    #[arg(long, conflicts_with_all = ["rounds", "waiting"])]
    look: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BenchInsideOptions {
    /// The plan to run
    plan: PathBuf,
    /// The plan is one of waiting monitors
    #[arg(long)]
    waiting: bool,
}

/// Builds, prepares the sandbox, measures and prints.
pub(crate) fn run(options: &BenchOptions) -> Result<ExitCode, TaskError> {
    packages::install_missing(
        &[prerequisites::SANDBOX, prerequisites::JDK, prerequisites::BENCH].concat(),
    );
    workspace::build_programs()?;
    let workspace = Workspace::read()?;
    let me =
        std::env::current_exe().map_err(TaskError::file("find", std::path::Path::new("xtask")))?;
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

/// The result of a plan from the part inside the sandbox.
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

/// The loop itself; [`run`] calls it inside the sandbox.
pub(crate) fn run_inside(options: &BenchInsideOptions) -> Result<ExitCode, TaskError> {
    let text = fs::read(&options.plan).map_err(TaskError::file("read", &options.plan))?;
    if options.waiting {
        waiting_monitors::run(
            &serde_json::from_slice(&text).map_err(TaskError::unreadable("the plan"))?,
        )?;
    } else {
        runner::run(&serde_json::from_slice(&text).map_err(TaskError::unreadable("the plan"))?)?;
    }
    Ok(ExitCode::SUCCESS)
}
