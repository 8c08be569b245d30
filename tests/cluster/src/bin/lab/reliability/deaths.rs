//! The section of docs/evidence/reliability.md on the times of a death, and the promises about
//! them.

use devtools::markdown::table;
use lab::death_latency::{DeathSample, DeathSummary, Victim};
use lab::timeline::median;

use super::page::{describe_spread, describe_versions, format_seconds};
use super::records::RecordedDeaths;
use super::request_delays;

const HEAD: &str = "\
## A death

SIGKILL to a pico of each type, again and again, and for comparison the state file of an `ocf:pacemaker:Dummy` is removed, which only a monitor that comes by can \
notice. Seconds since the kill: the median, and the least and the most; of fewer than 9 samples the latter alone. *Noticed*: Pacemaker has the monitor's answer. *Decided*: recovery is \
begun, by an order to stop. Both are by its log, whose clock ticks in steps of 4 ms: 0.00 is a few milliseconds. *Running*: the pico is ready again, for which it takes 0.2 s itself, or the Dummy's start is done. *Interval* is that of depth 0, and `wait` is on when it waits for the death, for up to 20 s. After \
each of these deaths the fail-count of who died was higher by exactly one and no other was, and nobody else died, by the witness's word.

The moments of the deaths are drawn by a seed, so that they have nothing to do with those of the monitor. With an interval of a second one dies after the other, \
each a few seconds after its last start, so while the monitor waits for the first time; it comes round after 21 s, and one death of 21 falls into the second \
between two waits and is noticed up to a second later. Intervals of 10 and 120 s are measured on several clusters at once, and in rounds: \
EC, SC and UI die at the same time, or the Platform with the Dummy, and a round is shared: who is noticed while another is being recovered waits for that. There a wait covers 20 of 30, \
or 20 of 140 seconds: the waiting monitor wants a short interval. The deeper monitors of the README are there only with `wait` on and an interval of a second. They would be earlier than one that \
comes seldom; and beside one that does not wait Pacemaker counts a failure of its own where one of them comes by between the answer and the stop.
";

/// The recovery must start within this many milliseconds. The limit applies to the median of each
/// pico type, with `wait` on and an interval of a second.
const MAX_DECISION_MS: u64 = 150;

/// The minimum number of deaths.
const MIN_SAMPLES: usize = 30;

/// With fewer samples the median means little.
const MIN_SAMPLES_FOR_MEDIAN: usize = 9;

pub(super) fn section(all: &[RecordedDeaths]) -> String {
    let measured = || all.iter().filter_map(|(_, summary)| summary.as_ref());
    let heads =
        ["of", "`wait`", "interval", "Pacemaker", "noticed", "decided", "running", "samples"];
    let rows: Vec<_> = measured().flat_map(rows).collect();
    let table = if rows.is_empty() { String::new() } else { format!("{}\n", table(&heads, rows)) };
    let words: Vec<String> =
        measured().map(describe_promise).chain(all.iter().filter_map(unrecorded)).collect();
    format!("{HEAD}\n{table}{}\n", words.join("\n\n"))
}

fn unrecorded((generation, summary): &RecordedDeaths) -> Option<String> {
    let name = generation.name();
    summary.is_none().then(|| {
        format!("Not recorded yet with the generation {name} (`cargo xtask deaths --record --generation {name}` does it).")
    })
}

/// Promises about a generation that were not measured or not kept.
pub(super) fn unmet_promises((generation, summary): &RecordedDeaths) -> Vec<String> {
    let name = generation.name();
    match summary {
        Some(summary) => {
            [broken_promises(summary), request_delays::broken_promises(summary)].concat()
        }
        None => vec![format!(
            "the times of a death with the generation {name} are not in docs/evidence/reliability: record them (cargo xtask deaths --record --generation {name})"
        )],
    }
}

/// Formats `0.08 (0.07-0.10)`, or `0.07-0.10` for few samples.
pub(super) fn describe_times(times: &[u64]) -> String {
    match (times.iter().min(), times.iter().max()) {
        (Some(least), Some(most)) if times.len() < MIN_SAMPLES_FOR_MEDIAN => {
            format!("{}-{}", format_seconds(*least), format_seconds(*most))
        }
        _ => describe_spread(times),
    }
}

