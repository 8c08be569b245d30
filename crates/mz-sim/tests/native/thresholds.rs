//! The thresholds, property by property: below, at and above each, and several at once.

use std::time::Duration;

use crate::rehearsal;
use mz_sim::ha::{
    HaProperties, HaThresholds, Interval, InvalidProperty, MinActivationsMeaning, Workload,
};

fn parse_properties(text: &str) -> HaProperties {
    let pair =
        |word: &str| word.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    text.split_whitespace().map(|word| pair(word).expect("NAME=VALUE")).collect()
}

fn thresholds(text: &str, reading: MinActivationsMeaning) -> HaThresholds {
    HaThresholds::from_properties(&parse_properties(text), reading).unwrap().0
}

/// The answer for an interval with these numbers of activations, aborts, transactions and consumes.
fn answer(text: &str, reading: MinActivationsMeaning, counts: [u64; 4]) -> String {
    let [activations, aborts, transactions, consumes] = counts;
    let workload = Workload::parse(&format!(
        "at 1s activations {activations}\nat 2s aborts {aborts}\nat 3s transactions {transactions}\nat 39s consumes {consumes}\n"
    ));
    Interval::at_index(&thresholds(text, reading), &workload.unwrap(), 0).answer()
}

/// Properties; activations, aborts, transactions, consumes; the answer.
type ThresholdCase = (&'static str, [u64; 4], &'static str);

const THRESHOLD_CASES: &[ThresholdCase] = &[
    ("", [0, 0, 0, 0], "OK"),
    ("", [0, 1_000_000, 0, 0], "OK"),
    ("min_activations=10", [0, 0, 99, 99], "FAILED min_activations: 0 of at least 10"),
    ("min_activations=10", [9, 0, 99, 99], "FAILED min_activations: 9 of at least 10"),
    ("min_activations=10", [10, 0, 0, 0], "OK"),
    ("min_activations=10", [11, 99, 0, 0], "OK"),
    ("min_activations=0", [0, 0, 0, 0], "OK"),
    ("min_activations=-1", [0, 0, 0, 0], "OK"),
    ("max_aborts=5", [0, 0, 0, 0], "OK"),
    ("max_aborts=5", [0, 4, 0, 0], "OK"),
    ("max_aborts=5", [0, 5, 0, 0], "OK"),
    ("max_aborts=5", [0, 6, 0, 0], "FAILED max_aborts: 6 of at most 5"),
    ("max_aborts=0", [9, 0, 0, 0], "OK"),
    ("max_aborts=0", [9, 1, 0, 0], "FAILED max_aborts: 1 of at most 0"),
    ("max_aborts=-1", [9, 999, 0, 0], "OK"),
    ("min_activations_for_aborts=20 max_aborts=5", [19, 6, 0, 0], "OK"),
    (
        "min_activations_for_aborts=20 max_aborts=5",
        [20, 6, 0, 0],
        "FAILED max_aborts: 6 of at most 5",
    ),
    (
        "min_activations_for_aborts=20 max_aborts=5",
        [21, 6, 0, 0],
        "FAILED max_aborts: 6 of at most 5",
    ),
    ("min_activations_for_aborts=20 max_aborts=5", [21, 5, 0, 0], "OK"),
    (
        "min_activations_for_aborts=-1 max_aborts=5",
        [0, 6, 0, 0],
        "FAILED max_aborts: 6 of at most 5",
    ),
    (
        "min_activations_for_aborts=0 max_aborts=5",
        [0, 6, 0, 0],
        "FAILED max_aborts: 6 of at most 5",
    ),
    ("min_activations_for_aborts=20", [99, 99, 0, 0], "OK"),
    ("min_activations_for_aborts=20", [0, 0, 0, 0], "OK"),
    (
        "min_number_of_transactions=10",
        [99, 0, 0, 99],
        "FAILED min_number_of_transactions: 0 of at least 10",
    ),
    (
        "min_number_of_transactions=10",
        [99, 0, 9, 99],
        "FAILED min_number_of_transactions: 9 of at least 10",
    ),
    ("min_number_of_transactions=10", [0, 0, 10, 0], "OK"),
    ("min_number_of_transactions=10", [0, 0, 11, 0], "OK"),
    ("min_number_of_transactions=-1", [0, 0, 0, 0], "OK"),
    ("min_consumes=10", [99, 0, 99, 0], "FAILED min_consumes: 0 of at least 10"),
    ("min_consumes=10", [99, 0, 99, 9], "FAILED min_consumes: 9 of at least 10"),
    ("min_consumes=10", [0, 0, 0, 10], "OK"),
    ("min_consumes=10", [0, 0, 0, 11], "OK"),
    ("min_consumes=-1", [0, 0, 0, 0], "OK"),
    // One missed threshold suffices, and the answer names each.
    ("max_aborts=5 min_consumes=10", [0, 5, 0, 10], "OK"),
    ("max_aborts=5 min_consumes=10", [0, 6, 0, 10], "FAILED max_aborts: 6 of at most 5"),
    ("max_aborts=5 min_consumes=10", [0, 5, 0, 9], "FAILED min_consumes: 9 of at least 10"),
    (
        "max_aborts=5 min_consumes=10",
        [0, 6, 0, 9],
        "FAILED max_aborts: 6 of at most 5, min_consumes: 9 of at least 10",
    ),
    (
        "min_activations=3 max_aborts=1 min_number_of_transactions=4 min_consumes=5",
        [2, 2, 3, 4],
        "FAILED min_activations: 2 of at least 3, max_aborts: 2 of at most 1, min_number_of_transactions: 3 of at least 4, min_consumes: 4 of at least 5",
    ),
    (
        "min_activations=3 max_aborts=1 min_number_of_transactions=4 min_consumes=5",
        [3, 1, 4, 5],
        "OK",
    ),
    (
        "min_activations=30 min_activations_for_aborts=20 max_aborts=5",
        [20, 6, 0, 0],
        "FAILED min_activations: 20 of at least 30, max_aborts: 6 of at most 5",
    ),
    (
        "min_activations=30 min_activations_for_aborts=20 max_aborts=5",
        [19, 6, 0, 0],
        "FAILED min_activations: 19 of at least 30",
    ),
];

