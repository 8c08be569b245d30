//! `mzha health`: the verdict of a monitor at depth 10, for a person or for a program other than Pacemaker.
//!
//! The exit code is 0 for healthy, 1 for unhealthy, 2 for unknown. A manager that replaces a machine for a 1 must not replace it
//! because a registry could not be read, or because the pico is active on another node.

mod absence;
mod emf;

use crate::cib::{Cib, PROVIDER};
use crate::health_verdict::HealthVerdict;
use crate::resource::Resource;
use absence::Absence;
use ocf::{Deadline, escape_unprintable, escape_unprintable_json};
use pico::actions::{self, Audience, MonitorCall, not_checked};
use pico::record::InstanceRecordFile;
use pico::verdict::VerdictKind;
use pico::{PicoName, PicoType, Settings};
use serde_json::json;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub(crate) struct HealthOptions {
    /// Name of a cluster resource
    #[arg(conflicts_with = "pico", required_unless_present = "pico")]
    resource: Option<String>,
    /// Name of a pico
    #[arg(long, value_name = "NAME")]
    pico: Option<PicoName>,
    /// `MZ_HOME` of the pico
    #[arg(long, value_name = "DIR", requires = "pico", default_value = "/opt/mz", value_parser = parse_absolute_path)]
    mz_home: PathBuf,
    /// Type of the pico: platform, ec, sc or ui
    #[arg(long = "type", value_name = "TYPE", requires = "pico", value_parser = parse_pico_type)]
    kind: Option<PicoType>,
    /// Timeout of the check in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(10..=3600))]
    timeout: u64,
    /// Print one line of CloudWatch's embedded metric format
    #[arg(long, conflicts_with = "json")]
    aws: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(crate) fn parse_absolute_path(text: &str) -> Result<PathBuf, &'static str> {
    if Path::new(text).is_absolute() { Ok(text.into()) } else { Err("expected an absolute path") }
}

pub(crate) fn parse_pico_type(text: &str) -> Result<PicoType, &'static str> {
    PicoType::ALL
        .into_iter()
        .find(|kind| kind.agent_name() == text)
        .ok_or("expected platform, ec, sc or ui")
}

struct HealthReport {
    /// Name of the pico, else of the resource.
    pico: String,
    verdict: HealthVerdict,
    /// Nodes where the cluster has it active; empty if the cluster was not asked.
    active_on: Vec<String>,
}

impl HealthReport {
    fn unknown(pico: String, why: String) -> Self {
        Self { pico, verdict: HealthVerdict::Unknown(why), active_on: Vec::new() }
    }
}

pub(crate) fn run(health: &HealthOptions) -> ExitCode {
    let begun = Instant::now();
    let seen = health.evaluate(begun);
    // `state` is deprecated, and its values stay: scripts may compare them.
    let (code, status, state) = match &seen.verdict {
        HealthVerdict::Healthy(_) => (0, "healthy", "well"),
        HealthVerdict::Unhealthy(_) => (1, "unhealthy", "not well"),
        HealthVerdict::Unknown(_) => (2, "unknown", "can't be told"),
    };
    let (pico, why) = (&seen.pico, seen.verdict.reason());
    let text = if health.aws {
        escape_unprintable_json(&emf::format_line(&emf::Measurement {
            pico,
            status,
            state,
            why,
            code,
            took: begun.elapsed(),
        }))
    } else if health.json {
        let document = json!({
            "resource": health.resource,
            "pico": pico,
            "status": status,
            "state": state,
            "exit_code": code,
            "reason": why,
            "active_on": seen.active_on,
        });
        escape_unprintable_json(&document.to_string())
    } else {
        let subject = health.resource.as_deref().unwrap_or(pico);
        escape_unprintable(&match (why, &seen.verdict) {
            (None, _) => format!("{subject}: {status}"),
            (Some(why), HealthVerdict::Healthy(_)) => format!("{subject}: {status}, but {why}"),
            (Some(why), _) => format!("{subject}: {status}: {why}"),
        })
    };
    // A closed stdout is no failure of the pico.
    let _ = writeln!(io::stdout().lock(), "{text}");
    ExitCode::from(code)
}

