//! The examples of this crate as whole agents, each in a process of its own.

mod actions;
mod logging;
mod panics;
mod traces;

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// An example with an empty environment, apart from the variables that a test sets.
fn agent_command(name: &str, action: &str) -> Command {
    // <target>/<profile>/deps/agents-... is beside <target>/<profile>/examples.
    let test = std::env::current_exe().expect("the path of this test");
    let profile: PathBuf = test.ancestors().nth(2).expect("a target directory").into();
    let program = profile.join("examples").join(name);
    assert!(program.exists(), "{}: run `cargo build -p ocf --examples` first", program.display());
    let mut command = Command::new(program);
    command.arg(action).env_clear().stdin(Stdio::null());
    command
}

fn behave_command(how: impl AsRef<OsStr>, action: &str) -> Command {
    let mut command = agent_command("behave", action);
    command.env("OCF_RESKEY_behave", how);
    command
}

/// Returns exit code, stdout and stderr.
fn run_and_capture(command: &mut Command) -> (Option<i32>, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("the example runs");
    let text = |bytes| String::from_utf8(bytes).expect("an agent writes UTF-8");
    (status.code(), text(stdout), text(stderr))
}
