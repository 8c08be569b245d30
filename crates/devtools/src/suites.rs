//! Prerequisites and concurrency of each test target.

use testkit::prerequisites::{self, Prerequisite};

/// The prerequisites of each target. A target without an entry needs only cargo.
const SUITE_PREREQUISITES: &[(&str, &[&[Prerequisite]])] = &[
    ("sandbox", &[prerequisites::SANDBOX, prerequisites::HUNG_STORAGE, prerequisites::NAME_SERVER]),
    ("addresses", &[prerequisites::SANDBOX, prerequisites::NAME_SERVER]),
    ("conformance", &[prerequisites::SANDBOX, prerequisites::CONFORMANCE]),
    (
        "commands",
        &[
            prerequisites::SANDBOX,
            prerequisites::HUNG_STORAGE,
            prerequisites::PYTHON,
            prerequisites::CONFIGURATION,
        ],
    ),
    ("metadata", &[prerequisites::XML]),
    ("cost", &[prerequisites::SANDBOX, prerequisites::STRACE]),
    ("jvm", &[prerequisites::JDK]),
    ("lifecycle", &[prerequisites::SANDBOX, prerequisites::JDK]),
    (
        "faults",
        &[
            prerequisites::SANDBOX,
            prerequisites::HUNG_STORAGE,
            prerequisites::FAKETIME,
            prerequisites::JDK,
            prerequisites::PYTHON,
        ],
    ),
    ("killpoints", &[prerequisites::SANDBOX, prerequisites::JDK]),
    ("registry", &[prerequisites::JDK, prerequisites::HOCON]),
    ("deadlines", &[prerequisites::SANDBOX, prerequisites::HUNG_STORAGE]),
    ("deadlines-slow", &[prerequisites::SANDBOX, prerequisites::HUNG_STORAGE]),
    ("cluster", &[prerequisites::CLUSTER, prerequisites::HUNG_STORAGE, prerequisites::JDK]),
    (
        "from-package",
        &[prerequisites::CLUSTER, prerequisites::HUNG_STORAGE, &[Prerequisite::Packages]],
    ),
    ("openstack", &[prerequisites::CLUSTER, prerequisites::HUNG_STORAGE, prerequisites::OPENSTACK]),
    ("packages", &[prerequisites::PACKAGE_TOOLS, prerequisites::PACKAGES]),
    ("systemd", &[prerequisites::SANDBOX, prerequisites::SYSTEMD, prerequisites::PYTHON]),
    ("simulations", &[prerequisites::SANDBOX, prerequisites::SIMULATIONS]),
];

/// Concurrency of suites that mostly wait, independent of the number of processors.
const TEST_THREADS: &[(&str, &str)] = &[
    ("addresses", "8"),
    // Each of its tests has a cluster of its own.
    ("cluster", "3"),
    ("from-package", "3"),
    // And a cloud.
    ("openstack", "2"),
    ("faults", "4"),
    ("killpoints", "6"),
    ("deadlines", "32"),
    ("deadlines-slow", "32"),
];

pub fn all_prerequisites() -> Vec<Prerequisite> {
    SUITE_PREREQUISITES
        .iter()
        .flat_map(|(_, groups)| groups.iter().copied().flatten().copied())
        .collect()
}

pub fn prerequisites_of(suite: &str) -> Vec<Prerequisite> {
    let named = SUITE_PREREQUISITES.iter().filter(|(name, _)| *name == suite);
    named.flat_map(|(_, groups)| groups.iter().copied().flatten().copied()).collect()
}

/// `None` means as many concurrent tests as processors.
pub fn test_threads(suite: &str) -> Option<&'static str> {
    TEST_THREADS.iter().find(|(name, _)| *name == suite).map(|(_, number)| *number)
}
