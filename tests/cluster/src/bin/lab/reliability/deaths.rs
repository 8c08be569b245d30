//! The section of docs/reliability.md on how long a death takes, and what was promised of that.

use devtools::markdown::table;
use lab::deaths::{Sample, Subject, Summary};
use lab::timeline::median;

use super::held;
use super::page::{seconds, spread, versions};
use super::records::Deaths;

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

/// Recovery has to have begun after this many milliseconds, in the median of each pico type, with `wait` on and an interval of a second.
const BOUND: u64 = 150;

/// Of at least so many deaths.
const ENOUGH: usize = 30;

/// Of fewer than so many the one in the middle tells little.
const FEW: usize = 9;

/// The section.
pub(super) fn section(all: &[Deaths]) -> String {
    let measured = || all.iter().filter_map(|(_, summary)| summary.as_ref());
    let heads = ["of", "`wait`", "interval", "Pacemaker", "noticed", "decided", "running", "samples"];
    let rows: Vec<_> = measured().flat_map(rows).collect();
    let table = if rows.is_empty() { String::new() } else { format!("{}\n", table(&heads, rows)) };
    let words: Vec<String> = measured().map(words).chain(all.iter().filter_map(unrecorded)).collect();
    format!("{HEAD}\n{table}{}\n", words.join("\n\n"))
}

fn unrecorded((generation, summary): &Deaths) -> Option<String> {
    let name = generation.name();
    summary.is_none().then(|| {
        format!("Not recorded yet with the generation {name} (`cargo xtask deaths --record --generation {name}` does it).")
    })
}

/// What was promised of a generation, and was not measured, or is not what was measured.
pub(super) fn missing((generation, summary): &Deaths) -> Vec<String> {
    let name = generation.name();
    match summary {
        Some(summary) => [beyond(summary), held::beyond(summary)].concat(),
        None => vec![format!(
            "the times of a death with the generation {name} are not in docs/reliability: record them (cargo xtask deaths --record --generation {name})"
        )],
    }
}

/// `0.08 (0.07-0.10)`; of few samples `0.07-0.10`.
pub(super) fn times(times: &[u64]) -> String {
    match (times.iter().min(), times.iter().max()) {
        (Some(least), Some(most)) if times.len() < FEW => format!("{}-{}", seconds(*least), seconds(*most)),
        _ => spread(times),
    }
}

fn rows(summary: &Summary) -> Vec<Vec<String>> {
    let key = |sample: &Sample| (sample.interval, !sample.wait, sample.of);
    let mut keys: Vec<_> = summary.samples.iter().map(key).collect();
    keys.sort_unstable();
    keys.dedup();
    let row = |wanted: &(u64, bool, Subject)| {
        let samples: Vec<&Sample> = summary.samples.iter().filter(|sample| key(sample) == *wanted).collect();
        let times =
            |of: fn(&Sample) -> u64| times(&samples.iter().map(|sample| of(sample)).collect::<Vec<_>>());
        let (interval, ordinary, of) = wanted;
        let wait = match (of, ordinary) {
            (Subject::Dummy, _) => "",
            (_, true) => "off",
            (_, false) => "on",
        };
        vec![
            of.to_string(),
            wait.to_owned(),
            format!("{interval} s"),
            pacemaker(summary).to_owned(),
            times(|sample| sample.noticed),
            times(|sample| sample.decided),
            times(|sample| sample.running),
            samples.len().to_string(),
        ]
    };
    keys.iter().map(row).collect()
}

/// Its version, without what Debian calls it.
pub(super) fn pacemaker(summary: &Summary) -> &str {
    let version = summary.versions.get("pacemaker").map_or("", String::as_str);
    version.split('-').next().unwrap_or(version)
}

/// What was promised, and whether that is so.
fn words(summary: &Summary) -> String {
    let Summary { seed, date, seconds: time, versions: with, samples, .. } = summary;
    let broken = beyond(summary);
    let promise = format!(
        "recovery begun within {} s of the death (median of at least {ENOUGH} per pico type, `wait` on, interval 1 s)",
        seconds(BOUND)
    );
    let kept = if broken.is_empty() {
        let worst =
            Subject::PICOS.iter().filter_map(|of| median(&decided(summary, *of))).max().unwrap_or_default();
        format!("Promised: {promise}. It is {} s at most.", seconds(worst))
    } else {
        format!("Promised: {promise}. That is not so: {}.", broken.join("; "))
    };
    let (of, minutes) = (pacemaker(summary), format!("{}:{:02}", time / 60, time % 60));
    format!(
        "Pacemaker {of}: {} deaths in {minutes} minutes, ended {date} (UTC), with seed {seed}. {kept} With {}.",
        samples.len(),
        versions(with)
    )
}

