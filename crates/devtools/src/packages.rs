//! The Debian packages that the suites need: installed when we may, named when we may not.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use testkit::needs::Need;

use crate::{Error, workspace};

/// Sees to it that what is missing gets installed. A normal user is told what to install instead. Neither that nor an
/// apt-get that fails ends the run: the suites that need what is missing will be skipped and say so.
pub fn provide(needs: &[Need]) {
    let missing: BTreeSet<&str> =
        needs.iter().filter(|need| !need.is_met()).filter_map(|need| need.package()).collect();
    if missing.is_empty() {
        return;
    }
    let list = missing.iter().copied().collect::<Vec<_>>().join(" ");
    if !Need::Root.is_met() {
        println!("missing packages; as root: apt-get install {list}");
        return;
    }
    println!("installing {list}");
    let _quiet = NoServices::begin();
    let mut install = vec!["install", "--yes", "--no-install-recommends"];
    install.extend(&missing);
    if let Err(error) = apt_get(&["update"]).and_then(|()| apt_get(&install)) {
        println!("{error}");
    }
}

/// The same for a task that can't do without; an error says what this machine lacks.
pub fn require(what: &str, needs: &[Need]) -> Result<(), Error> {
    provide(needs);
    match missing(needs) {
        Some(missing) => Err(Error::Unmet { what: what.to_owned(), missing }),
        None => Ok(()),
    }
}

/// What of it this machine lacks, if anything.
pub fn missing(needs: &[Need]) -> Option<String> {
    let missing: Vec<String> = needs.iter().filter(|need| !need.is_met()).map(Need::to_string).collect();
    (!missing.is_empty()).then(|| missing.join(", "))
}

/// Where Debian asks whether a package may start its services; exit code 101 says no.
const POLICY: &str = "/usr/sbin/policy-rc.d";
const POLICY_TEXT: &str =
    "#!/bin/sh\n# Left by `cargo xtask`, if nothing of it runs any more: remove it.\nexit 101\n";

/// The packages of a cluster start its daemons when they are installed. For tests only their tools are wanted, so no service is
/// started as long as this lives. An administrator's own policy is left alone.
struct NoServices;

impl NoServices {
    fn begin() -> Option<Self> {
        // One of ours may have been left by a run that was killed.
        let own = fs::read_to_string(POLICY).map(|text| text == POLICY_TEXT);
        if own.is_ok_and(|own| !own) {
            return None;
        }
        fs::write(POLICY, POLICY_TEXT).ok()?;
        let this = Self;
        fs::set_permissions(POLICY, Permissions::from_mode(0o755)).ok()?;
        Some(this)
    }
}

impl Drop for NoServices {
    fn drop(&mut self) {
        // What can't be removed says itself what it is.
        let _ = fs::remove_file(POLICY);
    }
}

fn apt_get(arguments: &[&str]) -> Result<(), Error> {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    workspace::succeed(&mut command).map(drop)
}
