//! `mz-ha-scripts`

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    mzha::ha_scripts::run(std::env::args_os(), std::env::vars_os())
}
