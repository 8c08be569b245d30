//! The clock of the instance record: milliseconds since boot, unaffected by changes of the wall clock.

use host::process;
use std::time::Duration;

pub(crate) fn now() -> u64 {
    millis(process::time_since_boot())
}

pub(crate) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX / 2)
}
