//! The Debian packages that the suites need: installed when we may, named when we may not.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use testkit::needs::Need;

use crate::{Error, workspace};

/// Sees to it that what is missing gets installed. A normal user is told what to install instead. Neither that nor an
/// apt-get that fails ends the run: the suites that need what is missing will be skipped and say so.
pub(crate) fn provide(needs: &[Need]) {
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
    let mut install = vec!["install", "--yes", "--no-install-recommends"];
    install.extend(&missing);
    if let Err(error) = apt_get(&["update"]).and_then(|()| apt_get(&install)) {
        println!("{error}");
    }
}

fn apt_get(arguments: &[&str]) -> Result<(), Error> {
    let mut command = Command::new("apt-get");
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    workspace::succeed(&mut command).map(drop)
}
