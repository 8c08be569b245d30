//! The commit that is packaged: its time and its names.

use std::process::Command;

use devtools::{TaskError, workspace};

/// The maintainer field of the packages. Nobody is named yet, and both formats ask for an address: RFC 6761 keeps `.invalid` from ever
/// being one. Who releases puts a person or a list here; a release without one is refused.
pub(crate) const MAINTAINER: &str = "No maintainer named <nobody@mediationzone-ra.invalid>";

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) struct Release {
    /// As programs print it: `0.1.0+50c54b12fe7b`.
    pub(crate) program_version: String,
    /// As dpkg and rpm compare it: `0.1.0` at the tag `v0.1.0`, before that `0.1.0~20261130184024.50c54b12fe7b`, which is less.
    pub(crate) package_version: String,
    /// Seconds since 1970 at which the commit was made: `SOURCE_DATE_EPOCH`.
    pub(crate) epoch: String,
    /// `November 30, 2026`
    pub(crate) long_date: String,
    /// `2026-11-30T18:40:24Z`
    pub(crate) iso_date: String,
    /// The date in the format of a Debian changelog.
    pub(crate) deb_date: String,
    /// The date in the format of an rpm changelog.
    pub(crate) rpm_date: String,
    /// The work tree has uncommitted changes.
    pub(crate) dirty: bool,
}

impl Release {
    pub(crate) fn of_head() -> Result<Self, TaskError> {
        let commit = git(&["rev-parse", "--short=12", "HEAD"])?;
        let dirty = !git(&["status", "--porcelain", "--untracked-files=no"])?.is_empty();
        let suffix = if dirty { ".dirty" } else { "" };
        let tagged =
            git(&["tag", "--points-at", "HEAD"])?.lines().any(|tag| tag == format!("v{VERSION}"));
        let package_version = if tagged && !dirty {
            check_maintainer(MAINTAINER)?;
            VERSION.to_owned()
        } else {
            format!("{VERSION}~{}.{commit}{suffix}", commit_date("%Y%m%d%H%M%S")?)
        };
        Ok(Self {
            program_version: format!("{VERSION}+{commit}{suffix}"),
            package_version,
            epoch: git(&["log", "-1", "--format=%ct"])?,
            long_date: commit_date("%B %-d, %Y")?,
            iso_date: commit_date("%Y-%m-%dT%H:%M:%SZ")?,
            deb_date: commit_date("%a, %d %b %Y %H:%M:%S +0000")?,
            rpm_date: commit_date("%a %b %d %Y")?,
            dirty,
        })
    }
}

/// A release goes to people who will want to write to somebody.
fn check_maintainer(maintainer: &str) -> Result<(), TaskError> {
    if !maintainer.ends_with(".invalid>") {
        return Ok(());
    }
    Err(TaskError::InconsistentTable(vec![format!(
        "v{VERSION} is a release without a maintainer: set MAINTAINER in crates/dist/src/release.rs, then move the tag"
    )]))
}

fn commit_date(format: &str) -> Result<String, TaskError> {
    git(&["log", "-1", "--format=%cd", &format!("--date=format-local:{format}")])
}

fn git(arguments: &[&str]) -> Result<String, TaskError> {
    let mut git = Command::new("git");
    git.arg("-C").arg(workspace::root()).args(arguments).envs([("LC_ALL", "C"), ("TZ", "UTC")]);
    Ok(workspace::printed(&mut git)?.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn release_without_maintainer_is_refused() {
        assert!(check_maintainer(MAINTAINER).is_err());
        assert!(check_maintainer("Ann Example <ann@example.org>").is_ok());
    }
}
