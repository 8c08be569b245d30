//! `cargo xtask deaths`: how long a death takes, and what waits for a monitor that waits, see [`lab::deaths`]. A lab for each setting: those that
//! have picos die every few seconds one after the other, with the machine for themselves; those that do little but wait at the same time. What
//! was measured is for docs/reliability.md when that is asked for.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use devtools::workspace::{self, Workspace};
use devtools::{Error, generation};
use lab::deaths::{Asked, Held, Sample, Setting, Subject, Summary, WAITS, held, holding, measure};
use lab::site::{Plan, Site};
use lab::timeline::{self, median};
use lab::{Lab, report, watch};
use testkit::{Generation, Programs};

use crate::{by_hand, reliability};

/// So many labs that do little but wait are up at the same time.
const AT_ONCE: usize = 7;

/// What `deaths` is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How often each pico type dies with a monitor every second, with `wait` and without
    #[arg(long, default_value_t = 30)]
    kills: usize,
    /// The same with a monitor every 10 s
    #[arg(long, default_value_t = 9)]
    slow_kills: usize,
    /// The same with one every 120 s: each takes two minutes
    #[arg(long, default_value_t = 5)]
    slowest_kills: usize,
    /// How often a stop, a reload, a deeper monitor and a probe are asked for, with each `wait`
    #[arg(long, default_value_t = 9)]
    asks: usize,
    /// What the moments of the deaths are drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Whose programs the nodes have: this machine's, or another Debian's, made in target/generations (two minutes, once)
    #[arg(long, default_value = Generation::Machine.name(), value_parser = by_hand::generation_named)]
    generation: Generation,
    /// Keep what was measured, for docs/reliability.md
    #[arg(long)]
    record: bool,
}

/// What one lab is for.
enum Job {
    Deaths(Setting),
    /// With this `wait`, so many rounds.
    Held(u64, usize),
}

/// What came of one of them.
#[derive(Clone)]
struct Measured {
    samples: Vec<Sample>,
    held: Vec<Held>,
    versions: std::collections::BTreeMap<String, String>,
}

