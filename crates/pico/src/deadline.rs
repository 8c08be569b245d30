//! The deadline of an action.

use std::time::{Duration, Instant};

/// Start and end of an action. Every wait ends at an instant of it.
#[derive(Clone, Copy, Debug)]
pub struct ActionDeadline {
    /// Start of the action.
    pub started: Instant,
    /// When it must have returned.
    pub end: Instant,
}

impl ActionDeadline {
    /// Time from start to end.
    #[must_use]
    pub fn timeout(self) -> Duration {
        self.end - self.started
    }

    /// The same, ending earlier by `reserve`.
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
