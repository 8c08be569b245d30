//! `ocf:mediationzone:sc`

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    ocf::run(&agents::PicoAgent::new(pico::PicoType::ServiceContext))
}
