//! Paths of the workspace and calls of cargo.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde::Deserialize;

use crate::TaskError;

/// The used part of `cargo metadata`.
#[derive(Debug, Deserialize)]
pub struct Workspace {
    target_directory: PathBuf,
    packages: Vec<CargoPackage>,
}

#[derive(Debug, Deserialize)]
struct CargoPackage {
    name: String,
    targets: Vec<CargoTarget>,
}

#[derive(Debug, Deserialize)]
struct CargoTarget {
    name: String,
    kind: Vec<String>,
    test: bool,
}

impl Workspace {
    pub fn read() -> Result<Self, TaskError> {
        let mut cargo = cargo(["metadata", "--no-deps", "--format-version", "1"]);
        let output = run_checked(&mut cargo)?;
        serde_json::from_slice(&output.stdout).map_err(|e| TaskError::Unreadable {
            what: "cargo metadata".to_owned(),
            said: e.to_string(),
        })
    }

    /// The release build, which ships. Tests and benchmarks use it.
    pub fn release_dir(&self) -> PathBuf {
        self.target_directory.join("release")
    }

    pub fn debug_dir(&self) -> PathBuf {
        self.target_directory.join("debug")
    }

    /// Tools installed for the repository.
    pub fn tools_dir(&self) -> PathBuf {
        self.target_directory.join("tools")
    }

    /// The packages that ship.
    pub fn dist_dir(&self) -> PathBuf {
        self.target_directory.join("dist")
    }

    pub fn target_dir(&self) -> &Path {
        &self.target_directory
    }

    /// The build and the findings of `fuzz`.
    pub fn fuzz_dir(&self) -> PathBuf {
        self.target_directory.join("fuzz")
    }

    pub fn lab_dir(&self) -> PathBuf {
        self.target_directory.join("lab")
    }

    /// The copy of the workspace for mutants.
    pub fn mutants_dir(&self) -> PathBuf {
        self.target_directory.join("mutants")
    }

    /// The integration test targets: package and target.
    pub fn suites(&self) -> Vec<(&str, &str)> {
        let targets = self.packages.iter().flat_map(|p| p.targets.iter().map(move |t| (p, t)));
        let tests = targets
            .filter(|(_, target)| target.test && target.kind.iter().any(|kind| kind == "test"));
        tests.map(|(package, target)| (package.name.as_str(), target.name.as_str())).collect()
    }
}

pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// The files that git tracks for these patterns, as paths in the repository.
pub fn tracked_files(patterns: &[&str]) -> Result<Vec<String>, TaskError> {
    let mut git = Command::new("git");
    git.arg("-C").arg(root()).arg("ls-files").args(patterns);
    Ok(printed(&mut git)?.lines().map(str::to_owned).collect())
}

/// The cargo that runs this task, in the repository and without stdin.
pub fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(arguments).current_dir(root()).stdin(Stdio::null());
    cargo
}

/// Builds the programs of tests and benchmarks. Agents, commands and the empty program are release
/// builds, the others debug builds.
pub fn build_programs() -> Result<(), TaskError> {
    run_checked(&mut cargo([
        "build",
        "--quiet",
        "--release",
        "--package",
        "agents",
        "--package",
        "mzha",
        "--bins",
    ]))?;
    run_checked(&mut cargo([
        "build",
        "--quiet",
        "--release",
        "--package",
        "testkit",
        "--bin",
        "empty",
    ]))?;
    let rest =
        ["--package", "mz-sim", "--package", "testkit", "--package", "ocf", "--bins", "--examples"];
    run_checked(cargo(["build", "--quiet"]).args(rest))?;
    Ok(())
}

/// Runs a command; a failure is an error with its output.
pub fn run_checked(command: &mut Command) -> Result<Output, TaskError> {
    let output = run_output(command)?;
    if output.status.success() {
        return Ok(output);
    }
    let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    Err(TaskError::Command {
        command: command_line(command),
        status: output.status,
        output: String::from_utf8_lossy(&said).trim_end().to_owned(),
    })
}

/// Runs a command and returns its stdout; a failure is an error.
pub fn printed(command: &mut Command) -> Result<String, TaskError> {
    String::from_utf8(run_checked(command)?.stdout)
        .map_err(TaskError::unreadable("what a command printed"))
}

pub fn run_output(command: &mut Command) -> Result<Output, TaskError> {
    command.output().map_err(|source| TaskError::Spawn { command: command_line(command), source })
}

fn command_line(command: &Command) -> String {
    let program =
        Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy());
    std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
}
