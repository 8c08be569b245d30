//! The shipped agents manage a pico instance from the first probe to the last stop.
//!
//! Each test has a node of its own with a simulated MediationZone in `/opt/mz` ([`testkit::fixture`]), and
//! its name says what it shows. An agent's answer is compared with /proc of the node and with the simulator's
//! own history, never with another answer of the agent. Where the product's documentation leaves a behaviour
//! open, the simulator has a switch, and the test runs for each of its values.

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
mod scope;
mod validation;
mod waiting_monitor;
mod without_platform;
