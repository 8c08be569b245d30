//! The packages that ship, made by the program `dist`. It links the agents and the commands, which
//! the callers do not.

use std::fs;
use std::process::Command;
use std::time::SystemTime;

use testkit::packages_dir;

use crate::{TaskError, workspace};

/// What the packages are made from.
const SOURCES: &[&str] = &[
    "Cargo.lock",
    "LICENSE-MIT",
    "crates",
    "docs/examples",
    "packaging",
    ":!crates/devtools",
    ":!crates/xtask",
];

/// The last file that `dist` writes.
const CHECKSUMS: &str = "SHA256SUMS";

/// The program, built if necessary.
#[must_use]
pub fn command() -> Command {
    workspace::cargo(["run", "--quiet", "--package", "dist", "--"])
}

/// True if there are packages, and no source is newer.
pub fn is_current() -> Result<bool, TaskError> {
    let modified = |path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let Some(made) = modified(packages_dir().join(CHECKSUMS)) else { return Ok(false) };
    let root = workspace::root();
    let files = workspace::tracked_files(SOURCES)?;
    let newest: Option<SystemTime> =
        files.iter().filter_map(|name| modified(root.join(name))).max();
    Ok(newest.is_none_or(|newest| newest <= made))
}
