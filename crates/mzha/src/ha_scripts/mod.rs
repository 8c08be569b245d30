//! `mz-ha-scripts`: the product's HA scripts `monitor`, `online`, `offline` and `clean`, for cluster managers other than Pacemaker.
//!
//! Arguments, words and exit codes are those of the product's own scripts; the truth behind them is the agents'. Which of the
//! four is meant is told by the name that the program is called by (a link), else by its first argument.
//!
//! Exit codes are chosen so that no manager can misread one. Veritas takes 101 to 110 from a monitor for "online", 100 for
//! "offline", and anything else for "unknown", some of its agents also 0 for "online" and 1 for "offline"; so a monitor ends with
//! 110, 100 or 99, even after wrong arguments or a panic. What `online` and `offline` exit with is to it the number of
//! seconds before the next monitor: so that is 0, or a small number. `clean` is 0 only when /proc shows nothing of the pico. And 100 of
//! a live process is said only while the manager takes it for online ([`online_marker`]).
//!
//! The manager says no deadline, so there is one for each script, which `MZ_HA_TIMEOUT` (seconds) replaces. What the
//! arguments have no place for (`container`, `wait_for`, `process_match`...) is read from variables `OCF_RESKEY_<name>`, as by the
//! agents; an argument comes before a variable of the same meaning.

mod arguments;
mod change;
mod monitor;
mod online_marker;
mod pico_by_port;

use crate::resource::Resource;
use arguments::{HaScript, HaScriptCall, InstallationArguments, UsageError};
use ocf::{Action, Invocation, exit_reason};
use pico::record::{self, RUN_DIRECTORY};
use pico::{ActionDeadline, PicoName, PicoType, Settings};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

/// What monitor exits with where it can't tell: nobody's "online" and nobody's "offline".
const EXIT_UNKNOWN: u8 = 99;
/// What the others exit with after a failure.
const EXIT_FAILED: u8 = 1;
/// What the others exit with after wrong arguments.
const EXIT_USAGE: u8 = 2;

/// Does what the words ask for (the first is the program's own name), with these variables of the environment.
#[must_use]
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> ExitCode {
    let begun = Instant::now();
    host::inherited::reset_signals_and_limits();
    // Until it is known which of them it is, it may be monitor.
    exit_on_panic(EXIT_UNKNOWN);
    let variables: EnvironmentVariables = variables.into_iter().collect();
    let call = match HaScriptCall::parse(arguments, &variables) {
        Ok(call) => call,
        Err(UsageError::Version) => {
            return print_and_exit_code(&format!("mz-ha-scripts {}\n", env!("CARGO_PKG_VERSION")), 0);
        }
        Err(UsageError::Help) => return print_and_exit_code(arguments::USAGE, 0),
        Err(UsageError::Invalid { script, why }) => {
            print_error(&format!("{}\n{}", one_line(&why), arguments::USAGE));
            return ExitCode::from(if script == Some(HaScript::Monitor) { EXIT_UNKNOWN } else { EXIT_USAGE });
        }
    };
    if let HaScriptCall::Change { .. } = call {
        exit_on_panic(EXIT_FAILED);
    }
    let end = begun + call.installation().timeout;
    let budget = ActionDeadline { started: begun, end };
    let is_root = rustix::process::geteuid().is_root();
    match call {
        HaScriptCall::Monitor { installation, port, host, seconds, debug } => {
            let question = monitor::MonitorArguments { installation, port, host, seconds, debug };
            monitor::run(&question, is_root, budget)
        }
        HaScriptCall::Change { change, installation, pico } => {
            change::run(change, &installation, &pico, is_root, budget)
        }
    }
}

fn exit_on_panic(code: u8) {
    ocf::exit_on_panic(code, |words| format!("{}\n", one_line(words)));
}

/// Variables of the environment that are text or can pass for it.
type EnvironmentVariables = BTreeMap<OsString, OsString>;

impl InstallationArguments {
    /// The pico of this name as a resource of its own, whose record no resource of another manager shares, nor another
    /// installation's pico of the same name.
    fn named_resource(&self, pico: &PicoName, more: &[(&str, String)]) -> Resource {
        let mut resource = self.unnamed_resource(pico, more);
        let name =
            resource.settings().0.target.map_or_else(|_| pico.to_string(), |t| record::instance_key(&t));
        resource.name = Some(format!("{RESOURCE_PREFIX}{pico}-{name}"));
        resource
    }

    /// The same without a name: nothing is kept of it.
    fn unnamed_resource(&self, pico: &PicoName, more: &[(&str, String)]) -> Resource {
        let mut parameters = self.parameters.clone();
        let given = [
            ("java_home", self.java_home.clone()),
            ("mz_home", self.mz_home.clone()),
            ("os_user", self.user.clone()),
            ("pico_name", pico.to_string()),
        ];
        parameters.extend(given.into_iter().chain(more.iter().cloned()).map(|(n, v)| (n.to_owned(), v)));
        Resource { name: None, kind: PicoType::guess_from_name(pico), parameters }
    }
}

/// What the names of our own resources begin with.
const RESOURCE_PREFIX: &str = "ha-scripts-";

/// Has the log lines go where those of an agent go; with no variable that says so, to the journal or syslog.
fn install_log(resource: &Resource, action: Action) -> Invocation {
    let call = resource.invocation(action, &[("HA_LOGFACILITY", "daemon")]);
    ocf::install_log(&call, &agents::ByWorkers);
    call
}

/// Who else manages this pico, in words.
fn describe_other_managers(settings: &Settings) -> Option<String> {
    let target = settings.target.as_ref().ok()?;
    let others = record::records_of_other_resources(settings.resource.as_deref(), target);
    let names = others.iter().filter_map(|path| path.file_stem()?.to_str()).collect::<Vec<_>>();
    (!names.is_empty()).then(|| {
        let (names, pico) = (names.join(", "), settings.pico_label());
        format!("Pacemaker's {names} manages {pico}, too ({RUN_DIRECTORY}): take it out of one of the two")
    })
}

/// Writes all of it on stdout. That nobody reads it changes nothing.
fn print_and_exit_code(text: &str, code: u8) -> ExitCode {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
    ExitCode::from(code)
}

fn print_error(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// One line of printable ASCII, of whatever length.
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
            let _ = run(std::iter::from_fn(|| -> Option<OsString> { panic!("the first word") }), []);
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
