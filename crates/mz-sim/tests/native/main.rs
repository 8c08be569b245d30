//! The simulator as a native program: one binary with a module for each subject.

#[path = "../rehearsal/mod.rs"]
mod rehearsal;

mod install;
mod lifecycle;
mod replay;
mod settings;
mod thresholds;
