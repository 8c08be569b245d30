//! Builds and calls the lab's program. That program links the lab, xtask does not.

use std::ffi::OsStr;
use std::process::{Command, ExitCode, Stdio};

use devtools::{TaskError, workspace};

#[derive(Debug, clap::Args)]
pub(crate) struct LabArguments {
    /// Arguments of the lab's program; see `--help`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Calls one of its tasks with these arguments, on our terminal.
pub(crate) fn forward(
    task: Option<&str>,
    LabArguments { arguments }: &LabArguments,
) -> Result<ExitCode, TaskError> {
    let all: Vec<&str> = task.into_iter().chain(arguments.iter().map(String::as_str)).collect();
    run_lab(&all)
}

/// Calls it on our terminal and returns its exit code.
pub(crate) fn run_lab(arguments: &[impl AsRef<OsStr>]) -> Result<ExitCode, TaskError> {
    let status =
        lab_command().args(arguments).stdin(Stdio::inherit()).status().map_err(|source| {
            TaskError::Spawn { command: "the lab's program".to_owned(), source }
        })?;
    Ok(status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .map_or(ExitCode::FAILURE, ExitCode::from))
}

pub(crate) fn lab_output(arguments: &[&str]) -> Result<String, TaskError> {
    workspace::printed(lab_command().args(arguments))
}

fn lab_command() -> Command {
    workspace::cargo(["run", "--quiet", "--package", "lab", "--bin", "lab", "--"])
}
