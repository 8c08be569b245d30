//! A death that another monitor has reported is held back for a while, so that the cluster counts it once.

use super::{Monitor, MonitorProgress, Superseded};
use crate::record::InstanceRecord;
use crate::verdict::{ObservationScope, PicoPresence};
use std::time::{Duration, Instant};

/// How long depth 0 holds back the report of a death that was reported already. An idle Pacemaker acts much faster.
const MAX_DEPTH_0_DELAY: Duration = Duration::from_secs(2);

const POLL_INTERVAL: Duration = Duration::from_millis(500);

impl Monitor<'_> {
    pub(super) fn hold_back_duplicate_report(
        &self,
        mut processes: PicoPresence,
        record: Option<&InstanceRecord>,
        progress: &mut MonitorProgress,
    ) -> Result<PicoPresence, Superseded> {
        if let PicoPresence::None { .. } | PicoPresence::Starting { .. } = processes
            && progress.is_continuation
            && let Some(known) = record
            && let Some(time) = self.duplicate_report_delay(known)
        {
            progress.held_back = true;
            let until = Instant::now() + time;
            while let PicoPresence::None { .. } | PicoPresence::Starting { .. } = processes
                && Instant::now() < until
            {
                host::sleep_capped(POLL_INTERVAL, until);
                processes = self.observe(Some(known), ObservationScope::AllProcesses);
            }
            if let PicoPresence::One { .. } = processes {
                return Err(Superseded);
            }
        }
        Ok(processes)
    }

    /// How long to hold back the report of a death; `None`: report at once.
    fn duplicate_report_delay(&self, record: &InstanceRecord) -> Option<Duration> {
        let depth = self.call.effective_depth();
        let most = if depth == 0 { MAX_DEPTH_0_DELAY } else { Duration::MAX };
        let told_by_others_only = !record.reports.is_empty() && !record.reports.has(depth);
        self.max_wait().filter(|_| told_by_others_only).map(|time| time.min(most))
    }
}
