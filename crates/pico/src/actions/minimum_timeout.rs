//! The minimum timeout of each operation, derived from the parameters.
//!
//! An action never exceeds its timeout. With too short a timeout, start aborts a pico that would have come up, and stop kills
//! one that would have ended in order. The actions use the same shares of the timeout.

use super::deep_checks::RETRY_INTERVAL;
use super::start::{POST_START_TIMEOUT, with_cleanup_reserve as starting};
use super::stop::with_answer_reserve as stopping;
use super::stop_escalation::EscalationSteps;
use crate::settings::{HaCheck, PicoType, Settings};
use ocf::Deadline;
use std::time::{Duration, Instant};

/// How long `mzsh startup` waits for a pico before it fails (`term.default.startup.timeout`).
pub const MZSH_STARTUP_TIME: Duration = Duration::from_secs(180);

/// The longest `mzsh shutdown` measured on a healthy installation: the Platform, with its 20 tries.
pub const MZSH_SHUTDOWN_TIME: Duration = Duration::from_secs(76);

/// The minimum timeout that lets a slow start finish.
#[must_use]
pub fn start(settings: &Settings) -> Duration {
    let republishes = settings.republish_services && settings.pico_type == PicoType::Platform;
    let after = if republishes || settings.post_start.is_some() {
        POST_START_TIMEOUT
    } else {
        Duration::ZERO
    };
    let work = wait_for_time(settings) + MZSH_STARTUP_TIME + ha_check_time(settings) + after;
    smallest_sufficient(|timeout| starting(deadline_after(timeout)).timeout() >= work, work)
}

/// The waits of a start before mzsh runs and after the pico is up, each with its parameter. If the timeout does not exceed their
/// sum, mzsh may have no time left.
#[must_use]
pub fn start_waits(settings: &Settings) -> Vec<(&'static str, Duration)> {
    let answer =
        if settings.ha_check == HaCheck::No { Duration::ZERO } else { settings.ha_timeout };
    let waits = [("wait_for_timeout", wait_for_time(settings)), ("ha_timeout", answer)];
    waits.into_iter().filter(|(_, wait)| !wait.is_zero()).collect()
}

/// Only the other types wait for the Platform by default.
fn wait_for_time(settings: &Settings) -> Duration {
    let waits = match &settings.wait_for {
        Some(named) => !named.is_empty(),
        None => settings.pico_type != PicoType::Platform,
    };
    if waits { settings.wait_for_timeout } else { Duration::ZERO }
}

/// The minimum timeout that lets `mzsh shutdown` finish before signals are sent.
#[must_use]
pub fn stop() -> Duration {
    let for_mzsh = |timeout| {
        let now = Instant::now();
        let steps = EscalationSteps::until(now + stopping(deadline_after(timeout)).timeout());
        steps.shutdown.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    };
    smallest_sufficient(|timeout| for_mzsh(timeout) >= MZSH_SHUTDOWN_TIME, MZSH_SHUTDOWN_TIME)
}

/// The minimum timeout of a monitor of this depth: its checks may take half of it.
#[must_use]
pub fn monitor(settings: &Settings, depth: u32) -> Duration {
    let questions = match depth {
        0..10 => settings.wait,
        10..20 => ha_check_time(settings),
        // A healthy HA Monitor Server answers at once, so the two checks are not added up.
        _ => ha_check_time(settings).max(settings.mzsh_timeout),
    };
    questions * 2
}

fn ha_check_time(settings: &Settings) -> Duration {
    if settings.ha_check == HaCheck::No {
        return Duration::ZERO;
    }
    let retries = settings.monitor_retries;
    settings.ha_timeout * (retries + 1) + RETRY_INTERVAL * retries
}

fn deadline_after(timeout: Duration) -> Deadline {
    Deadline::new(Instant::now(), timeout)
}

/// The smallest number of seconds from `from` on that is enough. Twice as many always are: no reserve exceeds one half.
fn smallest_sufficient(enough: impl Fn(Duration) -> bool, from: Duration) -> Duration {
    let from = from.as_secs();
    let seconds = (from..from * 2).find(|&seconds| enough(Duration::from_secs(seconds)));
    Duration::from_secs(seconds.unwrap_or(from * 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minimum_stop_timeout_leaves_mzsh_shutdown_just_enough() {
        // 121 s less a tenth, 5 s for SIGKILL and a quarter for SIGTERM is 76.7 s; 119 s is not enough.
        assert!((120..=121).contains(&stop().as_secs()), "{:?}", stop());
    }
}
