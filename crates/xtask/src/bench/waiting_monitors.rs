//! `cargo xtask bench --waiting`: the cost of many concurrent waiting monitors on one node.
//!
//! Each monitor has a resource of its own. All watch one pico, because the pico's cost is not
//! measured. When all of them wait, their private memory is read (`smaps_rollup`: memory that no
//! other process shares). When all have ended, getrusage gives their CPU time. A line through the
//! results yields the need of a node with a thousand monitors.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use devtools::TaskError;
use serde::{Deserialize, Serialize};
use testkit::Sandbox;

use super::runner::{candidate_command, cpu_of_children};
use super::setup;

/// The numbers of concurrent monitors.
const MONITOR_COUNTS: [u32; 3] = [50, 100, 200];

/// The monitors' interval. It is short, because the second run of each starts after the first runs
/// of all.
const MONITOR_INTERVAL: Duration = Duration::from_millis(100);

/// The `wait` of each monitor.
const WAIT: Duration = Duration::from_secs(20);

/// The longest time until all of them wait.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WaitingBenchPlan {
    argv: Vec<String>,
    environment: BTreeMap<String, String>,
}

/// The result for one number of monitors.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WaitingMonitorSample {
    count: u32,
    /// The private memory of each, in KiB.
    private: Vec<u64>,
    /// The CPU time of all together, in microseconds, from fork to exit.
    cpu: u64,
}

/// Starts the pico and returns the plan.
pub(super) fn prepare(node: &Sandbox) -> Result<WaitingBenchPlan, TaskError> {
    setup::start_platform(node)?;
    let call = setup::platform_call(node).interval(MONITOR_INTERVAL).check_level(0);
    let call = call.param("wait", format!("{}s", WAIT.as_secs())).meta_timeout(WAIT * 3);
    let (argv, environment) = call.argv_and_environment("monitor");
    Ok(WaitingBenchPlan { argv, environment: environment.into_iter().collect() })
}

/// Inside the sandbox: runs the plan and prints the samples as JSON.
pub(super) fn run(plan: &WaitingBenchPlan) -> Result<(), TaskError> {
    let samples: Result<Vec<WaitingMonitorSample>, TaskError> =
        MONITOR_COUNTS.into_iter().map(|count| measure(plan, count)).collect();
    println!("{}", serde_json::to_string(&samples?).map_err(TaskError::unreadable("the samples"))?);
    Ok(())
}

fn measure(plan: &WaitingBenchPlan, count: u32) -> Result<WaitingMonitorSample, TaskError> {
    let spawn = |number: u32| {
        let mut command = candidate_command(&plan.argv, &plan.environment);
        command.env("OCF_RESOURCE_INSTANCE", format!("pico-{number}"));
        command.spawn().map_err(|source| TaskError::Spawn { command: plan.argv.join(" "), source })
    };
    // The first monitor of each resource adopts the pico and does not wait.
    for number in 0..count {
        spawn(number)?
            .wait()
            .map_err(|source| TaskError::Spawn { command: plan.argv.join(" "), source })?;
    }
    let before = cpu_of_children();
    let mut all = (0..count).map(spawn).collect::<Result<Vec<_>, _>>()?;
    let begun = Instant::now();
    let waits = |pid: u32| {
        fs::read_to_string(format!("/proc/{pid}/wchan")).is_ok_and(|place| place.contains("poll"))
    };
    while !all.iter().all(|child| waits(child.id())) {
        if begun.elapsed() > SETTLE_TIMEOUT {
            return Err(TaskError::unreadable(&format!("{count} monitors"))("they don't all wait"));
        }
        std::thread::yield_now();
    }
    let private =
        all.iter().map(|child| private_memory_kib(child.id())).collect::<Result<Vec<_>, _>>()?;
    for child in &mut all {
        child.wait().map_err(|source| TaskError::Spawn { command: plan.argv.join(" "), source })?;
    }
    Ok(WaitingMonitorSample { count, private, cpu: cpu_of_children().saturating_sub(before) })
}

