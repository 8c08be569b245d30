//! The workspace's own programs, and their paths in the build directory.

use std::path::{Path, PathBuf};

use crate::TestkitError;

/// The types of our agents, which are also the names of their programs.
pub const AGENTS: [&str; 4] = ["platform", "ec", "sc", "ui"];

/// The commands for people and for other cluster managers.
const COMMANDS: [&str; 2] = ["mzha", "mz-ha-scripts"];

/// The directory of the agents under test, if it is not the test's own. `cargo xtask test` tests
/// the release build, which is the one that ships.
const AGENTS_DIR_VARIABLE: &str = "TESTKIT_AGENTS_DIR";

/// The programs that a sandbox has, each with its name there.
#[derive(Debug, Clone)]
pub struct Programs {
    pub(crate) entries: Vec<(PathBuf, String)>,
}

impl Programs {
    /// The programs of the kit only.
    ///
    /// # Errors
    /// [`TestkitError::NotBuilt`].
    pub fn kit_only() -> Result<Self, TestkitError> {
        let own = ["executor", "hung-mount", "imitator", "kill-at", "old-kernel"];
        own.into_iter().try_fold(Self { entries: Vec::new() }, |programs, own| {
            Ok(programs.add_program(&find_built(&build_dir(), own, "cargo build -p testkit")?, own))
        })
    }

    /// The kit, the four agents and the simulated product.
    ///
    /// # Errors
    /// [`TestkitError::NotBuilt`].
    pub fn with_agents() -> Result<Self, TestkitError> {
        Self::with_simulator()?.add_agents(&agents_build_dir())
    }

    /// The same and the commands, in `/run/testkit/bin`.
    ///
    /// # Errors
    /// [`TestkitError::NotBuilt`].
    pub fn with_commands() -> Result<Self, TestkitError> {
        COMMANDS.into_iter().try_fold(Self::with_agents()?, |programs, command| {
            Ok(programs.add_program(
                &find_built(
                    &agents_build_dir(),
                    command,
                    "cargo build -p mzha, or set TESTKIT_AGENTS_DIR",
                )?,
                command,
            ))
        })
    }

    /// The simulated product without agents.
    ///
    /// # Errors
    /// [`TestkitError::NotBuilt`].
    pub fn with_simulator() -> Result<Self, TestkitError> {
        let simulator = find_built(&build_dir(), "mz-sim", "cargo build -p mz-sim")?;
        Ok(Self::kit_only()?.add_program(&simulator, "mz-sim"))
    }

    /// Adds the four agents of this directory.
    ///
    /// # Errors
    /// [`TestkitError::NotBuilt`].
    pub fn add_agents(mut self, dir: &Path) -> Result<Self, TestkitError> {
        for agent in AGENTS {
            let path = find_built(dir, agent, "cargo build -p agents, or set TESTKIT_AGENTS_DIR")?;
            self = self.add_program(&path, &format!("agent/{agent}"));
        }
        Ok(self)
    }

    /// Each program's path and its name in the sandbox, which is `agent/NAME` for an agent.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.entries.iter().map(|(path, name)| (path.as_path(), name.as_str()))
    }

    /// Adds a program as `/run/testkit/bin/NAME`.
    #[must_use]
    pub fn add_program(mut self, path: &Path, name: &str) -> Self {
        self.entries.push((path.to_owned(), name.to_owned()));
        self
    }
}

/// The directory of the programs under test.
fn agents_build_dir() -> PathBuf {
    std::env::var_os(AGENTS_DIR_VARIABLE).map_or_else(build_dir, PathBuf::from)
}

/// Cargo puts test programs into `deps` below the directory of the programs that it builds for
/// them.
pub(crate) fn build_dir() -> PathBuf {
    let me = std::env::current_exe().unwrap_or_default();
    let dir = me.parent().unwrap_or(Path::new("."));
    if dir.ends_with("deps") { dir.parent().unwrap_or(dir).to_owned() } else { dir.to_owned() }
}

/// The folder of the packages that ship: `cargo xtask dist` makes it.
#[must_use]
pub fn packages_dir() -> PathBuf {
    let build = build_dir();
    build.parent().unwrap_or(&build).join("dist")
}

/// Where the package of the agents unpacks them.
pub const STAGED_FOLDER: &str = "/usr/lib/resource-agents-mediationzone";

/// A shell script that makes the agents' package in /packages another one: with this version, and with agents that have this word
/// behind their own bytes.
#[must_use]
pub fn repack_agents(version: &str, word: &str, to: &str) -> String {
    format!(
        "set -e
        dpkg-deb --raw-extract /packages/resource-agents-mediationzone_*.deb /tmp/{word}
        sed -i 's/^Version: .*/Version: {version}/' /tmp/{word}/DEBIAN/control
        for agent in platform ec sc ui; do printf {word} >>/tmp/{word}{STAGED_FOLDER}/$agent; done
        dpkg-deb -Znone --build /tmp/{word} {to}"
    )
}

/// If set, the lab's nodes have the programs under test from the packages that ship.
pub const FROM_PACKAGES_VARIABLE: &str = "TESTKIT_FROM_PACKAGES";

/// True if the running suite tests the packages.
#[must_use]
pub fn is_testing_packages() -> bool {
    std::env::var_os(FROM_PACKAGES_VARIABLE).is_some()
}

fn find_built(dir: &Path, name: &str, hint: &str) -> Result<PathBuf, TestkitError> {
    let path = dir.join(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(TestkitError::NotBuilt { path, hint: hint.to_owned() })
    }
}
