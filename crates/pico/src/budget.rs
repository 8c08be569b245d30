//! The time that an action has.

use std::time::{Duration, Instant};

/// From when to when an action may take. Everything that waits is given an instant of it.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// When the action began.
    pub begun: Instant,
    /// When it must have answered.
    pub end: Instant,
}

impl Budget {
    /// The whole of it.
    #[must_use]
    pub fn length(self) -> Duration {
        self.end - self.begun
    }

    /// The same, but ending earlier by `reserve`.
    #[must_use]
    pub fn less(self, reserve: Duration) -> Self {
        Self { begun: self.begun, end: self.end.checked_sub(reserve).unwrap_or(self.begun).max(self.begun) }
    }

    /// The instant `limit` from now, or the end where that comes first.
    #[must_use]
    pub fn within(self, limit: Duration) -> Instant {
        self.end.min(Instant::now() + limit)
    }
}
