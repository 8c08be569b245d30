//! The way from `main` to the exit code: dispatch, and the output on stdout and stderr.
//!
//! stdout carries metadata, usage and the answers for people. stderr ends with one exit reason. A
//! monitor or validate-all without a message leaves both empty: Pacemaker copies stderr into its
//! log, every few seconds.

use crate::agent::{Agent, State};
use crate::clock_jump::ClockReading;
use crate::definition::Definition;
use crate::escape::escape_unprintable;
use crate::stderr::write_stderr;
use crate::{Action, Evidence, ExitCode, Failure, Invocation, exit_reason, log, panic};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, Write as _};

/// Runs the agent for the arguments and the environment of this process. This is the whole of an
/// agent's `main`.
///
/// ```no_run
/// # struct MyAgent;
/// # impl ocf::Agent for MyAgent {
/// #     fn definition(&self) -> &ocf::Definition { unimplemented!() }
/// #     fn start(&self, _: &ocf::Invocation) -> Result<(), ocf::Failure> { Ok(()) }
/// #     fn stop(&self, _: &ocf::Invocation) -> Result<(), ocf::Failure> { Ok(()) }
/// #     fn monitor(&self, _: &ocf::Invocation) -> Result<ocf::State, ocf::Failure> {
/// #         Ok(ocf::State::Running)
/// #     }
/// # }
/// fn main() -> std::process::ExitCode {
///     ocf::run(&MyAgent)
/// }
/// ```
///
/// It sets the process's panic hook and its `tracing` subscriber. The hook turns a panic into an
/// exit reason and exit code 1.
pub fn run(agent: &impl Agent) -> std::process::ExitCode {
    dispatch(agent, std::env::args_os().skip(1), std::env::vars_os()).into()
}

fn dispatch(
    agent: &impl Agent,
    mut arguments: impl Iterator<Item = OsString>,
    variables: impl IntoIterator<Item = (OsString, OsString)>,
) -> ExitCode {
    let definition = agent.definition();
    let action = arguments.next().and_then(|argument| Action::parse(&argument));
    let Some(action) = action.filter(|&action| definition.implements(action)) else {
        write_stderr(&usage(definition));
        return ExitCode::Unimplemented;
    };
    let json = match options(action, arguments) {
        Ok(json) => json,
        Err(argument) => {
            let argument = escape_unprintable(&argument.to_string_lossy());
            let action = action.name();
            write_stderr(&format!(
                "{}: {action} takes no argument {argument}\n{}",
                definition.name,
                usage(definition)
            ));
            return ExitCode::Unimplemented;
        }
    };
    match action {
        // These three check nothing. Pacemaker's controller waits for the metadata, as any user, on
        // any file system.
        Action::MetaData => return write_stdout(&definition.metadata()),
        Action::Usage => return write_stdout(&usage(definition)),
        Action::Version => {
            return write_stdout(&format!("{} {}\n", definition.name, definition.version));
        }
        _ => {}
    }
    let call = Invocation::new(definition, action, variables);
    panic::install_hook(call.reason_prefix());
    log::install_subscriber(&call, agent.log_files());
    log::log_action_start(&call);
    let clocks = ClockReading::now();
    let (code, reason) = run_action(agent, &call, json);
    if let Some(jump) = clocks.describe_jump() {
        tracing::warn!("{}: {jump}", call.action().name());
    }
    if let Some(text) = reason.as_ref().filter(|_| !is_for_people(call.action())) {
        // Write this before the log: Pacemaker shows it even if the log fails.
        write_stderr(&exit_reason::stderr_line(text, call.reason_prefix()));
        log::log_exit_reason(&call, code, text);
    }
    log::log_action_end(&call, code, reason.as_deref());
    log::finish(&call);
    code
}

/// True if the answer goes to stdout.
fn is_for_people(action: Action) -> bool {
    matches!(action, Action::Status | Action::Explain)
}

/// Returns true if the arguments ask for JSON.
///
/// # Errors
/// The argument that an action for people does not take. Under OCF the other actions ignore all
/// arguments but the first.
fn options(action: Action, arguments: impl Iterator<Item = OsString>) -> Result<bool, OsString> {
    let known: &[&str] = match action {
        Action::Status | Action::Explain => &["--json"],
        Action::Usage | Action::Version => &[],
        _ => return Ok(false),
    };
    let mut json = false;
    for argument in arguments {
        if !known.iter().any(|known| argument == *known) {
            return Err(argument);
        }
        json = true;
    }
    Ok(json)
}

