//! The loop inside the sandbox: fork, exec, wait, and the cost of these.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use devtools::TaskError;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use nix::sys::wait::wait;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BenchPlan {
    pub(crate) rounds: u32,
    pub(crate) candidates: Vec<BenchCandidate>,
}

/// One program with its arguments and environment. It must exit with 0.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BenchCandidate {
    pub(crate) name: String,
    pub(crate) argv: Vec<String>,
    pub(crate) environment: BTreeMap<String, String>,
}

/// The samples of a candidate, in microseconds.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct BenchSamples {
    pub(crate) name: String,
    pub(crate) wall: Vec<u64>,
    pub(crate) cpu: Vec<u64>,
}

/// Runs the plan and prints the samples as JSON.
pub(crate) fn run(plan: &BenchPlan) -> Result<(), TaskError> {
    // Orphans of a candidate become our children, so their time counts too.
    nix::sys::prctl::set_child_subreaper(true).map_err(TaskError::unreadable("prctl"))?;

    let name = |candidate: &BenchCandidate| candidate.name.clone();
    let mut results: Vec<BenchSamples> = plan
        .candidates
        .iter()
        .map(|c| BenchSamples { name: name(c), wall: Vec::new(), cpu: Vec::new() })
        .collect();
    // The first round warms the caches and does not count.
    for round in 0..=plan.rounds {
        for (candidate, samples) in plan.candidates.iter().zip(&mut results) {
            let (wall, cpu) = measure(candidate)?;
            if round > 0 {
                samples.wall.push(u64::try_from(wall.as_micros()).unwrap_or(u64::MAX));
                samples.cpu.push(cpu);
            }
        }
    }
    let json = serde_json::to_string(&results).map_err(TaskError::unreadable("the samples"))?;
    println!("{json}");
    Ok(())
}

/// A child with only this environment.
pub(super) fn candidate_command(
    argv: &[String],
    environment: &BTreeMap<String, String>,
) -> Command {
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]).env_clear().envs(environment);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn measure(candidate: &BenchCandidate) -> Result<(Duration, u64), TaskError> {
    let mut command = candidate_command(&candidate.argv, &candidate.environment);
    let spawn = |source| TaskError::Spawn { command: candidate.argv.join(" "), source };

    let before = cpu_of_children();
    let started = Instant::now();
    let status = command.spawn().map_err(spawn)?.wait().map_err(spawn)?;
    let wall = started.elapsed();
    // Reap its orphans until no child is left.
    while wait().is_ok() {}
    let cpu = cpu_of_children() - before;
    if status.success() {
        Ok((wall, cpu))
    } else {
        Err(TaskError::Command { command: candidate.argv.join(" "), status, output: String::new() })
    }
}

/// User and system time of all reaped children, in microseconds.
pub(super) fn cpu_of_children() -> u64 {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_CHILDREN) else { return 0 };
    u64::try_from((usage.user_time() + usage.system_time()).num_microseconds()).unwrap_or_default()
}
