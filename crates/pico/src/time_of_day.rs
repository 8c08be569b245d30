//! Times of day in messages.

use std::time::{SystemTime, UNIX_EPOCH};

/// `16:43:20 UTC`
pub(crate) fn time_of_day(at: SystemTime) -> String {
    // A clock before 1970 is not set at all.
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() % 86_400;
    format!("{:02}:{:02}:{:02} UTC", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
