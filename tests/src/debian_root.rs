//! A minimal Debian in a folder: packages are installed in it. `cargo xtask` creates the folder.

use std::fs;
use std::path::PathBuf;

use crate::Generation;
use crate::programs::build_dir;

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

    /// Packages besides a minimal Debian: what runs agents as the cluster would, and shows their pages.
    #[must_use]
    pub fn packages(self) -> &'static [&'static str] {
        match self {
            // Whatever installs an .rpm, and whatever restarts services after an update, is needed once.
            Self::Bookworm => {
                &["libxml2-utils", "man-db", "needrestart", "procps", "resource-agents", "rpm"]
            }
            Self::Bullseye | Self::Trixie => {
                &["libxml2-utils", "man-db", "procps", "resource-agents"]
            }
        }
    }

    /// Below the build directory, beside those of the generations.
    #[must_use]
    pub fn folder(self) -> PathBuf {
        let build = build_dir();
        build
            .parent()
            .unwrap_or(&build)
            .join("generations")
            .join(format!("packages-{}", self.codename()))
    }

    /// See [`Generation::recipe`].
    #[must_use]
    pub fn recipe(self) -> String {
        format!("{} with {}", self.codename(), self.packages().join(" "))
    }

    /// True if its folder is complete.
    #[must_use]
    pub fn is_available(self) -> bool {
        let text =
            fs::read_to_string(self.folder().join(Generation::RECIPE_FILE)).unwrap_or_default();
        text.lines().next() == Some(&self.recipe())
    }
}
