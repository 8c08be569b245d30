//! Times of day in messages.

use ocf::calendar::CivilTime;
use std::time::{SystemTime, UNIX_EPOCH};

/// `16:43:20 UTC`
pub(crate) fn time_of_day(at: SystemTime) -> String {
    // A clock before 1970 is not set at all.
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let CivilTime { hour, minute, second, .. } = CivilTime::from_seconds(seconds);
    format!("{hour:02}:{minute:02}:{second:02} UTC")
}
