//! `ocf:mediationzone:ui`

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    agents::run(pico::PicoType::Ui)
}
