//! The results as a table.

use super::runner::BenchSamples;
use super::setup::{DEPTH_0, DEPTH_10, EMPTY_PROGRAM, HA_CLIENT_JVM};

/// Prints one line per candidate. It has the wall time (tenth percentile and median) and its ratio
/// to the empty program's. It also has the CPU time (median) and the ratio of the JVM's CPU time to
/// it.
pub(crate) fn print(results: &[BenchSamples]) {
    let of = |name: &str| results.iter().find(|samples| samples.name == name);
    let floor = of(EMPTY_PROGRAM).map(|samples| percentile(&samples.wall, 10));
    let jvm = of(HA_CLIENT_JVM).map(|samples| percentile(&samples.cpu, 50));
    println!(
        "{:<44} {:>10} {:>10} {:>8} {:>10} {:>9}",
        "", "wall p10", "median", "x empty", "CPU", "JVM is x"
    );
    for BenchSamples { name, wall, cpu } in results {
        let (p10, median, cpu) = (percentile(wall, 10), percentile(wall, 50), percentile(cpu, 50));
        println!(
            "{name:<44} {:>10} {:>10} {:>8} {:>10} {:>9}",
            milliseconds(p10),
            milliseconds(median),
            ratio(p10, floor),
            milliseconds(cpu),
            jvm.map_or_else(String::new, |jvm| ratio(jvm, Some(cpu))),
        );
    }
}

/// The limit of a depth 0 that does not wait, in percent of an empty program's wall time (p10).
const MAX_PERCENT_OF_EMPTY: u64 = 135;
/// The minimum ratio of the CPU time of the JVM with the HA client to that of depth 0.
const MIN_JVM_CPU_RATIO: u64 = 40;
/// The limit of depth 10 with the HA client in a JVM, in percent of that client's own CPU time.
const MAX_PERCENT_OF_CLIENT: u64 = 115;

/// Prints whether depths 0 and 10 are within their limits, and returns it.
pub(crate) fn within_limits(results: &[BenchSamples]) -> bool {
    let of = |name: &str| results.iter().find(|samples| samples.name == name);
    let (Some(empty), Some(shallow), Some(deep), Some(jvm)) =
        (of(EMPTY_PROGRAM), of(DEPTH_0), of(DEPTH_10), of(HA_CLIENT_JVM))
    else {
        println!("depths 0 and 10 were not measured");
        return false;
    };
    let cpu_of = |samples: &BenchSamples| percentile(&samples.cpu, 50).max(1);
    let wall = percentile(&shallow.wall, 10) * 100 / percentile(&empty.wall, 10).max(1);
    let cpu = cpu_of(jvm) / cpu_of(shallow);
    let shallow_fits = wall <= MAX_PERCENT_OF_EMPTY && cpu >= MIN_JVM_CPU_RATIO;
    println!(
        "depth 0: {}.{:02} x empty (at most 1.35), a JVM costs {cpu} x its CPU (at least 40): {}",
        wall / 100,
        wall % 100,
        describe_limit(shallow_fits),
    );
    let client = cpu_of(deep) * 100 / cpu_of(jvm);
    println!(
        "depth 10: {}.{:02} x the CPU of the HA client alone (at most 1.15): {}",
        client / 100,
        client % 100,
        describe_limit(client <= MAX_PERCENT_OF_CLIENT),
    );
    shallow_fits && client <= MAX_PERCENT_OF_CLIENT
}

fn describe_limit(fits: bool) -> &'static str {
    if fits { "within its limits" } else { "OVER ITS LIMITS" }
}

/// The smallest value that `percent` of the samples do not exceed; 0 without samples.
fn percentile(samples: &[u64], percent: usize) -> u64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    let index = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(index).copied().unwrap_or_default()
}

fn milliseconds(micros: u64) -> String {
    format!("{}.{:03} ms", micros / 1000, micros % 1000)
}

fn ratio(value: u64, to: Option<u64>) -> String {
    match to {
        Some(to) if to > 0 => {
            let hundredths = value * 100 / to;
            format!("{}.{:02}", hundredths / 100, hundredths % 100)
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentile_is_one_of_the_samples() {
        let samples: Vec<u64> = (1..=100).rev().collect();
        assert_eq!((percentile(&samples, 10), percentile(&samples, 50)), (10, 50));
        assert_eq!((percentile(&[7], 10), percentile(&[], 50)), (7, 0));
    }

    #[test]
    fn milliseconds_and_ratios_are_formatted() {
        assert_eq!(milliseconds(1234), "1.234 ms");
        assert_eq!((ratio(135, Some(100)).as_str(), ratio(1, Some(0)).as_str()), ("1.35", ""));
    }
}
