//! `online`, `offline`, `clean`: the agents' start and stop with mzsh's output.

use super::arguments::{HaAction, InstallationArguments};
use super::{
    EXIT_FAILED, describe_other_managers, install_log, one_line, online_marker,
    print_and_exit_code, print_error,
};
use ocf::{Action, Deadline, Failure};
use pico::{PicoName, actions};
use std::io::{self, IsTerminal};
use std::process::ExitCode;

pub(super) fn run(
    change: HaAction,
    installation: &InstallationArguments,
    pico: &PicoName,
    is_root: bool,
    deadline: Deadline,
) -> ExitCode {
    let (action, doing) = match change {
        HaAction::Online => (Action::Start, "Starting"),
        HaAction::Offline => (Action::Stop, "Shutting down"),
        HaAction::Clean => (Action::Stop, "Cleaning"),
    };
    // Before the action: an operator sees what takes so long.
    let _ = print_and_exit_code(&format!("{doing} {pico}..."), 0);
    let outcome = if is_root {
        perform(change, action, installation, pico, deadline)
    } else {
        Err(Failure::generic("permission denied (not root); run it as root"))
    };
    match outcome {
        Ok(()) => print_and_exit_code("done.\n", 0),
        Err(Failure { reason, .. }) => {
            tracing::error!("{reason}");
            print_and_exit_code(&format!("FAILED\n{}\n", one_line(&reason)), EXIT_FAILED)
        }
    }
}

fn perform(
    change: HaAction,
    action: Action,
    installation: &InstallationArguments,
    pico: &PicoName,
    deadline: Deadline,
) -> Result<(), Failure> {
    let resource = installation.named_resource(pico, &[]);
    install_log(&resource, action);
    let (settings, errors) = resource.settings();
    if let Some(others) = describe_other_managers(&settings) {
        tracing::warn!("{others}");
        print_logged_warning(&others);
    }
    match (change, errors.first()) {
        (HaAction::Online, Some(error)) => return Err(Failure::generic(error.to_string())),
        (_, Some(error)) => tracing::warn!("{error}; using the default"),
        (_, None) => {}
    }
    let name = resource.name.as_deref().unwrap_or_default();
    online_marker::unmark_online(name);
    match change {
        HaAction::Online => {
            actions::start(&settings, deadline)?;
            online_marker::mark_online(name);
            return Ok(());
        }
        HaAction::Offline => actions::stop(&settings, deadline)?,
        HaAction::Clean => actions::stop_by_signals(&settings, deadline)?,
    }
    if let Err(unreadable) = &settings.target {
        // A start would have been refused, so there is no record either.
        print_logged_warning(&format!("nothing to stop: {unreadable}"));
    }
    Ok(())
}

/// A terminal shows the log already.
fn print_logged_warning(warning: &str) {
    if !io::stderr().is_terminal() {
        print_error(&format!("WARNING: {}\n", one_line(warning)));
    }
}