/// The cases with `min_activations` as the manual describes it.
const GATE_CASES: &[ThresholdCase] = &[
    ("min_activations=10", [0, 0, 0, 0], "OK"),
    ("min_activations=10 max_aborts=5", [9, 6, 0, 0], "OK"),
    ("min_activations=10 max_aborts=5", [10, 6, 0, 0], "FAILED max_aborts: 6 of at most 5"),
    ("min_activations=10 max_aborts=5", [11, 5, 0, 0], "OK"),
    // The stricter of the two gates applies.
    ("min_activations=10 min_activations_for_aborts=20 max_aborts=5", [19, 6, 0, 0], "OK"),
    (
        "min_activations=10 min_activations_for_aborts=20 max_aborts=5",
        [20, 6, 0, 0],
        "FAILED max_aborts: 6 of at most 5",
    ),
    ("min_activations=-1 max_aborts=5", [0, 6, 0, 0], "FAILED max_aborts: 6 of at most 5"),
];

#[test]
fn ec_applies_its_thresholds() {
    rehearsal::thresholds(false);
}

#[test]
fn each_threshold_fails_only_when_it_is_missed() {
    for (reading, table) in [
        (MinActivationsMeaning::Threshold, THRESHOLD_CASES),
        (MinActivationsMeaning::Gate, GATE_CASES),
    ] {
        for (properties, counts, expected) in table {
            assert_eq!(
                answer(properties, reading, *counts),
                *expected,
                "{reading:?} {properties} {counts:?}"
            );
        }
    }
}

#[test]
fn interval_below_40_s_is_raised_with_a_remark() {
    for (value, seconds, remark) in [
        ("", 40, false),
        ("40", 40, false),
        ("41", 41, false),
        ("3600", 3600, false),
        ("39", 40, true),
        ("0", 40, true),
        ("-1", 40, true),
    ] {
        let given = parse_properties(&format!("interval={value}"));
        let (limits, remarks) =
            HaThresholds::from_properties(&given, MinActivationsMeaning::Threshold).unwrap();
        assert_eq!(
            (limits.interval.as_secs(), !remarks.is_empty()),
            (seconds, remark),
            "{value}: {remarks:?}"
        );
        assert!(
            remarks.iter().all(|text| text.contains(&format!("{value} is raised to 40"))),
            "{remarks:?}"
        );
    }
}

