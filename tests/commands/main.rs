//! The commands for people and for cluster managers other than Pacemaker.
//!
//! Each test has a node of its own with a simulated MediationZone in `/opt/mz` ([`testkit::fixture`]). A
//! command's answer is compared with /proc of the node and with the simulator's history.

mod doctor;
mod ha_scripts;
mod health;
mod inherited_attributes;
mod pages;
mod snapshots;
