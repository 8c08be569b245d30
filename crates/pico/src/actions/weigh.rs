//! From a verdict, and what the runs before have counted, to the answer. Pure.

use crate::action_result::{ActionResult, ActionStatus, FailureCause};
use crate::record::{CheckCounts, Unchecked};
use crate::settings::Settings;
use crate::verdict::{Check, MonitorKind, Verdict, VerdictKind};
use std::time::SystemTime;

/// How it is called that a check could not be made for long.
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
        let since = format!("{NOT_CHECKED} {}", unchecked.told(now));
        outcome.reason = Some(match outcome.reason {
            Some(reason) if verdict.kind != VerdictKind::Unchecked => format!("{reason}; {since}"),
            _ => format!("{}: {since}", settings.pico_label()),
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
            // Not at the first sight of it: each change of the answer has the cluster think anew.
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
