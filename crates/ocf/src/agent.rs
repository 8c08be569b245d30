//! What an agent implements.
//!
//! The types hold some of OCF's rules: only a monitor (and what looks like one) can say "not running" or "degraded";
//! a stop can only say "it is down" or "it may not be down"; a failure always has a reason.

use crate::{Definition, ErrorCode, Evidence, Findings, InProcess, Invocation, LogFiles, ParameterError};

/// Why an action failed: a line for the person who reads `pcs status` at night. What was seen, where, what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Failure {
    /// The class, which becomes the exit code.
    pub code: ErrorCode,
    /// What is shown: the first [`LIMIT`](crate::exit_reason::MAX_BYTES) bytes of it.
    pub reason: String,
}

impl Failure {
    /// A failure of this class.
    #[must_use]
    pub fn new(code: ErrorCode, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// It may work next time.
    #[must_use]
    pub fn generic(reason: impl Into<String>) -> Self {
        Self::new(ErrorCode::Generic, reason)
    }
}

/// A wrong parameter is wrong on every node. That is right for a start; a monitor or a stop that can do without the
/// parameter should, rather than pass this on.
impl From<ParameterError> for Failure {
    fn from(error: ParameterError) -> Self {
        Self::new(ErrorCode::NotConfigured, error.to_string())
    }
}

/// The result of a monitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It is running and healthy.
    Running,
    /// It is certainly not running; with the evidence, if there is any.
    NotRunning(Option<String>),
    /// It is running, but likely to fail for this reason.
    Degraded(String),
}

/// A resource agent. [`run`](crate::run()) calls the one method that is asked for, once, and the process ends.
///
/// Only the actions in the [`Definition`] are dispatched. Each must end by itself before
/// [`Invocation::deadline`], and may be called twice in a row.
pub trait Agent {
    /// What the agent says of itself.
    fn definition(&self) -> &Definition;

    /// Who writes log files and traces. By default it is the process itself, which a file system that hangs holds up.
    fn log_files(&self) -> &'static dyn LogFiles {
        &InProcess
    }

    /// Brings it up and returns when it is fully up; if it is up already, that is success.
    ///
    /// # Errors
    /// By default Pacemaker tries no other start on this node until somebody cleans up.
    fn start(&self, call: &Invocation) -> Result<(), Failure>;

    /// Brings it down and returns when it is surely down; if it is down already, that is success. Wrong parameters,
    /// missing software and missing storage are no excuse.
    ///
    /// # Errors
    /// The node is fenced.
    fn stop(&self, call: &Invocation) -> Result<(), Failure>;

    /// Looks, and changes nothing. Pacemaker kills it at any moment when another action is due.
    ///
    /// # Errors
    /// The resource is recovered. In a probe ([`Invocation::is_probe`]) a failure reaches further: generic, permission
    /// and unimplemented restart a healthy instance on another node, not configured stops it, and the other two ban this
    /// node.
    fn monitor(&self, call: &Invocation) -> Result<State, Failure>;

    /// Checks the parameters: at level 0 (or none) nothing but them, at level 10 also what they mean on this node.
    fn validate_all(&self, call: &Invocation) -> Findings {
        let mut findings = Findings::default();
        findings.add_parameter_errors(call.values().check_all(self.definition().parameters));
        findings
    }

    /// Makes changed reloadable parameters effective, without disturbing what runs, and never starts it. An agent whose
    /// actions all read their parameters anew has nothing else to do than to look, which is the default.
    ///
    /// # Errors
    /// The resource is recovered.
    fn reload_agent(&self, call: &Invocation) -> Result<State, Failure> {
        self.monitor(call)
    }

    /// For people: adds the evidence, point by point, and says what monitor would. By default there is no evidence.
    ///
    /// # Errors
    /// Those of [`monitor`](Self::monitor).
    fn explain(&self, call: &Invocation, evidence: &mut Evidence) -> Result<State, Failure> {
        let _ = evidence;
        self.monitor(call)
    }
}
