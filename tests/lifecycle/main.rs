//! The agents that ship run a pico instance: from the first probe to the last stop, and through all that happens between.
//!
//! Each test has a node of its own with a simulated MediationZone in `/opt/mz` ([`testkit::site`]), and tells in its name what it
//! shows. What an agent answers is compared with what /proc of the node shows and with the simulator's own history, never
//! with what the agent says elsewhere. Where the product's documentation leaves a thing open, the simulator has a switch,
//! and the test runs over its values.

mod after_start;
mod dropped;
mod ha;
mod life;
mod mzsh;
mod people;
mod registry;
mod reload;
mod status;
mod surroundings;
mod validation;
mod waiting;
mod without_platform;
