//! `ocf:mediationzone:ec`

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    ocf::run(&agents::PicoAgent::new(pico::PicoType::ExecutionContext))
}
