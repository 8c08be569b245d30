//! `cargo xtask gen`: ocf-metadata/*.xml, one file an agent, exactly what its `meta-data` prints.
//!
//! The files are committed so that a reader, a packager and a diff see the interface; `--check` keeps them true.

use std::fs;
use std::process::{Command, ExitCode};

use testkit::AGENTS;

use crate::Error;
use crate::workspace::{self, Workspace};

/// What `gen` is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Write nothing; fail when a file is not what the agent says.
    #[arg(long)]
    check: bool,
}

/// Writes or checks the files.
pub(crate) fn run(options: &Options) -> Result<ExitCode, Error> {
    workspace::build()?;
    let workspace = Workspace::read()?;
    if options.check {
        check(&workspace)?;
        return Ok(ExitCode::SUCCESS);
    }
    for agent in AGENTS {
        let path = file(agent);
        fs::write(&path, metadata(&workspace, agent)?).map_err(Error::file("write", &path))?;
        println!("{}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Fails with the names of the files that are not what the agents say.
pub(crate) fn check(workspace: &Workspace) -> Result<(), Error> {
    let mut stale = Vec::new();
    for agent in AGENTS {
        // A missing file is as stale as a wrong one.
        if fs::read(file(agent)).unwrap_or_default() != metadata(workspace, agent)? {
            stale.push(format!("ocf-metadata/{agent}.xml"));
        }
    }
    match stale.as_slice() {
        [] => Ok(()),
        [one] => Err(Error::Stale(format!("{one} is"))),
        many => Err(Error::Stale(format!("{} are", many.join(", ")))),
    }
}

fn file(agent: &str) -> std::path::PathBuf {
    workspace::root().join("ocf-metadata").join(agent).with_extension("xml")
}

/// With an empty environment: metadata must not depend on anything.
fn metadata(workspace: &Workspace, agent: &str) -> Result<Vec<u8>, Error> {
    let mut command = Command::new(workspace.release().join(agent));
    command.arg("meta-data").env_clear();
    Ok(workspace::succeed(&mut command)?.stdout)
}
