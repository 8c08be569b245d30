//! The figures, as a table.

use super::inside::Samples;
use super::stage::{EMPTY, JVM};

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
