//! explain: every piece of evidence, the verdict, and what monitor would answer. For a person.

use super::checks::host_names;
use super::deep::{self, HaPlan};
use super::monitor::{Request, monitor};
use super::record_of;
use super::unchecked::of_record;
use super::weigh::NOT_CHECKED;
use crate::addresses::Found;
use crate::budget::Budget;
use crate::identity::Bystander;
use crate::outcome::{Answer, Outcome};
use crate::product::{RegistryState, inspect};
use crate::settings::Settings;
use crate::verdict::node::Node;
use crate::verdict::{Life, Look, Occasion, Processes, observe};
use host::process;

/// One piece of evidence: what was looked at, and what was seen.
pub type Point = (&'static str, String);

/// The evidence, and what a recurring monitor at depth 10 would answer. Changes nothing but what such a monitor
/// would: it may adopt the pico.
#[must_use]
pub fn explain(settings: &Settings, budget: Budget) -> (Vec<Point>, Outcome) {
    let mut points: Vec<Point> = Vec::new();
    let mut line = |what, seen: &dyn std::fmt::Display| points.push((what, seen.to_string()));
    line("resource", &settings.resource.as_deref().unwrap_or("(the call names none)"));
    match &settings.target {
        Err(why) => line("pico", &format!("can't be told: {why}")),
        Ok(target) => {
            line("pico", &format!("{} ({}) of {}", target.name, settings.kind, target.home.path().display()));
            let (file, record) = record_of(settings, target);
            match &record {
                None => line("record", &format!("none of this boot in {}", file.place())),
                Some(record) => {
                    let jvm = record.jvm().map_or("no JVM".to_owned(), |id| id.to_string());
                    line("record", &format!("{:?}, {jvm} ({})", record.phase, file.place()));
                    for not_checked in of_record(record) {
                        line(NOT_CHECKED, &format!("at depth {} {}", not_checked.depth, not_checked.since));
                    }
                }
            }
            let processes = observe(
                settings,
                target,
                record.as_ref(),
                Look::Everything,
                budget.begun + budget.length() / 4,
            );
            line("processes", &in_words(&processes));
            let node = Node::new(settings, target, record.as_ref(), budget.begun + budget.length() / 3);
            for Bystander { id, why } in node.bystanders() {
                line("ignored", &format!("{id} {why}"));
            }
            if let Processes::One { id, .. } = processes {
                line("age", &format!("{} s", process::uptime(id).as_secs()));
                let state =
                    id.stat().ok().flatten().map_or_else(|| "gone".to_owned(), |s| s.state.to_string());
                line("state", &state);
            }
            match inspect(settings, target, budget.begun + budget.length() / 2) {
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
                        match HaPlan::of(settings, Ok(&facts.ha)) {
                            HaPlan::Off => line("HA check", &"off"),
                            HaPlan::Ask(endpoint) => line("HA check", &format!("asks {endpoint}")),
                            HaPlan::CannotAsk(why) => line("HA check", &format!("can't be made: {why}")),
                        }
                        line("ha_grace", &format!("{} s", deep::grace(settings, Some(&facts.ha)).as_secs()));
                    }
                    for row in host_names(settings, &inspection, budget) {
                        let problems: Vec<&str> = row.problems.iter().map(|p| p.text.as_str()).collect();
                        let verdict = match (problems.as_slice(), &row.found) {
                            // Where that leaves the pico is not known.
                            ([], Found::Unset) => String::new(),
                            ([], _) => "; right".to_owned(),
                            _ => format!("; {}", problems.join("; ")),
                        };
                        line(row.property.name(), &format!("{}{verdict}", row.in_words()));
                    }
                }
            }
            if let Ok(path) = crate::record::lock_path(target) {
                line("lock", &path.display());
            }
        }
    }
    let request = Request::once(Occasion::Recurring, 10).by_person();
    let outcome = monitor(settings, request, budget);
    if let (Answer::Success, Some(warning)) = (outcome.answer, &outcome.reason) {
        line("warning", warning);
    }
    (points, outcome)
}

fn in_words(processes: &Processes) -> String {
    match processes {
        Processes::None { .. } => "none, after a look at all".to_owned(),
        Processes::Starting { mzsh } => format!("none; an mzsh is starting it: {mzsh}"),
        Processes::One { id, life } => format!("{id}, {}", in_a_word(*life)),
        Processes::Several(pids) => format!("several: {pids:?}"),
        Processes::Unknown(why) => format!("can't be told: {why}"),
    }
}

fn in_a_word(life: Life) -> String {
    match life {
        Life::Well => "well as far as /proc tells".to_owned(),
        Life::Traced => "held by a debugger".to_owned(),
        Life::Stopped => "stopped".to_owned(),
        Life::LeaderGone { threads } => format!("its main thread has ended, {threads} live"),
    }
}
