//! The clock of the HA Monitor Server. A test can set it, because an interval lasts at least 40 s.

use std::time::Duration;

use crate::duration::parse_duration;

/// How the clock derives its time from the time since the server started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// Real time.
    Real,
    /// Real time multiplied by this factor.
    Times(u32),
    /// A fixed time, until the setting changes.
    At(Duration),
}

impl Clock {
    /// Parses `real`, `x100` or `80s`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix('x') {
            Some(times) => times.parse().ok().map(Self::Times),
            None if text == "real" => Some(Self::Real),
            None => parse_duration(text).map(Self::At),
        }
    }

    /// The clock's time, `passed` after the server started.
    pub(crate) fn now(self, passed: Duration) -> Duration {
        match self {
            Self::Real => passed,
            Self::Times(times) => passed.saturating_mul(times),
            Self::At(time) => time,
        }
    }
}
