//! What an agent is asked to do: its first argument.

use std::ffi::OsStr;

/// An action of a resource agent.
///
/// Pacemaker asks for the first six; the others are for people. Whatever else comes as first argument (`promote`,
/// `notify`, `migrate_to`, the old `reload` ...) is not implemented, and is answered so by [`run`](crate::run()).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Bring it up; return when it is fully up.
    Start,
    /// Bring it down; return when it is surely down.
    Stop,
    /// Is it running, and well?
    Monitor,
    /// Are the parameters right?
    ValidateAll,
    /// Make changed reloadable parameters effective.
    ReloadAgent,
    /// Describe the agent in XML.
    MetaData,
    /// For people: one line that says whether it is running.
    Status,
    /// For people: the evidence, and what monitor would answer.
    Explain,
    /// For people: how to call the agent.
    Usage,
    /// For people: name and version of the agent.
    Version,
}

impl Action {
    /// The action that the first argument asks for; `None` when it is not implemented here.
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

    /// Its name on the command line and in the metadata.
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

    /// Is it one that Pacemaker asks for, and so one that belongs in the metadata?
    #[must_use]
    pub const fn is_operation(self) -> bool {
        matches!(
            self,
            Self::Start | Self::Stop | Self::Monitor | Self::ValidateAll | Self::ReloadAgent | Self::MetaData
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
            Explain, MetaData, Monitor, ReloadAgent, Start, Status, Stop, Usage, ValidateAll, Version,
        };
        for action in
            [Start, Stop, Monitor, ValidateAll, ReloadAgent, MetaData, Status, Explain, Usage, Version]
        {
            assert_eq!(Action::parse(OsStr::new(action.name())), Some(action));
        }
        for other in ["", "Start", "reload", "promote", "notify", "migrate_to", "monitor ", "verify-all"] {
            assert_eq!(Action::parse(OsStr::new(other)), None, "{other}");
        }
        assert_eq!(Action::parse(OsStr::from_bytes(b"start\xff")), None);
    }
}
