//! Where things are, and how cargo is called.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde::Deserialize;

use crate::Error;

/// What cargo tells of the workspace (`cargo metadata`), as far as it is needed here.
#[derive(Debug, Deserialize)]
pub struct Workspace {
    target_directory: PathBuf,
    packages: Vec<Package>,
}

#[derive(Debug, Deserialize)]
struct Package {
    name: String,
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
    test: bool,
}

impl Workspace {
    /// Asks cargo.
    pub fn read() -> Result<Self, Error> {
        let mut cargo = cargo(["metadata", "--no-deps", "--format-version", "1"]);
        let output = succeed(&mut cargo)?;
        serde_json::from_slice(&output.stdout)
            .map_err(|e| Error::Unreadable { what: "cargo metadata".to_owned(), said: e.to_string() })
    }

    /// Where the release build lies: what ships, so what is tested and measured.
    pub fn release(&self) -> PathBuf {
        self.target_directory.join("release")
    }

    /// Where the development build lies.
    pub fn debug(&self) -> PathBuf {
        self.target_directory.join("debug")
    }

    /// Where tools go that the repository needs and the machine has not.
    pub fn tools(&self) -> PathBuf {
        self.target_directory.join("tools")
    }

    /// Where `fuzz` builds, and keeps what it finds.
    pub fn fuzz(&self) -> PathBuf {
        self.target_directory.join("fuzz")
    }

    /// Where labs have their directories.
    pub fn lab(&self) -> PathBuf {
        self.target_directory.join("lab")
    }

    /// Where the copy of the workspace is that mutants are made of.
    pub fn mutants(&self) -> PathBuf {
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
pub fn build() -> Result<(), Error> {
    succeed(&mut cargo([
        "build",
        "--quiet",
        "--release",
        "--package",
        "agents",
        "--package",
        "mzha",
        "--bins",
    ]))?;
    succeed(&mut cargo(["build", "--quiet", "--release", "--package", "testkit", "--bin", "empty"]))?;
    let rest = ["--package", "mz-sim", "--package", "testkit", "--package", "ocf", "--bins", "--examples"];
    succeed(cargo(["build", "--quiet"]).args(rest))?;
    Ok(())
}

/// Runs a command to its end; a failure is an error that holds what the command said.
pub fn succeed(command: &mut Command) -> Result<Output, Error> {
    let output = output(command)?;
    if output.status.success() {
        return Ok(output);
    }
    let said = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    Err(Error::Command {
        command: words(command),
        status: output.status,
        output: String::from_utf8_lossy(&said).trim_end().to_owned(),
    })
}

/// Runs a command to its end, and returns what it printed; a failure is an error.
pub fn printed(command: &mut Command) -> Result<String, Error> {
    String::from_utf8(succeed(command)?.stdout).map_err(Error::unreadable("what a command printed"))
}

/// Runs a command to its end, whatever that is.
pub fn output(command: &mut Command) -> Result<Output, Error> {
    command.output().map_err(|source| Error::Spawn { command: words(command), source })
}

/// The command as one would type it.
fn words(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy();
    let arguments = command.get_args().map(|argument| argument.to_string_lossy());
    std::iter::once(program).chain(arguments).collect::<Vec<_>>().join(" ")
}
