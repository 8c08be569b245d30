//! A simulated MediationZone: an installation that agents, tests and people can start, query, break
//! and stop like the product.
//!
//! # What it is
//!
//! [`Installation::builder`] (or `mz-sim install DIR`) writes an `MZ_HOME`: `bin/mzsh`, `lib`,
//! `log`, `tmp`, the registry's HOCON files, and a `java`. One program implements all of it: this
//! crate's `mz-sim`, copied to `java/bin/java`. Under that name it takes the main class from its
//! arguments, as a Java launcher would, and simulates it:
//!
//! | main class | simulates |
//! | --- | --- |
//! | `com.digitalroute.picostart.cmdline.CommandLine` | mzsh |
//! | `com.digitalroute.picostart.PicoStart` | a pico instance other than the Platform |
//! | `com.digitalroute.codeserver.CodeServerMain` | the Platform |
//! | `com.digitalroute.ha.HAClient` | the client of the HA Monitor Server |
//!
//! mzsh has the verbs `startup`, `shutdown`, `status`, `kill`, `restart`, `service restart` and
//! `topo`.
//!
//! With `--jvm` the pico instances and the HA client are real Java programs on a real JDK (`java/`
//! holds their sources). mzsh stays native.
//!
//! # Guarantees
//!
//! * A pico's command line, environment, pid file, logs, ports and session match the product's as
//!   far as they are documented or observed. Each uncertain behaviour is a setting with a table row
//!   ([`settings::KEYS`]). A test suite should pass with every value.
//! * The wire protocols (RCP, the HA Monitor Server, the callback to `mzsh startup`) are **our
//!   own**: one line of text each way. The product's are not public. Nothing outside this crate may
//!   speak them; use the HA client instead.
//! * A native pico is one thread, blocked in `poll`, so hundreds can run at once. The setting
//!   `heartbeats` adds a second thread ([`heartbeat`]).
//! * The simulator signals only processes whose command line names its own installation, even where
//!   the product would trust a pid in a file.
//! * Ports are bound on loopback unless the installation sets `pico.rcp.server.host`.
//!
//! Each start, readiness and end of a pico, and each call of mzsh, is one line of
//! `sim/history.jsonl` ([`history`]). So a test can assert an order of events that it did not
//! observe.

#![forbid(unsafe_code)]

mod cli;
mod duration;
mod error;
pub mod ha;
pub mod heartbeat;
pub mod history;
mod installation;
mod java;
mod jvm;
mod layout;
mod mzsh;
mod pico;
mod ports;
mod process;
mod rcp;
pub mod registry;
pub mod settings;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

pub use cli::command;
pub use error::SimError;
pub use installation::Installation;
pub use layout::{InstallationBuilder, PicoSpec};
pub use registry::PicoKind;
pub use settings::SimSettings;

/// The version. That of a package also names the commit (`cargo xtask dist`).
const VERSION: &str = match option_env!("MEDIATIONZONE_RA_VERSION") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};

/// The entry point of `mz-sim` and `java/bin/java`. The first of `args` is the name of the program.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let name = args.first().and_then(|arg| Path::new(arg).file_name());
    if name.is_some_and(|name| name == "java") {
        java::run_java(&args[1..])
    } else {
        cli::run(args)
    }
}