/// Prints findings and the answers for people in full; returns exit code and exit reason.
fn run_action(agent: &impl Agent, call: &Invocation, json: bool) -> (ExitCode, Option<String>) {
    match call.action() {
        Action::Start => exit_for_result(agent.start(call)),
        Action::Stop => exit_for_result(agent.stop(call)),
        Action::Monitor => exit_for_state(agent.monitor(call)),
        Action::ReloadAgent => exit_for_state(agent.reload_agent(call)),
        Action::ValidateAll => {
            let findings = agent.validate_all(call);
            write_stderr(&findings.lines(call.reason_prefix()));
            exit_for_result(
                findings
                    .deciding_error()
                    .map_or(Ok(()), |(class, reason)| Err(Failure::new(class, reason))),
            )
        }
        Action::Status => print_state(call, &Evidence::default(), agent.monitor(call), json),
        Action::Explain => {
            let mut evidence = Evidence::default();
            let looked = agent.explain(call, &mut evidence);
            print_state(call, &evidence, looked, json)
        }
        Action::MetaData | Action::Usage | Action::Version => (ExitCode::Success, None),
    }
}

fn exit_for_result(result: Result<(), Failure>) -> (ExitCode, Option<String>) {
    match result {
        Ok(()) => (ExitCode::Success, None),
        Err(failure) => (failure.code.into(), Some(failure.reason)),
    }
}

fn exit_for_state(result: Result<State, Failure>) -> (ExitCode, Option<String>) {
    match result {
        Ok(State::Running) => (ExitCode::Success, None),
        Ok(State::NotRunning(reason)) => (ExitCode::NotRunning, reason),
        Ok(State::Degraded(reason)) => (ExitCode::Degraded, Some(reason)),
        Err(failure) => exit_for_result(Err(failure)),
    }
}

/// Prints the evidence, if any, and one line such as `db: not running: pid 7 ended`; or both as one
/// JSON object. The exit code is that of a monitor.
fn print_state(
    call: &Invocation,
    evidence: &Evidence,
    result: Result<State, Failure>,
    json: bool,
) -> (ExitCode, Option<String>) {
    let state = match &result {
        Ok(State::Running) => "running",
        Ok(State::NotRunning(_)) => "not running",
        Ok(State::Degraded(_)) => "running, degraded",
        Err(_) => "failed",
    };
    let (code, reason) = exit_for_state(result);
    let shown = reason.as_ref().map(|reason| exit_reason::sanitise(reason, ""));
    if json {
        let mut verdict = Evidence::default();
        verdict.add("resource", call.instance());
        verdict.add("state", state);
        if let Some(reason) = shown {
            verdict.add("reason", reason);
        }
        let verdict = verdict.to_json();
        let members = verdict.strip_suffix('}').unwrap_or(&verdict);
        write_stdout(&format!(
            "{members},\"exit_code\":{},\"evidence\":{}}}\n",
            code.number(),
            evidence.to_json()
        ));
        return (code, reason);
    }
    let mut text = evidence.to_text();
    // Writing to a String can't fail.
    let _ = write!(text, "{}: {state}", escape_unprintable(call.instance()));
    if let Some(reason) = shown {
        let _ = write!(text, ": {reason}");
    }
    if call.action() == Action::Explain {
        let _ = write!(text, " (monitor would exit {code})");
    }
    text.push('\n');
    write_stdout(&text);
    (code, reason)
}

fn usage(definition: &Definition) -> String {
    let mut names: Vec<&str> = Vec::new();
    for operation in definition.operations {
        if !names.contains(&operation.action.name()) {
            names.push(operation.action.name());
        }
    }
    names.extend(["status [--json]", "explain [--json]", "usage", "--version"]);
    format!(
        "usage: {} {{{}}}\n\
         {}. A resource agent for Pacemaker: it reads its parameters from the\n\
         environment (OCF_RESKEY_<name>); `meta-data` describes them.\n",
        definition.name,
        names.join("|"),
        definition.shortdesc
    )
}

/// Returns exit code 1 if it can't write all: half of the metadata is worse than none.
fn write_stdout(text: &str) -> ExitCode {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::Success,
        Err(_) => ExitCode::Generic,
    }
}
