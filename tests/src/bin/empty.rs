//! A Rust program that does nothing: `cargo xtask bench` compares the agents with its cost.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::SUCCESS
}
