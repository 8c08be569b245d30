//! What each test target needs, and how many of its tests run at once.

use testkit::needs::{self, Need};

/// What the integration suites need, by target. One that is not named here needs nothing but cargo.
const NEEDS: &[(&str, &[&[Need]])] = &[
    ("sandbox", &[needs::SANDBOX, needs::HUNG_STORAGE, needs::NAME_SERVER]),
    ("addresses", &[needs::SANDBOX, needs::NAME_SERVER]),
    ("conformance", &[needs::SANDBOX, needs::CONFORMANCE]),
    ("commands", &[needs::SANDBOX, needs::HUNG_STORAGE, needs::PYTHON, needs::CONFIGURATION]),
    ("metadata", &[needs::XML]),
    ("cost", &[needs::SANDBOX, needs::STRACE]),
    ("jvm", &[needs::JDK]),
    ("lifecycle", &[needs::SANDBOX, needs::JDK]),
    ("faults", &[needs::SANDBOX, needs::HUNG_STORAGE, needs::FAKETIME, needs::JDK, needs::PYTHON]),
    ("killpoints", &[needs::SANDBOX, needs::JDK]),
    ("registry", &[needs::JDK, needs::HOCON]),
    ("deadlines", &[needs::SANDBOX, needs::HUNG_STORAGE]),
    ("deadlines-slow", &[needs::SANDBOX, needs::HUNG_STORAGE]),
    ("cluster", &[needs::CLUSTER, needs::HUNG_STORAGE, needs::JDK]),
    ("simulations", &[needs::SANDBOX, needs::SIMULATIONS]),
];

/// Suites that wait more than they work: how many of their tests are run at once, whatever the number of processors.
const AT_ONCE: &[(&str, &str)] = &[
    ("addresses", "8"),
    // Each has a cluster of its own.
    ("cluster", "3"),
    ("faults", "4"),
    ("killpoints", "6"),
    ("deadlines", "32"),
    ("deadlines-slow", "32"),
];

/// All that any suite needs.
pub fn all_needs() -> Vec<Need> {
    NEEDS.iter().flat_map(|(_, groups)| groups.iter().copied().flatten().copied()).collect()
}

/// What this one needs.
pub fn needs_of(suite: &str) -> Vec<Need> {
    let named = NEEDS.iter().filter(|(name, _)| *name == suite);
    named.flat_map(|(_, groups)| groups.iter().copied().flatten().copied()).collect()
}

/// How many of its tests are run at once, if that is not as many as there are processors.
pub fn at_once(suite: &str) -> Option<&'static str> {
    AT_ONCE.iter().find(|(name, _)| *name == suite).map(|(_, number)| *number)
}
