//! `cargo xtask soak`: random faults on a real cluster, see [`lab::soak`]. `--record` records the
//! result for docs/evidence/reliability.md.

use std::process::ExitCode;
use std::time::Duration;

use devtools::TaskError;
use devtools::workspace::{self, Workspace};
use lab::Lab;
use lab::soak::{self, SoakParameters as Of, SoakSummary};
use testkit::{Generation, Programs};

use crate::{interactive, reliability};

#[derive(Debug, clap::Args)]
pub(crate) struct SoakOptions {
    /// Minutes after which no new fault starts [default: 60; no limit with --faults]
    #[arg(long)]
    minutes: Option<u64>,
    /// Seed of the sequence of faults; the same seed yields the same sequence
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Maximum number of faults
    #[arg(long)]
    faults: Option<usize>,
    /// Record the result for docs/evidence/reliability.md
    #[arg(long)]
    record: bool,
}

/// Runs the soak; it succeeds if no rule was violated.
pub(crate) fn run(options: &SoakOptions) -> Result<ExitCode, TaskError> {
    let &SoakOptions { minutes, seed, faults, record } = options;
    interactive::check_prerequisites()?;
    eprintln!("building the agents and the simulated MediationZone...");
    let workspace = Workspace::read()?;
    workspace::build_programs()?;
    let built = reliability::commit();
    let programs = Programs::with_simulator()?.add_agents(&workspace.release_dir())?;
    let fixture = soak::plan().up_in(Lab::up_with(
        "soak",
        3,
        &programs,
        Generation::from_environment(),
        true,
    )?)?;
    let hour = if faults.is_none() { 60 } else { u64::MAX / 60 };
    let time = Duration::from_secs(minutes.unwrap_or(hour).saturating_mul(60));
    let of = Of { seed, faults: faults.unwrap_or(usize::MAX), time };
    match soak::run(&fixture, of, &mut |line| println!("{line}")) {
        Ok(mut summary) => {
            summary.versions.extend(built);
            fixture.lab.down()?;
            print_summary(&summary);
            if record {
                reliability::record_soak(&summary)?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(stopped) => {
            eprintln!("{stopped}");
            // The drop keeps its logs.
            drop(fixture);
            Ok(ExitCode::FAILURE)
        }
    }
}

fn print_summary(summary: &SoakSummary) {
    let SoakSummary { seed, seconds, lives, steps, .. } = summary;
    let effective = steps.iter().filter(|step| !step.effects.is_empty()).count();
    println!(
        "seed {seed}: {} faults in {} minutes, {effective} with an effect; {lives} lives of picos; no rule broken",
        steps.len(),
        seconds / 60
    );
}
