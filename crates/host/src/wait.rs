//! Waiting on descriptors until an instant.

use rustix::event::{PollFd, Timespec, poll};
use std::io;
use std::time::{Duration, Instant};

/// Time from now until `until`; zero when it is past.
#[must_use]
pub fn remaining(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}

/// Sleeps for `length`, but not past `until`.
pub fn sleep_capped(length: Duration, until: Instant) {
    std::thread::sleep(length.min(remaining(until)));
}

/// Polls `fds` until one is ready (true) or `until` is reached (false). A signal does not end the wait.
///
/// # Errors
/// What poll(2) says, but for EINTR.
pub(crate) fn poll_until(fds: &mut [PollFd<'_>], until: Instant) -> io::Result<bool> {
    loop {
        let left = remaining(until);
        let timeout = Timespec {
            tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        match poll(fds, Some(&timeout)) {
            Ok(0) => return Ok(false),
            Ok(_) => return Ok(true),
            Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}
