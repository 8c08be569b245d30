//! Commands about the picos of this node for operators and for other cluster managers.
//!
//! They use the agents' library and parameters, so that their
//! results are the same. `mzha` never starts, stops or changes anything; `mz-ha-scripts` does, for another cluster manager.

#![forbid(unsafe_code)]

pub mod cib;
mod cli;
mod doctor;
pub mod ha_scripts;
mod health;
pub mod health_verdict;
pub mod resource;

pub use cli::{command, run};