/// After how long recovery was begun, of those deaths that the promise is about.
fn decided(summary: &Summary, of: Subject) -> Vec<u64> {
    let meant =
        summary.samples.iter().filter(|sample| sample.of == of && sample.wait && sample.interval == 1);
    meant.map(|sample| sample.decided).collect()
}

/// What was promised, and is not what was measured.
fn beyond(summary: &Summary) -> Vec<String> {
    let of_type = |of: Subject| {
        let times = decided(summary, of);
        let said = match median(&times) {
            Some(middle) if times.len() >= ENOUGH && middle <= BOUND => return None,
            Some(middle) if times.len() >= ENOUGH => {
                format!("after {middle} ms in the median, and {BOUND} were promised")
            }
            _ => format!("in {} samples, and {ENOUGH} at least were promised", times.len()),
        };
        let version = pacemaker(summary);
        Some(format!("the death of a pico of type {of} with Pacemaker {version}: recovery is begun {said}"))
    };
    Subject::PICOS.into_iter().filter_map(of_type).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use lab::deaths::Held;
    use std::collections::BTreeMap;
    use testkit::Generation;

    fn summary(count: usize, decided: u64) -> Summary {
        let sample = |of, wait, interval, decided: u64| Sample {
            of,
            wait,
            interval,
            noticed: decided - 40,
            decided,
            running: decided + 300,
        };
        let mut samples =
            vec![sample(Subject::Dummy, false, 1, 500), sample(Subject::Ec, false, 120, 70_123)];
        for of in Subject::PICOS {
            samples.extend((0..count).map(|_| sample(of, true, 1, decided)));
        }
        samples.push(sample(Subject::Ui, true, 1, 1_100));
        of(samples, Vec::new())
    }

    /// A measurement in which this came out.
    pub(in crate::reliability) fn of(samples: Vec<Sample>, held: Vec<Held>) -> Summary {
        Summary {
            seed: 5,
            date: "2026-11-22 17:00:00".to_owned(),
            seconds: 1205,
            versions: BTreeMap::from([("pacemaker".to_owned(), "2.1.5-1+deb12u1".to_owned())]),
            samples,
            held,
        }
    }

    fn recorded(summary: Summary) -> Deaths {
        (Generation::Machine, Some(summary))
    }

    #[test]
    fn each_type_wait_and_interval_has_a_row() {
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
    fn a_promise_wants_a_median_of_enough_samples_of_each_type() {
        assert_eq!(beyond(&summary(30, 150)), Vec::<String>::new());
        let late = beyond(&summary(30, 151));
        assert_eq!(late.len(), 4, "{late:?}");
        assert_eq!(
            late[0],
            "the death of a pico of type platform with Pacemaker 2.1.5: recovery is begun after 151 ms in the median, and 150 were promised"
        );
        let few = beyond(&summary(29, 110));
        // The UI has one more.
        assert_eq!(few.len(), 3, "{few:?}");
        assert!(few[1].ends_with("in 29 samples, and 30 at least were promised"), "{few:?}");
        assert!(section(&[recorded(summary(30, 151))]).contains("That is not so: "));
    }

    #[test]
    fn of_few_samples_the_range_alone_is_shown() {
        assert_eq!(times(&[70, 2_000, 90, 80, 60, 65, 75, 85]), "0.06-2.00");
        assert_eq!(times(&[70, 2_000, 90, 80, 60, 65, 75, 85, 95]), "0.08 (0.06-2.00)");
        assert_eq!(times(&[]), "");
    }

    #[test]
    fn without_a_record_nothing_is_claimed_and_it_is_missing() {
        let all = [recorded(summary(30, 110)), (Generation::Debian13, None)];
        let section = section(&all[1..]);
        assert!(section.contains("Not recorded yet with the generation debian-13"), "{section}");
        assert!(!section.contains("Promised") && !section.contains("| of |"), "{section}");
        let missing: Vec<String> =
            all.iter().flat_map(missing).filter(|said| said.contains("debian-13")).collect();
        assert_eq!(missing.len(), 1, "{missing:?}");
        assert!(missing[0].ends_with("(cargo xtask deaths --record --generation debian-13)"), "{missing:?}");
    }
}
