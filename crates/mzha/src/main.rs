//! `mzha`

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    mzha::run(std::env::args_os())
}
