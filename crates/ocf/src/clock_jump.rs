//! Detects that somebody set the wall clock during an action.
//!
//! No timeout depends on the wall clock, but the dates of all logs do.

use std::time::{Duration, Instant, SystemTime};

/// NTP's gradual corrections stay below this.
const MIN_JUMP: Duration = Duration::from_secs(5);

/// Both clocks at one instant.
pub(crate) struct ClockReading {
    monotonic: Instant,
    wall: SystemTime,
}

impl ClockReading {
    pub(crate) fn now() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }

    /// Describes how far the wall clock has moved beyond the elapsed time. A suspend of the machine
    /// looks the same.
    pub(crate) fn describe_jump(&self) -> Option<String> {
        let now = Self::now();
        let expected = self.wall + (now.monotonic - self.monotonic);
        let (direction, by) = match now.wall.duration_since(expected) {
            Ok(by) => ("ahead", by),
            Err(e) => ("back", e.duration()),
        };
        (by > MIN_JUMP).then(|| {
            let seconds = by.as_secs();
            format!(
                "the wall clock jumped {direction} by {seconds} s: it was set, or the machine slept"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_clock_jump_is_described_with_its_direction() {
        let at = |wall| ClockReading { monotonic: Instant::now(), wall }.describe_jump();
        let now = SystemTime::now();
        assert_eq!(at(now), None);
        assert_eq!(at(now - MIN_JUMP / 2), None);
        let said = at(now - Duration::from_secs(3600)).unwrap();
        assert!(said.starts_with("the wall clock jumped ahead by 3600 s"), "{said}");
        let said = at(now + Duration::from_secs(3601)).unwrap();
        assert!(said.starts_with("the wall clock jumped back by 3600 s"), "{said}");
    }
}
