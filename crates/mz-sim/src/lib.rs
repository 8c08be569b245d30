//! A simulated MediationZone: an installation that agents, tests and people who rehearse can start, ask, break and
//! stop as they would the product.
//!
//! # What it is
//!
//! [`Installation::builder`] (or `mz-sim install DIR`) lays out an `MZ_HOME`: `bin/mzsh`, `lib`, `log`, `tmp`, the
//! registry's HOCON files, and a `java` of its own. Everything behind it is one program, this crate's `mz-sim`, copied to
//! `java/bin/java`; called by that name it looks through its arguments for the main class and plays it, as a Java launcher
//! would:
//!
//! | main class | plays |
//! | --- | --- |
//! | `com.digitalroute.picostart.cmdline.CommandLine` | mzsh: `startup`, `shutdown`, `status`, `kill`, `restart`, `service restart`, `topo` |
//! | `com.digitalroute.picostart.PicoStart`, `com.digitalroute.codeserver.CodeServerMain` | a pico instance |
//! | `com.digitalroute.ha.HAClient` | the client of the HA Monitor Server |
//!
//! With `--jvm` the pico instances and the HA client are real Java programs on a real JDK (`java/` holds their sources);
//! mzsh stays the native one.
//!
//! # What may be relied on
//!
//! * A pico's command line, environment, pid file, logs, ports and session look like the product's as far as that is
//!   documented or was seen. What is not certain is a switch with a table row ([`settings::KEYS`]), never a belief: a suite
//!   of tests should hold for every value.
//! * The protocols on the wire (RCP, the HA Monitor Server, the callback to `mzsh startup`) are **our own**, one line of text
//!   each way, because the product's are not public. Nothing outside of this crate may speak them; the HA client is there
//!   to be run.
//! * A native pico is one thread, blocked in `poll`: hundreds can run at once. (With the setting `heartbeats` it is two: [`heartbeat`].)
//! * The simulator signals only processes whose command line names its own installation, even where the product would go by
//!   a number in a file.
//! * Ports are bound on loopback unless the installation sets `pico.rcp.server.host`.
//!
//! Each start, readiness and end of a pico, and each call of mzsh, is one line of `sim/history.jsonl` ([`history`]), so that a
//! test can assert an order of events that it did not see.

#![forbid(unsafe_code)]

mod cli;
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

/// The version; a package's has the commit, too (`cargo xtask dist`).
const VERSION: &str = match option_env!("MEDIATIONZONE_RA_VERSION") {
    Some(version) => version,
    None => env!("CARGO_PKG_VERSION"),
};

/// The whole program: what `mz-sim` and `java/bin/java` run. `args` starts with the name that it was called by.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    let name = args.first().and_then(|arg| Path::new(arg).file_name());
    if name.is_some_and(|name| name == "java") { java::run_java(&args[1..]) } else { cli::run(args) }
}
