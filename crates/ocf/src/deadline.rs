//! The deadline of an action.
//!
//! Pacemaker sends SIGKILL to the agent's process group when an operation's timeout ends, without a
//! warning. The person on call then reads "did not complete within 60s". An agent must end earlier
//! to give a better reason. So each action has one deadline, fixed when the process starts. It is
//! on the monotonic clock, because a virtual machine's wall clock jumps. Everything that waits
//! takes an [`Instant`], so libraries below an agent need not know this crate.

use std::time::{Duration, Instant};

/// A longer timeout is cut to this.
const MAX_TIMEOUT: Duration = Duration::from_secs(366 * 24 * 3600);

/// Start and end of the time that an action has.
///
/// The end is `OCF_RESKEY_CRM_meta_timeout` after the start. Without that variable, the timeout is
/// the one that the agent's own metadata advises. `ocf-tester` always passes 20 s and kills
/// nothing. A long start under `ocf-tester` therefore times out, unless the resource has a service
/// that starts faster.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    started: Instant,
    end: Instant,
}

impl Deadline {
    /// A deadline `timeout` after `started`; a timeout above 366 days is cut to that.
    #[must_use]
    pub fn new(started: Instant, timeout: Duration) -> Self {
        Self { started, end: started.checked_add(timeout.min(MAX_TIMEOUT)).unwrap_or(started) }
    }

    /// The start of the action.
    #[must_use]
    pub const fn started(self) -> Instant {
        self.started
    }

    /// The end.
    #[must_use]
    pub const fn instant(self) -> Instant {
        self.end
    }

    /// The time from start to end.
    #[must_use]
    pub fn timeout(self) -> Duration {
        self.end.saturating_duration_since(self.started)
    }

    /// The time since the start.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        self.started.elapsed()
    }

    /// The time left; zero after the end.
    #[must_use]
    pub fn remaining(self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// The same start with an end that is `reserve` earlier, but never before the start.
    #[must_use]
    pub fn with_reserve(self, reserve: Duration) -> Self {
        let end = self.end.checked_sub(reserve).map_or(self.started, |end| end.max(self.started));
        Self { end, ..self }
    }

    /// The instant `limit` from now, or the end if that comes first.
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
        assert_eq!(
            deadline.with_reserve(Duration::from_secs(5)).timeout(),
            Duration::from_secs(15)
        );
        assert_eq!(deadline.with_reserve(Duration::from_secs(50)).timeout(), Duration::ZERO);
        assert_eq!(deadline.with_reserve(Duration::MAX).remaining(), Duration::ZERO);
        assert_eq!(deadline.instant_within(Duration::MAX), deadline.instant());
        assert!(deadline.instant_within(Duration::from_secs(1)) < deadline.instant());
        assert_eq!(Deadline::new(Instant::now(), Duration::MAX).timeout(), MAX_TIMEOUT);
    }
}
