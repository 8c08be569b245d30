//! The actions: OCF's question to [`pico`], its answer in OCF's words.

use crate::failures::Pacemaker;
use crate::{ByWorkers, definition, parameters, settings};
use ocf::time::spelled;
use ocf::{
    Action, Class, CloneKind, Definition, Evidence, Failure, Findings, Invocation, LogFiles, ParameterError,
    State,
};
use pico::actions::{self, Cluster, Request, Severity, needs};
use pico::verdict::Occasion;
use pico::{Answer, Budget, Outcome, PicoType, Settings, Target};

/// The agent for one kind of pico.
#[derive(Clone, Copy, Debug)]
pub struct PicoAgent {
    kind: PicoType,
}

impl PicoAgent {
    /// The agent for this kind.
    #[must_use]
    pub fn new(kind: PicoType) -> Self {
        Self { kind }
    }

    /// What is set, where wrong values may be passed over.
    fn lenient(self, call: &Invocation) -> Settings {
        let (settings, errors) = settings::read(self.kind, call);
        warn(&settings, &errors);
        settings
    }

    /// What is set, for a start. A parameter that can be changed while the pico runs must not keep the next start, perhaps of a fail-over long
    /// after, from starting it: its default is taken. A change of any other one restarts the pico, so that an error in it shows at once.
    fn for_start(self, call: &Invocation) -> Result<Settings, Failure> {
        let (settings, errors) = settings::read(self.kind, call);
        let is_reloadable = |error: &ParameterError| definition(self.kind).is_reloadable(error.name());
        let (passed_over, refused): (Vec<_>, Vec<_>) = errors.into_iter().partition(is_reloadable);
        if let Some(error) = refused.into_iter().next() {
            return Err(error.into());
        }
        warn(&settings, &passed_over);
        Ok(settings)
    }
}

impl ocf::Agent for PicoAgent {
    fn definition(&self) -> &Definition {
        definition(self.kind)
    }

    fn log_files(&self) -> &'static dyn LogFiles {
        &ByWorkers
    }

    fn start(&self, call: &Invocation) -> Result<(), Failure> {
        let settings = self.for_start(call)?;
        if call.clone_kind() == Some(CloneKind::GloballyUnique) {
            let reason = format!("{CLONE}: {}", cloned(&settings, CloneKind::GloballyUnique));
            return Err(Failure::new(Class::NotConfigured, reason));
        }
        done(actions::start(&settings, budget(call)))
    }

    fn stop(&self, call: &Invocation) -> Result<(), Failure> {
        done(actions::stop(&self.lenient(call), budget(call)))
    }

    fn monitor(&self, call: &Invocation) -> Result<State, Failure> {
        let cluster = call.node().map(|node| Pacemaker { resource: call.instance(), node });
        let request = Request {
            occasion: if call.is_probe() { Occasion::Probe } else { Occasion::Recurring },
            depth: call.check_level().unwrap_or(0),
            every: call.interval().filter(|_| call.is_recurring_by_cluster()),
            may_wait: call.timeout().is_some(),
            cluster: cluster.as_ref().map(|cluster| cluster as &dyn Cluster),
            must_ask: false,
            for_person: call.action() == Action::Status,
        };
        looked(actions::monitor(&self.lenient(call), request, budget(call)))
    }

    fn validate_all(&self, call: &Invocation) -> Findings {
        let (settings, errors) = settings::read(self.kind, call);
        let mut findings = Findings::default();
        let readable = errors.is_empty();
        findings.parameters(errors);
        match call.clone_kind() {
            Some(kind @ CloneKind::GloballyUnique) => {
                findings.error(Class::NotConfigured, CLONE, cloned(&settings, kind));
            }
            Some(kind @ CloneKind::Anonymous) => findings.warning(CLONE, cloned(&settings, kind)),
            None => {}
        }
        if let Some(text) = settings.target.as_ref().ok().and_then(Target::unspecific_pattern) {
            findings.warning(parameters::PROCESS_MATCH.name, format!("{text}; put one of them in"));
        }
        if let Some(text) = cut_wait(&settings) {
            findings.warning("wait", text);
        }
        if readable && call.check_level().unwrap_or(0) >= 10 {
            match actions::examine(&settings, budget(call)) {
                Err(why) => findings.error(Class::Generic, "mz_home", why),
                Ok(examined) => examined.findings.iter().for_each(|finding| match finding.severity {
                    Severity::Error(of) => findings.error(class(of), finding.name, &finding.text),
                    Severity::Warning => findings.warning(finding.name, &finding.text),
                }),
            }
        }
        findings
    }

    fn reload_agent(&self, call: &Invocation) -> Result<State, Failure> {
        looked(actions::reload(&self.lenient(call), budget(call)))
    }

    fn explain(&self, call: &Invocation, evidence: &mut Evidence) -> Result<State, Failure> {
        let (points, outcome) = actions::explain(&self.lenient(call), budget(call));
        for (what, seen) in points {
            evidence.add(what, seen);
        }
        looked(outcome)
    }
}

