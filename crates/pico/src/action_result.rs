//! The result of an action.

use host::descriptors::with_descriptor_limit;

/// The result, as the state of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActionStatus {
    /// Done, or running.
    Success,
    /// Not running: every process of the node was examined.
    NotRunning,
    /// Running, with a problem.
    Degraded,
    /// Failed; the cause decides between soft, hard and fatal error.
    Failed(FailureCause),
}

/// Cause of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FailureCause {
    /// The state of the pico, the node, the network or the registry: another attempt, or another node, may succeed.
    Generic,
    /// A parameter that is valid, but not on this node.
    InvalidParameter,
    /// Permissions.
    Permission,
    /// The product is certainly not installed here.
    NotInstalled,
    /// Parameters that are wrong on every node.
    NotConfigured,
    /// The state of the pico could not be determined: neither running nor not running.
    StateUnknown,
}

/// The status and its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActionResult {
    pub status: ActionStatus,
    /// One line for the person on call. With [`ActionStatus::Success`] it is a warning.
    pub reason: Option<String>,
}

impl ActionResult {
    #[must_use]
    pub fn success() -> Self {
        Self { status: ActionStatus::Success, reason: None }
    }

    /// [`FailureCause::Generic`].
    #[must_use]
    pub fn failed(reason: impl Into<String>) -> Self {
        Self::failed_with_cause(FailureCause::Generic, reason)
    }

    #[must_use]
    pub fn failed_with_cause(cause: FailureCause, reason: impl Into<String>) -> Self {
        Self { status: ActionStatus::Failed(cause), reason: Some(with_descriptor_limit(&reason.into())) }
    }

    #[must_use]
    pub fn not_running(reason: impl Into<String>) -> Self {
        Self { status: ActionStatus::NotRunning, reason: Some(reason.into()) }
    }
}
