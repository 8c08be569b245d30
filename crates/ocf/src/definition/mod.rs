//! What an agent says of itself, in constants: its metadata, its usage, and which actions are dispatched at all.

mod check;

use crate::{Action, Parameter};
use std::time::Duration;

/// An agent's description of itself.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// The agent's type: the name of its file.
    pub name: &'static str,
    /// The version of the agent (not of the OCF API).
    pub version: &'static str,
    /// A few words.
    pub shortdesc: &'static str,
    /// Paragraphs, divided by empty lines.
    pub longdesc: &'static str,
    /// The parameters, in the order in which people should meet them.
    pub parameters: &'static [Parameter],
    /// The operations that are implemented; what is not here is answered with exit code 3.
    pub operations: &'static [Operation],
}

/// An action as Pacemaker runs it, with the advice that pcs and crm take over into a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// What is done.
    pub action: Action,
    /// Advised timeout.
    pub timeout: Duration,
    /// Advised interval, of a recurring monitor. Two monitors must differ in it.
    pub interval: Option<Duration>,
    /// `OCF_CHECK_LEVEL`, of a monitor: 0, 10 or 20.
    pub depth: Option<u32>,
}

impl Operation {
    /// An action with its advised timeout in seconds.
    #[must_use]
    pub const fn new(action: Action, timeout: u64) -> Self {
        Self { action, timeout: Duration::from_secs(timeout), interval: None, depth: None }
    }

    /// A monitor of this depth, with its advised interval and timeout in seconds.
    #[must_use]
    pub const fn monitor(depth: u32, interval: u64, timeout: u64) -> Self {
        let operation = Self::new(Action::Monitor, timeout);
        Self { interval: Some(Duration::from_secs(interval)), depth: Some(depth), ..operation }
    }
}

impl Definition {
    /// Is this action dispatched to the agent? Those for people always are.
    #[must_use]
    pub fn implements(&self, action: Action) -> bool {
        !action.is_operation() || self.operations.iter().any(|operation| operation.action == action)
    }

    /// Can this parameter be changed without a restart?
    #[must_use]
    pub fn is_reloadable(&self, name: &str) -> bool {
        self.parameters.iter().any(|parameter| parameter.name == name && parameter.reloadable)
    }

    /// The advised timeout of an action, for a monitor that of the deepest check that is not deeper than `level`.
    /// Actions for people look as a monitor does, and get its time.
    #[must_use]
    pub fn advised_timeout(&self, action: Action, level: u32) -> Option<Duration> {
        let action = if action.is_operation() { action } else { Action::Monitor };
        self.operations
            .iter()
            .filter(|o| o.action == action && o.depth.unwrap_or(0) <= level)
            .max_by_key(|o| o.depth)
            .map(|operation| operation.timeout)
    }
}
