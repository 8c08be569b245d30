//! `cargo xtask deaths`: times of a death, and delays by a waiting monitor, see
//! [`lab::death_latency`]. Each setting has a lab. Labs whose picos die every few seconds run
//! first, one after the other, and have the machine to themselves. Labs that mostly wait then run
//! concurrently. `--record` records the results for docs/evidence/reliability.md.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use devtools::workspace::{self, Workspace};
use devtools::{TaskError, generation};
use lab::cluster_fixture::{ClusterFixture, ClusterPlan};
use lab::death_latency::{
    ClusterRequest, DeathSample, DeathSetup, DeathSummary, RequestDelay, Victim, WAITS, holding,
    measure, measure_delays,
};
use lab::timeline::{self, median};
use lab::{Lab, process_watcher, report};
use testkit::{Generation, Programs};

use crate::{interactive, reliability};

/// Number of concurrent labs that mostly wait.
const CONCURRENT_LABS: usize = 7;

#[derive(Debug, clap::Args)]
pub(crate) struct DeathsOptions {
    /// Deaths of each pico type with a monitor every second, with `wait` and without
    #[arg(long, default_value_t = 30)]
    kills: usize,
    /// The same with a monitor every 10 s
    #[arg(long, default_value_t = 9)]
    slow_kills: usize,
    /// The same with a monitor every 120 s; each death takes two minutes
    #[arg(long, default_value_t = 5)]
    slowest_kills: usize,
    /// Requests of each kind (stop, reload, deeper monitor, probe) for each `wait`
    #[arg(long, default_value_t = 9)]
    asks: usize,
    /// Seed of the random times of the deaths
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Debian whose programs the nodes have: this machine's, or another one, made in
    /// target/generations (two minutes, once)
    #[arg(long, default_value = Generation::Machine.name(), value_parser = interactive::parse_generation)]
    generation: Generation,
    /// Record the results for docs/evidence/reliability.md
    #[arg(long)]
    record: bool,
}

enum MeasurementJob {
    DeathLatency(DeathSetup),
    /// The `wait` in seconds, and the number of rounds.
    RequestDelay(u64, usize),
}

#[derive(Clone)]
struct JobResult {
    samples: Vec<DeathSample>,
    held: Vec<RequestDelay>,
    versions: std::collections::BTreeMap<String, String>,
}

