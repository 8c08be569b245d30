//! What an action comes to.

use host::descriptors::naming_the_limit;

/// The answer, in the terms of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Done, or: it is running.
    Success,
    /// It is not running, surely.
    NotRunning,
    /// It runs, but something is wrong with it.
    Degraded,
    /// It failed; whose fault it is decides what the cluster may do next.
    Failed(Class),
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// The state of the pico, the node, the network or the registry: it may be different next time, or elsewhere.
    Generic,
    /// A parameter that is right in itself but not on this node.
    InvalidHere,
    /// Permissions.
    Permission,
    /// The product is not installed here, surely.
    NotInstalled,
    /// What the parameters alone prove to be wrong: it is wrong everywhere.
    NotConfigured,
    /// Nobody's: what runs can't be told, so that it is neither said to run nor not to.
    Undecided,
}

/// The answer and, unless all is well, why: one line for the person on call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// What is answered.
    pub answer: Answer,
    /// Why. With [`Answer::Success`] it is a warning.
    pub reason: Option<String>,
}

impl Outcome {
    /// All is well.
    #[must_use]
    pub fn success() -> Self {
        Self { answer: Answer::Success, reason: None }
    }

    /// It failed by the state of things.
    #[must_use]
    pub fn failed(reason: impl Into<String>) -> Self {
        Self::failed_by(Class::Generic, reason)
    }

    /// It failed, and whose fault it is.
    #[must_use]
    pub fn failed_by(class: Class, reason: impl Into<String>) -> Self {
        Self { answer: Answer::Failed(class), reason: Some(naming_the_limit(&reason.into())) }
    }

    /// It is not running.
    #[must_use]
    pub fn not_running(reason: impl Into<String>) -> Self {
        Self { answer: Answer::NotRunning, reason: Some(reason.into()) }
    }
}
