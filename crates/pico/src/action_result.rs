//! What an action comes to.

use host::descriptors::with_descriptor_limit;

/// The answer, in the terms of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionStatus {
    /// Done, or: it is running.
    Success,
    /// It is not running, surely.
    NotRunning,
    /// It runs, but something is wrong with it.
    Degraded,
    /// It failed; whose fault it is decides what the cluster may do next.
    Failed(FailureCause),
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureCause {
    /// The state of the pico, the node, the network or the registry: it may be different next time, or elsewhere.
    Generic,
    /// A parameter that is right in itself but not on this node.
    InvalidParameter,
    /// Permissions.
    Permission,
    /// The product is not installed here, surely.
    NotInstalled,
    /// What the parameters alone prove to be wrong: it is wrong everywhere.
    NotConfigured,
    /// Nobody's: what runs can't be told, so that it is neither said to run nor not to.
    StateUnknown,
}

/// The answer and, unless all is well, why: one line for the person on call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionResult {
    /// What is answered.
    pub status: ActionStatus,
    /// Why. With [`ActionStatus::Success`] it is a warning.
    pub reason: Option<String>,
}

impl ActionResult {
    /// All is well.
    #[must_use]
    pub fn success() -> Self {
        Self { status: ActionStatus::Success, reason: None }
    }

    /// It failed by the state of things.
    #[must_use]
    pub fn failed(reason: impl Into<String>) -> Self {
        Self::failed_with_cause(FailureCause::Generic, reason)
    }

    /// It failed, and whose fault it is.
    #[must_use]
    pub fn failed_with_cause(cause: FailureCause, reason: impl Into<String>) -> Self {
        Self { status: ActionStatus::Failed(cause), reason: Some(with_descriptor_limit(&reason.into())) }
    }

    /// It is not running.
    #[must_use]
    pub fn not_running(reason: impl Into<String>) -> Self {
        Self { status: ActionStatus::NotRunning, reason: Some(reason.into()) }
    }
}
