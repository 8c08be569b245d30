//! Debian packages of the suites: installed by root, printed for other users.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use testkit::prerequisites::Prerequisite;

use crate::{TaskError, workspace};

/// Installs missing packages, or prints their names if the user is not root. Neither that nor an
/// apt-get failure ends the run: suites without their packages are skipped with the reason.
pub fn install_missing(needs: &[Prerequisite]) {
    let missing: BTreeSet<&str> =
        needs.iter().filter(|need| !need.is_met()).filter_map(|need| need.package()).collect();
    if missing.is_empty() {
        return;
    }
    let list = missing.iter().copied().collect::<Vec<_>>().join(" ");
    if !Prerequisite::Root.is_met() {
        println!("missing packages; as root: apt-get install {list}");
        return;
    }
    println!("installing {list}");
    let _quiet = ServiceStartBlock::install();
    let mut install = vec!["install", "--yes", "--no-install-recommends"];
    install.extend(&missing);
    if let Err(error) = apt_get(&["update"]).and_then(|()| apt_get(&install)) {
        println!("{error}");
    }
}

/// Installs missing packages, for tasks that need them. The error names those that are still
/// missing.
pub fn require(what: &str, needs: &[Prerequisite]) -> Result<(), TaskError> {
    install_missing(needs);
    match missing(needs) {
        Some(missing) => Err(TaskError::MissingPrerequisite { what: what.to_owned(), missing }),
        None => Ok(()),
    }
}

pub fn missing(needs: &[Prerequisite]) -> Option<String> {
    let missing: Vec<String> =
        needs.iter().filter(|need| !need.is_met()).map(Prerequisite::to_string).collect();
    (!missing.is_empty()).then(|| missing.join(", "))
}

/// Debian's hook before a package starts its services; exit code 101 forbids it.
const POLICY_RC_D: &str = "/usr/sbin/policy-rc.d";
const POLICY_SCRIPT: &str =
    "#!/bin/sh\n# Left by `cargo xtask`, if nothing of it runs any more: remove it.\nexit 101\n";

/// Cluster packages start their daemons on installation, but tests need only the tools. No service
/// starts while this guard lives. An existing policy of the administrator stays.
struct ServiceStartBlock;

impl ServiceStartBlock {
    fn install() -> Option<Self> {
        // A killed run may have left our policy.
        let own = fs::read_to_string(POLICY_RC_D).map(|text| text == POLICY_SCRIPT);
        if own.is_ok_and(|own| !own) {
            return None;
        }
        fs::write(POLICY_RC_D, POLICY_SCRIPT).ok()?;
        let this = Self;
        fs::set_permissions(POLICY_RC_D, Permissions::from_mode(0o755)).ok()?;
        Some(this)
    }
}

impl Drop for ServiceStartBlock {
    fn drop(&mut self) {
        // The file's own comment explains a leftover.
        let _ = fs::remove_file(POLICY_RC_D);
    }
}

fn apt_get(arguments: &[&str]) -> Result<(), TaskError> {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    workspace::run_checked(&mut command).map(drop)
}
