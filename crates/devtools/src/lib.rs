//! Shared code of the repository's tasks (`cargo xtask`, the lab's program).
#![forbid(unsafe_code)]

pub mod cases;
pub mod dist;
mod error;
pub mod generation;
pub mod markdown;
pub mod packages;
pub mod suites;
pub mod transcript;
pub mod workspace;

pub use error::TaskError;
pub use workspace::Workspace;
