//! How long the operations of a resource must be allowed to take, by what its parameters let them do.
//!
//! Pacemaker's time-outs stand in the cluster's configuration, where nobody sees what they have to hold. An action never
//! takes longer than it is allowed to; with too little time it does less, and gives up a pico that would have come up, or
//! kills one that would have ended in order. These are the shares that the actions themselves work with.

use super::deep_checks::RETRY_INTERVAL;
use super::start::{POST_START_TIMEOUT, with_cleanup_reserve as starting};
use super::stop::with_answer_reserve as stopping;
use super::stop_escalation::EscalationSteps;
use crate::deadline::ActionDeadline;
use crate::settings::{HaCheck, PicoType, Settings};
use std::time::{Duration, Instant};

/// How long mzsh waits for a pico to come up before it gives up by itself (`term.default.startup.timeout`).
pub const MZSH_STARTUP_TIME: Duration = Duration::from_secs(180);

/// The longest `mzsh shutdown` of a sound installation that was measured: the Platform, with its 20 tries.
pub const MZSH_SHUTDOWN_TIME: Duration = Duration::from_secs(76);

/// The least time-out of start that lets a slow start come to its end.
#[must_use]
pub fn start(settings: &Settings) -> Duration {
    let republishes = settings.republish_services && settings.pico_type == PicoType::Platform;
    let after =
        if republishes || settings.post_start.is_some() { POST_START_TIMEOUT } else { Duration::ZERO };
    let work = wait_for_time(settings) + MZSH_STARTUP_TIME + ha_check_time(settings) + after;
    smallest_sufficient(|timeout| starting(deadline_after(timeout)).timeout() >= work, work)
}

/// What a start may wait for before mzsh has begun, and after it says that the pico is up, each by its parameter. Within a time-out that is not
/// longer than these together a start still succeeds where nothing is to be waited for; where it is, mzsh is left no time.
#[must_use]
pub fn start_waits(settings: &Settings) -> Vec<(&'static str, Duration)> {
    let answer = if settings.ha_check == HaCheck::No { Duration::ZERO } else { settings.ha_timeout };
    let waits = [("wait_for_timeout", wait_for_time(settings)), ("ha_timeout", answer)];
    waits.into_iter().filter(|(_, wait)| !wait.is_zero()).collect()
}

/// A Platform waits only for what it is told to wait for.
fn wait_for_time(settings: &Settings) -> Duration {
    let waits = match &settings.wait_for {
        Some(named) => !named.is_empty(),
        None => settings.pico_type != PicoType::Platform,
    };
    if waits { settings.wait_for_timeout } else { Duration::ZERO }
}

/// The least time-out of stop that leaves `mzsh shutdown` the time that it takes, before signals follow.
#[must_use]
pub fn stop() -> Duration {
    let for_mzsh = |timeout| {
        let now = Instant::now();
        let steps = EscalationSteps::until(now + stopping(deadline_after(timeout)).timeout());
        steps.shutdown.map_or(Duration::ZERO, |until| until.saturating_duration_since(now))
    };
    smallest_sufficient(|timeout| for_mzsh(timeout) >= MZSH_SHUTDOWN_TIME, MZSH_SHUTDOWN_TIME)
}

/// The time-out that a monitor of this depth must at least have: its questions may take half of it.
#[must_use]
pub fn monitor(settings: &Settings, depth: u32) -> Duration {
    let questions = match depth {
        0..10 => settings.wait,
        10..20 => ha_check_time(settings),
        // What the HA Monitor Server leaves; it answers in a moment, or the pico is not well anyway.
        _ => ha_check_time(settings).max(settings.mzsh_timeout),
    };
    questions * 2
}

/// All tries of the HA Monitor Server.
fn ha_check_time(settings: &Settings) -> Duration {
    if settings.ha_check == HaCheck::No {
        return Duration::ZERO;
    }
    let retries = settings.monitor_retries;
    settings.ha_timeout * (retries + 1) + RETRY_INTERVAL * retries
}

fn deadline_after(timeout: Duration) -> ActionDeadline {
    let now = Instant::now();
    ActionDeadline { started: now, end: now + timeout }
}

/// The first whole number of seconds from `from` on that is enough; at most twice as many, for no share is that large.
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
