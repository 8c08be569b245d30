//! From a verdict, and what the runs before have counted, to the answer. Pure.

use crate::outcome::{Answer, Class, Outcome};
use crate::record::{Counts, Unchecked};
use crate::settings::Settings;
use crate::verdict::{Check, Finding, Occasion, Verdict};
use std::time::SystemTime;

/// How it is called that a check could not be made for long.
pub const NOT_CHECKED: &str = "not checked";

/// The answer, and the new counts.
pub(super) fn weigh(
    verdict: &Verdict,
    counts: &Counts,
    settings: &Settings,
    occasion: Occasion,
    now: SystemTime,
) -> (Outcome, Counts) {
    let (mut outcome, mut counted) = by_finding(verdict, counts, settings, occasion);
    counted.unchecked = match &verdict.check {
        Check::NotDue => counts.unchecked.clone(),
        Check::Made => None,
        Check::NotMade(why) => Some(Unchecked::one_more(counts.unchecked.as_ref(), why, now)),
    };
    if let (Check::NotMade(_), Some(unchecked)) = (&verdict.check, &counted.unchecked)
        && unchecked.runs >= settings.unchecked_limit
        && matches!(outcome.answer, Answer::Success | Answer::Degraded)
    {
        let since = format!("{NOT_CHECKED} {}", unchecked.told(now));
        outcome.reason = Some(match outcome.reason {
            Some(reason) if verdict.finding != Finding::Unchecked => format!("{reason}; {since}"),
            _ => format!("{}: {since}", settings.pico()),
        });
        if settings.degraded {
            outcome.answer = Answer::Degraded;
        }
    }
    (outcome, counted)
}

fn by_finding(
    verdict: &Verdict,
    counts: &Counts,
    settings: &Settings,
    occasion: Occasion,
) -> (Outcome, Counts) {
    let reason = (!verdict.reason.is_empty()).then(|| verdict.reason.clone());
    let same = || counts.clone();
    match verdict.finding {
        Finding::Running => (Outcome { answer: Answer::Success, reason }, Counts::default()),
        Finding::Unchecked => (Outcome { answer: Answer::Success, reason }, same()),
        Finding::NotRunning => (Outcome { answer: Answer::NotRunning, reason }, same()),
        Finding::Failed => (Outcome::failed(verdict.reason.clone()), same()),
        Finding::Undecided => (Outcome::failed_by(Class::Undecided, verdict.reason.clone()), same()),
        Finding::Warning | Finding::Degraded => {
            let wanted = verdict.finding == Finding::Degraded || settings.degraded;
            // Not at the first sight of it: each change of the answer has the cluster think anew.
            let degraded = wanted && counts.warned > 0 && occasion == Occasion::Recurring;
            let answer = if degraded { Answer::Degraded } else { Answer::Success };
            (Outcome { answer, reason }, Counts { warned: counts.warned.saturating_add(1).min(2), ..same() })
        }
        Finding::CheckFailed => {
            let failed = counts.failed.saturating_add(1);
            let now = Counts { failed, ..same() };
            if failed <= settings.failures_tolerated {
                let of = settings.failures_tolerated;
                let reason = format!("{} (tolerated, {failed} of {of})", verdict.reason);
                (Outcome { answer: Answer::Success, reason: Some(reason) }, now)
            } else {
                (Outcome::failed(verdict.reason.clone()), now)
            }
        }
    }
}
