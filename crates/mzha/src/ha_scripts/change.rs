//! `online`, `offline`, `clean`: the agents' start and stop with mzsh's output.

use super::arguments::{HaAction, InstallationArguments};
use super::{
    EXIT_FAILED, describe_other_managers, install_log, one_line, online_marker, print_and_exit_code,
    print_error,
};
use ocf::Action;
use pico::{ActionDeadline, ActionResult, ActionStatus, PicoName, actions};
use std::io::{self, IsTerminal};
use std::process::ExitCode;

pub(super) fn run(
    change: HaAction,
    installation: &InstallationArguments,
    pico: &PicoName,
    is_root: bool,
    budget: ActionDeadline,
) -> ExitCode {
    let (action, doing) = match change {
        HaAction::Online => (Action::Start, "Starting"),
        HaAction::Offline => (Action::Stop, "Shutting down"),
        HaAction::Clean => (Action::Stop, "Cleaning"),
    };
    // Before the action: an operator sees what takes so long.
    let _ = print_and_exit_code(&format!("{doing} {pico}..."), 0);
    let outcome = if is_root {
        perform(change, action, installation, pico, budget)
    } else {
        ActionResult::failed("permission denied (not root); run it as root")
    };
    match (outcome.status, outcome.reason) {
        (ActionStatus::Success | ActionStatus::Degraded, warning) => {
            print_error(
                &warning.map_or_else(String::new, |warning| format!("WARNING: {}\n", one_line(&warning))),
            );
            print_and_exit_code("done.\n", 0)
        }
        (_, reason) => {
            let reason = reason.unwrap_or_default();
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
    budget: ActionDeadline,
) -> ActionResult {
    let resource = installation.named_resource(pico, &[]);
    install_log(&resource, action);
    let (settings, errors) = resource.settings();
    if let Some(others) = describe_other_managers(&settings) {
        tracing::warn!("{others}");
        // A terminal shows the log already.
        if !io::stderr().is_terminal() {
            print_error(&format!("WARNING: {}\n", one_line(&others)));
        }
    }
    match (change, errors.first()) {
        (HaAction::Online, Some(error)) => return ActionResult::failed(error.to_string()),
        (_, Some(error)) => tracing::warn!("{error}; using the default"),
        (_, None) => {}
    }
    let name = resource.name.as_deref().unwrap_or_default();
    online_marker::unmark_online(name);
    let outcome = match change {
        HaAction::Online => actions::start(&settings, budget),
        HaAction::Offline => actions::stop(&settings, budget),
        HaAction::Clean => actions::stop_by_signals(&settings, budget),
    };
    if change == HaAction::Online && outcome.status == ActionStatus::Success {
        online_marker::mark_online(name);
    }
    outcome
}
