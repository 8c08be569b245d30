//! Where things are, and how cargo is called.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde::Deserialize;

use crate::TaskError;

/// What cargo tells of the workspace (`cargo metadata`), as far as it is needed here.
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
    /// Asks cargo.
    pub fn read() -> Result<Self, TaskError> {
        let mut cargo = cargo(["metadata", "--no-deps", "--format-version", "1"]);
        let output = run_checked(&mut cargo)?;
        serde_json::from_slice(&output.stdout)
            .map_err(|e| TaskError::Unreadable { what: "cargo metadata".to_owned(), said: e.to_string() })
    }

    /// Where the release build lies: what ships, so what is tested and measured.
    pub fn release_dir(&self) -> PathBuf {
        self.target_directory.join("release")
    }

    /// Where the development build lies.
    pub fn debug_dir(&self) -> PathBuf {
        self.target_directory.join("debug")
    }

    /// Where tools go that the repository needs and the machine has not.
    pub fn tools_dir(&self) -> PathBuf {
        self.target_directory.join("tools")
    }

    /// Where `fuzz` builds, and keeps what it finds.
    pub fn fuzz_dir(&self) -> PathBuf {
        self.target_directory.join("fuzz")
    }

    /// Where labs have their directories.
    pub fn lab_dir(&self) -> PathBuf {
        self.target_directory.join("lab")
    }

    /// Where the copy of the workspace is that mutants are made of.
    pub fn mutants_dir(&self) -> PathBuf {
        self.target_directory.join("mutants")
    }

    /// The integration test targets: package and target.
    pub fn suites(&self) -> Vec<(&str, &str)> {
        let targets = self.packages.iter().flat_map(|p| p.targets.iter().map(move |t| (p, t)));
        let tests =
            targets.filter(|(_, target)| target.test && target.kind.iter().any(|kind| kind == "test"));
        tests.map(|(package, target)| (package.name.as_str(), target.name.as_str())).collect()
    }
}

/// The repository, wherever the task was called from.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here).to_owned()
}

/// A call of the cargo that runs us, in the repository, without a terminal to ask.
pub fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(arguments).current_dir(root()).stdin(Stdio::null());
    cargo
}

/// Builds what the tests and the bench run: the agents, the commands and the empty program as they ship, the rest for development.
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
    run_checked(&mut cargo(["build", "--quiet", "--release", "--package", "testkit", "--bin", "empty"]))?;
    let rest = ["--package", "mz-sim", "--package", "testkit", "--package", "ocf", "--bins", "--examples"];
    run_checked(cargo(["build", "--quiet"]).args(rest))?;
    Ok(())
}

/// Runs a command to its end; a failure is an error that holds what the command said.
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

/// Runs a command to its end, and returns what it printed; a failure is an error.
pub fn printed(command: &mut Command) -> Result<String, TaskError> {
    String::from_utf8(run_checked(command)?.stdout).map_err(TaskError::unreadable("what a command printed"))
}

/// Runs a command to its end, whatever that is.
pub fn run_output(command: &mut Command) -> Result<Output, TaskError> {
    command.output().map_err(|source| TaskError::Spawn { command: command_line(command), source })
}

/// The command as one would type it.
fn command_line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy());
    std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
}
