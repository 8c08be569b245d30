//! The client of the HA Monitor Server: `HAClient PORT [HOST] [SECONDS] [debug]`.
//!
//! Exit 0 means healthy, any other code does not. The product's codes for a refusal and a timeout
//! are not documented, so this client has one code for all failures.

use std::process::ExitCode;
use std::time::Duration;

use super::{HEALTHY, PING};
use crate::rcp;

/// The timeout without a third argument.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) fn run_client(args: &[String]) -> ExitCode {
    let Some(port) = args.first().and_then(|port| port.parse::<u16>().ok()) else {
        println!("Usage: HAClient <port> [host] [timeout in seconds] [debug]");
        return ExitCode::FAILURE;
    };
    let host = args.get(1).map_or("localhost", String::as_str);
    let limit = args
        .get(2)
        .and_then(|seconds| seconds.parse().ok())
        .map_or(DEFAULT_TIMEOUT, Duration::from_secs);
    let debug = args.iter().skip(3).any(|arg| arg == "debug");
    if debug {
        println!("asking {host}:{port}, for at most {} s", limit.as_secs());
    }
    match rcp::request(&format!("{host}:{port}"), PING, limit) {
        Ok(answer) => {
            println!("{answer}");
            if answer == HEALTHY { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            println!("FAILED no answer from {host}:{port}: {error}");
            ExitCode::FAILURE
        }
    }
}
