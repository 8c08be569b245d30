//! The lab's own program, which `cargo xtask` builds and calls: it links the lab, and this does not.

use std::ffi::OsStr;
use std::process::{Command, ExitCode, Stdio};

use devtools::{Error, workspace};

/// What is handed on as it is.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Its arguments; `--help` names them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Calls a task of it with these arguments and our terminal.
pub(crate) fn hand_on(task: Option<&str>, Arguments { arguments }: &Arguments) -> Result<ExitCode, Error> {
    let all: Vec<&str> = task.into_iter().chain(arguments.iter().map(String::as_str)).collect();
    pass(&all)
}

/// Calls it with our terminal; its exit code is ours.
pub(crate) fn pass(arguments: &[impl AsRef<OsStr>]) -> Result<ExitCode, Error> {
    let status = lab()
        .args(arguments)
        .stdin(Stdio::inherit())
        .status()
        .map_err(|source| Error::Spawn { command: "the lab's program".to_owned(), source })?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// What it prints.
pub(crate) fn says(arguments: &[&str]) -> Result<String, Error> {
    workspace::printed(lab().args(arguments))
}

fn lab() -> Command {
    workspace::cargo(["run", "--quiet", "--package", "lab", "--bin", "lab", "--"])
}
