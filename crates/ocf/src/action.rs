//! The actions of a resource agent; the first argument names one.

use std::ffi::OsStr;

/// An action of a resource agent.
///
/// Pacemaker runs the first six; the others are for people. [`run`](crate::run()) answers any other
/// first argument (`promote`, `notify`, `migrate_to`, the old `reload`) with
/// [`ExitCode::Unimplemented`](crate::ExitCode::Unimplemented).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Starts the service; returns when it is fully up.
    Start,
    /// Stops the service; returns when it is certainly down.
    Stop,
    /// Checks whether the service runs and is healthy.
    Monitor,
    /// Checks the parameters.
    ValidateAll,
    /// Applies changed reloadable parameters.
    ReloadAgent,
    /// Prints the metadata of the agent, in XML.
    MetaData,
    /// For people: prints one line with the state.
    Status,
    /// For people: prints the evidence and the exit code of a monitor.
    Explain,
    /// For people: prints how to call the agent.
    Usage,
    /// For people: prints name and version of the agent.
    Version,
}

impl Action {
    /// Parses the first argument; `None` if this crate does not implement the action.
    #[must_use]
    pub fn parse(argument: &OsStr) -> Option<Self> {
        Some(match argument.to_str()? {
            "start" => Self::Start,
            "stop" => Self::Stop,
            "monitor" => Self::Monitor,
            "validate-all" => Self::ValidateAll,
            "reload-agent" => Self::ReloadAgent,
            "meta-data" => Self::MetaData,
            "status" => Self::Status,
            "explain" => Self::Explain,
            "usage" | "help" | "--help" | "-h" => Self::Usage,
            "--version" => Self::Version,
            _ => return None,
        })
    }

    /// The name on the command line and in the metadata.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Monitor => "monitor",
            Self::ValidateAll => "validate-all",
            Self::ReloadAgent => "reload-agent",
            Self::MetaData => "meta-data",
            Self::Status => "status",
            Self::Explain => "explain",
            Self::Usage => "usage",
            Self::Version => "--version",
        }
    }

    /// True for an action that Pacemaker runs; the metadata lists only these.
    #[must_use]
    pub const fn is_operation(self) -> bool {
        matches!(
            self,
            Self::Start
                | Self::Stop
                | Self::Monitor
                | Self::ValidateAll
                | Self::ReloadAgent
                | Self::MetaData
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn action_parse_accepts_exact_action_names_only() {
        use Action::{
            Explain, MetaData, Monitor, ReloadAgent, Start, Status, Stop, Usage, ValidateAll,
            Version,
        };
        for action in [
            Start,
            Stop,
            Monitor,
            ValidateAll,
            ReloadAgent,
            MetaData,
            Status,
            Explain,
            Usage,
            Version,
        ] {
            assert_eq!(Action::parse(OsStr::new(action.name())), Some(action));
        }
        for other in
            ["", "Start", "reload", "promote", "notify", "migrate_to", "monitor ", "verify-all"]
        {
            assert_eq!(Action::parse(OsStr::new(other)), None, "{other}");
        }
        assert_eq!(Action::parse(OsStr::from_bytes(b"start\xff")), None);
    }
}
