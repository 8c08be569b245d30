//! The `mz-sim` binary; see the library.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    mz_sim::run(std::env::args_os())
}
