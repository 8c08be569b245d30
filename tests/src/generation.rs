//! The Debian release whose programs the nodes have: the machine's, or another one.
//!
//! Pacemaker, pcs and crmsh change their behaviour towards an agent between generations. The agents
//! must work with all generations in use. So the root of a node can be a folder with another Debian
//! ([`Generation::root`]) that has only the cluster's software. The kernel and the programs under
//! test are the machine's. `cargo xtask` creates the folder. All generations run the same suites.
//! The environment selects the generation ([`Generation::from_environment`]), and a table in the
//! suite has the expected differences.

use std::path::PathBuf;

use crate::{RootFolder, TestkitError};

/// Names the generation under test if it is not the machine's.
pub const GENERATION_VARIABLE: &str = "TESTKIT_GENERATION";

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// The machine's own programs: Debian 12 has Pacemaker 2.1, pcs 0.11, crmsh 4.4.
    Machine,
    /// Pacemaker 3.0, pcs 0.12, crmsh 5.0, resource-agents 4.16.
    Debian13,
}

impl Generation {
    pub const ALL: [Self; 2] = [Self::Machine, Self::Debian13];

    /// The generation that the running suite tests.
    ///
    /// # Panics
    /// If the environment names an unknown generation.
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

    /// The name for messages and folders.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Debian13 => "debian-13",
        }
    }

    /// The folder that is its root; `None` for the machine.
    #[must_use]
    pub fn folder(self) -> Option<RootFolder> {
        match self {
            Self::Machine => None,
            Self::Debian13 => Some(RootFolder {
                name: self.name(),
                codename: "trixie",
                packages: &[
                    "corosync",
                    "pacemaker",
                    "pacemaker-cli-utils",
                    "resource-agents",
                    "pcs",
                    "crmsh",
                    // The recipe installs no recommended packages. Other providers' agents and the
                    // node itself need these.
                    "iproute2",
                    "iputils-ping",
                    "kmod",
                    "procps",
                    "psmisc",
                    "libxml2-utils",
                ],
            }),
        }
    }

    /// True if its folder is complete.
    #[must_use]
    pub fn is_available(self) -> bool {
        self.folder().is_none_or(RootFolder::is_available)
    }

    /// The directory that is the root of a node.
    ///
    /// # Errors
    /// [`TestkitError::NotBuilt`].
    pub fn root(self) -> Result<PathBuf, TestkitError> {
        let Some(folder) = self.folder() else { return Ok(PathBuf::from("/")) };
        folder.require(&format!("--generation {}", self.name()))
    }
}
