//! Gates that need more than one command.

use std::path::Path;
use std::process::Command;

use devtools::TaskError;
use devtools::workspace::{self, Workspace};

use super::Tally;

/// The version that `--all` installs; deny.toml is written for it.
const CARGO_DENY: &str = "0.20.2";

/// Runs the workspace's lints with warnings as errors.
pub(crate) fn clippy() -> Result<(), TaskError> {
    let arguments = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"];
    workspace::run_checked(&mut workspace::cargo(arguments)).map(drop)
}

/// Checks licences, duplicates and sources of the dependencies. It checks advisories only with a
/// local database: a fetch needs the network, which a build machine may lack.
pub(crate) fn cargo_deny(tally: &Tally, workspace: &Workspace, install: bool) {
    let tool = workspace.tools_dir().join("bin/cargo-deny");
    let tool = if is_runnable(Path::new("cargo-deny")) {
        Path::new("cargo-deny")
    } else {
        let here =
            is_runnable(&tool) || (install && tally.gate("cargo-deny", || install_deny(workspace)));
        if !here {
            tally.skip(
                "dependencies",
                1,
                "cargo-deny not found; run `cargo install --locked cargo-deny`",
            );
            return;
        }
        &tool
    };
    tally.gate("dependencies", || check(tool, &["bans", "licenses", "sources"]));
    if has_advisory_database() {
        tally.gate("advisories", || check(tool, &["--disable-fetch", "advisories"]));
    } else {
        println!("    advisories not checked: no database found (run `cargo deny fetch`)");
    }
}

fn is_runnable(tool: &Path) -> bool {
    let output = Command::new(tool).arg("--version").output();
    output.is_ok_and(|output| output.status.success())
}

fn install_deny(workspace: &Workspace) -> Result<(), TaskError> {
    let mut cargo =
        workspace::cargo(["install", "--quiet", "--locked", "cargo-deny", "--version", CARGO_DENY]);
    workspace::run_checked(cargo.arg("--root").arg(workspace.tools_dir())).map(drop)
}

fn check(tool: &Path, what: &[&str]) -> Result<(), TaskError> {
    let mut command = Command::new(tool);
    command.current_dir(workspace::root()).args(["--log-level", "error", "check"]);
    workspace::run_checked(command.args(["--hide-inclusion-graph"]).args(what)).map(drop)
}

fn has_advisory_database() -> bool {
    let home = std::env::var_os("CARGO_HOME")
        .map(std::path::PathBuf::from)
        .or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let databases = home.and_then(|home| std::fs::read_dir(home.join("advisory-dbs")).ok());
    databases.is_some_and(|mut databases| databases.next().is_some())
}
