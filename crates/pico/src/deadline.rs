//! The time that an action has.

use std::time::{Duration, Instant};

/// From when to when an action may take. Everything that waits is given an instant of it.
#[derive(Clone, Copy, Debug)]
pub struct ActionDeadline {
    /// When the action began.
    pub started: Instant,
    /// When it must have answered.
    pub end: Instant,
}

impl ActionDeadline {
    /// The whole of it.
    #[must_use]
    pub fn timeout(self) -> Duration {
        self.end - self.started
    }

    /// The same, but ending earlier by `reserve`.
    #[must_use]
    pub fn with_reserve(self, reserve: Duration) -> Self {
        Self {
            started: self.started,
            end: self.end.checked_sub(reserve).unwrap_or(self.started).max(self.started),
        }
    }

    /// The instant `limit` from now, or the end where that comes first.
    #[must_use]
    pub fn instant_within(self, limit: Duration) -> Instant {
        self.end.min(Instant::now() + limit)
    }
}
