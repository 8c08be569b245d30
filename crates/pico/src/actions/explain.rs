//! explain: every piece of evidence, the verdict, and what monitor would answer. For a person.

use super::deep_checks::{self, HaCheckPlan};
use super::load_record;
use super::monitor::{MonitorRequest, monitor};
use super::node_checks::resolve_host_names;
use super::unchecked::of_record;
use super::weigh::NOT_CHECKED;
use crate::action_result::{ActionResult, ActionStatus};
use crate::addresses::HostResolution;
use crate::deadline::ActionDeadline;
use crate::identity::Bystander;
use crate::product::{RegistryState, inspect};
use crate::settings::Settings;
use crate::verdict::node_context::NodeContext;
use crate::verdict::{Liveness, MonitorKind, ObservationScope, PicoPresence, observe};
use host::process;

/// One piece of evidence: what was looked at, and what was seen.
pub type EvidencePoint = (&'static str, String);

/// The evidence, and what a recurring monitor at depth 10 would answer. Changes nothing but what such a monitor
/// would: it may adopt the pico.
#[must_use]
pub fn explain(settings: &Settings, deadline: ActionDeadline) -> (Vec<EvidencePoint>, ActionResult) {
    let mut points: Vec<EvidencePoint> = Vec::new();
    let mut line = |what, seen: &dyn std::fmt::Display| points.push((what, seen.to_string()));
    line("resource", &settings.resource.as_deref().unwrap_or("(the call names none)"));
    match &settings.target {
        Err(why) => line("pico", &format!("can't be told: {why}")),
        Ok(target) => {
            line(
                "pico",
                &format!("{} ({}) of {}", target.name, settings.pico_type, target.home.path().display()),
            );
            let (file, record) = load_record(settings, target);
            match &record {
                None => line("record", &format!("none of this boot in {}", file.display_path())),
                Some(record) => {
                    let jvm = record.jvm().map_or("no JVM".to_owned(), |id| id.to_string());
                    line("record", &format!("{:?}, {jvm} ({})", record.phase, file.display_path()));
                    for not_checked in of_record(record) {
                        line(NOT_CHECKED, &format!("at depth {} {}", not_checked.depth, not_checked.since));
                    }
                }
            }
            let processes = observe(
                settings,
                target,
                record.as_ref(),
                ObservationScope::AllProcesses,
                deadline.started + deadline.timeout() / 4,
            );
            line("processes", &describe_processes(&processes));
            let node = NodeContext::new(
                settings,
                target,
                record.as_ref(),
                deadline.started + deadline.timeout() / 3,
            );
            for Bystander { id, why } in node.bystanders() {
                line("ignored", &format!("{id} {why}"));
            }
            if let PicoPresence::One { id, .. } = processes {
                line("age", &format!("{} s", process::process_age(id).as_secs()));
                let state =
                    id.stat().ok().flatten().map_or_else(|| "gone".to_owned(), |s| s.state.to_string());
                line("state", &state);
            }
            match inspect(settings, target, deadline.started + deadline.timeout() / 2) {
                Err(e) => line("installation", &e),
                Ok(inspection) => {
                    line("mz_home", &inspection.home);
                    line("user", &inspection.user);
                    line("mzsh", &inspection.mzsh);
                    line("registry", &inspection.registry);
                    if let Some(container) = &inspection.script.container {
                        line("MZ_CONTAINER of mzsh", container);
                    }
                    if let Some(java_home) = &inspection.script.java_home {
                        line("JAVA_HOME of mzsh", &java_home.display());
                    }
                    if let RegistryState::Defined(facts) = &inspection.registry {
                        if !facts.templates.is_empty() {
                            line("templates", &facts.templates.join(", "));
                        }
                        for (property, port) in &facts.ports {
                            line("port", &format!("{port} ({property})"));
                        }
                        if let Some(platform) = &facts.platform {
                            line("Platform", platform);
                        }
                        line("pid file", &facts.pid_file.display());
                        for problem in &facts.problems {
                            line("problem", problem);
                        }
                        match HaCheckPlan::from_settings(settings, Ok(&facts.ha)) {
                            HaCheckPlan::Off => line("HA check", &"off"),
                            HaCheckPlan::Ask(endpoint) => line("HA check", &format!("asks {endpoint}")),
                            HaCheckPlan::CannotAsk(why) => line("HA check", &format!("can't be made: {why}")),
                        }
                        line(
                            "ha_grace",
                            &format!("{} s", deep_checks::ha_grace(settings, Some(&facts.ha)).as_secs()),
                        );
                    }
                    for row in resolve_host_names(settings, &inspection, deadline) {
                        let problems: Vec<&str> = row.problems.iter().map(|p| p.text.as_str()).collect();
                        let verdict = match (problems.as_slice(), &row.resolution) {
                            // Where that leaves the pico is not known.
                            ([], HostResolution::Unset) => String::new(),
                            ([], _) => "; right".to_owned(),
                            _ => format!("; {}", problems.join("; ")),
                        };
                        line(row.property.name(), &format!("{}{verdict}", row.describe()));
                    }
                }
            }
            if let Ok(path) = crate::record::lock_path(target) {
                line("lock", &path.display());
            }
        }
    }
    let request = MonitorRequest::one_shot(MonitorKind::Recurring, 10).by_person();
    let outcome = monitor(settings, request, deadline);
    if let (ActionStatus::Success, Some(warning)) = (outcome.status, &outcome.reason) {
        line("warning", warning);
    }
    (points, outcome)
}

fn describe_processes(processes: &PicoPresence) -> String {
    match processes {
        PicoPresence::None { .. } => "none, after a look at all".to_owned(),
        PicoPresence::Starting { mzsh } => format!("none; an mzsh is starting it: {mzsh}"),
        PicoPresence::One { id, liveness: life } => format!("{id}, {}", describe_liveness(*life)),
        PicoPresence::Several(pids) => format!("several: {pids:?}"),
        PicoPresence::Unknown(why) => format!("can't be told: {why}"),
    }
}

fn describe_liveness(life: Liveness) -> String {
    match life {
        Liveness::Alive => "well as far as /proc tells".to_owned(),
        Liveness::Traced => "held by a debugger".to_owned(),
        Liveness::Stopped => "stopped".to_owned(),
        Liveness::ZombieLeader { threads } => format!("its main thread has ended, {threads} live"),
    }
}
