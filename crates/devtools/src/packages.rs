//! The Debian packages that the suites need: installed when we may, named when we may not.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use testkit::prerequisites::Prerequisite;

use crate::{TaskError, workspace};

/// Sees to it that what is missing gets installed. A normal user is told what to install instead. Neither that nor an
/// apt-get that fails ends the run: the suites that need what is missing will be skipped and say so.
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

/// The same for a task that can't do without; an error says what this machine lacks.
pub fn require(what: &str, needs: &[Prerequisite]) -> Result<(), TaskError> {
    install_missing(needs);
    match missing(needs) {
        Some(missing) => Err(TaskError::MissingPrerequisite { what: what.to_owned(), missing }),
        None => Ok(()),
    }
}

/// What of it this machine lacks, if anything.
pub fn missing(needs: &[Prerequisite]) -> Option<String> {
    let missing: Vec<String> =
        needs.iter().filter(|need| !need.is_met()).map(Prerequisite::to_string).collect();
    (!missing.is_empty()).then(|| missing.join(", "))
}

/// Where Debian asks whether a package may start its services; exit code 101 says no.
const POLICY_RC_D: &str = "/usr/sbin/policy-rc.d";
const POLICY_SCRIPT: &str =
    "#!/bin/sh\n# Left by `cargo xtask`, if nothing of it runs any more: remove it.\nexit 101\n";

/// The packages of a cluster start its daemons when they are installed. For tests only their tools are wanted, so no service is
/// started as long as this lives. An administrator's own policy is left alone.
struct ServiceStartBlock;

impl ServiceStartBlock {
    fn install() -> Option<Self> {
        // One of ours may have been left by a run that was killed.
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
        // What can't be removed says itself what it is.
        let _ = fs::remove_file(POLICY_RC_D);
    }
}

fn apt_get(arguments: &[&str]) -> Result<(), TaskError> {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    workspace::run_checked(&mut command).map(drop)
}