impl HealthOptions {
    fn evaluate(&self, begun: Instant) -> HealthReport {
        let deadline = Deadline::new(begun, Duration::from_secs(self.timeout));
        let resource = match self.resolve_resource(deadline) {
            Ok(resource) => resource,
            Err(why) => {
                return HealthReport::unknown(self.resource.clone().unwrap_or_default(), why);
            }
        };
        // Invalid values have their defaults, as in a monitor.
        let (settings, _) = resource.settings();
        let record = InstanceRecordFile::for_resource(settings.resource.as_deref()).read();
        let target = settings.target.as_ref().ok().cloned().or_else(|| record.as_ref()?.target());
        let name = target.as_ref().map_or_else(
            || self.resource.clone().unwrap_or_default(),
            |target| target.name.to_string(),
        );
        if !rustix::process::geteuid().is_root() {
            return HealthReport::unknown(
                name,
                "permission denied (not root: other users do not see all of /proc); run it as root"
                    .to_owned(),
            );
        }
        let target = match (target, &settings.target) {
            (Some(target), _) => target,
            (None, Err(unreadable)) => return HealthReport::unknown(name, unreadable.why.clone()),
            (None, Ok(_)) => {
                return HealthReport::unknown(name, "unknown pico (no valid name)".to_owned());
            }
        };
        let audience = if self.aws || self.json { Audience::Log } else { Audience::Person };
        let verdict =
            actions::monitor_verdict(&settings, MonitorCall::Health { audience }, deadline);
        if verdict.kind != VerdictKind::NotRunning {
            let verdict = with_not_checked(verdict.into(), &settings);
            return HealthReport { pico: name, verdict, active_on: Vec::new() };
        }
        // Read again: a stop may have removed it meanwhile.
        let record = InstanceRecordFile::for_resource(settings.resource.as_deref()).read();
        let absence = Absence {
            settings: &settings,
            target: &target,
            resource: self.resource.as_deref(),
            was_here: record.is_some_and(|record| record.is_for(&target)),
            deadline,
        };
        let (verdict, active_on) = absence.judge(verdict.reason);
        HealthReport { pico: name, verdict, active_on }
    }

    fn resolve_resource(&self, deadline: Deadline) -> Result<Resource, String> {
        if let Some(name) = &self.resource {
            return resource_from_cluster(name, deadline);
        }
        let Some(pico) = &self.pico else {
            return Err("neither a resource nor a pico is named".to_owned());
        };
        let kind = self.kind.unwrap_or_else(|| PicoType::guess_from_name(pico));
        let home = self.mz_home.to_string_lossy().into_owned();
        let parameters =
            [("mz_home".to_owned(), home), ("pico_name".to_owned(), pico.to_string())].into();
        Ok(Resource { name: None, kind, parameters })
    }
}

/// Adds the checks that the cluster's monitors could not make, except to an unhealthy pico.
fn with_not_checked(verdict: HealthVerdict, settings: &Settings) -> HealthVerdict {
    let said = match &verdict {
        HealthVerdict::Healthy(warning) => warning.clone(),
        HealthVerdict::Unknown(why) => Some(why.clone()),
        HealthVerdict::Unhealthy(_) => return verdict,
    };
    let others = not_checked(settings).into_iter().map(|one| one.to_string());
    let all: Vec<String> = said.into_iter().chain(others).collect();
    let all = all.join("; ");
    match verdict {
        HealthVerdict::Unknown(_) => HealthVerdict::Unknown(all),
        _ => HealthVerdict::Healthy(Some(all).filter(|all| !all.is_empty())),
    }
}

/// From the instance record, else from the cluster's configuration.
fn resource_from_cluster(name: &str, deadline: Deadline) -> Result<Resource, String> {
    if let Some(resource) = Resource::from_record(name) {
        return Ok(resource);
    }
    let unknown = |why: String| {
        format!("resource not found (not started on this node since boot; {why}); use --pico")
    };
    let cib = Cib::query(deadline.started() + deadline.timeout() / 4)
        .map_err(|e| unknown(e.to_string()))?;
    // Without its name: a record written by this check would replace the configuration from then on.
    let configured = cib.resource(name).map(|of| Resource { name: None, ..of.resource.clone() });
    configured
        .ok_or_else(|| unknown(format!("no resource of {PROVIDER} with that name in the cluster")))
}
