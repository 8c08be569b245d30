//! `ocf:mediationzone:ec`

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    agents::run_agent(pico::PicoType::ExecutionContext)
}
