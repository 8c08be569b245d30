//! The section of docs/evidence/reliability.md on requests that a waiting monitor delays, and the
//! promises about them.

use devtools::markdown::table;
use lab::death_latency::{ClusterRequest, DeathSummary, WAITS};

use super::deaths::{describe_times, pacemaker_version};
use super::page::format_seconds;
use super::records::RecordedDeaths;

const HEAD: &str = "\
## What waits for a monitor that waits

While a monitor waits for the death of its process (interval 1 s, as above), Pacemaker is asked for something else of that EC, at moments drawn by a seed, with \
each `wait` on a cluster of its own. Seconds since the command was called, with what the command itself and Pacemaker's decision take; the median, and the least and \
the most; of fewer than 9 samples the latter alone. *A stop* is asked for by `target-role=Stopped`, *a reload* by another value of a \
reloadable parameter, *a deeper monitor* by another interval of depth 10, *a probe* by `crm_resource --refresh` of the EC. Before all but the deeper monitor \
Pacemaker kills the monitor that waits. It kills none for another monitor, which so waits for what is left of the `wait`. Pacemaker 2.1 itself lets a \
second pass after a refresh before it probes.
";

/// The minimum number of samples of each request.
const MIN_SAMPLES: usize = 5;

/// The maximum delay in milliseconds of a request that does not wait for the monitor. It also holds
/// for the longest `wait`, of which it is a quarter.
const MAX_DELAY_MS: u64 = 5_000;

pub(super) fn section(all: &[RecordedDeaths]) -> String {
    let rows: Vec<_> =
        all.iter().filter_map(|(_, summary)| summary.as_ref()).flat_map(rows).collect();
    if rows.is_empty() {
        return format!("{HEAD}\nNot recorded yet (`cargo xtask deaths --record` does it).\n");
    }
    let waits = WAITS.map(|wait| format!("`wait={wait}s`"));
    let heads = ["asked", "until", "Pacemaker", &waits[0], &waits[1], &waits[2], "samples of each"];
    format!("{HEAD}\n{}", table(&heads, rows))
}

fn rows(summary: &DeathSummary) -> Vec<Vec<String>> {
    if summary.held.is_empty() {
        return Vec::new();
    }
    let row = |asked: &ClusterRequest| {
        let of = WAITS.map(|wait| summary.delays(*asked, wait));
        let until = if asked.ends_with_answer() { "it is answered" } else { "it is begun" };
        let about = [asked.to_string(), until.to_owned(), pacemaker_version(summary).to_owned()];
        let least = of.iter().map(Vec::len).min().unwrap_or_default();
        [&about[..], &of.map(|of| describe_times(&of)), &[least.to_string()]].concat()
    };
    ClusterRequest::ALL.iter().map(row).collect()
}

/// Promises that were not kept.
pub(super) fn broken_promises(summary: &DeathSummary) -> Vec<String> {
    let of = pacemaker_version(summary);
    let all = ClusterRequest::ALL.into_iter().flat_map(|asked| WAITS.map(|wait| (asked, wait)));
    let said = |(asked, wait)| {
        let times = summary.delays(asked, wait);
        let most = times.iter().max().copied().unwrap_or_default();
        let beside =
            format!("{asked} beside a monitor that waits for {wait} s, with Pacemaker {of}");
        if times.len() < MIN_SAMPLES {
            Some(format!(
                "{beside}: {} samples, and {MIN_SAMPLES} at least are wanted",
                times.len()
            ))
        } else if !asked.waits_for_monitor() && most >= MAX_DELAY_MS {
            Some(format!("{beside}: it came after {} s, and is not to wait", format_seconds(most)))
        } else {
            None
        }
    };
    all.filter_map(said).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reliability::deaths::tests::summary_of;
    use lab::death_latency::RequestDelay;
    use testkit::Generation;

    fn summary(count: u64, stop: u64) -> DeathSummary {
        let took = |asked: ClusterRequest, wait| match asked {
            ClusterRequest::Stop => stop,
            _ if asked.waits_for_monitor() => wait * 1000,
            _ => 80,
        };
        let all = ClusterRequest::ALL.into_iter().flat_map(|asked| WAITS.map(|wait| (asked, wait)));
        let held = all.flat_map(|(asked, wait)| {
            (0..count).map(move |more| RequestDelay {
                asked,
                wait,
                took: took(asked, wait) + 10 * more,
            })
        });
        summary_of(Vec::new(), held.collect())
    }

    #[test]
    fn section_has_a_row_per_request_and_a_column_per_wait() {
        let section =
            section(&[(Generation::Machine, Some(summary(5, 90))), (Generation::Debian13, None)]);
        for row in [
            "| a stop | it is begun | 2.1.5 | 0.09-0.13 | 0.09-0.13 | 0.09-0.13 | 5 |",
            "| the first run of a deeper monitor | it is answered | 2.1.5 | 20.00-20.04 | 5.00-5.04 | 0.00-0.04 | 5 |",
        ] {
            assert!(section.contains(row), "{row}\n{section}");
        }
        let without = super::section(&[(Generation::Machine, Some(summary(0, 0)))]);
        assert!(without.contains("Not recorded yet") && !without.contains("2.1.5"), "{without}");
    }

    #[test]
    fn delayed_request_that_must_not_wait_breaks_promise() {
        assert_eq!(broken_promises(&summary(5, 90)), Vec::<String>::new());
        let late = broken_promises(&summary(5, 5_000));
        assert_eq!(late.len(), 3, "{late:?}");
        assert_eq!(
            late[0],
            "a stop beside a monitor that waits for 20 s, with Pacemaker 2.1.5: it came after 5.04 s, and is not to wait"
        );
        let few = broken_promises(&summary(4, 90));
        assert_eq!(few.len(), 12, "{few:?}");
        assert!(few[0].ends_with("4 samples, and 5 at least are wanted"), "{few:?}");
    }
}
