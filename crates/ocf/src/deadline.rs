//! The time that one action has.
//!
//! Pacemaker sends SIGKILL to the agent's process group when an operation's timeout ends, without a word before, and
//! the person on call reads "did not complete within 60s". An agent that wants to say what it was waiting for must
//! end before. So there is one deadline for each action, fixed when the process begins, on the monotonic clock (a
//! virtual machine's wall clock jumps), and everything that waits is given an [`Instant`] of it. `Instant` is the
//! vocabulary on purpose: libraries below an agent need not know this crate.

use std::time::{Duration, Instant};

/// Longest accepted timeout; a longer one is cut to this.
const MAX_TIMEOUT: Duration = Duration::from_secs(366 * 24 * 3600);

/// From when to when an action may take.
///
/// The end is `OCF_RESKEY_CRM_meta_timeout` after the beginning; where that is missing, the timeout that the agent's
/// own metadata advises. `ocf-tester` always says 20 s and kills nobody: for it a long start ends early, unless the
/// resource is given a product that starts faster.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    started: Instant,
    end: Instant,
}

impl Deadline {
    /// Begins at `begun` and takes `total`, at most a year.
    #[must_use]
    pub fn new(started: Instant, timeout: Duration) -> Self {
        Self { started, end: started.checked_add(timeout.min(MAX_TIMEOUT)).unwrap_or(started) }
    }

    /// When the action began.
    #[must_use]
    pub const fn started(self) -> Instant {
        self.started
    }

    /// When it ends.
    #[must_use]
    pub const fn instant(self) -> Instant {
        self.end
    }

    /// From the beginning to the end.
    #[must_use]
    pub fn timeout(self) -> Duration {
        self.end.saturating_duration_since(self.started)
    }

    /// Time gone since the beginning.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        self.started.elapsed()
    }

    /// Time left; zero when it is over.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// The same, but ending earlier by `reserve`, at the earliest when it began.
    #[must_use]
    pub fn with_reserve(self, reserve: Duration) -> Self {
        let end = self.end.checked_sub(reserve).map_or(self.started, |end| end.max(self.started));
        Self { end, ..self }
    }

    /// The instant `limit` from now, or the end where that comes first.
    #[must_use]
    pub fn instant_within(self, limit: Duration) -> Instant {
        Instant::now().checked_add(limit).map_or(self.end, |instant| instant.min(self.end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadline_with_reserve_never_ends_before_the_start_or_overflows() {
        let deadline = Deadline::new(Instant::now(), Duration::from_secs(20));
        assert_eq!(deadline.with_reserve(Duration::from_secs(5)).timeout(), Duration::from_secs(15));
        assert_eq!(deadline.with_reserve(Duration::from_secs(50)).timeout(), Duration::ZERO);
        assert_eq!(deadline.with_reserve(Duration::MAX).remaining(), Duration::ZERO);
        assert_eq!(deadline.instant_within(Duration::MAX), deadline.instant());
        assert!(deadline.instant_within(Duration::from_secs(1)) < deadline.instant());
        assert_eq!(Deadline::new(Instant::now(), Duration::MAX).timeout(), MAX_TIMEOUT);
    }
}
