//! The actions: what a call of the cluster means for [`pico`].

use crate::failures::Pacemaker;
use crate::{ByWorkers, definition, settings};
use ocf::time::format_duration;
use ocf::{
    Action, CloneKind, Definition, ErrorCode, Evidence, Failure, Findings, Invocation, LogFiles,
    ParameterError, State,
};
use pico::actions::{self, Audience, Cluster, MonitorCall, Severity, minimum_timeout};
use pico::{PicoInstance, PicoType, Settings, parameters};

/// The agent for one kind of pico.
#[derive(Clone, Copy, Debug)]
pub struct PicoAgent {
    pico_type: PicoType,
}

impl PicoAgent {
    /// The agent for this kind.
    #[must_use]
    pub fn new(kind: PicoType) -> Self {
        Self { pico_type: kind }
    }

    /// The settings, with defaults in place of invalid values.
    fn settings_with_defaults(self, call: &Invocation) -> Settings {
        let (settings, errors) = settings::read(self.pico_type, call);
        warn_of_defaults(&settings, &errors);
        settings
    }

    /// The settings of a start. An invalid reloadable parameter must not block a later failover, so its default is taken. A change
    /// of any other parameter restarts the pico, so an error in it shows at once.
    fn settings_for_start(self, call: &Invocation) -> Result<Settings, Failure> {
        let (settings, errors) = settings::read(self.pico_type, call);
        let is_reloadable =
            |error: &ParameterError| definition(self.pico_type).is_reloadable(error.name());
        let (passed_over, refused): (Vec<_>, Vec<_>) = errors.into_iter().partition(is_reloadable);
        if let Some(error) = refused.into_iter().next() {
            return Err(error.into());
        }
        warn_of_defaults(&settings, &passed_over);
        Ok(settings)
    }
}

impl ocf::Agent for PicoAgent {
    fn definition(&self) -> &Definition {
        definition(self.pico_type)
    }

    fn log_files(&self) -> &'static dyn LogFiles {
        &ByWorkers
    }

    fn start(&self, call: &Invocation) -> Result<(), Failure> {
        let settings = self.settings_for_start(call)?;
        if call.clone_kind() == Some(CloneKind::GloballyUnique) {
            let reason = format!(
                "{CLONE_FINDING}: {}",
                describe_clone(&settings, CloneKind::GloballyUnique)
            );
            return Err(Failure::new(ErrorCode::NotConfigured, reason));
        }
        actions::start(&settings, call.deadline())
    }

    fn stop(&self, call: &Invocation) -> Result<(), Failure> {
        actions::stop(&self.settings_with_defaults(call), call.deadline())
    }

    fn monitor(&self, call: &Invocation) -> Result<State, Failure> {
        let cluster = call.node().map(|node| Pacemaker { resource: call.instance(), node });
        let depth = call.check_level().unwrap_or(0);
        let monitor_call = match call.interval().filter(|_| !call.is_probe()) {
            None => MonitorCall::Probe,
            Some(interval) if call.is_recurring_monitor() => MonitorCall::Recurring {
                depth,
                interval,
                may_wait: call.timeout().is_some(),
                cluster: cluster.as_ref().map(|cluster| cluster as &dyn Cluster),
            },
            Some(_) => MonitorCall::OneShot { depth, audience: Audience::Log },
        };
        actions::monitor(&self.settings_with_defaults(call), monitor_call, call.deadline())
    }

    fn validate_all(&self, call: &Invocation) -> Findings {
        let (settings, errors) = settings::read(self.pico_type, call);
        let mut findings = Findings::default();
        let readable = errors.is_empty();
        findings.add_parameter_errors(errors);
        match call.clone_kind() {
            Some(kind @ CloneKind::GloballyUnique) => {
                findings.error(
                    ErrorCode::NotConfigured,
                    CLONE_FINDING,
                    describe_clone(&settings, kind),
                );
            }
            Some(kind @ CloneKind::Anonymous) => {
                findings.warning(CLONE_FINDING, describe_clone(&settings, kind));
            }
            None => {}
        }
        if let Some(text) =
            settings.target.as_ref().ok().and_then(PicoInstance::unspecific_pattern_warning)
        {
            findings.warning(parameters::PROCESS_MATCH.name, format!("{text}; put one of them in"));
        }
        if let Some(text) = describe_cut_wait(&settings) {
            findings.warning("wait", text);
        }
        if readable && call.check_level().unwrap_or(0) >= 10 {
            match actions::validate(&settings, call.deadline()) {
                Err(why) => findings.error(ErrorCode::Generic, "mz_home", why),
                Ok(examined) => {
                    examined.problems.iter().for_each(|finding| match finding.severity {
                        Severity::Error(code) => findings.error(code, finding.name, &finding.text),
                        Severity::Warning => findings.warning(finding.name, &finding.text),
                    });
                }
            }
        }
        findings
    }

    fn reload_agent(&self, call: &Invocation) -> Result<State, Failure> {
        actions::reload(&self.settings_with_defaults(call), call.deadline())
    }

    fn explain(&self, call: &Invocation, evidence: &mut Evidence) -> Result<State, Failure> {
        let (points, verdict) =
            actions::explain(&self.settings_with_defaults(call), call.deadline());
        for (what, seen) in points {
            evidence.add(what, seen);
        }
        verdict.into_result()
    }
}

/// The parameters that identify the pico.
const IDENTITY_PARAMETERS: [&str; 3] =
    [parameters::PICO_NAME.name, parameters::MZ_HOME.name, parameters::PROCESS_MATCH.name];

fn warn_of_defaults(settings: &Settings, errors: &[ParameterError]) {
    let pattern = settings.target.as_ref().ok().and_then(|target| target.process_match.as_ref());
    for error in errors {
        let instead = match &settings.target {
            // The identity of the pico has no default.
            Err(_) if IDENTITY_PARAMETERS.contains(&error.name()) => "the record is taken",
            Ok(_) if error.name() == parameters::PROCESS_MATCH.name && pattern.is_some() => {
                "no program of the cluster is taken for the pico"
            }
            _ => "the default is taken",
        };
        tracing::warn!("{error}; {instead}");
    }
}

const CLONE_FINDING: &str = "clone";

/// All instances of a clone have the same parameters, so they are the same pico.
fn describe_clone(settings: &Settings, kind: CloneKind) -> String {
    let pico = settings.pico_label();
    let what = match kind {
        CloneKind::GloballyUnique => "instances of a globally-unique clone would all be",
        CloneKind::Anonymous if settings.pico_type == PicoType::Platform => {
            "several nodes would run the Platform"
        }
        CloneKind::Anonymous => "several nodes run the same pico",
    };
    format!("{what} {pico}; make a resource for each pico instead")
}

/// The configured timeout is unknown here, so this compares with the advised one.
fn describe_cut_wait(settings: &Settings) -> Option<String> {
    let needed = minimum_timeout::monitor(settings, 0);
    let advised = definition(settings.pico_type).advised_timeout(Action::Monitor, 0)?;
    (needed > advised).then(|| {
        let (wait, half) = (format_duration(settings.wait), format_duration(advised / 2));
        format!(
            "{wait}: a monitor of depth 0 waits for at most half of its timeout (advised: {}, so {half}); set timeout={} for \
             the operation, or remove wait",
            format_duration(advised),
            format_duration(needed)
        )
    })
}
