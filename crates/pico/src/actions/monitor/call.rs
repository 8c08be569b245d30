//! What a monitor is asked.

use super::Cluster;
use crate::verdict::MonitorKind;
use std::time::Duration;

/// The monitor that is called for.
#[derive(Clone, Copy, Debug)]
pub enum MonitorCall<'a> {
    /// Does it run here? Scans all processes and makes no deep check.
    Probe,
    /// One run that belongs to no schedule, so it neither waits nor counts failures.
    OneShot {
        /// 0, 10 (HA Monitor Server) or 20 (mzsh as well); others are rounded down.
        depth: u32,
        audience: Audience,
    },
    /// A one-shot monitor of depth 10 where a check that could not be made is an unknown state, not a warning.
    Health { audience: Audience },
    /// A recurring monitor of the cluster.
    Recurring {
        /// As that of [`OneShot`](Self::OneShot).
        depth: u32,
        interval: Duration,
        /// Its timeout is known, so it may wait for half of it.
        may_wait: bool,
        /// The cluster that calls, if it can be queried.
        cluster: Option<&'a dyn Cluster>,
    },
}

/// Who reads the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// At once, so the reason may suggest a remedy for a short-lived state.
    Person,
    /// Whatever keeps it for later: Pacemaker, a log, a program.
    Log,
}

impl MonitorCall<'_> {
    pub(super) fn kind(&self) -> MonitorKind {
        match self {
            Self::Probe => MonitorKind::Probe,
            Self::OneShot { .. } | Self::Health { .. } | Self::Recurring { .. } => {
                MonitorKind::Recurring
            }
        }
    }

    /// 0, 10 or 20. A probe scans all processes as depth 10 does, but makes no deep checks.
    pub(super) fn effective_depth(&self) -> u32 {
        match self {
            Self::Probe | Self::Health { .. } => 10,
            Self::OneShot { depth, .. } | Self::Recurring { depth, .. } => match depth {
                0..10 => 0,
                10..20 => 10,
                _ => 20,
            },
        }
    }

    pub(super) fn audience(&self) -> Audience {
        match self {
            Self::OneShot { audience, .. } | Self::Health { audience } => *audience,
            Self::Probe | Self::Recurring { .. } => Audience::Log,
        }
    }
}
