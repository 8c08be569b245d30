//! The clock of what one action writes down for the next: milliseconds since boot, which no change of the wall clock touches.

use host::process;
use std::time::Duration;

pub(crate) fn now() -> u64 {
    millis(process::time_since_boot())
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 2)
}
