//! A minimal Debian in a folder: packages are installed in it. `cargo xtask` creates the folder.

use std::path::PathBuf;

use crate::RootFolder;

const COMMON_PACKAGES: &[&str] = &["libxml2-utils", "man-db", "procps", "resource-agents"];

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

    /// A minimal Debian, and what runs agents as the cluster would, and shows their pages.
    #[must_use]
    pub fn root(self) -> RootFolder {
        let (name, packages): (_, &[_]) = match self {
            Self::Bullseye => ("packages-bullseye", COMMON_PACKAGES),
            // Whatever installs an .rpm, and whatever restarts services after an update, is needed once.
            Self::Bookworm => (
                "packages-bookworm",
                &["libxml2-utils", "man-db", "needrestart", "procps", "resource-agents", "rpm"],
            ),
            Self::Trixie => ("packages-trixie", COMMON_PACKAGES),
        };
        RootFolder { name, codename: self.codename(), packages }
    }

    #[must_use]
    pub fn folder(self) -> PathBuf {
        self.root().path()
    }
}