/// Measures; success when each death was one failure, and nobody else died.
pub(crate) fn run(options: &Options) -> Result<ExitCode, Error> {
    let &Options { kills, slow_kills, slowest_kills, asks, seed, generation, record } = options;
    by_hand::provide()?;
    generation::made(generation)?;
    eprintln!("building the agents and the simulated MediationZone...");
    let workspace = Workspace::read()?;
    workspace::build()?;
    let programs = Programs::simulator()?.and_agents(&workspace.release())?;
    let began = Instant::now();
    let (often, seldom) = Setting::all(kills, slow_kills, slowest_kills);
    let held = WAITS.into_iter().filter(|_| asks > 0).map(|wait| Job::Held(wait, asks));
    let alone: Vec<Job> = often.into_iter().map(Job::Deaths).collect();
    let together: Vec<Job> = seldom.into_iter().map(Job::Deaths).chain(held).collect();
    let measuring = Measuring { programs, generation, seed, coming_up: Mutex::new(()) };
    let first = measuring.at_once(1, &alone);
    let all = match first.and_then(|first| Ok([first, measuring.at_once(AT_ONCE, &together)?].concat())) {
        Ok(all) => all,
        Err(Failure::Stopped(why)) => {
            eprintln!("{why}");
            return Ok(ExitCode::FAILURE);
        }
        Err(Failure::Lab(error)) => return Err(error.into()),
    };
    let summary = Summary {
        seed,
        date: timeline::in_words(watch::now()),
        seconds: began.elapsed().as_secs(),
        versions: all.iter().flat_map(|measured| measured.versions.clone()).collect(),
        held: all.iter().flat_map(|measured| measured.held.clone()).collect(),
        samples: all.into_iter().flat_map(|measured| measured.samples).collect(),
    };
    tell(&summary);
    if record {
        reliability::keep_deaths(generation, &summary)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Why there are no samples.
enum Failure {
    Lab(testkit::Error),
    /// In words: a rule was broken.
    Stopped(String),
}

impl From<testkit::Error> for Failure {
    fn from(error: testkit::Error) -> Self {
        Self::Lab(error)
    }
}

struct Measuring {
    programs: Programs,
    generation: Generation,
    seed: u64,
    /// One lab after the other, for that is work.
    coming_up: Mutex<()>,
}

impl Measuring {
    /// All these, so many at a time; what the first failure leaves is not begun.
    fn at_once(&self, number: usize, jobs: &[Job]) -> Result<Vec<Measured>, Failure> {
        let next = AtomicUsize::new(0);
        let worker = || -> Result<Vec<(usize, Measured)>, Failure> {
            let mut done = Vec::new();
            loop {
                let place = next.fetch_add(1, Ordering::Relaxed);
                let Some(job) = jobs.get(place) else { return Ok(done) };
                let measured =
                    self.one(place, job).inspect_err(|_| next.store(jobs.len(), Ordering::Relaxed))?;
                done.push((place, measured));
            }
        };
        let mut all = thread::scope(|scope| {
            let workers: Vec<_> = (0..number).map(|_| scope.spawn(worker)).collect();
            // All are waited for, also after a failure.
            let ended: Vec<_> = workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect();
            let all: Result<Vec<_>, _> = ended.into_iter().collect();
            all.map(|all| all.into_iter().flatten().collect::<Vec<_>>())
        })?;
        all.sort_by_key(|(place, _)| *place);
        Ok(all.into_iter().map(|(_, measured)| measured).collect())
    }

    fn one(&self, place: usize, job: &Job) -> Result<Measured, Failure> {
        let seed = self.seed.wrapping_add(u64::try_from(place).unwrap_or_default());
        let stopped = |stopped: Box<_>| Failure::Stopped(ToString::to_string(&stopped));
        let mut tell = |line: &str| println!("{line}");
        // A site that is dropped, as after an error here, leaves the logs of its nodes.
        let (site, samples, held) = match *job {
            Job::Deaths(ref setting) => {
                let site = self.up(&setting.name(), setting.plan())?;
                let samples = measure(&site, setting, seed, &mut tell).map_err(stopped)?;
                (site, samples, Vec::new())
            }
            Job::Held(wait, rounds) => {
                let site = self.up(&format!("held-{wait}s"), holding(wait))?;
                let held = held(&site, wait, rounds, seed, &mut tell).map_err(stopped)?;
                (site, Vec::new(), held)
            }
        };
        let versions = report::versions(&site.lab)?;
        site.lab.down()?;
        Ok(Measured { samples, held, versions })
    }

    fn up(&self, name: &str, plan: Plan) -> Result<Site, testkit::Error> {
        let _one_at_a_time = self.coming_up.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        plan.up_in(Lab::of(&format!("deaths-{name}"), 3, &self.programs, self.generation, true)?)
    }
}

/// The medians, for a person.
fn tell(summary: &Summary) {
    let Summary { seed, seconds, samples, .. } = summary;
    println!(
        "seed {seed}: {} deaths in {}:{:02} minutes, each one failure",
        samples.len(),
        seconds / 60,
        seconds % 60
    );
    for (who, of) in groups(samples) {
        let middle = |time: fn(&Sample) -> u64| {
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
    for (asked, wait) in Asked::ALL.iter().flat_map(|asked| WAITS.map(|wait| (*asked, wait))) {
        let of: Vec<u64> = summary.held_up(asked, wait);
        if let (Some(middle), Some(most)) = (median(&of), of.iter().max()) {
            println!("{asked}, wait {wait} s: after {middle} ms, at most {most} (median of {})", of.len());
        }
    }
}

/// By what makes a difference, in words.
fn groups(samples: &[Sample]) -> Vec<(String, Vec<&Sample>)> {
    let key = |sample: &Sample| (sample.of, !sample.wait, sample.interval);
    let mut keys: Vec<(Subject, bool, u64)> = samples.iter().map(key).collect();
    keys.sort_unstable();
    keys.dedup();
    let words = |(of, ordinary, interval): (Subject, bool, u64)| {
        format!("{of}, monitor every {interval} s{}", if ordinary { "" } else { ", waiting" })
    };
    keys.into_iter()
        .map(|wanted| (words(wanted), samples.iter().filter(|sample| key(sample) == wanted).collect()))
        .collect()
}
