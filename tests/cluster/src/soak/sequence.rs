//! Kinds and order of faults. A seed alone determines them, independent of the faults' effects.

use std::fmt;

pub const PICOS: [&str; 5] = ["platform", "ui", "ec1", "ec2", "sc1"];

pub const NODES: [&str; 3] = ["n1", "n2", "n3"];

/// Daemons of Pacemaker that are killed.
const DAEMONS: [&str; 2] = ["pacemaker-execd", "pacemaker-controld"];

/// One fault. It does not name the node on which a pico is or to which it moves, because that
/// results from the earlier faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SoakFault {
    /// SIGKILL to a pico.
    Kill(&'static str),
    /// SIGSTOP to a pico.
    Hang(&'static str),
    /// The HA Monitor Server of a pico answers FAILED until it is dead.
    HaFailed(&'static str),
    /// A pico is killed while each call of mzsh takes seconds.
    MzshSlow(&'static str),
    /// SIGKILL to the running agents of a pico.
    AgentKilled(&'static str),
    /// SIGKILL to a daemon of Pacemaker, on a node.
    DaemonKilled(&'static str, &'static str),
    /// A node goes into standby, and comes out of it.
    Standby(&'static str),
    /// The resource of a pico is moved to its other node, and the move is cleared.
    Move(&'static str),
    /// A node's power is cut.
    PowerCut(&'static str),
    /// A node's network cable is pulled, and plugged in again once the node was fenced.
    CableCut(&'static str),
    /// SIGSTOP to a node's corosync.
    CorosyncFrozen(&'static str),
    /// The cluster software of a node is stopped in an orderly way, and started.
    NodeStopped(&'static str),
    /// `crm_resource --refresh`: everything is probed again, on every node.
    Refresh,
    /// `crm_resource --cleanup`: the failures are cleared.
    Cleanup,
    /// A pico is restarted by hand in maintenance mode.
    Maintenance(&'static str),
    /// A reloadable parameter of a pico's resource is changed.
    Reload(&'static str),
}

/// Weight in percent, and a function that chooses the target.
type WeightedFault = (u64, fn(&mut SplitMix64) -> SoakFault);

const FAULT_WEIGHTS: [WeightedFault; 16] = [
    (20, |random| SoakFault::Kill(random.choose(&PICOS))),
    (4, |random| SoakFault::Hang(random.choose(&PICOS))),
    (3, |random| SoakFault::HaFailed(random.choose(&PICOS))),
    (6, |random| SoakFault::MzshSlow(random.choose(&PICOS))),
    (8, |random| SoakFault::AgentKilled(random.choose(&PICOS))),
    (6, |random| SoakFault::DaemonKilled(random.choose(&DAEMONS), random.choose(&NODES))),
    (10, |random| SoakFault::Standby(random.choose(&NODES))),
    (10, |random| SoakFault::Move(random.choose(&PICOS))),
    (6, |random| SoakFault::PowerCut(random.choose(&NODES))),
    (5, |random| SoakFault::CableCut(random.choose(&NODES))),
    (4, |random| SoakFault::CorosyncFrozen(random.choose(&NODES))),
    (5, |random| SoakFault::NodeStopped(random.choose(&NODES))),
    (2, |_| SoakFault::Refresh),
    (2, |_| SoakFault::Cleanup),
    (5, |random| SoakFault::Maintenance(random.choose(&PICOS))),
    (4, |random| SoakFault::Reload(random.choose(&PICOS))),
];

/// The endless sequence of a seed.
#[derive(Debug, Clone)]
pub struct FaultSequence(SplitMix64);

impl FaultSequence {
    #[must_use]
    pub fn from_seed(seed: u64) -> Self {
        Self(SplitMix64(seed))
    }
}

impl Iterator for FaultSequence {
    type Item = SoakFault;

    fn next(&mut self) -> Option<SoakFault> {
        let all = FAULT_WEIGHTS.iter().map(|(often, _)| often).sum();
        let mut left = self.0.below(all);
        let (_, make) = FAULT_WEIGHTS.iter().find(|(often, _)| {
            let this = left < *often;
            left = left.saturating_sub(*often);
            this
        })?;
        Some(make(&mut self.0))
    }
}

/// `SplitMix64`. Its only state is the seed, and later versions of this program have the same
/// sequence.
#[derive(Debug, Clone)]
pub(crate) struct SplitMix64(pub(crate) u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`. Its bias of 10^-17 does not matter.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    fn choose(&mut self, all: &[&'static str]) -> &'static str {
        let count = u64::try_from(all.len()).unwrap_or(1);
        usize::try_from(self.below(count)).ok().and_then(|place| all.get(place)).unwrap_or(&"")
    }
}

impl SoakFault {
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Kill(_) => "kill -9 of a pico",
            Self::Hang(_) => "SIGSTOP to a pico",
            Self::HaFailed(_) => "a pico's HA Monitor Server answers FAILED",
            Self::MzshSlow(_) => "kill -9 of a pico while mzsh is slow",
            Self::AgentKilled(_) => "kill -9 of a pico's agent",
            Self::DaemonKilled(..) => "kill -9 of a daemon of Pacemaker",
            Self::Standby(_) => "standby and back",
            Self::Move(_) => "move and clear",
            Self::PowerCut(_) => "power cut of a node",
            Self::CableCut(_) => "network cut of a node, and healed",
            Self::CorosyncFrozen(_) => "Corosync frozen",
            Self::NodeStopped(_) => "a node's cluster software stopped and started",
            Self::Refresh => "refresh of all resources",
            Self::Cleanup => "cleanup of all failures",
            Self::Maintenance(_) => "restart by hand in maintenance mode",
            Self::Reload(_) => "reload of a parameter",
        }
    }
}

impl fmt::Display for SoakFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        match self {
            Self::DaemonKilled(daemon, node) => write!(f, ": {daemon} on {node}"),
            Self::Refresh | Self::Cleanup => Ok(()),
            Self::Kill(target)
            | Self::Hang(target)
            | Self::HaFailed(target)
            | Self::MzshSlow(target)
            | Self::AgentKilled(target)
            | Self::Standby(target)
            | Self::Move(target)
            | Self::PowerCut(target)
            | Self::CableCut(target)
            | Self::CorosyncFrozen(target)
            | Self::NodeStopped(target)
            | Self::Maintenance(target)
            | Self::Reload(target) => write!(f, ": {target}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn describe_faults(seed: u64, count: usize) -> Vec<String> {
        FaultSequence::from_seed(seed).take(count).map(|fault| fault.to_string()).collect()
    }

    #[test]
    fn seed_determines_the_sequence() {
        assert_eq!(describe_faults(1, 300), describe_faults(1, 300));
        assert_ne!(describe_faults(1, 300), describe_faults(2, 300));
        // A later version can repeat a recorded soak.
        assert_eq!(describe_faults(1, 3), EXPECTED);
    }

    const EXPECTED: [&str; 3] =
        ["move and clear: sc1", "cleanup of all failures", "kill -9 of a pico's agent: ui"];

    #[test]
    fn every_kind_and_target_occurs() {
        for seed in 0..5 {
            let kinds: BTreeSet<&str> =
                FaultSequence::from_seed(seed).take(400).map(SoakFault::kind).collect();
            assert_eq!(kinds.len(), FAULT_WEIGHTS.len(), "{kinds:?}");
        }
        let many: BTreeSet<String> = describe_faults(1, 20_000).into_iter().collect();
        // Eight kinds with a pico, five with a node, one with a daemon and a node, two without.
        assert_eq!(many.len(), 8 * 5 + 5 * 3 + 2 * 3 + 2, "{many:?}");
    }

    #[test]
    fn fault_weights_sum_to_100() {
        assert_eq!(FAULT_WEIGHTS.iter().map(|(often, _)| often).sum::<u64>(), 100);
    }
}
