//! Turns a verdict and the counts of earlier runs into the answer. Pure.

use crate::action_result::{ActionResult, ActionStatus, FailureCause};
use crate::record::{CheckCounts, Unchecked};
use crate::settings::Settings;
use crate::verdict::{Check, MonitorKind, Verdict, VerdictKind};
use std::time::SystemTime;

/// Introduces a check that could not be made in `unchecked_limit` runs.
pub const NOT_CHECKED: &str = "not checked";

/// The answer, and the new counts.
pub(super) fn apply_tolerance(
    verdict: &Verdict,
    counts: &CheckCounts,
    settings: &Settings,
    occasion: MonitorKind,
    now: SystemTime,
) -> (ActionResult, CheckCounts) {
    let (mut outcome, mut counted) = by_finding(verdict, counts, settings, occasion);
    counted.unchecked = match &verdict.check {
        Check::NotDue => counts.unchecked.clone(),
        Check::Made => None,
        Check::NotMade(why) => Some(Unchecked::one_more(counts.unchecked.as_ref(), why, now)),
    };
    if let (Check::NotMade(_), Some(unchecked)) = (&verdict.check, &counted.unchecked)
        && unchecked.runs >= settings.unchecked_limit
        && matches!(outcome.status, ActionStatus::Success | ActionStatus::Degraded)
    {
        let (pico, why, since) = (settings.pico_label(), &unchecked.why, unchecked.since(now));
        outcome.reason = Some(match outcome.reason {
            Some(reason) if verdict.kind != VerdictKind::Unchecked => {
                format!("{reason}; {NOT_CHECKED} {since}: {why}")
            }
            // The cause first: `pcs status` shows only the beginning.
            _ => format!("{pico}: {why}; {NOT_CHECKED} {since}"),
        });
        if settings.degraded {
            outcome.status = ActionStatus::Degraded;
        }
    }
    (outcome, counted)
}

fn by_finding(
    verdict: &Verdict,
    counts: &CheckCounts,
    settings: &Settings,
    occasion: MonitorKind,
) -> (ActionResult, CheckCounts) {
    let reason = (!verdict.reason.is_empty()).then(|| verdict.reason.clone());
    let same = || counts.clone();
    match verdict.kind {
        VerdictKind::Running => {
            (ActionResult { status: ActionStatus::Success, reason }, CheckCounts::default())
        }
        VerdictKind::Unchecked => (ActionResult { status: ActionStatus::Success, reason }, same()),
        VerdictKind::NotRunning => (ActionResult { status: ActionStatus::NotRunning, reason }, same()),
        VerdictKind::Failed => (ActionResult::failed(verdict.reason.clone()), same()),
        VerdictKind::Unknown => {
            (ActionResult::failed_with_cause(FailureCause::StateUnknown, verdict.reason.clone()), same())
        }
        VerdictKind::Warning | VerdictKind::Degraded => {
            let wanted = verdict.kind == VerdictKind::Degraded || settings.degraded;
            // Not the first time: each change of the answer triggers a transition of the cluster.
            let degraded = wanted && counts.warned > 0 && occasion == MonitorKind::Recurring;
            let answer = if degraded { ActionStatus::Degraded } else { ActionStatus::Success };
            (
                ActionResult { status: answer, reason },
                CheckCounts { warned: counts.warned.saturating_add(1).min(2), ..same() },
            )
        }
        VerdictKind::CheckFailed => {
            let failed = counts.failed.saturating_add(1);
            let now = CheckCounts { failed, ..same() };
            if failed <= settings.failures_tolerated {
                let of = settings.failures_tolerated;
                let reason = format!("{} (tolerated, {failed} of {of})", verdict.reason);
                (ActionResult { status: ActionStatus::Success, reason: Some(reason) }, now)
            } else {
                (ActionResult::failed(verdict.reason.clone()), now)
            }
        }
    }
}
