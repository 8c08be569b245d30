//! An agent's metadata as constants. It yields the XML, the usage text and the list of dispatched
//! actions.

mod check;

use crate::{Action, Parameter};
use std::time::Duration;

/// The metadata of an agent.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// The agent's type, which is the name of its file.
    pub name: &'static str,
    /// The version of the agent (not of the OCF API).
    pub version: &'static str,
    /// A short description, for lists.
    pub shortdesc: &'static str,
    /// The long description: paragraphs, separated by empty lines.
    pub longdesc: &'static str,
    /// The parameters, in the order in which documentation lists them.
    pub parameters: &'static [Parameter],
    /// The implemented operations; any other gets exit code 3.
    pub operations: &'static [Operation],
}

/// An operation as Pacemaker runs it. pcs and crm copy its timeout and interval into a
/// configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The action.
    pub action: Action,
    /// The advised timeout.
    pub timeout: Duration,
    /// The advised interval of a recurring monitor. No two monitors may share it.
    pub interval: Option<Duration>,
    /// `OCF_CHECK_LEVEL` of a monitor: 0, 10 or 20.
    pub depth: Option<u32>,
}

impl Operation {
    /// An operation with its advised timeout in seconds.
    #[must_use]
    pub const fn new(action: Action, timeout: u64) -> Self {
        Self { action, timeout: Duration::from_secs(timeout), interval: None, depth: None }
    }

    /// A monitor at this depth, with its advised interval and timeout in seconds.
    #[must_use]
    pub const fn monitor(depth: u32, interval: u64, timeout: u64) -> Self {
        let operation = Self::new(Action::Monitor, timeout);
        Self { interval: Some(Duration::from_secs(interval)), depth: Some(depth), ..operation }
    }
}

impl Definition {
    /// True if the agent implements this action; it always implements those for people.
    #[must_use]
    pub fn implements(&self, action: Action) -> bool {
        !action.is_operation() || self.operations.iter().any(|operation| operation.action == action)
    }

    /// True if a change of this parameter needs no restart.
    #[must_use]
    pub fn is_reloadable(&self, name: &str) -> bool {
        self.parameters.iter().any(|parameter| parameter.name == name && parameter.reloadable)
    }

    /// The advised timeout of an action. A monitor gets the timeout of its deepest depth that is at
    /// most `level`. Actions for people get the timeout of a monitor.
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
