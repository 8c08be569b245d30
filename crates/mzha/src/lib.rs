//! The operator's command: what a person, or another cluster manager, asks about picos on this node.
//!
//! It answers by the library that the agents are made of, with the parameters that the agents would be given, so that its
//! answer is theirs. `mzha` never starts, stops or changes anything; `mz-ha-scripts`, which does, speaks for another cluster manager.

#![forbid(unsafe_code)]

pub mod cib;
mod cli;
mod doctor;
pub mod ha_scripts;
mod health;
pub mod health_verdict;
pub mod resource;

pub use cli::run;
