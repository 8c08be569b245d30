//! The simulator as a native program: one binary, a module for each subject.

#[path = "../rehearsal/mod.rs"]
mod rehearsal;

mod install;
mod life;
mod replay;
mod switches;
mod thresholds;
