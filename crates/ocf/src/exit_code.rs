//! The exit codes of the OCF resource agent API 1.1, section "Exit status codes".

use std::fmt;

/// What an action answers. Anything that is not in this list is taken by Pacemaker for [`Generic`](Self::Generic).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExitCode {
    /// It was done; for monitor: it is running.
    Success = 0,
    /// It failed; it may work next time. "If in doubt, return this."
    Generic = 1,
    /// A parameter is wrong on this node. Pacemaker bans the resource from the node.
    InvalidParameter = 2,
    /// The action is not implemented.
    Unimplemented = 3,
    /// Permissions are missing. Pacemaker bans the resource from the node.
    Permission = 4,
    /// Software is missing. Pacemaker bans the resource from the node.
    NotInstalled = 5,
    /// The configuration is wrong on any node. Pacemaker stops the resource in the whole cluster.
    NotConfigured = 6,
    /// It is cleanly stopped. Never an answer of stop.
    NotRunning = 7,
    /// It runs in the promoted role.
    RunningPromoted = 8,
    /// It is in the promoted role, and failed.
    FailedPromoted = 9,
    /// It runs, and is likely to fail. From monitor only: any other action has failed by it.
    Degraded = 190,
    /// As [`Degraded`](Self::Degraded), in the promoted role.
    DegradedPromoted = 191,
}

impl ExitCode {
    /// Its name in the specification.
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

    /// The number that the process exits with.
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

/// The class of a failure. It decides what Pacemaker tries next, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// Soft error: it may work next time (exit code 1).
    Generic,
    /// A parameter is wrong on this node: it is banned (2).
    InvalidParameter,
    /// It is not implemented (3).
    Unimplemented,
    /// Permissions are missing on this node: it is banned (4).
    Permission,
    /// Software is missing on this node: it is banned (5).
    NotInstalled,
    /// The configuration is wrong everywhere: the resource is stopped in the whole cluster (6).
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