fn rows(summary: &DeathSummary) -> Vec<Vec<String>> {
    let key = |sample: &DeathSample| (sample.interval, !sample.wait, sample.of);
    let mut keys: Vec<_> = summary.samples.iter().map(key).collect();
    keys.sort_unstable();
    keys.dedup();
    let row = |wanted: &(u64, bool, Victim)| {
        let samples: Vec<&DeathSample> =
            summary.samples.iter().filter(|sample| key(sample) == *wanted).collect();
        let times = |of: fn(&DeathSample) -> u64| {
            describe_times(&samples.iter().map(|sample| of(sample)).collect::<Vec<_>>())
        };
        let (interval, ordinary, of) = wanted;
        let wait = match (of, ordinary) {
            (Victim::Dummy, _) => "",
            (_, true) => "off",
            (_, false) => "on",
        };
        vec![
            of.to_string(),
            wait.to_owned(),
            format!("{interval} s"),
            pacemaker_version(summary).to_owned(),
            times(|sample| sample.noticed),
            times(|sample| sample.decided),
            times(|sample| sample.running),
            samples.len().to_string(),
        ]
    };
    keys.iter().map(row).collect()
}

/// Pacemaker's version without Debian's suffix.
pub(super) fn pacemaker_version(summary: &DeathSummary) -> &str {
    let version = summary.versions.get("pacemaker").map_or("", String::as_str);
    version.split('-').next().unwrap_or(version)
}

fn describe_promise(summary: &DeathSummary) -> String {
    let DeathSummary { seed, date, seconds: time, versions: with, samples, .. } = summary;
    let broken = broken_promises(summary);
    let promise = format!(
        "recovery begun within {} s of the death (median of at least {MIN_SAMPLES} per pico type, `wait` on, interval 1 s)",
        format_seconds(MAX_DECISION_MS)
    );
    let kept = if broken.is_empty() {
        let worst = Victim::PICOS
            .iter()
            .filter_map(|of| median(&decision_times(summary, *of)))
            .max()
            .unwrap_or_default();
        format!("Promised: {promise}. It is {} s at most.", format_seconds(worst))
    } else {
        format!("Promised: {promise}. That is not so: {}.", broken.join("; "))
    };
    let (of, minutes) = (pacemaker_version(summary), format!("{}:{:02}", time / 60, time % 60));
    format!(
        "Pacemaker {of}: {} deaths in {minutes} minutes, ended {date} (UTC), with seed {seed}. {kept} With {}.",
        samples.len(),
        describe_versions(with)
    )
}

/// The times until the recovery started, for the deaths that the promise covers.
fn decision_times(summary: &DeathSummary, of: Victim) -> Vec<u64> {
    let meant = summary
        .samples
        .iter()
        .filter(|sample| sample.of == of && sample.wait && sample.interval == 1);
    meant.map(|sample| sample.decided).collect()
}

