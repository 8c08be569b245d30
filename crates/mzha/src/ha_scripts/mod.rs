//! `mz-ha-scripts`: the product's HA scripts `monitor`, `online`, `offline` and `clean`, for cluster managers other than Pacemaker.
//!
//! Arguments, output and exit codes are those of the product's own scripts; the agents' code decides. The name of the program
//! (a link) selects the script, else its first argument.
//!
//! No manager can misread the exit codes. Veritas takes 101 to 110 from a monitor for "online", 100 for
//! "offline", and anything else for "unknown"; some of its agents also take 0 for "online" and 1 for "offline". So a monitor exits with
//! 110, 100 or 99, even after wrong arguments or a panic. Veritas takes the exit code of `online` and `offline` for the number of
//! seconds before the next monitor, so it is 0 or small. `clean` exits with 0 only if /proc shows no process of the pico. 100 for
//! a live process is reported only while the manager takes it for online ([`online_marker`]).
//!
//! The manager passes no deadline, so each script has one, which `MZ_HA_TIMEOUT` (seconds) replaces. Parameters without an
//! argument (`container`, `wait_for`, `process_match`...) come from variables `OCF_RESKEY_<name>`, as with the
//! agents; an argument takes precedence over its variable.

mod arguments;
mod change;
mod monitor;
mod online_marker;
mod pico_by_port;

use crate::resource::Resource;
use arguments::{HaScript, HaScriptCall, InstallationArguments, UsageError};
use ocf::{Action, Deadline, Invocation, exit_reason};
use pico::record::{self, RUN_DIRECTORY};
use pico::{PicoName, PicoType, Settings};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

/// Exit code of `monitor` that no manager takes for "online" or "offline".
const EXIT_UNKNOWN: u8 = 99;
const EXIT_FAILED: u8 = 1;
const EXIT_USAGE: u8 = 2;

/// Runs a script; the first argument is the program's name.
#[must_use]
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> ExitCode {
    let begun = Instant::now();
    host::inherited::reset_signals_and_limits();
    // Before the arguments are parsed, it may be monitor.
    exit_on_panic(EXIT_UNKNOWN);
    let variables: EnvironmentVariables = variables.into_iter().collect();
    let call = match HaScriptCall::parse(arguments, &variables) {
        Ok(call) => call,
        Err(UsageError::Version) => {
            return print_and_exit_code(&format!("mz-ha-scripts {}\n", agents::VERSION), 0);
        }
        Err(UsageError::Help) => return print_and_exit_code(arguments::USAGE, 0),
        Err(UsageError::Invalid { script, why }) => {
            print_error(&format!("{}\n{}", one_line(&why), arguments::USAGE));
            return ExitCode::from(if script == Some(HaScript::Monitor) {
                EXIT_UNKNOWN
            } else {
                EXIT_USAGE
            });
        }
    };
    if let HaScriptCall::Change { .. } = call {
        exit_on_panic(EXIT_FAILED);
    }
    let deadline = Deadline::new(begun, call.installation().timeout);
    let is_root = rustix::process::geteuid().is_root();
    match call {
        HaScriptCall::Monitor { installation, port, host, seconds, debug } => {
            let question = monitor::MonitorArguments { installation, port, host, seconds, debug };
            monitor::run(&question, is_root, deadline)
        }
        HaScriptCall::Change { change, installation, pico } => {
            change::run(change, &installation, &pico, is_root, deadline)
        }
    }
}

/// The command line of `mz-ha-scripts`, for its completions.
#[must_use]
pub fn command() -> clap::Command {
    arguments::completed_command()
}

fn exit_on_panic(code: u8) {
    ocf::exit_on_panic(code, |words| format!("{}\n", one_line(words)));
}

type EnvironmentVariables = BTreeMap<OsString, OsString>;

impl InstallationArguments {
    /// A resource whose instance record is shared with no resource of another manager and no pico of the same name in another
    /// installation.
    fn named_resource(&self, pico: &PicoName, more: &[(&str, String)]) -> Resource {
        let mut resource = self.unnamed_resource(pico, more);
        let name = resource
            .settings()
            .0
            .target
            .map_or_else(|_| pico.to_string(), |t| record::instance_key(&t));
        resource.name = Some(format!("{RESOURCE_PREFIX}{pico}-{name}"));
        resource
    }

    /// A resource without a name has no instance record.
    fn unnamed_resource(&self, pico: &PicoName, more: &[(&str, String)]) -> Resource {
        let mut parameters = self.parameters.clone();
        let given = [
            ("java_home", self.java_home.clone()),
            ("mz_home", self.mz_home.clone()),
            ("os_user", self.user.clone()),
            ("pico_name", pico.to_string()),
        ];
        parameters
            .extend(given.into_iter().chain(more.iter().cloned()).map(|(n, v)| (n.to_owned(), v)));
        Resource { name: None, kind: PicoType::guess_from_name(pico), parameters }
    }
}

const RESOURCE_PREFIX: &str = "ha-scripts-";

/// Logs as an agent does; by default to the journal or syslog.
fn install_log(resource: &Resource, action: Action) -> Invocation {
    let call = resource.invocation(action, &[("HA_LOGFACILITY", "daemon")]);
    ocf::install_log(&call, &agents::ByWorkers);
    call
}

fn describe_other_managers(settings: &Settings) -> Option<String> {
    let target = settings.target.as_ref().ok()?;
    let others = record::records_of_other_resources(settings.resource.as_deref(), target);
    let names = others.iter().filter_map(|path| path.file_stem()?.to_str()).collect::<Vec<_>>();
    (!names.is_empty()).then(|| {
        let (names, pico) = (names.join(", "), settings.pico_label());
        format!(
            "{pico}: also managed by Pacemaker's {names} ({RUN_DIRECTORY}); remove it from one of the two"
        )
    })
}

/// A closed stdout is ignored.
fn print_and_exit_code(text: &str, code: u8) -> ExitCode {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    ExitCode::from(code)
}

fn print_error(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// One line of printable ASCII, without a length limit.
fn one_line(text: &str) -> String {
    exit_reason::sanitise(text, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    /// Set in the process that panics.
    const PANIC_VARIABLE: &str = "MZ_HA_SCRIPTS_TEST_PANICS";

    #[test]
    fn a_panic_at_the_first_word_is_unknown_and_never_online() {
        if std::env::var_os(PANIC_VARIABLE).is_some() {
            let _ =
                run(std::iter::from_fn(|| -> Option<OsString> { panic!("the first word") }), []);
            return;
        }
        let this = "ha_scripts::tests::a_panic_at_the_first_word_is_unknown_and_never_online";
        let ran = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", this, "--nocapture"])
            .env(PANIC_VARIABLE, "1")
            .output()
            .unwrap();
        assert_eq!(ran.status.code(), Some(EXIT_UNKNOWN.into()), "{ran:?}");
        assert!(String::from_utf8_lossy(&ran.stderr).contains("the first word"), "{ran:?}");
    }
}
