//! The HA Monitor Server: what a pico says of itself when it is pinged, and why.
//!
//! # How an answer comes about
//!
//! [`HaThresholds`] are read from the `mz.ha.*` properties, [`IntervalCounts`] of an interval from a [`Workload`]. The intervals are those of
//! `mz.ha.interval`, one after the other from the moment the server is up. A ping is judged on the last interval that has
//! ended, never on the one that is under way: whoever asks often and whoever asks seldom hear the same. All of this is pure:
//! the time is an argument. The running pico (`pico::ha_server`) and the replay (`replay`) are two callers of it.
//!
//! The counters are no state that grows while a pico runs: the workload says what happens at each moment of its life, and the
//! counts of any interval are read off it. So a real JVM can have its answer from the native program, and a clock can be set.
//! What follows: a new workload holds for the whole life, also for the part that is over.
//!
//! # What is known of the product, and what is our reading
//!
//! Names, meaning, default and floor of the interval, "FAILED if any threshold is not complied with", and that -1 is off, are
//! documented. Not documented, and decided here as an operator would expect it:
//!
//! * Before the first interval has ended nothing has been counted: each counter is 0, so every `min_*` above 0 is FAILED
//!   (setting `ha_first_interval=ok`: such a ping is answered OK).
//! * `max_aborts` and the `min_*` that the manual shows no default for are off unless set.
//! * `min_activations` is a threshold like the other `min_*`. The manual describes it as what must be reached before aborts
//!   count, in the words of `min_activations_for_aborts` (setting `ha_min_activations=gate` takes it at its word).
//! * With `min_activations_for_aborts`, an interval with fewer activations than that has its aborts not judged at all.
//! * A value that is no whole number: the HA Monitor Server does not come up, and the start says which property it is. Were
//!   the threshold ignored, everybody would believe in a check that is none. The same for a number below -1.
//! * The thresholds count for ECs only; set for another type they have no effect, and its HA log says so.
//! * A directory in `mz.ha.log_file` that can't be written costs the log, not the server. The file's name in it is ours.

pub(crate) mod client;
pub(crate) mod clock;
mod interval;
mod limits;
mod properties_file;
pub(crate) mod replay;
mod workload;

pub(crate) use interval::ping_answer;
pub use interval::{Interval, IntervalCounts, MissedThreshold};
pub use limits::{HaProperties, HaThresholds, InvalidProperty, MinActivationsMeaning, PROPERTIES};

/// Is it to come up? `true` in capitals, too.
pub(crate) fn is_enabled(properties: &HaProperties) -> bool {
    properties.get("enabled").is_some_and(|value| value.eq_ignore_ascii_case("true"))
}
pub(crate) use workload::load_workload;
pub use workload::{InvalidLine, Workload};

/// The ping, and the answer of a healthy pico. Our own words: the product's protocol is not public.
pub(crate) const PING: &str = "ping";
/// Set as the answer: there is none, and the connection stays open.
pub(crate) const SILENT: &str = "silent";
/// Set as the answer: there is none, and from then on nobody listens.
pub(crate) const CLOSED: &str = "closed";
/// See [`PING`].
pub(crate) const HEALTHY: &str = "OK";
