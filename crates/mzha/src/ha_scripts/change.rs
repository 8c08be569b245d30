//! `online`, `offline`, `clean`: the agents' start and stop, in the words of mzsh.

use super::arguments::{Change, Installation};
use super::{FAILED, complain, line, log, online_here, other_managers, say};
use ocf::Action;
use pico::{Answer, Budget, Outcome, PicoName, actions};
use std::io::{self, IsTerminal};
use std::process::ExitCode;

/// Does it, and tells what came of it.
pub(super) fn run(
    change: Change,
    installation: &Installation,
    pico: &PicoName,
    is_root: bool,
    budget: Budget,
) -> ExitCode {
    let (action, doing) = match change {
        Change::Online => (Action::Start, "Starting"),
        Change::Offline => (Action::Stop, "Shutting down"),
        Change::Clean => (Action::Stop, "Cleaning"),
    };
    // Before it is done: a person who looks on wants to know what takes so long.
    let _ = say(&format!("{doing} {pico}..."), 0);
    let outcome = if is_root {
        act(change, action, installation, pico, budget)
    } else {
        Outcome::failed("it must be run by root")
    };
    match (outcome.answer, outcome.reason) {
        (Answer::Success | Answer::Degraded, warning) => {
            complain(&warning.map_or_else(String::new, |warning| format!("WARNING: {}\n", line(&warning))));
            say("done.\n", 0)
        }
        (_, reason) => {
            let reason = reason.unwrap_or_default();
            tracing::error!("{reason}");
            say(&format!("FAILED\n{}\n", line(&reason)), FAILED)
        }
    }
}

fn act(
    change: Change,
    action: Action,
    installation: &Installation,
    pico: &PicoName,
    budget: Budget,
) -> Outcome {
    let resource = installation.resource(pico, &[]);
    log(&resource, action);
    let (settings, errors) = resource.settings();
    if let Some(others) = other_managers(&settings) {
        tracing::warn!("{others}");
        // On a terminal the log is shown already.
        if !io::stderr().is_terminal() {
            complain(&format!("WARNING: {}\n", line(&others)));
        }
    }
    match (change, errors.first()) {
        (Change::Online, Some(error)) => return Outcome::failed(error.to_string()),
        (_, Some(error)) => tracing::warn!("{error}; the default is taken"),
        (_, None) => {}
    }
    let name = resource.name.as_deref().unwrap_or_default();
    online_here::forget(name);
    let outcome = match change {
        Change::Online => actions::start(&settings, budget),
        Change::Offline => actions::stop(&settings, budget),
        Change::Clean => actions::clean(&settings, budget),
    };
    if change == Change::Online && outcome.answer == Answer::Success {
        online_here::note(name);
    }
    outcome
}
