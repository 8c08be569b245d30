//! The agents that ship run a pico instance: from the first probe to the last stop, and through all that happens between.
//!
//! Each test has a node of its own with a simulated MediationZone in `/opt/mz` ([`testkit::fixture`]), and tells in its name what it
//! shows. What an agent answers is compared with what /proc of the node shows and with the simulator's own history, never
//! with what the agent says elsewhere. Where the product's documentation leaves a thing open, the simulator has a switch,
//! and the test runs over its values.

mod dropped;
mod explain_and_status;
mod full_lifecycle;
mod ha_check;
mod mzsh_environment;
mod mzsh_status;
mod port_conflicts;
mod post_start;
mod registry;
mod reload;
mod validation;
mod waiting_monitor;
mod without_platform;
