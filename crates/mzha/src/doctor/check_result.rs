//! One row of the table: check, evidence and remedy.

use serde::Serialize;
use std::fmt;

/// Subject of a check. The table is in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Area {
    /// The cluster and its configuration.
    Cluster,
    Agents,
    Kernel,
    Parameters,
    Installation,
    /// The user that runs mzsh.
    User,
    /// The java that runs the picos.
    Java,
    Registry,
    HaMonitor,
    /// Resolution of hostnames.
    Addresses,
    /// Listeners, and ports in the registry.
    Ports,
    /// Operations of a resource against the minimum timeouts of its parameters.
    Operations,
    Constraints,
    Fencing,
    /// The cloud, and this node's access to it.
    #[serde(rename = "openstack")]
    OpenStack,
    /// Cron jobs, units and init scripts that start or stop picos.
    OtherStarters,
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
            Self::OpenStack => "OpenStack",
            Self::OtherStarters => "external starts",
            Self::PacemakerService => "Pacemaker's service",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    Ok,
    /// It works with a risk, or the check was impossible.
    Warning,
    /// It does not work, or does harm.
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

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct CheckResult {
    pub(super) area: Area,
    /// `None`: the node or the cluster.
    pub(super) resource: Option<String>,
    /// A parameter, property, operation or file.
    pub(super) check: String,
    pub(super) level: Level,
    /// State and evidence.
    pub(super) seen: String,
    /// Remedy.
    pub(super) todo: Option<String>,
}

impl CheckResult {
    pub(super) fn ok(area: Area, check: impl Into<String>, seen: impl Into<String>) -> Self {
        Self {
            area,
            resource: None,
            check: check.into(),
            level: Level::Ok,
            seen: seen.into(),
            todo: None,
        }
    }

    pub(super) fn warning(
        area: Area,
        check: impl Into<String>,
        seen: impl Into<String>,
        todo: impl Into<String>,
    ) -> Self {
        Self { level: Level::Warning, todo: Some(todo.into()), ..Self::ok(area, check, seen) }
    }

    pub(super) fn error(
        area: Area,
        check: impl Into<String>,
        seen: impl Into<String>,
        todo: impl Into<String>,
    ) -> Self {
        Self { level: Level::Error, todo: Some(todo.into()), ..Self::ok(area, check, seen) }
    }

    #[must_use]
    pub(super) fn for_resource(self, resource: &str) -> Self {
        Self { resource: Some(resource.to_owned()), ..self }
    }
}
