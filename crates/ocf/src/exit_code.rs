//! The exit codes of the OCF resource agent API 1.1, section "Exit status codes".

use std::fmt;

/// The exit code of an action. Pacemaker treats any other number as [`Generic`](Self::Generic).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExitCode {
    /// The action succeeded; for a monitor: the service runs.
    Success = 0,
    /// The action failed; a retry may succeed. OCF 1.1 says: "If in doubt, return this."
    Generic = 1,
    /// A parameter is invalid on this node. Pacemaker bans the resource from the node.
    InvalidParameter = 2,
    /// The agent does not implement the action.
    Unimplemented = 3,
    /// The node lacks permissions. Pacemaker bans the resource from the node.
    Permission = 4,
    /// The node lacks software. Pacemaker bans the resource from the node.
    NotInstalled = 5,
    /// The configuration is invalid on every node. Pacemaker stops the resource in the whole
    /// cluster.
    NotConfigured = 6,
    /// The service is cleanly stopped. A stop never returns this.
    NotRunning = 7,
    /// The service runs in the promoted role.
    RunningPromoted = 8,
    /// The service failed in the promoted role.
    FailedPromoted = 9,
    /// The service runs but is likely to fail. Only a monitor may return this: Pacemaker treats it
    /// as a failure of any other action.
    Degraded = 190,
    /// [`Degraded`](Self::Degraded), in the promoted role.
    DegradedPromoted = 191,
}

impl ExitCode {
    /// The name in the specification.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Success => "OCF_SUCCESS",
            Self::Generic => "OCF_ERR_GENERIC",
            Self::InvalidParameter => "OCF_ERR_ARGS",
            Self::Unimplemented => "OCF_ERR_UNIMPLEMENTED",
            Self::Permission => "OCF_ERR_PERM",
            Self::NotInstalled => "OCF_ERR_INSTALLED",
            Self::NotConfigured => "OCF_ERR_CONFIGURED",
            Self::NotRunning => "OCF_NOT_RUNNING",
            Self::RunningPromoted => "OCF_RUNNING_PROMOTED",
            Self::FailedPromoted => "OCF_FAILED_PROMOTED",
            Self::Degraded => "OCF_DEGRADED",
            Self::DegradedPromoted => "OCF_DEGRADED_PROMOTED",
        }
    }

    /// The exit code of the process.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

impl fmt::Display for ExitCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.number(), self.name())
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}

/// The kind of a failure. It decides how Pacemaker recovers, and on which nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// Soft error: a retry may succeed (exit code 1).
    Generic,
    /// A parameter is invalid on this node. Pacemaker bans the resource from the node (exit code
    /// 2).
    InvalidParameter,
    /// The agent does not implement the action (exit code 3).
    Unimplemented,
    /// This node lacks permissions. Pacemaker bans the resource from the node (exit code 4).
    Permission,
    /// This node lacks software. Pacemaker bans the resource from the node (exit code 5).
    NotInstalled,
    /// The configuration is invalid on every node. Pacemaker stops the resource in the whole
    /// cluster (exit code 6).
    NotConfigured,
}

impl From<ErrorCode> for ExitCode {
    fn from(code: ErrorCode) -> Self {
        match code {
            ErrorCode::Generic => Self::Generic,
            ErrorCode::InvalidParameter => Self::InvalidParameter,
            ErrorCode::Unimplemented => Self::Unimplemented,
            ErrorCode::Permission => Self::Permission,
            ErrorCode::NotInstalled => Self::NotInstalled,
            ErrorCode::NotConfigured => Self::NotConfigured,
        }
    }
}
