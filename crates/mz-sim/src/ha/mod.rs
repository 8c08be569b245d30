//! The HA Monitor Server: a pico's answer to a ping, and how it is decided.
//!
//! # How an answer is decided
//!
//! [`HaThresholds`] come from the `mz.ha.*` properties, [`IntervalCounts`] of an interval from a
//! [`Workload`]. Intervals of length `mz.ha.interval` follow each other from the start of the
//! server. The last interval that has ended decides a ping, never the current one, so the rate of
//! the pings does not change their answers. All of this is pure: the time is an argument. The
//! running pico (`pico::ha_server`) and the replay (`replay`) call it.
//!
//! The counters are no state that grows while a pico runs. The workload describes every moment of a
//! pico's life, and the counts of any interval follow from it. So the native program can answer for
//! a real JVM, and a test can set the clock. A new workload therefore applies to the whole life,
//! including the past.
//!
//! # Documented and assumed behaviour of the product
//!
//! The product's manual documents the names, their meaning, and default and minimum of the
//! interval. It says "FAILED if any threshold is not complied with", and -1 disables a threshold.
//! It does not document the following. The simulator behaves as an operator would expect:
//!
//! * Each counter is 0 before the end of the first interval, so every `min_*` above 0 is FAILED.
//!   With the setting `ha_first_interval=ok` such a ping is answered OK.
//! * `max_aborts` and the `min_*` without a default in the manual are disabled unless set.
//! * `min_activations` is a threshold like the other `min_*`. The manual's description is that of
//!   `min_activations_for_aborts`: aborts count from so many activations on. The setting
//!   `ha_min_activations=gate` follows the manual's description.
//! * With `min_activations_for_aborts`, the aborts of an interval with fewer activations are not
//!   checked.
//! * A value that is no whole number, or below -1, prevents the start of the HA Monitor Server. The
//!   start names the property. An ignored threshold would suggest a check that does not exist.
//! * Thresholds apply only to ECs. For another type they have no effect, and its HA log says so.
//! * If the directory in `mz.ha.log_file` is not writable, the log is lost and the server runs. The
//!   file name in that directory is the simulator's.

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

/// The value may be `true` in any case.
pub(crate) fn is_enabled(properties: &HaProperties) -> bool {
    properties.get("enabled").is_some_and(|value| value.eq_ignore_ascii_case("true"))
}
pub(crate) use workload::load_workload;
pub use workload::{InvalidLine, Workload};

/// The ping and the answer of a healthy pico. These are our own words: the product's protocol is
/// not public.
pub(crate) const PING: &str = "ping";
/// As the configured answer: no answer, and the connection stays open.
pub(crate) const SILENT: &str = "silent";
/// As the configured answer: no answer, and the server closes its port.
pub(crate) const CLOSED: &str = "closed";
pub(crate) const HEALTHY: &str = "OK";
