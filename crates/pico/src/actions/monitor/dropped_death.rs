//! Reports a death again that the cluster has dropped: [`crate::reports`] says why.

use super::{Monitor, MonitorCall, MonitorProgress, recorded_instance};
use crate::actions::load_record;
use crate::record::InstanceRecordFile;
use crate::reports::LastFailure;
use crate::verdict::{Verdict, VerdictKind};
use std::fmt::Debug;
use std::time::{Duration, Instant};

/// The cluster answers from memory. If it hangs, only this monitor waits.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// The cluster that calls a monitor.
pub trait Cluster: Debug {
    /// When a failure of this resource's recurring monitor of this interval was last counted on this node.
    fn last_failure(&self, every: Duration, until: Instant) -> LastFailure;
}

impl Monitor<'_> {
    /// Replaces `verdict` where this depth has reported the death before. The first report is never delayed.
    pub(super) fn report_again(
        &self,
        verdict: Verdict,
        met: &MonitorProgress,
        file: &InstanceRecordFile,
    ) -> Verdict {
        let depth = self.call.effective_depth();
        let is_repeated =
            met.history_at_start.as_ref().is_some_and(|history| history.reports.has(depth));
        let MonitorCall::Recurring { cluster: Some(cluster), .. } = self.call else {
            return verdict;
        };
        if verdict.kind != VerdictKind::NotRunning || !is_repeated {
            return verdict;
        }
        // Other actions may have written meanwhile.
        let found = load_record(self.settings, self.target)
            .1
            .filter(|record| Some(recorded_instance(record)) == met.recorded_at_start);
        let Some(mut record) = found else { return verdict };
        let reason = verdict.reason;
        let as_error = record.reports.as_error(depth);
        if record.reports.is_due() {
            let until = self.deadline.instant_within(ANSWERS_WITHIN);
            let last_failures: Vec<LastFailure> = record
                .reports
                .intervals()
                .map(|every| cluster.last_failure(every, until))
                .collect();
            let is_dropped = record.reports.asked(depth, &last_failures, record.jvm());
            // The next run has to repeat the answer, so a change that can't be written down is not made.
            if file.write(&record).is_ok() && is_dropped {
                let age = record.reports.age().as_secs();
                let reason = format!("{reason}; reported {age} s ago, not counted by the cluster");
                tracing::warn!("{reason}: reported again");
                return dead(!as_error, reason);
            }
        }
        dead(as_error, reason)
    }
}

fn dead(as_error: bool, reason: String) -> Verdict {
    Verdict::new(if as_error { VerdictKind::Failed } else { VerdictKind::NotRunning }, reason)
}