/// Promises that were not kept.
fn broken_promises(summary: &DeathSummary) -> Vec<String> {
    let of_type = |of: Victim| {
        let times = decision_times(summary, of);
        let said = match median(&times) {
            Some(middle) if times.len() >= MIN_SAMPLES && middle <= MAX_DECISION_MS => return None,
            Some(middle) if times.len() >= MIN_SAMPLES => {
                format!("after {middle} ms in the median, and {MAX_DECISION_MS} were promised")
            }
            _ => format!("in {} samples, and {MIN_SAMPLES} at least were promised", times.len()),
        };
        let version = pacemaker_version(summary);
        Some(format!(
            "the death of a pico of type {of} with Pacemaker {version}: recovery is begun {said}"
        ))
    };
    Victim::PICOS.into_iter().filter_map(of_type).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use lab::death_latency::RequestDelay;
    use std::collections::BTreeMap;
    use testkit::Generation;

    fn summary(count: usize, decided: u64) -> DeathSummary {
        let sample = |of, wait, interval, decided: u64| DeathSample {
            of,
            wait,
            interval,
            noticed: decided - 40,
            decided,
            running: decided + 300,
        };
        let mut samples =
            vec![sample(Victim::Dummy, false, 1, 500), sample(Victim::Ec, false, 120, 70_123)];
        for of in Victim::PICOS {
            samples.extend((0..count).map(|_| sample(of, true, 1, decided)));
        }
        samples.push(sample(Victim::Ui, true, 1, 1_100));
        summary_of(samples, Vec::new())
    }

    pub(in crate::reliability) fn summary_of(
        samples: Vec<DeathSample>,
        held: Vec<RequestDelay>,
    ) -> DeathSummary {
        DeathSummary {
            seed: 5,
            date: "2026-11-22 17:00:00".to_owned(),
            seconds: 1205,
            versions: BTreeMap::from([("pacemaker".to_owned(), "2.1.5-1+deb12u1".to_owned())]),
            samples,
            held,
        }
    }

    fn recorded(summary: DeathSummary) -> RecordedDeaths {
        (Generation::Machine, Some(summary))
    }

    #[test]
    fn section_has_a_row_per_type_wait_and_interval() {
        let section = section(&[recorded(summary(30, 110))]);
        for row in [
            "| ec | on | 1 s | 2.1.5 | 0.07 | 0.11 | 0.41 | 30 |",
            "| ui | on | 1 s | 2.1.5 | 0.07 (0.07-1.06) | 0.11 (0.11-1.10) | 0.41 (0.41-1.40) | 31 |",
            "| ocf:pacemaker:Dummy |  | 1 s | 2.1.5 | 0.46-0.46 | 0.50-0.50 | 0.80-0.80 | 1 |",
            "| ec | off | 120 s | 2.1.5 | 70.08-70.08 | 70.12-70.12 | 70.42-70.42 | 1 |",
        ] {
            assert!(section.contains(row), "{row}\n{section}");
        }
        let words = "It is 0.11 s at most.";
        assert!(section.contains(words) && section.contains("in 20:05 minutes"), "{section}");
    }

    #[test]
    fn promise_needs_median_of_enough_samples_per_type() {
        assert_eq!(broken_promises(&summary(30, 150)), Vec::<String>::new());
        let late = broken_promises(&summary(30, 151));
        assert_eq!(late.len(), 4, "{late:?}");
        assert_eq!(
            late[0],
            "the death of a pico of type platform with Pacemaker 2.1.5: recovery is begun after 151 ms in the median, and 150 were promised"
        );
        let few = broken_promises(&summary(29, 110));
        // The UI has one sample more.
        assert_eq!(few.len(), 3, "{few:?}");
        assert!(few[1].ends_with("in 29 samples, and 30 at least were promised"), "{few:?}");
        assert!(section(&[recorded(summary(30, 151))]).contains("That is not so: "));
    }

    #[test]
    fn few_samples_are_shown_as_range() {
        assert_eq!(describe_times(&[70, 2_000, 90, 80, 60, 65, 75, 85]), "0.06-2.00");
        assert_eq!(describe_times(&[70, 2_000, 90, 80, 60, 65, 75, 85, 95]), "0.08 (0.06-2.00)");
        assert_eq!(describe_times(&[]), "");
    }

    #[test]
    fn missing_record_is_reported_and_claims_nothing() {
        let all = [recorded(summary(30, 110)), (Generation::Debian13, None)];
        let section = section(&all[1..]);
        assert!(section.contains("Not recorded yet with the generation debian-13"), "{section}");
        assert!(!section.contains("Promised") && !section.contains("| of |"), "{section}");
        let missing: Vec<String> =
            all.iter().flat_map(unmet_promises).filter(|said| said.contains("debian-13")).collect();
        assert_eq!(missing.len(), 1, "{missing:?}");
        assert!(
            missing[0].ends_with("(cargo xtask deaths --record --generation debian-13)"),
            "{missing:?}"
        );
    }
}
