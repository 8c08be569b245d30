//! A minimal Debian in a folder: packages are installed in it. `cargo xtask` creates the folder.

use std::path::PathBuf;

use crate::RootFolder;

/// The release of Debian.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DebianRoot {
    /// glibc 2.31
    Bullseye,
    /// glibc 2.36
    Bookworm,
    /// glibc 2.41
    Trixie,
}

impl DebianRoot {
    pub const ALL: [Self; 3] = [Self::Bullseye, Self::Bookworm, Self::Trixie];

    #[must_use]
    pub fn codename(self) -> &'static str {
        match self {
            Self::Bullseye => "bullseye",
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
        }
    }

    /// A minimal Debian, and what runs agents as the cluster would.
    #[must_use]
    pub fn root(self) -> RootFolder {
        let (name, packages): (_, &[_]) = match self {
            // Whatever installs an .rpm is needed once.
            Self::Bookworm => {
                ("packages-bookworm", &["libxml2-utils", "procps", "resource-agents", "rpm"])
            }
            Self::Bullseye => {
                ("packages-bullseye", &["libxml2-utils", "procps", "resource-agents"])
            }
            Self::Trixie => ("packages-trixie", &["libxml2-utils", "procps", "resource-agents"]),
        };
        RootFolder { name, codename: self.codename(), packages }
    }

    #[must_use]
    pub fn folder(self) -> PathBuf {
        self.root().path()
    }
}
