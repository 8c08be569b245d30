//! `scope=auto`: the pico in a scope of systemd of its own.
//!
//! mzsh enters it before it is released, so that the JVM starts there. Nothing but a start and validate-all calls systemd, and
//! systemd may hang: each command of it has a limit.

use super::node_checks::{NodeProblem, Severity};
use crate::settings::{PicoInstance, PicoName, Scope, Settings};
use host::command::{Exec, LeaderOf, RunningCommand, launch};
use host::credentials::is_root;
use host::{ExitStatus, ProcessId, sleep_capped};
use ocf::{Deadline, ErrorCode};
use std::ffi::OsString;
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

/// A systemd that hangs costs a start so much.
const SCOPE_TIMEOUT: Duration = Duration::from_secs(5);
/// This part of it remains for the withdrawal of a request that systemd has not carried out.
const WITHDRAWAL_SHARE: u32 = 5;
/// Poll interval for the control group of a process.
const CGROUP_POLL_INTERVAL: Duration = Duration::from_millis(10);
/// Longest part of a pico's name in the name of a unit, which has at most 255 bytes.
const MAX_NAME_IN_UNIT: usize = 180;

const SYSTEMD: &str = "org.freedesktop.systemd1";

/// What is wrong with the scope.
#[derive(Debug)]
pub(super) enum ScopeError {
    /// The process stays in its control group; why.
    NotEntered(String),
    /// The process is in its scope, which has none of `systemd_properties`; why.
    PropertiesRefused(String),
}

impl ScopeError {
    fn parameter(&self) -> &'static str {
        match self {
            Self::NotEntered(_) => "scope",
            Self::PropertiesRefused(_) => "systemd_properties",
        }
    }
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotEntered(why) => {
                write!(f, "none was made, the pico runs in Pacemaker's control group: {why}")
            }
            Self::PropertiesRefused(why) => {
                write!(f, "not set: {why}")
            }
        }
    }
}

/// Puts an mzsh that is not released yet into a scope of its own, if it is to have one. No error fails the start.
pub(super) fn enter_or_warn(
    settings: &Settings,
    target: &PicoInstance,
    mzsh: &RunningCommand,
    deadline: Deadline,
) {
    if settings.scope == Scope::No || !is_booted_by_systemd() {
        return;
    }
    let pico = &target.name;
    match enter(pico, mzsh.id(), properties(settings), scope_limit(deadline)) {
        Ok(unit) => tracing::info!("{pico}: starts in {unit}"),
        Err(e) => tracing::warn!("{pico}: {}: {e}", e.parameter()),
    }
}

/// Problems of the two parameters on this node. systemd itself says what it takes: a process that executes nothing gets a scope
/// with the same properties, for a moment.
pub(super) fn check(
    settings: &Settings,
    target: &PicoInstance,
    deadline: Deadline,
) -> Option<NodeProblem> {
    let warning =
        |name, text| NodeProblem { severity: Severity::Warning, blocks_start: None, name, text };
    if settings.scope == Scope::No {
        return (!properties(settings).is_empty()).then(|| {
            let text = "no effect with scope=no; set scope=auto, or remove it".to_owned();
            warning("systemd_properties", text)
        });
    }
    if !is_booted_by_systemd() {
        return (!properties(settings).is_empty()).then(|| {
            let text = "no effect on this node, where systemd does not run".to_owned();
            warning("systemd_properties", text)
        });
    }
    if !is_root() {
        return None;
    }
    let e = try_scope(&target.name, properties(settings), scope_limit(deadline)).err()?;
    let mut problem = warning(e.parameter(), e.to_string());
    if matches!(e, ScopeError::PropertiesRefused(_)) {
        problem.severity = Severity::Error(ErrorCode::InvalidParameter);
    }
    Some(problem)
}

fn properties(settings: &Settings) -> &[String] {
    settings.systemd_properties.as_deref().unwrap_or_default()
}

fn scope_limit(deadline: Deadline) -> Instant {
    deadline.instant_within(SCOPE_TIMEOUT.min(deadline.timeout() / 10))
}

fn try_scope(pico: &PicoName, properties: &[String], until: Instant) -> Result<(), ScopeError> {
    let nothing = || Err("it is not to be executed".to_owned());
    let waiting = launch(LeaderOf::ProcessGroup, nothing)
        .map_err(|e| ScopeError::NotEntered(e.to_string()))?;
    let entered = enter(pico, waiting.id(), properties, until);
    let _ = waiting.kill();
    entered.map(drop)
}

/// As `sd_booted(3)` finds it.
fn is_booted_by_systemd() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// Returns the name of the scope.
fn enter(
    pico: &PicoName,
    process: ProcessId,
    properties: &[String],
    until: Instant,
) -> Result<String, ScopeError> {
    let unit = unit_name(pico, process);
    request(pico, &unit, process, until).map_err(ScopeError::NotEntered)?;
    if !properties.is_empty() {
        let mut arguments = vec!["set-property", "--runtime", "--", &unit];
        arguments.extend(properties.iter().map(String::as_str));
        run("systemctl", &arguments, until).map_err(ScopeError::PropertiesRefused)?;
    }
    Ok(unit)
}