#[test]
fn property_that_is_no_number_is_named() {
    for name in [
        "interval",
        "min_activations",
        "min_activations_for_aborts",
        "max_aborts",
        "min_number_of_transactions",
        "min_consumes",
    ] {
        for value in ["five", "1.5", "5s", "-2", "99999999999999999999"] {
            if (name, value) == ("interval", "-2") {
                continue;
            }
            let bad = HaThresholds::from_properties(
                &parse_properties(&format!("{name}={value}")),
                MinActivationsMeaning::Threshold,
            );
            let InvalidProperty { name: named, .. } = bad.clone().unwrap_err();
            let words = bad.unwrap_err().to_string();
            assert_eq!(named, name);
            assert!(
                words.contains(&format!("mz.ha.{name} = {value:?}: expected a whole number")),
                "{words}"
            );
        }
    }
}

#[test]
fn activation_gate_without_max_aborts_is_remarked() {
    for (text, reading, gate) in [
        (
            "min_activations_for_aborts=3",
            MinActivationsMeaning::Threshold,
            "mz.ha.min_activations_for_aborts has",
        ),
        ("min_activations=3", MinActivationsMeaning::Gate, "mz.ha.min_activations has"),
    ] {
        let (_, remarks) = HaThresholds::from_properties(&parse_properties(text), reading).unwrap();
        assert_eq!(remarks.len(), 1);
        assert!(remarks[0].starts_with(gate), "{remarks:?}");
    }
}

#[test]
fn workload_counts_each_event_in_one_interval() {
    let workload = Workload::parse_line(
        "from 0s to 100s consumes 1/4s; from 10s transactions 3/1s; at 40s aborts 2; at 39s aborts 1;",
    )
    .unwrap();
    let counts = |number: u32| {
        Interval::at_index(&thresholds("", MinActivationsMeaning::Threshold), &workload, number)
            .counts
    };
    let [first, second, third, fourth] = [0, 1, 2, 3].map(counts);
    assert_eq!((first.consumes, first.transactions, first.aborts), (10, 90, 1));
    assert_eq!((second.consumes, second.transactions, second.aborts), (10, 120, 2));
    assert_eq!((third.consumes, third.transactions, third.aborts), (5, 120, 0));
    assert_eq!((fourth.consumes, fourth.transactions, fourth.activations), (0, 120, 0));
    // The sum does not depend on the division of the time.
    let cut = (0..1000).map(|at| {
        let [from, to] = [at * 137, (at + 1) * 137].map(Duration::from_millis);
        workload.counts(from, to).transactions
    });
    assert_eq!(
        cut.sum::<u64>(),
        workload.counts(Duration::ZERO, Duration::from_secs(137)).transactions
    );
    // The largest numbers cause no overflow.
    let huge = Workload::parse(
        "from 0s consumes 18446744073709551615/1ms\nat 0s aborts 18446744073709551615",
    )
    .unwrap();
    assert_eq!(huge.counts(Duration::ZERO, Duration::MAX).consumes, u64::MAX);
}

#[test]
fn invalid_workload_names_line_and_word() {
    for (text, line, words) in [
        ("at 1s consumes 5\n\n# all well\nfor 1s consumes 5", 4, "for: expected `at TIME"),
        ("at 1s udrs 5", 1, "udrs: expected activations, aborts"),
        ("at soon consumes 5", 1, "soon: expected a time"),
        ("at 1s consumes", 1, "expected `at TIME"),
        ("at 1s consumes many", 1, "many: expected a whole number"),
        ("at 1s consumes 5 6", 1, "6: expected"),
        ("at 1s consumes 5/1s", 1, "5/1s: expected"),
        ("from 1s consumes 5", 1, "5: expected"),
        ("from 1s consumes 5/0s", 1, "0 seconds"),
        ("from 5s to 5s consumes 5/1s", 1, "ends before it begins"),
        ("at 1s to 5s consumes 5", 1, "to: expected activations"),
    ] {
        let bad = Workload::parse(text).unwrap_err();
        assert_eq!((bad.line, bad.problem.contains(words)), (line, true), "{text}: {bad}");
    }
}
