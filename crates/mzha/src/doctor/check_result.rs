//! One line of the table: what was looked at, what was seen, and what to do.

use serde::Serialize;
use std::fmt;

/// What a check is about. The table is in this order: what all else rests on comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Area {
    /// Is there a cluster, and what of its configuration could be read?
    Cluster,
    /// The files of the agents.
    Agents,
    /// What the agents need of the kernel.
    Kernel,
    /// The parameters of a resource by themselves.
    Parameters,
    /// `mz_home` and what is in it.
    Installation,
    /// Who runs mzsh.
    User,
    /// What runs the picos.
    Java,
    /// The pico in the installation's registry.
    Registry,
    /// The HA Monitor Server.
    HaMonitor,
    /// What the host names resolve to.
    Addresses,
    /// Who listens where, and who would.
    Ports,
    /// The operations of a resource, against what its parameters need.
    Operations,
    /// Clones, orders, colocations.
    Constraints,
    /// What becomes of a node that can't be reached.
    Fencing,
    /// What would start or stop picos behind the cluster's back.
    OtherStarters,
    /// The service that the cluster runs in.
    PacemakerService,
}

impl fmt::Display for Area {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cluster => "cluster",
            Self::Agents => "agent files",
            Self::Kernel => "kernel",
            Self::Parameters => "parameters",
            Self::Installation => "installation",
            Self::User => "user",
            Self::Java => "java",
            Self::Registry => "registry",
            Self::HaMonitor => "HA Monitor Server",
            Self::Addresses => "addresses",
            Self::Ports => "ports",
            Self::Operations => "operations",
            Self::Constraints => "constraints",
            Self::Fencing => "fencing",
            Self::OtherStarters => "other starters",
            Self::PacemakerService => "Pacemaker's service",
        })
    }
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// It works, but not as an administrator would want; or it could not be told.
    Warning,
    /// It will not work, or will do harm.
    Error,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "OK",
            Self::Warning => "warning",
            Self::Error => "ERROR",
        })
    }
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct CheckResult {
    /// What it is about.
    pub(super) area: Area,
    /// Which resource; `None`: the node, or the cluster.
    pub(super) resource: Option<String>,
    /// What was looked at: a parameter, a property, an operation, a file.
    pub(super) check: String,
    /// How bad it is.
    pub(super) level: Level,
    /// What was seen.
    pub(super) seen: String,
    /// What to do, where anything is to be done.
    pub(super) todo: Option<String>,
}

impl CheckResult {
    /// It is as it should be.
    pub(super) fn ok(area: Area, check: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { area, resource: None, check: check.into(), level: Level::Ok, seen: seen.into(), todo: None }
    }

    /// It is not as an administrator would want.
    pub(super) fn warning(
        area: Area,
        check: impl Into<String>,
        seen: impl Into<String>,
        todo: impl Into<String>,
    ) -> Self {
        Self { level: Level::Warning, todo: Some(todo.into()), ..Self::ok(area, check, seen) }
    }

    /// It will not work.
    pub(super) fn error(
        area: Area,
        check: impl Into<String>,
        seen: impl Into<String>,
        todo: impl Into<String>,
    ) -> Self {
        Self { level: Level::Error, todo: Some(todo.into()), ..Self::ok(area, check, seen) }
    }

    /// The same, of this resource.
    #[must_use]
    pub(super) fn for_resource(self, resource: &str) -> Self {
        Self { resource: Some(resource.to_owned()), ..self }
    }
}
