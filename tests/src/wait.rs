//! Waits for a condition, never for a time.

use std::thread;
use std::time::{Duration, Instant};

use crate::TestkitError;

/// Short compared with the awaited events, long compared with the cost of a check.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Calls `look` until it returns a value, at most for `limit`. While the condition is false, `look`
/// returns a description of the state.
///
/// # Errors
/// [`TestkitError::TimedOut`] with the last state.
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
                return Err(TestkitError::TimedOut {
                    what: what.to_owned(),
                    waited: limit,
                    last_seen,
                });
            }
            Err(_) => thread::sleep(POLL_INTERVAL),
        }
    }
}
