//! Whose programs the nodes have: those of the machine, or those of another Debian.
//!
//! What Pacemaker, pcs and crmsh make of an agent changes from one of their generations to the next, and the agents have to suit
//! all that are in use. So a node's root can be a folder that has a Debian of its own in it ([`Generation::root`]), with the
//! cluster's software and nothing else; kernel and the programs under test are the machine's. `cargo xtask` makes the folder. A
//! suite is the same for all generations: which one it runs on, it is told by the environment ([`Generation::from_environment`]); what differs
//! by right is a table by generation in the suite.

use std::fs;
use std::path::PathBuf;

use crate::TestkitError;
use crate::programs::build_dir;

/// Set to the name of the generation under test when that is not the machine's own.
pub const GENERATION_VARIABLE: &str = "TESTKIT_GENERATION";

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// What is installed here: Debian 12 has Pacemaker 2.1, pcs 0.11, crmsh 4.4.
    Machine,
    /// Pacemaker 3.0, pcs 0.12, crmsh 5.0, resource-agents 4.16.
    Debian13,
}

impl Generation {
    /// All.
    pub const ALL: [Self; 2] = [Self::Machine, Self::Debian13];

    /// The one that the suite that runs is to look at.
    ///
    /// # Panics
    /// When the environment names one that there is not.
    #[must_use]
    pub fn from_environment() -> Self {
        let Some(name) = std::env::var_os(GENERATION_VARIABLE) else { return Self::Machine };
        let found = Self::ALL.into_iter().find(|generation| name == generation.name());
        found.unwrap_or_else(|| {
            panic!(
                "{GENERATION_VARIABLE} is {}; there is {}",
                name.display(),
                Self::ALL.map(Self::name).join(", ")
            )
        })
    }

    /// Its name, for people and folders.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Debian13 => "debian-13",
        }
    }

    /// The code name by which Debian's archive knows it.
    #[must_use]
    pub fn codename(self) -> Option<&'static str> {
        match self {
            Self::Machine => None,
            Self::Debian13 => Some("trixie"),
        }
    }

    /// What its root is made of, besides a minimal Debian: the cluster's software, and what the suites look with.
    #[must_use]
    pub fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Machine => &[],
            Self::Debian13 => &[
                "corosync",
                "pacemaker",
                "pacemaker-cli-utils",
                "resource-agents",
                "pcs",
                "crmsh",
                // Without recommends, what the agents of others and the node itself call.
                "iproute2",
                "iputils-ping",
                "kmod",
                "procps",
                "psmisc",
                "libxml2-utils",
            ],
        }
    }

    /// Where its folder is, or is to be: below the directory of the build, so that it outlives a run and goes with `cargo clean`.
    #[must_use]
    pub fn folder(self) -> PathBuf {
        let build = build_dir();
        build.parent().unwrap_or(&build).join("generations").join(self.name())
    }

    /// The text by which a folder is known to be whole, and made by this recipe: its first line is the same.
    #[must_use]
    pub fn recipe(self) -> String {
        format!("{} with {}", self.codename().unwrap_or_default(), self.packages().join(" "))
    }

    /// Where that text is, in the folder; versions and date are below it.
    pub const RECIPE_FILE: &str = "etc/made-of";

    /// True when nodes can have it.
    #[must_use]
    pub fn is_available(self) -> bool {
        let text = fs::read_to_string(self.folder().join(Self::RECIPE_FILE)).unwrap_or_default();
        self == Self::Machine || text.lines().next() == Some(&self.recipe())
    }

    /// The directory that is the root of a node.
    ///
    /// # Errors
    /// [`TestkitError::NotBuilt`].
    pub fn root(self) -> Result<PathBuf, TestkitError> {
        if self == Self::Machine {
            return Ok(PathBuf::from("/"));
        }
        if self.is_available() {
            return Ok(self.folder());
        }
        let hint =
            format!("cargo xtask lab up --generation {} makes it, and cargo xtask test --all", self.name());
        Err(TestkitError::NotBuilt { path: self.folder(), hint })
    }
}
