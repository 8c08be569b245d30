//! From `main` to the exit code: who is called, and what is said where.
//!
//! stdout carries metadata, usage and what people asked for; stderr carries, at the end, one exit reason. A monitor or
//! validate-all that has nothing to say leaves both empty: Pacemaker copies stderr into its log, every few seconds.

use crate::agent::{Agent, State};
use crate::clocks::Clocks;
use crate::definition::Definition;
use crate::visible::visible;
use crate::{Action, Evidence, ExitCode, Failure, Invocation, log, panic, reason};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::{self, Write as _};

/// Runs the agent for the arguments and the environment of this process. This is the whole of an agent's `main`.
///
/// ```no_run
/// # struct MyAgent;
/// # impl ocf::Agent for MyAgent {
/// #     fn definition(&self) -> &ocf::Definition { unimplemented!() }
/// #     fn start(&self, _: &ocf::Invocation) -> Result<(), ocf::Failure> { Ok(()) }
/// #     fn stop(&self, _: &ocf::Invocation) -> Result<(), ocf::Failure> { Ok(()) }
/// #     fn monitor(&self, _: &ocf::Invocation) -> Result<ocf::State, ocf::Failure> { Ok(ocf::State::Running) }
/// # }
/// fn main() -> std::process::ExitCode {
///     ocf::run(&MyAgent)
/// }
/// ```
///
/// It sets the process's panic hook, because a panic must become an exit reason and exit code 1, and its `tracing`
/// subscriber.
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
        to_stderr(&usage(definition));
        return ExitCode::Unimplemented;
    };
    let json = match options(action, arguments) {
        Ok(json) => json,
        Err(argument) => {
            let argument = visible(&argument.to_string_lossy());
            let action = action.name();
            to_stderr(&format!(
                "{}: {action} takes no argument {argument}\n{}",
                definition.name,
                usage(definition)
            ));
            return ExitCode::Unimplemented;
        }
    };
    match action {
        // These three look at nothing: Pacemaker's controller waits for the metadata, as any user, on any file system.
        Action::MetaData => return to_stdout(&definition.metadata()),
        Action::Usage => return to_stdout(&usage(definition)),
        Action::Version => return to_stdout(&format!("{} {}\n", definition.name, definition.version)),
        _ => {}
    }
    let call = Invocation::new(definition, action, variables);
    panic::install(call.reason_prefix());
    log::install(&call, agent.log_files());
    log::begins(&call);
    let clocks = Clocks::now();
    let (code, reason) = act(agent, &call, json);
    if let Some(jump) = clocks.jumped() {
        tracing::warn!("{}: {jump}", call.action().name());
    }
    if let Some(text) = reason.as_ref().filter(|_| !is_for_people(call.action())) {
        // Before the log: Pacemaker shows it, whatever becomes of the log.
        to_stderr(&reason::line(text, call.reason_prefix()));
        log::answer(&call, code, text);
    }
    log::ends(&call, code, reason.as_deref());
    log::finish(&call);
    code
}

/// Is the answer on stdout?
fn is_for_people(action: Action) -> bool {
    matches!(action, Action::Status | Action::Explain)
}

/// Is JSON asked for?
///
/// # Errors
/// The argument that an action for people does not take. OCF has the others ignore all arguments but the first.
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

/// Does it, and returns code and reason. Of findings, and of what people asked for, it says all.
fn act(agent: &impl Agent, call: &Invocation, json: bool) -> (ExitCode, Option<String>) {
    match call.action() {
        Action::Start => done(agent.start(call)),
        Action::Stop => done(agent.stop(call)),
        Action::Monitor => looked(agent.monitor(call)),
        Action::ReloadAgent => looked(agent.reload_agent(call)),
        Action::ValidateAll => {
            let findings = agent.validate_all(call);
            to_stderr(&findings.lines(call.reason_prefix()));
            done(findings.verdict().map_or(Ok(()), |(class, reason)| Err(Failure::new(class, reason))))
        }
        Action::Status => for_people(call, &Evidence::default(), agent.monitor(call), json),
        Action::Explain => {
            let mut evidence = Evidence::default();
            let looked = agent.explain(call, &mut evidence);
            for_people(call, &evidence, looked, json)
        }
        Action::MetaData | Action::Usage | Action::Version => (ExitCode::Success, None),
    }
}

fn done(result: Result<(), Failure>) -> (ExitCode, Option<String>) {
    match result {
        Ok(()) => (ExitCode::Success, None),
        Err(failure) => (failure.class.into(), Some(failure.reason)),
    }
}

fn looked(result: Result<State, Failure>) -> (ExitCode, Option<String>) {
    match result {
        Ok(State::Running) => (ExitCode::Success, None),
        Ok(State::NotRunning(reason)) => (ExitCode::NotRunning, reason),
        Ok(State::Degraded(reason)) => (ExitCode::Degraded, Some(reason)),
        Err(failure) => done(Err(failure)),
    }
}

/// The evidence if any, and one line: `db: not running: pid 7 ended`; or all of it as one JSON object. Exits as monitor
/// would.
fn for_people(
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
    let (code, reason) = looked(result);
    let shown = reason.as_ref().map(|reason| reason::sanitise(reason, ""));
    if json {
        let mut verdict = Evidence::default();
        verdict.add("resource", call.instance());
        verdict.add("state", state);
        if let Some(reason) = shown {
            verdict.add("reason", reason);
        }
        let verdict = verdict.json();
        let members = verdict.strip_suffix('}').unwrap_or(&verdict);
        to_stdout(&format!("{members},\"exit_code\":{},\"evidence\":{}}}\n", code.number(), evidence.json()));
        return (code, reason);
    }
    let mut text = evidence.text();
    // Writing to a string can't fail.
    let _ = write!(text, "{}: {state}", visible(call.instance()));
    if let Some(reason) = shown {
        let _ = write!(text, ": {reason}");
    }
    if call.action() == Action::Explain {
        let _ = write!(text, " (monitor would exit {code})");
    }
    text.push('\n');
    to_stdout(&text);
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

/// All of it, or exit code 1: half of the metadata is worse than none.
fn to_stdout(text: &str) -> ExitCode {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => ExitCode::Success,
        Err(_) => ExitCode::Generic,
    }
}

/// In one write, and nobody is told when it fails: there is nowhere left to tell it.
pub(crate) fn to_stderr(text: &str) {
    if !text.is_empty() {
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }
}
