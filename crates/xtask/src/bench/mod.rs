//! `cargo xtask bench`: what an action of an agent costs.
//!
//! One interleaved run: each round runs every candidate once, so that a slow minute of the machine is everybody's. The
//! yardsticks are an empty Rust program of the same profile (the floor), `ocf:pacemaker:Dummy` (what a cluster has today) and
//! a JVM that runs the product's HA client (what a check costs that is made the obvious way).
//!
//! The loop of fork, exec and wait runs inside the sandbox, in one process ([`inside`]): the way into the sandbox is not
//! measured. `--look` measures instead what a look at all processes costs ([`look`]). CPU is user and system time of the process and of all that it started and left, from getrusage.

mod inside;
mod look;
mod stage;
mod table;
mod waiting;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use devtools::workspace::{self, Workspace};
use devtools::{Error, packages};
use serde::{Serialize, de::DeserializeOwned};
use testkit::{Programs, Sandbox, needs};

/// What `bench` is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
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
pub(crate) struct InsideOptions {
    /// What to run.
    plan: PathBuf,
    /// It is of monitors that wait.
    #[arg(long)]
    waiting: bool,
}

/// Builds, sets the stage, measures, prints.
pub(crate) fn run(options: &Options) -> Result<ExitCode, Error> {
    packages::provide(&[needs::SANDBOX, needs::JDK, needs::BENCH].concat());
    workspace::build()?;
    let workspace = Workspace::read()?;
    let me = std::env::current_exe().map_err(Error::file("find", std::path::Path::new("xtask")))?;
    let programs = Programs::bare()?
        .and(&workspace.debug().join("mz-sim"), "mz-sim")
        .and(&workspace.release().join("empty"), "empty")
        .and(&me, "xtask")
        .and_agents(&workspace.release())?;
    let node = Sandbox::with(&programs)?;
    let fits = if options.look {
        look::run(node)?
    } else if options.waiting {
        let samples: Vec<waiting::Sample> = measured(&node, &waiting::set(&node)?, &["--waiting"])?;
        waiting::print(&samples)
    } else {
        let plan = stage::set(&node, options.rounds)?;
        println!("{} candidates, {} rounds, interleaved", plan.candidates.len(), plan.rounds);
        let results: Vec<inside::Samples> = measured(&node, &plan, &[])?;
        table::print(&results);
        table::within_limits(&results)
    };
    Ok(if fits { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What the part inside the sandbox makes of a plan.
fn measured<T: DeserializeOwned>(node: &Sandbox, plan: &impl Serialize, how: &[&str]) -> Result<T, Error> {
    let text = serde_json::to_string(plan).map_err(Error::unreadable("the plan"))?;
    node.write("/run/testkit/plan.json", text)?;
    let ran = node
        .command("/run/testkit/bin/xtask")
        .args(["bench-inside", "/run/testkit/plan.json"])
        .args(how)
        .time_limit(Duration::from_secs(3600))
        .run()?
        .expect(0)?;
    serde_json::from_str(&ran.stdout).map_err(Error::unreadable("the samples"))
}

/// The loop itself; called by [`run`] inside the sandbox.
pub(crate) fn run_inside(options: &InsideOptions) -> Result<ExitCode, Error> {
    let text = fs::read(&options.plan).map_err(Error::file("read", &options.plan))?;
    if options.waiting {
        waiting::run(&serde_json::from_slice(&text).map_err(Error::unreadable("the plan"))?)?;
    } else {
        inside::run(&serde_json::from_slice(&text).map_err(Error::unreadable("the plan"))?)?;
    }
    Ok(ExitCode::SUCCESS)
}
