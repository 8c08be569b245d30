//! The clock of the HA Monitor Server, which a rehearsal may set: an interval has 40 s at least, and nobody wants to wait.

use std::time::Duration;

use crate::duration::parse_duration;

/// How the time since the server is up is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    /// As it passes.
    Real,
    /// So many times as fast.
    Times(u32),
    /// It stands still here, until it is set anew.
    At(Duration),
}

impl Clock {
    /// Reads `real`, `x100` or `80s`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.strip_prefix('x') {
            Some(times) => times.parse().ok().map(Self::Times),
            None if text == "real" => Some(Self::Real),
            None => parse_duration(text).map(Self::At),
        }
    }

    /// What it shows when so much time has passed since the server is up.
    pub(crate) fn now(self, passed: Duration) -> Duration {
        match self {
            Self::Real => passed,
            Self::Times(times) => passed.saturating_mul(times),
            Self::At(time) => time,
        }
    }
}
