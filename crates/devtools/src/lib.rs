//! What the tasks of this repository (`cargo xtask`, the lab's own program) share.
#![forbid(unsafe_code)]

pub mod cases;
mod error;
pub mod generation;
pub mod markdown;
pub mod packages;
pub mod suites;
pub mod transcript;
pub mod workspace;

pub use error::TaskError;
pub use workspace::Workspace;