/// The parameters that say which pico is meant.
const IDENTITY: [&str; 3] =
    [parameters::PICO_NAME.name, parameters::MZ_HOME.name, parameters::PROCESS_MATCH.name];

/// Says what is taken in place of values that can't be read.
fn warn(settings: &Settings, errors: &[ParameterError]) {
    let pattern = settings.target.as_ref().ok().and_then(|target| target.process_match.as_ref());
    for error in errors {
        let instead = match &settings.target {
            // Which pico is meant has no default: what the resource's record says is taken.
            Err(_) if IDENTITY.contains(&error.name()) => "the record is taken",
            Ok(_) if error.name() == parameters::PROCESS_MATCH.name && pattern.is_some() => {
                "no program of the cluster is taken for the pico"
            }
            _ => "the default is taken",
        };
        tracing::warn!("{error}; {instead}");
    }
}

/// The name of what is wrong with a clone, which is no parameter.
const CLONE: &str = "clone";

/// What a clone of one pico comes to: all instances have the same parameters.
fn cloned(settings: &Settings, kind: CloneKind) -> String {
    let pico = settings.pico();
    let what = match kind {
        CloneKind::GloballyUnique => "instances of a globally-unique clone would all be",
        CloneKind::Anonymous if settings.kind == PicoType::Platform => "several nodes would run the Platform",
        CloneKind::Anonymous => "several nodes run the same pico",
    };
    format!("{what} {pico}; make a resource for each pico instead")
}

/// What the operations of the cluster allow is not known here; what is advised for them is.
fn cut_wait(settings: &Settings) -> Option<String> {
    let needed = needs::monitor(settings, 0);
    let advised = definition(settings.kind).advised_timeout(Action::Monitor, 0)?;
    (needed > advised).then(|| {
        let (wait, half) = (spelled(settings.wait), spelled(advised / 2));
        format!(
            "{wait}: a monitor of depth 0 waits for no more than half of its time-out, which is {half} of the {} that are advised; \
             give it timeout={} or leave wait out",
            spelled(advised),
            spelled(needed)
        )
    })
}

fn budget(call: &Invocation) -> Budget {
    let deadline = call.deadline();
    Budget { begun: deadline.begun(), end: deadline.instant() }
}

fn class(of: pico::Class) -> Class {
    match of {
        pico::Class::Generic | pico::Class::Undecided => Class::Generic,
        pico::Class::InvalidHere => Class::InvalidHere,
        pico::Class::Permission => Class::Permission,
        pico::Class::NotInstalled => Class::NotInstalled,
        pico::Class::NotConfigured => Class::NotConfigured,
    }
}

/// Of an action that can't end in "not running".
fn done(outcome: Outcome) -> Result<(), Failure> {
    match outcome.answer {
        Answer::Success | Answer::Degraded => {
            if let Some(reason) = outcome.reason {
                tracing::warn!("{reason}");
            }
            Ok(())
        }
        Answer::NotRunning => Err(Failure::generic(outcome.reason.unwrap_or_default())),
        Answer::Failed(of) => Err(Failure::new(class(of), outcome.reason.unwrap_or_default())),
    }
}

fn looked(outcome: Outcome) -> Result<State, Failure> {
    match outcome.answer {
        Answer::NotRunning => Ok(State::NotRunning(outcome.reason)),
        Answer::Degraded => Ok(State::Degraded(outcome.reason.unwrap_or_default())),
        _ => done(outcome).map(|()| State::Running),
    }
}
