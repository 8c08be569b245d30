//! The agents that ship run a pico instance: from the first probe to the last stop, and through all that happens between.
//!
//! Each test has a node of its own with a simulated MediationZone in `/opt/mz` ([`site`]), and tells in its name what it
//! shows. What an agent answers is compared with what /proc of the node shows and with the simulator's own history, never
//! with what the agent says elsewhere. Where the product's documentation leaves a thing open, the simulator has a switch,
//! and the test runs over its values.

mod adoption;
mod after_start;
mod answer;
mod failed_start;
mod ha;
mod hung;
mod identity;
mod leaderless;
mod life;
mod mzsh;
mod people;
mod reload;
mod site;
mod status;
mod stopping;
mod surroundings;
mod unreadable;
mod validation;
mod waiting;
mod without_platform;

/// What a test comes to; what is not an error of the kit is a panic.
type Done = Result<(), testkit::Error>;
