//! Weighs a verdict by the parameters and the counts of earlier runs. Pure.

use crate::record::{CheckCounts, Unchecked};
use crate::settings::Settings;
use crate::verdict::{Check, MonitorKind, Verdict, VerdictKind};
use std::time::SystemTime;

/// Introduces a check that could not be made in `unchecked_limit` runs.
pub const NOT_CHECKED: &str = "not checked";

/// The verdict that is answered, and the new counts.
pub(super) fn apply_tolerance(
    verdict: &Verdict,
    counts: &CheckCounts,
    settings: &Settings,
    occasion: MonitorKind,
    now: SystemTime,
) -> (Verdict, CheckCounts) {
    let (mut weighed, mut counted) = by_finding(verdict, counts, settings, occasion);
    counted.unchecked = match &verdict.check {
        Check::NotDue => counts.unchecked.clone(),
        Check::Made => None,
        Check::NotMade(why) => Some(Unchecked::one_more(counts.unchecked.as_ref(), why, now)),
    };
    if let (Check::NotMade(_), Some(unchecked)) = (&verdict.check, &counted.unchecked)
        && unchecked.runs >= settings.unchecked_limit
        && weighed.is_running()
    {
        let (pico, why, since) = (settings.pico_label(), &unchecked.why, unchecked.since(now));
        weighed.reason = if verdict.kind == VerdictKind::Unchecked || weighed.reason.is_empty() {
            // The cause first: `pcs status` shows only the beginning.
            format!("{pico}: {why}; {NOT_CHECKED} {since}")
        } else {
            format!("{}; {NOT_CHECKED} {since}: {why}", weighed.reason)
        };
        if settings.degraded {
            weighed.kind = VerdictKind::Degraded;
        }
    }
    (weighed, counted)
}