/// Measures. It succeeds if each death was one failure and nothing else died.
pub(crate) fn run(options: &DeathsOptions) -> Result<ExitCode, TaskError> {
    let &DeathsOptions { kills, slow_kills, slowest_kills, asks, seed, generation, record } =
        options;
    interactive::check_prerequisites()?;
    generation::ensure(generation)?;
    eprintln!("building the agents and the simulated MediationZone...");
    let workspace = Workspace::read()?;
    workspace::build_programs()?;
    let programs = Programs::with_simulator()?.add_agents(&workspace.release_dir())?;
    let began = Instant::now();
    let (often, seldom) = DeathSetup::all(kills, slow_kills, slowest_kills);
    let held =
        WAITS.into_iter().filter(|_| asks > 0).map(|wait| MeasurementJob::RequestDelay(wait, asks));
    let alone: Vec<MeasurementJob> = often.into_iter().map(MeasurementJob::DeathLatency).collect();
    let together: Vec<MeasurementJob> =
        seldom.into_iter().map(MeasurementJob::DeathLatency).chain(held).collect();
    let measuring = JobRunner { programs, generation, seed, coming_up: Mutex::new(()) };
    let first = measuring.run_jobs(1, &alone);
    let all = match first
        .and_then(|first| Ok([first, measuring.run_jobs(CONCURRENT_LABS, &together)?].concat()))
    {
        Ok(all) => all,
        Err(JobError::Aborted(why)) => {
            eprintln!("{why}");
            return Ok(ExitCode::FAILURE);
        }
        Err(JobError::Lab(error)) => return Err(error.into()),
    };
    let summary = DeathSummary {
        seed,
        date: timeline::format_utc(process_watcher::now_ms()),
        seconds: began.elapsed().as_secs(),
        versions: all.iter().flat_map(|measured| measured.versions.clone()).collect(),
        held: all.iter().flat_map(|measured| measured.held.clone()).collect(),
        samples: all.into_iter().flat_map(|measured| measured.samples).collect(),
    };
    print_summary(&summary);
    if record {
        reliability::record_deaths(generation, &summary)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Why there are no samples.
enum JobError {
    Lab(testkit::TestkitError),
    /// A rule was violated.
    Aborted(String),
}

impl From<testkit::TestkitError> for JobError {
    fn from(error: testkit::TestkitError) -> Self {
        Self::Lab(error)
    }
}

struct JobRunner {
    programs: Programs,
    generation: Generation,
    seed: u64,
    /// Labs come up one after the other, because a startup needs processor time.
    coming_up: Mutex<()>,
}

impl JobRunner {
    /// Runs all jobs, `number` at a time; no job starts after the first failure.
    fn run_jobs(&self, number: usize, jobs: &[MeasurementJob]) -> Result<Vec<JobResult>, JobError> {
        let next = AtomicUsize::new(0);
        let worker = || -> Result<Vec<(usize, JobResult)>, JobError> {
            let mut done = Vec::new();
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(job) = jobs.get(place) else { return Ok(done) };
                let measured = self
                    .run_job(place, job)
                    .inspect_err(|_| next.store(jobs.len(), Ordering::Relaxed))?;
                done.push((place, measured));
            }
        };
        let mut all = thread::scope(|scope| {
            let workers: Vec<_> = (0..number).map(|_| scope.spawn(worker)).collect();
            // Wait for all workers, also after a failure.
            let ended: Vec<_> = workers
                .into_iter()
                .map(|worker| {
                    worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                })
                .collect();
            let all: Result<Vec<_>, _> = ended.into_iter().collect();
            all.map(|all| all.into_iter().flatten().collect::<Vec<_>>())
        })?;
        all.sort_by_key(|(place, _)| *place);
        Ok(all.into_iter().map(|(_, measured)| measured).collect())
    }

    fn run_job(&self, place: usize, job: &MeasurementJob) -> Result<JobResult, JobError> {
        let seed = self.seed.wrapping_add(u64::try_from(place).unwrap_or_default());
        let stopped = |stopped: Box<_>| JobError::Aborted(ToString::to_string(&stopped));
        let mut tell = |line: &str| println!("{line}");
        // A cluster that is dropped after an error keeps the logs of its nodes.
        let (fixture, samples, held) = match *job {
            MeasurementJob::DeathLatency(ref setting) => {
                let fixture = self.bring_up(&setting.name(), setting.plan())?;
                let samples = measure(&fixture, setting, seed, &mut tell).map_err(stopped)?;
                (fixture, samples, Vec::new())
            }
            MeasurementJob::RequestDelay(wait, rounds) => {
                let fixture = self.bring_up(&format!("held-{wait}s"), holding(wait))?;
                let held =
                    measure_delays(&fixture, wait, rounds, seed, &mut tell).map_err(stopped)?;
                (fixture, Vec::new(), held)
            }
        };
        let versions = report::versions(&fixture.lab)?;
        fixture.lab.down()?;
        Ok(JobResult { samples, held, versions })
    }

    fn bring_up(
        &self,
        name: &str,
        plan: ClusterPlan,
    ) -> Result<ClusterFixture, testkit::TestkitError> {
        let _one_at_a_time =
            self.coming_up.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        plan.up_in(Lab::up_with(
            &format!("deaths-{name}"),
            3,
            &self.programs,
            self.generation,
            true,
        )?)
    }
}

/// Prints the medians.
fn print_summary(summary: &DeathSummary) {
    let DeathSummary { seed, seconds, samples, .. } = summary;
    println!(
        "seed {seed}: {} deaths in {}:{:02} minutes, each one failure",
        samples.len(),
        seconds / 60,
        seconds % 60
    );
    for (who, of) in group_samples(samples) {
        let middle = |time: fn(&DeathSample) -> u64| {
            median(&of.iter().map(|sample| time(sample)).collect::<Vec<_>>()).unwrap_or_default()
        };
        let (noticed, decided, running) = (
            middle(|sample| sample.noticed),
            middle(|sample| sample.decided),
            middle(|sample| sample.running),
        );
        println!(
            "{who}: noticed after {noticed} ms, decided {decided}, running {running} (median of {})",
            of.len()
        );
    }
    for (asked, wait) in
        ClusterRequest::ALL.iter().flat_map(|asked| WAITS.map(|wait| (*asked, wait)))
    {
        let of: Vec<u64> = summary.delays(asked, wait);
        if let (Some(middle), Some(most)) = (median(&of), of.iter().max()) {
            println!(
                "{asked}, wait {wait} s: after {middle} ms, at most {most} (median of {})",
                of.len()
            );
        }
    }
}

/// Groups the samples by the settings that affect the times, described as text.
fn group_samples(samples: &[DeathSample]) -> Vec<(String, Vec<&DeathSample>)> {
    let key = |sample: &DeathSample| (sample.of, !sample.wait, sample.interval);
    let mut keys: Vec<(Victim, bool, u64)> = samples.iter().map(key).collect();
    keys.sort_unstable();
    keys.dedup();
    let words = |(of, ordinary, interval): (Victim, bool, u64)| {
        format!("{of}, monitor every {interval} s{}", if ordinary { "" } else { ", waiting" })
    };
    keys.into_iter()
        .map(|wanted| {
            (words(wanted), samples.iter().filter(|sample| key(sample) == wanted).collect())
        })
        .collect()
}
