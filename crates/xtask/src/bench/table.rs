//! The figures, as a table.

use super::inside::Samples;
use super::stage::{DEPTH_0, DEPTH_10, EMPTY, JVM};

/// Prints one line a candidate: wall time (tenth percentile and median) and its ratio to the empty program's, CPU time
/// (median) and how many times less that is than the JVM's.
pub(crate) fn print(results: &[Samples]) {
    let of = |name: &str| results.iter().find(|samples| samples.name == name);
    let floor = of(EMPTY).map(|samples| percentile(&samples.wall, 10));
    let jvm = of(JVM).map(|samples| percentile(&samples.cpu, 50));
    println!(
        "{:<44} {:>10} {:>10} {:>8} {:>10} {:>9}",
        "", "wall p10", "median", "x empty", "CPU", "JVM is x"
    );
    for Samples { name, wall, cpu } in results {
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

/// A depth 0 that does not wait may cost this many hundredths of an empty program's wall time (p10).
const MOST_OF_EMPTY: u64 = 135;
/// The JVM that runs the HA client must cost at least this many times its CPU.
const LEAST_OF_JVM: u64 = 40;
/// Depth 10 with the HA client in a JVM may cost this many hundredths of that client's CPU, run as it is.
const MOST_OF_CLIENT: u64 = 115;

/// Are depths 0 and 10 within their limits? Says so in a line each.
pub(crate) fn within_limits(results: &[Samples]) -> bool {
    let of = |name: &str| results.iter().find(|samples| samples.name == name);
    let (Some(empty), Some(shallow), Some(deep), Some(jvm)) = (of(EMPTY), of(DEPTH_0), of(DEPTH_10), of(JVM))
    else {
        println!("depths 0 and 10 were not measured");
        return false;
    };
    let cpu_of = |samples: &Samples| percentile(&samples.cpu, 50).max(1);
    let wall = percentile(&shallow.wall, 10) * 100 / percentile(&empty.wall, 10).max(1);
    let cpu = cpu_of(jvm) / cpu_of(shallow);
    let shallow_fits = wall <= MOST_OF_EMPTY && cpu >= LEAST_OF_JVM;
    println!(
        "depth 0: {}.{:02} x empty (at most 1.35), a JVM costs {cpu} x its CPU (at least 40): {}",
        wall / 100,
        wall % 100,
        verdict(shallow_fits),
    );
    let client = cpu_of(deep) * 100 / cpu_of(jvm);
    println!(
        "depth 10: {}.{:02} x the CPU of the HA client alone (at most 1.15): {}",
        client / 100,
        client % 100,
        verdict(client <= MOST_OF_CLIENT),
    );
    shallow_fits && client <= MOST_OF_CLIENT
}

fn verdict(fits: bool) -> &'static str {
    if fits { "within its limits" } else { "OVER ITS LIMITS" }
}

/// The smallest value that `percent` of the samples do not exceed; 0 of none.
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
    fn percentiles_are_samples() {
        let samples: Vec<u64> = (1..=100).rev().collect();
        assert_eq!((percentile(&samples, 10), percentile(&samples, 50)), (10, 50));
        assert_eq!((percentile(&[7], 10), percentile(&[], 50)), (7, 0));
    }

    #[test]
    fn figures_are_readable() {
        assert_eq!(milliseconds(1234), "1.234 ms");
        assert_eq!((ratio(135, Some(100)).as_str(), ratio(1, Some(0)).as_str()), ("1.35", ""));
    }
}