fn by_finding(
    verdict: &Verdict,
    counts: &CheckCounts,
    settings: &Settings,
    occasion: MonitorKind,
) -> (Verdict, CheckCounts) {
    let same = || counts.clone();
    match verdict.kind {
        VerdictKind::Running => (verdict.clone(), CheckCounts::default()),
        VerdictKind::Unchecked
        | VerdictKind::NotRunning
        | VerdictKind::Failed
        | VerdictKind::Unknown => (verdict.clone(), same()),
        VerdictKind::Warning | VerdictKind::Degraded => {
            let wanted = verdict.kind == VerdictKind::Degraded || settings.degraded;
            // Not the first time: each change of the answer triggers a transition of the cluster.
            let degraded = wanted && counts.warned > 0 && occasion == MonitorKind::Recurring;
            let kind = if degraded { VerdictKind::Degraded } else { VerdictKind::Warning };
            (
                Verdict { kind, ..verdict.clone() },
                CheckCounts { warned: counts.warned.saturating_add(1).min(2), ..same() },
            )
        }
        VerdictKind::CheckFailed => {
            let failed = counts.failed.saturating_add(1);
            let now = CheckCounts { failed, ..same() };
            if failed <= settings.failures_tolerated {
                let of = settings.failures_tolerated;
                let reason = format!("{} (tolerated, {failed} of {of})", verdict.reason);
                (Verdict { kind: VerdictKind::Warning, reason, ..verdict.clone() }, now)
            } else {
                (verdict.clone(), now)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{PicoType, UnreadableTarget};
    use MonitorKind::{Probe, Recurring};
    use VerdictKind::{
        CheckFailed, Degraded, Failed, NotRunning, Running, Unchecked, Unknown, Warning,
    };
    use ocf::{ParameterReader, ParameterValues};

    fn settings(degraded: bool, failures_tolerated: u32, unchecked_limit: u32) -> Settings {
        let target = UnreadableTarget {
            why: "x".to_owned(),
            name: Err(None),
            home: None,
            process_match_unreadable: false,
        };
        let values = ParameterValues::default();
        let mut reader = ParameterReader::new(&values);
        let defaults =
            Settings::read(&mut reader, None, PicoType::Platform, Err(target), vec![], false);
        Settings { failures_tolerated, degraded, unchecked_limit, ..defaults }
    }

    fn verdict(kind: VerdictKind, check: Check) -> Verdict {
        Verdict { kind, reason: "reason".to_owned(), check }
    }

    fn counts(failed: u32, warned: u32) -> CheckCounts {
        CheckCounts { failed, warned, unchecked: None }
    }

    /// What a run answers, and the counts after it: failed, warned.
    fn weigh(
        kind: VerdictKind,
        before: &CheckCounts,
        settings: &Settings,
        occasion: MonitorKind,
    ) -> (VerdictKind, u32, u32) {
        let verdict = verdict(kind, Check::Made);
        let (answer, after) =
            apply_tolerance(&verdict, before, settings, occasion, SystemTime::UNIX_EPOCH);
        (answer.kind, after.failed, after.warned)
    }

    #[test]
    fn warning_becomes_degraded_at_the_second_time_of_a_recurring_monitor() {
        for (kind, degraded, warned, occasion, answer) in [
            (Warning, true, 0, Recurring, Warning),
            (Warning, true, 1, Recurring, Degraded),
            (Warning, true, 2, Recurring, Degraded),
            (Warning, false, 1, Recurring, Warning),
            (Warning, true, 1, Probe, Warning),
            (Degraded, false, 0, Recurring, Warning),
            (Degraded, false, 1, Recurring, Degraded),
            (Degraded, true, 1, Probe, Warning),
        ] {
            let seen = weigh(kind, &counts(1, warned), &settings(degraded, 0, 10), occasion);
            assert_eq!(seen, (answer, 1, (warned + 1).min(2)), "{kind:?} {degraded} {warned}");
        }
    }

    #[test]
    fn failed_check_is_a_warning_as_often_as_it_is_tolerated() {
        for (tolerated, failed, answer) in
            [(0, 0, CheckFailed), (2, 0, Warning), (2, 1, Warning), (2, 2, CheckFailed)]
        {
            // Tolerated failures are no warnings that add up to "degraded".
            let seen =
                weigh(CheckFailed, &counts(failed, 1), &settings(true, tolerated, 10), Recurring);
            assert_eq!(seen, (answer, failed + 1, 1), "{tolerated} {failed}");
        }
        let failed = verdict(CheckFailed, Check::Made);
        let now = SystemTime::UNIX_EPOCH;
        let (answer, _) =
            apply_tolerance(&failed, &counts(0, 0), &settings(false, 2, 10), Recurring, now);
        assert_eq!(answer.reason, "reason (tolerated, 1 of 2)");
    }

    #[test]
    fn only_a_healthy_pico_resets_the_counts() {
        for kind in [Unchecked, NotRunning, Failed, Unknown] {
            let seen = weigh(kind, &counts(3, 2), &settings(true, 5, 10), Recurring);
            assert_eq!(seen, (kind, 3, 2));
        }
        assert_eq!(
            weigh(Running, &counts(3, 2), &settings(true, 5, 10), Recurring),
            (Running, 0, 0)
        );
    }

    #[test]
    fn limit_of_unchecked_runs_gives_the_cause_and_degraded_if_asked() {
        let not_made = || Check::NotMade("why".to_owned());
        let run = |kind, check: Check, runs: u32, degraded| {
            let before = (runs > 0).then(|| record_of(runs));
            let before = CheckCounts { unchecked: before, ..CheckCounts::default() };
            let settings = settings(degraded, 0, 3);
            let now = SystemTime::UNIX_EPOCH;
            let (answer, after) =
                apply_tolerance(&verdict(kind, check), &before, &settings, Recurring, now);
            (answer.kind, answer.reason, after.unchecked.map(|unchecked| unchecked.runs))
        };
        let below = run(Unchecked, not_made(), 1, true);
        assert_eq!(below, (Unchecked, "reason".to_owned(), Some(2)));
        let (kind, reason, runs) = run(Unchecked, not_made(), 2, true);
        assert!(reason.starts_with("the pico: why; not checked "), "{reason}");
        assert_eq!((kind, runs), (Degraded, Some(3)));
        assert_eq!(run(Unchecked, not_made(), 2, false).0, Unchecked);
        // Another finding stays the first part of the reason.
        let (kind, reason, _) = run(Warning, not_made(), 2, false);
        assert!(
            reason.starts_with("reason; not checked ") && reason.ends_with(": why"),
            "{reason}"
        );
        assert_eq!(kind, Warning);
        // A failure is not hidden, and a check that was made or not due changes the count as it should.
        assert_eq!(run(Failed, not_made(), 2, true), (Failed, "reason".to_owned(), Some(3)));
        assert_eq!(run(Running, Check::Made, 2, true).2, None);
        assert_eq!(run(NotRunning, Check::NotDue, 2, true).2, Some(2));
    }

    fn record_of(runs: u32) -> crate::record::Unchecked {
        crate::record::Unchecked { runs, since: 0, why: "why".to_owned() }
    }
}