/// With the pid and its start, for the scope of an earlier start may be left.
fn unit_name(pico: &PicoName, process: ProcessId) -> String {
    let name = pico.as_str();
    let name = &name[..name.len().min(MAX_NAME_IN_UNIT)];
    format!("mediationzone-{name}-{}-{}.scope", process.pid, process.start)
}

/// Asks for the scope and waits until the process is in it.
fn request(pico: &PicoName, unit: &str, process: ProcessId, until: Instant) -> Result<(), String> {
    let withdrawal = host::remaining(until) / WITHDRAWAL_SHARE;
    let enough = until.checked_sub(withdrawal).unwrap_or(until);
    let job = start_unit(pico, unit, process, enough)?;
    loop {
        if is_in(process, unit)? {
            return Ok(());
        }
        if Instant::now() >= enough {
            break;
        }
        sleep_capped(CGROUP_POLL_INTERVAL, enough);
    }
    // Otherwise systemd could move a process of this pid at any later time. A job that is done can't be cancelled.
    let _ = run(
        "busctl",
        &["--system", "call", SYSTEMD, &job, "org.freedesktop.systemd1.Job", "Cancel"],
        until,
    );
    if is_in(process, unit)? {
        return Ok(());
    }
    Err(format!("systemd did not start {unit} in time"))
}

/// Returns the job that starts the scope.
fn start_unit(
    pico: &PicoName,
    unit: &str,
    process: ProcessId,
    until: Instant,
) -> Result<String, String> {
    let (pid, description) = (process.pid.to_string(), format!("MediationZone {pico}"));
    let ask = |also: &[&str]| {
        let number = if also.is_empty() { "5" } else { "6" };
        let mut arguments = vec!["--system", "call", SYSTEMD, "/org/freedesktop/systemd1"];
        arguments.extend(["org.freedesktop.systemd1.Manager", "StartTransientUnit"]);
        arguments.extend(["ssa(sv)a(sa(sv))", unit, "fail", number]);
        arguments.extend(["PIDs", "au", "1", &pid, "Description", "s", &description]);
        // Units stop in reverse order: at shutdown Pacemaker stops the picos before systemd ends their scopes.
        arguments.extend(["Before", "as", "2", "pacemaker.service", "pacemaker_remote.service"]);
        arguments.extend(["CollectMode", "s", "inactive-or-failed"]);
        // As in pacemaker.service; the default is too few threads for some JVMs.
        arguments.extend(["TasksMax", "t", "18446744073709551615"]);
        arguments.extend(also);
        arguments.push("0");
        run("busctl", &arguments, until)
    };
    // Without it systemd ends the JVM, too, if the kernel kills a process that the JVM has started. Older ones of systemd refuse it.
    let answer = ask(&["OOMPolicy", "s", "continue"])
        .or_else(|e| if Instant::now() < until { ask(&[]) } else { Err(e) })?;
    let job = answer.trim().strip_prefix("o \"").and_then(|rest| rest.strip_suffix('"'));
    Ok(job.unwrap_or("/").to_owned())
}

/// Whether the process is in the control group of this unit.
fn is_in(process: ProcessId, unit: &str) -> Result<bool, String> {
    let path = format!("/proc/{}/cgroup", process.pid);
    let groups = std::fs::read_to_string(&path).map_err(|e| format!("{path}: {e}"))?;
    Ok(groups.lines().any(|line| line.rsplit_once('/').is_some_and(|(_, last)| last == unit)))
}

/// Runs a command of systemd; its stdout, or why it failed.
fn run(program: &str, arguments: &[&str], until: Instant) -> Result<String, String> {
    let exec = || {
        let directory = ["/usr/bin", "/bin"].map(Path::new).into_iter();
        let mut found = directory.map(|directory| directory.join(program));
        Ok(Exec {
            program: found
                .find(|path| path.exists())
                .ok_or_else(|| format!("{program} does not exist"))?,
            arguments: arguments.iter().map(OsString::from).collect(),
            environment: vec![
                ("PATH".into(), "/usr/bin:/bin".into()),
                ("LC_ALL".into(), "C.UTF-8".into()),
            ],
            directory: "/".into(),
        })
    };
    let finished = launch(LeaderOf::ProcessGroup, exec)
        .and_then(|running| running.run_until(until))
        .map_err(|e| format!("{program}: {e}"))?;
    if finished.launch_error.is_none() && finished.exit_status == ExitStatus::Exited(0) {
        return Ok(String::from_utf8_lossy(&finished.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&finished.stderr);
    let last = said.lines().map(str::trim).rfind(|line| !line.is_empty());
    let said = last.map_or_else(String::new, |line| format!(": {line}"));
    Err(format!("{program}: {}{said}", finished.outcome()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use host::process::Stat;

    #[test]
    fn unit_name_is_short_enough_and_differs_between_processes() {
        let pico: PicoName = "x".repeat(PicoName::MAX_LEN).parse().unwrap();
        let own = Stat::read(host::Pid::own()).unwrap().unwrap().id();
        let unit = unit_name(&pico, own);
        assert!(unit.len() <= 255, "{unit}");
        assert!(unit.ends_with(&format!("x-{}-{}.scope", own.pid, own.start)), "{unit}");
    }
}
