//! `cargo xtask gen`: generated files. They are committed, so that a reader, a packager and a diff
//! see them; CI compares them.
//!
//! - ocf-metadata/*.xml: one file per agent, exactly the output of its `meta-data`.
//! - docs/evidence/behaviour.md: see [`behaviour`].
//! - docs/operate/parameters.md and fuzz/dictionaries/environment.dict: from the agents' parameter table.
//! - docs/design/in-the-cluster.md: from the lab's program. `--decisions` also renews its source.
//!   That needs Pacemaker's tools and half a minute; the suite `simulations` compares it.
//! - docs/evidence/reliability.md: from the lab's program, which reads docs/evidence/reliability/.
//! - docs/examples: the configurations of README.md and docs/operate/crm.md, which the package ships.
//! - Containerfile: with the Debian packages that the suites need.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use devtools::TaskError;
use devtools::suites::all_prerequisites;
use devtools::workspace::{self, Workspace};
use testkit::AGENTS;

use crate::{behaviour, examples, lab};

#[derive(Debug, clap::Args)]
pub(crate) struct GenOptions {
    /// Write nothing; fail if a file is stale
    #[arg(long)]
    check: bool,
    /// Also query Pacemaker's scheduler again (needs root and Pacemaker's tools)
    #[arg(long, conflicts_with = "check")]
    decisions: bool,
}

pub(crate) fn run(options: &GenOptions) -> Result<ExitCode, TaskError> {
    workspace::build_programs()?;
    let workspace = Workspace::read()?;
    if options.check {
        check(&workspace)?;
        return Ok(ExitCode::SUCCESS);
    }
    if options.decisions {
        print!("{}", lab::lab_output(&["decisions"])?);
    }
    for (name, content) in files(&workspace)? {
        write(&name, &content)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn write(name: &str, content: &[u8]) -> Result<(), TaskError> {
    let path = workspace::root().join(name);
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(TaskError::file("make", folder))?;
    fs::write(&path, content).map_err(TaskError::file("write", &path))?;
    println!("{name}");
    Ok(())
}

/// Fails with the names of stale files.
pub(crate) fn check(workspace: &Workspace) -> Result<(), TaskError> {
    let mut stale = Vec::new();
    for (name, content) in files(workspace)? {
        // A missing file is stale, too.
        if fs::read(workspace::root().join(&name)).unwrap_or_default() != content {
            stale.push(name);
        }
    }
    match stale.as_slice() {
        [] => Ok(()),
        [one] => Err(TaskError::Stale(format!("{one} is"))),
        many => Err(TaskError::Stale(format!("{} are", many.join(", ")))),
    }
}

/// All generated files, by their path in the repository.
fn files(workspace: &Workspace) -> Result<Vec<(String, Vec<u8>)>, TaskError> {
    let mut files = vec![
        ("docs/evidence/behaviour.md".to_owned(), behaviour::page()?.into_bytes()),
        (
            "docs/design/in-the-cluster.md".to_owned(),
            lab::lab_output(&["page", "in-the-cluster"])?.into_bytes(),
        ),
        (
            "docs/evidence/reliability.md".to_owned(),
            lab::lab_output(&["page", "reliability"])?.into_bytes(),
        ),
    ];
    files.push((
        "docs/operate/parameters.md".to_owned(),
        example_output("parameters")?.into_bytes(),
    ));
    files.push((
        "fuzz/dictionaries/environment.dict".to_owned(),
        example_output("environment_dictionary")?.into_bytes(),
    ));
    files.push(("Containerfile".to_owned(), containerfile().into_bytes()));
    files.extend(examples::files()?);
    for agent in AGENTS {
        files.push((format!("ocf-metadata/{agent}.xml"), metadata(workspace, agent)?));
    }
    Ok(files)
}

/// An image with the packages that `cargo xtask test` would install first.
fn containerfile() -> String {
    let needs = all_prerequisites();
    let packages: BTreeSet<&str> = needs.iter().filter_map(|need| need.package()).collect();
    let list: Vec<&str> = packages.into_iter().collect();
    let list = list.join(" \\\n        ");
    format!(
        "# Made by `cargo xtask gen` from the needs of the suites (tests/src/prerequisites.rs): change those.\n\
         # podman build -t mediationzone-ra . && podman run --privileged -v .:/src -w /src mediationzone-ra cargo xtask test\n\
         FROM docker.io/library/rust:1-bookworm\n\
         RUN rustup component add rustfmt clippy\n\
         RUN printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d\n\
         RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \\\n        {list} \\\n    \
         && rm -rf /var/lib/apt/lists/*\n"
    )
}

/// The output of an example of the agents, because xtask does not link them.
pub(crate) fn example_output(name: &str) -> Result<String, TaskError> {
    workspace::printed(&mut workspace::cargo([
        "run",
        "--quiet",
        "--package",
        "agents",
        "--example",
        name,
    ]))
}

/// The environment is empty, because metadata must not depend on it.
fn metadata(workspace: &Workspace, agent: &str) -> Result<Vec<u8>, TaskError> {
    let mut command = Command::new(workspace.release_dir().join(agent));
    command.arg("meta-data").env_clear();
    Ok(workspace::run_checked(&mut command)?.stdout)
}
