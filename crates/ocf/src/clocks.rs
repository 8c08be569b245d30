//! Was the wall clock set while an action was at work?
//!
//! No time-out depends on it, but the dates of all logs do, and whoever compares those must know.

use std::time::{Duration, Instant, SystemTime};

/// What NTP does bit by bit is no jump.
const JUMP: Duration = Duration::from_secs(5);

/// Both clocks at one moment.
pub(crate) struct Clocks {
    steady: Instant,
    wall: SystemTime,
}

impl Clocks {
    pub(crate) fn now() -> Self {
        Self { steady: Instant::now(), wall: SystemTime::now() }
    }

    /// In words, how far the wall clock has moved since, beyond the time that went by. A machine that slept meanwhile
    /// looks the same.
    pub(crate) fn jumped(&self) -> Option<String> {
        let now = Self::now();
        let expected = self.wall + (now.steady - self.steady);
        let (direction, by) = match now.wall.duration_since(expected) {
            Ok(by) => ("ahead", by),
            Err(e) => ("back", e.duration()),
        };
        (by > JUMP).then(|| {
            let seconds = by.as_secs();
            format!("the wall clock jumped {direction} by {seconds} s: it was set, or the machine slept")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_told_with_its_direction_and_nothing_else_is() {
        let at = |wall| Clocks { steady: Instant::now(), wall }.jumped();
        let now = SystemTime::now();
        assert_eq!(at(now), None);
        assert_eq!(at(now - JUMP / 2), None);
        let said = at(now - Duration::from_secs(3600)).unwrap();
        assert!(said.starts_with("the wall clock jumped ahead by 3600 s"), "{said}");
        let said = at(now + Duration::from_secs(3601)).unwrap();
        assert!(said.starts_with("the wall clock jumped back by 3600 s"), "{said}");
    }
}
