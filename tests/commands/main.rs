//! The commands: what people and other cluster managers than Pacemaker run.
//!
//! Each test has a node of its own with a simulated MediationZone in `/opt/mz` ([`testkit::fixture`]). What a command answers is
//! compared with /proc of the node and with the simulator's history.

mod doctor;
mod ha_scripts;
mod health;
mod inherited_attributes;
mod pages;
