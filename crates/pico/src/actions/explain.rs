//! explain: the evidence, the verdict, and the answer of a monitor, for people.

use std::fmt;

use super::deep_checks::{self, HaCheckPlan};
use super::load_record;
use super::monitor::{Audience, MonitorCall, monitor_verdict};
use super::node_checks::resolve_host_names;
use super::unchecked::of_record;
use super::weigh::NOT_CHECKED;
use crate::addresses::HostResolution;
use crate::identity::Bystander;
use crate::product::{Inspection, PicoFacts, RegistryState, inspect};
use crate::record::InstanceRecord;
use crate::settings::{PicoInstance, Settings};
use crate::verdict::node_context::NodeContext;
use crate::verdict::{Liveness, ObservationScope, PicoPresence, Verdict, observe};
use host::process;
use ocf::Deadline;

/// What was examined, and what was seen.
pub type EvidencePoint = (&'static str, String);

/// The evidence, and the verdict of a one-shot monitor of depth 10. Like any monitor, it may adopt the pico.
#[must_use]
pub fn explain(settings: &Settings, deadline: Deadline) -> (Vec<EvidencePoint>, Verdict) {
    let mut explanation = Explanation { settings, deadline, points: Vec::new() };
    explanation.add("resource", &settings.resource.as_deref().unwrap_or("(the call names none)"));
    match &settings.target {
        Err(why) => explanation.add("pico", &format!("unknown: {why}")),
        Ok(target) => explanation.add_target(target),
    }
    let call = MonitorCall::OneShot { depth: 10, audience: Audience::Person };
    let verdict = monitor_verdict(settings, call, deadline);
    if let Some(warning) = verdict.warning() {
        explanation.add("warning", &warning);
    }
    (explanation.points, verdict)
}

struct Explanation<'a> {
    settings: &'a Settings,
    deadline: Deadline,
    points: Vec<EvidencePoint>,
}

impl Explanation<'_> {
    fn add(&mut self, what: &'static str, seen: &dyn fmt::Display) {
        self.points.push((what, seen.to_string()));
    }

    fn add_target(&mut self, target: &PicoInstance) {
        let kind = self.settings.pico_type;
        self.add("pico", &format!("{} ({kind}) of {}", target.name, target.home.path().display()));
        let (file, record) = load_record(self.settings, target);
        self.add_record(&file.display_path(), record.as_ref());
        self.add_processes(target, record.as_ref());
        match inspect(self.settings, target, self.deadline.started() + self.deadline.timeout() / 2)
        {
            Err(e) => self.add("installation", &e),
            Ok(inspection) => self.add_inspection(&inspection),
        }
        if let Ok(path) = crate::record::lock_path(target) {
            self.add("lock", &path.display());
        }
    }

    fn add_record(&mut self, path: &dyn fmt::Display, record: Option<&InstanceRecord>) {
        let Some(record) = record else {
            return self.add("record", &format!("none since boot ({path})"));
        };
        let jvm = record.jvm().map_or("no JVM".to_owned(), |id| id.to_string());
        self.add("record", &format!("{:?}, {jvm} ({path})", record.phase));
        for not_checked in of_record(record) {
            self.add(NOT_CHECKED, &format!("at depth {} {}", not_checked.depth, not_checked.since));
        }
    }

    fn add_processes(&mut self, target: &PicoInstance, record: Option<&InstanceRecord>) {
        let (settings, begin, timeout) =
            (self.settings, self.deadline.started(), self.deadline.timeout());
        let processes =
            observe(settings, target, record, ObservationScope::AllProcesses, begin + timeout / 4);
        self.add("processes", &describe_processes(&processes));
        let node = NodeContext::new(settings, target, record, begin + timeout / 3);
        for Bystander { id, why } in node.bystanders() {
            self.add("ignored", &format!("{id} {why}"));
        }
        if let PicoPresence::One { id, .. } = processes {
            self.add("age", &format!("{} s", process::process_age(id).as_secs()));
            let state =
                id.stat().ok().flatten().map_or_else(|| "gone".to_owned(), |s| s.state.to_string());
            self.add("state", &state);
        }
    }

    fn add_inspection(&mut self, inspection: &Inspection) {
        self.add("mz_home", &inspection.home);
        self.add("user", &inspection.user);
        self.add("mzsh", &inspection.mzsh);
        self.add("registry", &inspection.registry);
        if let Some(container) = &inspection.script.container {
            self.add("MZ_CONTAINER of mzsh", container);
        }
        if let Some(java_home) = &inspection.script.java_home {
            self.add("JAVA_HOME of mzsh", &java_home.display());
        }
        if let RegistryState::Defined(facts) = &inspection.registry {
            self.add_registry(facts);
        }
        for check in resolve_host_names(self.settings, inspection, self.deadline) {
            let problems: Vec<&str> = check.problems.iter().map(|p| p.text.as_str()).collect();
            let verdict = match (problems.as_slice(), &check.resolution) {
                // Nothing was resolved, so there is nothing to confirm.
                ([], HostResolution::Unset) => String::new(),
                ([], _) => "; right".to_owned(),
                _ => format!("; {}", problems.join("; ")),
            };
            self.add(check.property.name(), &format!("{}{verdict}", check.describe()));
        }
    }

    fn add_registry(&mut self, facts: &PicoFacts) {
        if !facts.templates.is_empty() {
            self.add("templates", &facts.templates.join(", "));
        }
        for (property, port) in &facts.ports {
            self.add("port", &format!("{port} ({property})"));
        }
        if let Some(platform) = &facts.platform {
            self.add("Platform", platform);
        }
        self.add("pid file", &facts.pid_file.display());
        for problem in &facts.problems {
            self.add("problem", problem);
        }
        match HaCheckPlan::from_settings(self.settings, Ok(&facts.ha)) {
            HaCheckPlan::Off => self.add("HA check", &"off"),
            HaCheckPlan::Ask(endpoint) => self.add("HA check", &format!("asks {endpoint}")),
            HaCheckPlan::CannotAsk(why) => self.add("HA check", &format!("not possible: {why}")),
        }
        let grace = deep_checks::ha_grace(self.settings, Some(&facts.ha));
        self.add("ha_grace", &format!("{} s", grace.as_secs()));
    }
}

fn describe_processes(processes: &PicoPresence) -> String {
    match processes {
        PicoPresence::None { .. } => "none (all were checked)".to_owned(),
        PicoPresence::Starting { mzsh } => format!("none; an mzsh is starting it: {mzsh}"),
        PicoPresence::One { id, liveness: life } => format!("{id}, {}", describe_liveness(*life)),
        PicoPresence::Several(pids) => format!("several: {pids:?}"),
        PicoPresence::Unknown(why) => format!("unknown: {why}"),
    }
}

fn describe_liveness(life: Liveness) -> String {
    match life {
        Liveness::Alive => "alive by /proc".to_owned(),
        Liveness::Traced => "traced by a debugger (t)".to_owned(),
        Liveness::Stopped => "stopped (T)".to_owned(),
        Liveness::ZombieLeader { threads } => {
            format!("a zombie thread-group leader (Z): main thread exited, {threads} threads live")
        }
    }
}