fn private_memory_kib(pid: u32) -> Result<u64, TaskError> {
    let path = format!("/proc/{pid}/smaps_rollup");
    let text = fs::read_to_string(&path).map_err(TaskError::file("read", path.as_ref()))?;
    let numbers = text.lines().filter_map(|line| {
        line.strip_prefix("Private_")?.split_ascii_whitespace().nth(1)?.parse::<u64>().ok()
    });
    Ok(numbers.sum())
}

/// The size of a large node.
const LARGE_NODE: u32 = 1000;

/// The value at `x` on the straight line through the samples (least squares). `None` without two
/// different samples.
fn extrapolate(x: u32, samples: &[(u32, u64)]) -> Option<u64> {
    let number = i128::try_from(samples.len()).ok()?;
    let sum = |of: fn(i128, i128) -> i128| -> i128 {
        samples.iter().map(|&(x, y)| of(i128::from(x), i128::from(y))).sum()
    };
    let (xs, ys) = (sum(|x, _| x), sum(|_, y| y));
    // The slope is `rise` / `run`. Whole numbers suffice, because the only division comes last.
    let run = number * sum(|x, _| x * x) - xs * xs;
    let rise = number * sum(|x, y| x * y) - xs * ys;
    let value = (ys * run + rise * (number * i128::from(x) - xs)).checked_div(number * run)?;
    u64::try_from(value).ok()
}

/// The limit of a waiting monitor's private memory, in KiB.
const MAX_PRIVATE_KIB: u64 = 1024;

/// Prints a line for each number of monitors, and the need of a thousand. True if the memory is
/// within its limit.
pub(super) fn print(samples: &[WaitingMonitorSample]) -> bool {
    println!(
        "{:>8} {:>22} {:>18} {:>16}",
        "monitors", "private, each (most)", "private, all", "CPU, all"
    );
    for WaitingMonitorSample { count, private, cpu } in samples {
        let (sum, most) =
            (private.iter().sum::<u64>(), private.iter().max().copied().unwrap_or_default());
        println!(
            "{count:>8} {:>10} KiB ({most:>4}) {:>14} KiB {:>10}.{:03} ms",
            sum / u64::from(*count).max(1),
            sum,
            cpu / 1000,
            cpu % 1000
        );
    }
    let of = |value: fn(&WaitingMonitorSample) -> u64| {
        extrapolate(LARGE_NODE, &samples.iter().map(|s| (s.count, value(s))).collect::<Vec<_>>())
    };
    if let (Some(private), Some(cpu)) =
        (of(|sample| sample.private.iter().sum()), of(|sample| sample.cpu))
    {
        println!(
            "{LARGE_NODE:>8}, by the line through these (least squares): {} MiB, and {} ms of CPU in {} s, which is {}.{:02} % of one processor",
            private / 1024,
            cpu / 1000,
            WAIT.as_secs(),
            cpu / WAIT.as_secs() / 10_000,
            cpu / WAIT.as_secs() / 100 % 100,
        );
    }
    let fits = !samples.is_empty()
        && samples
            .iter()
            .flat_map(|sample| &sample.private)
            .all(|&private| private < MAX_PRIVATE_KIB);
    println!("private memory of each below 1 MiB: {}", if fits { "yes" } else { "NO" });
    fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extrapolation_follows_least_squares_line() {
        assert_eq!(extrapolate(1000, &[(50, 300), (100, 500), (200, 900)]), Some(4100));
        // The last sample alone would yield 5000.
        assert_eq!(extrapolate(1000, &[(50, 290), (100, 520), (200, 1000)]), Some(4792));
        assert_eq!(extrapolate(1000, &[(50, 300), (50, 500)]), None);
        assert_eq!(extrapolate(1000, &[]), None);
    }
}
