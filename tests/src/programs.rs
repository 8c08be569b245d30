//! The workspace's own programs, and where the build left them.

use std::path::{Path, PathBuf};

use crate::Error;

/// The types of our agents, which are also the names of their programs.
pub const AGENTS: [&str; 4] = ["platform", "ec", "sc", "ui"];

/// The commands for people and for other cluster managers.
const COMMANDS: [&str; 2] = ["mzha", "mz-ha-scripts"];

/// Set to the directory of the agents under test when that is not the test's own: `cargo xtask test` tests the release
/// build, which is what ships.
const AGENTS_DIR: &str = "TESTKIT_AGENTS_DIR";

/// Which programs a sandbox shows, each with the name that it has there.
#[derive(Debug, Clone)]
pub struct Programs {
    pub(crate) shown: Vec<(PathBuf, String)>,
}

impl Programs {
    /// Only what the kit itself needs.
    ///
    /// # Errors
    /// [`Error::NotBuilt`].
    pub fn bare() -> Result<Self, Error> {
        ["executor", "hung-mount", "imitator", "kill-at"]
            .into_iter()
            .try_fold(Self { shown: Vec::new() }, |programs, own| {
                Ok(programs.and(&built(&build_dir(), own, "cargo build -p testkit")?, own))
            })
    }

    /// The four agents and the simulated product as well.
    ///
    /// # Errors
    /// [`Error::NotBuilt`].
    pub fn all() -> Result<Self, Error> {
        Self::simulator()?.and_agents(&shipped())
    }

    /// The same with the commands, in `/run/testkit/bin`.
    ///
    /// # Errors
    /// [`Error::NotBuilt`].
    pub fn with_commands() -> Result<Self, Error> {
        COMMANDS.into_iter().try_fold(Self::all()?, |programs, command| {
            Ok(programs
                .and(&built(&shipped(), command, "cargo build -p mzha, or set TESTKIT_AGENTS_DIR")?, command))
        })
    }

    /// The simulated product without agents.
    ///
    /// # Errors
    /// [`Error::NotBuilt`].
    pub fn simulator() -> Result<Self, Error> {
        let simulator = built(&build_dir(), "mz-sim", "cargo build -p mz-sim")?;
        Ok(Self::bare()?.and(&simulator, "mz-sim"))
    }

    /// The four agents of this directory.
    ///
    /// # Errors
    /// [`Error::NotBuilt`].
    pub fn and_agents(mut self, dir: &Path) -> Result<Self, Error> {
        for agent in AGENTS {
            let path = built(dir, agent, "cargo build -p agents, or set TESTKIT_AGENTS_DIR")?;
            self = self.and(&path, &format!("agent/{agent}"));
        }
        Ok(self)
    }

    /// Each program's path, and the name that it is shown by: `agent/NAME` for an agent.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.shown.iter().map(|(path, name)| (path.as_path(), name.as_str()))
    }

    /// One more program, to be found at `/run/testkit/bin/NAME`.
    #[must_use]
    pub fn and(mut self, path: &Path, name: &str) -> Self {
        self.shown.push((path.to_owned(), name.to_owned()));
        self
    }
}

/// Where the programs under test are.
fn shipped() -> PathBuf {
    std::env::var_os(AGENTS_DIR).map_or_else(build_dir, PathBuf::from)
}

/// Cargo puts test programs into `deps` below the directory of the programs that it builds for them.
pub(crate) fn build_dir() -> PathBuf {
    let me = std::env::current_exe().unwrap_or_default();
    let dir = me.parent().unwrap_or(Path::new("."));
    if dir.ends_with("deps") { dir.parent().unwrap_or(dir).to_owned() } else { dir.to_owned() }
}

fn built(dir: &Path, name: &str, hint: &str) -> Result<PathBuf, Error> {
    let path = dir.join(name);
    if path.is_file() { Ok(path) } else { Err(Error::NotBuilt { path, hint: hint.to_owned() }) }
}
