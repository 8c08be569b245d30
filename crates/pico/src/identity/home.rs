//! The directory of an installation, and whether two paths mean the same one.

use std::path::{Component, Path, PathBuf};

/// An installation: its path as configured, normalised, and what it resolves to, where known. Resolving may hang, so a worker process does it
/// once, and the record keeps the result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MzHome {
    literal: PathBuf,
    resolved: Option<PathBuf>,
}

impl MzHome {
    /// From a path.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self { literal: normalise(path), resolved: None }
    }

    /// With what it resolves to.
    #[must_use]
    pub fn with_resolved(mut self, resolved: Option<PathBuf>) -> Self {
        self.resolved = resolved;
        self
    }

    /// The configured path, without doubled or trailing slashes.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.literal
    }

    /// What it resolves to, where that is known.
    #[must_use]
    pub fn resolved(&self) -> Option<&Path> {
        self.resolved.as_deref()
    }

    /// Is `other` this directory by its path alone? It may be the same by another path.
    #[must_use]
    pub fn matches(&self, other: &Path) -> bool {
        let other = normalise(other);
        other == self.literal || Some(&other) == self.resolved.as_ref()
    }

    /// A file below it.
    #[must_use]
    pub fn join(&self, path: impl AsRef<Path>) -> PathBuf {
        self.literal.join(path)
    }
}

/// Without `.`, doubled and trailing slashes. `..` stays: what it means depends on links.
fn normalise(path: &Path) -> PathBuf {
    path.components().filter(|c| !matches!(c, Component::CurDir)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mz_home_matches_despite_slashes_but_no_other_name() {
        let home = MzHome::new(Path::new("/opt//mz/./"));
        assert!(home.matches(Path::new("/opt/mz")));
        assert!(home.matches(Path::new("/opt/mz/")));
        assert!(!home.matches(Path::new("/opt/mz2")));
        assert!(!home.matches(Path::new("/opt")));
        assert!(!home.matches(Path::new("/opt/x/../mz")));
    }

    #[test]
    fn mz_home_matches_its_resolved_path() {
        let home = MzHome::new(Path::new("/opt/mz")).with_resolved(Some("/data/mz9".into()));
        assert!(home.matches(Path::new("/data/mz9/")));
    }
}
