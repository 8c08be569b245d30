//! The trait that an agent implements.
//!
//! The types enforce some of OCF's rules. Only a monitor, and the actions like it, can answer "not
//! running" or "degraded". A stop can only answer "down" or "possibly not down". A failure always
//! has a reason.

use crate::{
    Definition, ErrorCode, Evidence, Findings, InProcess, Invocation, LogFiles, ParameterError,
};

/// Why an action failed. The person on call reads the reason in `pcs status`: what was seen, where,
/// and the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Failure {
    /// The kind of the failure; it becomes the exit code.
    pub code: ErrorCode,
    /// The exit reason, of which Pacemaker shows the first
    /// [`MAX_BYTES`](crate::exit_reason::MAX_BYTES) bytes.
    pub reason: String,
}

impl Failure {
    /// A failure with this code and reason.
    #[must_use]
    pub fn new(code: ErrorCode, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// A failure with [`ErrorCode::Generic`]: a retry may succeed.
    #[must_use]
    pub fn generic(reason: impl Into<String>) -> Self {
        Self::new(ErrorCode::Generic, reason)
    }
}

/// An invalid parameter is invalid on every node. This conversion suits a start. A monitor or stop
/// that does not need the parameter should ignore the error instead.
impl From<ParameterError> for Failure {
    fn from(error: ParameterError) -> Self {
        Self::new(ErrorCode::NotConfigured, error.to_string())
    }
}

/// The result of a monitor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The service runs and is healthy.
    Running,
    /// The service certainly does not run; with the evidence, if any.
    NotRunning(Option<String>),
    /// The service runs but is likely to fail, for this reason.
    Degraded(String),
}

/// A resource agent. [`run`](crate::run()) calls one method, once; then the process ends.
///
/// [`run`](crate::run()) dispatches only the actions in the [`Definition`]. Each method must return
/// before [`Invocation::deadline`]. Each may be called twice in a row.
pub trait Agent {
    /// The agent's metadata.
    fn definition(&self) -> &Definition;

    /// The writer of log files and traces. The default writes in this process, so a file system
    /// that hangs blocks the action.
    fn log_files(&self) -> &'static dyn LogFiles {
        &InProcess
    }

    /// Starts the service; returns when it is fully up. A service that already runs is a success.
    ///
    /// # Errors
    /// Pacemaker by default retries no start on this node until the failure is cleaned up.
    fn start(&self, call: &Invocation) -> Result<(), Failure>;

    /// Stops the service; returns when it is certainly down. A service that is already down is a
    /// success. A stop must not fail because of invalid parameters, missing software or missing
    /// storage.
    ///
    /// # Errors
    /// Pacemaker fences the node.
    fn stop(&self, call: &Invocation) -> Result<(), Failure>;

    /// Checks the service and changes nothing. Pacemaker may kill it at any time, when another
    /// action is due.
    ///
    /// # Errors
    /// Pacemaker recovers the resource. The failure of a probe ([`Invocation::is_probe`]) has wider
    /// effects. Generic, permission and unimplemented restart a healthy instance on another node.
    /// Not configured stops that instance. The other two ban this node.
    fn monitor(&self, call: &Invocation) -> Result<State, Failure>;

    /// Checks the parameters. Level 0, or none, checks only their values; level 10 also checks them
    /// against this node.
    fn validate_all(&self, call: &Invocation) -> Findings {
        let mut findings = Findings::default();
        findings.add_parameter_errors(call.values().check_all(self.definition().parameters));
        findings
    }

    /// Applies changed reloadable parameters. It never disturbs or starts the service. The default
    /// is a monitor, which suffices for an agent whose actions all read their parameters anew.
    ///
    /// # Errors
    /// Pacemaker recovers the resource.
    fn reload_agent(&self, call: &Invocation) -> Result<State, Failure> {
        self.monitor(call)
    }

    /// For people: adds the evidence and returns the result of a monitor. The default adds no
    /// evidence.
    ///
    /// # Errors
    /// The errors of [`monitor`](Self::monitor).
    fn explain(&self, call: &Invocation, evidence: &mut Evidence) -> Result<State, Failure> {
        let _ = evidence;
        self.monitor(call)
    }
}
