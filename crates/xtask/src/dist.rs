//! Builds and calls `dist`.

use std::process::{ExitCode, Stdio};

use devtools::{TaskError, dist, workspace};

#[derive(Debug, clap::Args)]
pub(crate) struct DistArguments {
    /// Arguments of the program; see `--help`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// With our terminal; its exit code is ours.
pub(crate) fn run(DistArguments { arguments }: &DistArguments) -> Result<ExitCode, TaskError> {
    let status = dist::command()
        .args(arguments)
        .stdin(Stdio::inherit())
        .status()
        .map_err(|source| TaskError::Spawn { command: "dist".to_owned(), source })?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Without output, unless it fails.
pub(crate) fn make() -> Result<(), TaskError> {
    workspace::run_checked(&mut dist::command()).map(drop)
}

/// What the packages are built with, from PyPI unless it is there.
pub(crate) fn fetch_tools() -> Result<(), TaskError> {
    workspace::run_checked(dist::command().arg("--fetch-tools")).map(drop)
}
