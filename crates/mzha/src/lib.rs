//! The operator's command: what a person, or another cluster manager, asks about picos on this node.
//!
//! It answers by the library that the agents are made of, with the parameters that the agents would be given, so that its
//! answer is theirs. It never starts, stops or changes anything.

#![forbid(unsafe_code)]

mod cli;
pub mod resource;

pub use cli::run;
