//! Which faults, in which order: told by a seed alone, whatever comes of them.

use std::fmt;

/// Every pico of the site.
pub const PICOS: [&str; 5] = ["platform", "ui", "ec1", "ec2", "sc1"];

/// Every node.
pub const NODES: [&str; 3] = ["n1", "n2", "n3"];

/// Daemons of Pacemaker that are killed.
const DAEMONS: [&str; 2] = ["pacemaker-execd", "pacemaker-controld"];

/// One fault. Which node a pico is on, or goes to, is not said: that is what came of all faults before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL to a pico.
    Kill(&'static str),
    /// SIGSTOP to a pico.
    Hang(&'static str),
    /// The HA Monitor Server of a pico answers FAILED until it is dead.
    HaFailed(&'static str),
    /// A pico is killed while each call of mzsh takes seconds.
    MzshSlow(&'static str),
    /// SIGKILL to the agents that are at work for a pico.
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
    /// `crm_resource --refresh`: everything is probed again, everywhere.
    Refresh,
    /// `crm_resource --cleanup`: the failures are forgotten.
    Cleanup,
    /// A pico is restarted by hand in maintenance mode.
    Maintenance(&'static str),
    /// A reloadable parameter of a pico's resource is changed.
    Reload(&'static str),
}

/// How often it comes of a hundred, and with which targets.
type Often = (u64, fn(&mut Random) -> Fault);

/// All kinds.
const OFTEN: [Often; 16] = [
    (20, |random| Fault::Kill(random.one_of(&PICOS))),
    (4, |random| Fault::Hang(random.one_of(&PICOS))),
    (3, |random| Fault::HaFailed(random.one_of(&PICOS))),
    (6, |random| Fault::MzshSlow(random.one_of(&PICOS))),
    (8, |random| Fault::AgentKilled(random.one_of(&PICOS))),
    (6, |random| Fault::DaemonKilled(random.one_of(&DAEMONS), random.one_of(&NODES))),
    (10, |random| Fault::Standby(random.one_of(&NODES))),
    (10, |random| Fault::Move(random.one_of(&PICOS))),
    (6, |random| Fault::PowerCut(random.one_of(&NODES))),
    (5, |random| Fault::CableCut(random.one_of(&NODES))),
    (4, |random| Fault::CorosyncFrozen(random.one_of(&NODES))),
    (5, |random| Fault::NodeStopped(random.one_of(&NODES))),
    (2, |_| Fault::Refresh),
    (2, |_| Fault::Cleanup),
    (5, |random| Fault::Maintenance(random.one_of(&PICOS))),
    (4, |random| Fault::Reload(random.one_of(&PICOS))),
];

/// The faults of a seed, without end.
#[derive(Debug, Clone)]
pub struct Sequence(Random);

impl Sequence {
    /// Of this seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self(Random(seed))
    }
}

impl Iterator for Sequence {
    type Item = Fault;

    fn next(&mut self) -> Option<Fault> {
        let all = OFTEN.iter().map(|(often, _)| often).sum();
        let mut left = self.0.below(all);
        let (_, make) = OFTEN.iter().find(|(often, _)| {
            let this = left < *often;
            left = left.saturating_sub(*often);
            this
        })?;
        Some(make(&mut self.0))
    }
}

/// `SplitMix64`: a seed is all its state, and the next version of this program has the same sequence.
#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than this; that some come more often by one in 10^17 does not matter.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    fn one_of(&mut self, all: &[&'static str]) -> &'static str {
        let count = u64::try_from(all.len()).unwrap_or(1);
        usize::try_from(self.below(count)).ok().and_then(|place| all.get(place)).unwrap_or(&"")
    }
}

impl Fault {
    /// Its kind, in words.
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

impl fmt::Display for Fault {
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

    fn words(seed: u64, count: usize) -> Vec<String> {
        Sequence::of(seed).take(count).map(|fault| fault.to_string()).collect()
    }

    #[test]
    fn a_seed_is_a_sequence() {
        assert_eq!(words(1, 300), words(1, 300));
        assert_ne!(words(1, 300), words(2, 300));
        // A recorded soak can be run again by a later version.
        assert_eq!(words(1, 3), EXPECTED);
    }

    const EXPECTED: [&str; 3] =
        ["move and clear: sc1", "cleanup of all failures", "kill -9 of a pico's agent: ui"];

    #[test]
    fn every_kind_and_every_target_comes_up() {
        for seed in 0..5 {
            let kinds: BTreeSet<&str> = Sequence::of(seed).take(400).map(Fault::kind).collect();
            assert_eq!(kinds.len(), OFTEN.len(), "{kinds:?}");
        }
        let many: BTreeSet<String> = words(1, 20_000).into_iter().collect();
        // Eight kinds with a pico, five with a node, one with a daemon and a node, two without.
        assert_eq!(many.len(), 8 * 5 + 5 * 3 + 2 * 3 + 2, "{many:?}");
    }

    #[test]
    fn the_kinds_are_a_hundred() {
        assert_eq!(OFTEN.iter().map(|(often, _)| often).sum::<u64>(), 100);
    }
}
