//! Waiting for a condition, never for a time.

use std::thread;
use std::time::{Duration, Instant};

use crate::TestkitError;

/// Between two looks: short beside what is waited for, long beside what a look costs.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Looks until `look` gives a value, at most for `limit`; a look that finds the condition not yet true says what it saw.
///
/// # Errors
/// [`TestkitError::TimedOut`], with what was last seen.
pub fn wait_until<T>(
    what: &str,
    limit: Duration,
    mut look: impl FnMut() -> Result<T, String>,
) -> Result<T, TestkitError> {
    let started = Instant::now();
    loop {
        match look() {
            Ok(value) => return Ok(value),
            Err(last_seen) if started.elapsed() >= limit => {
                return Err(TestkitError::TimedOut { what: what.to_owned(), waited: limit, last_seen });
            }
            Err(_) => thread::sleep(POLL_INTERVAL),
        }
    }
}
