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
