//! Root file systems for nodes with another generation of the cluster's software
//! ([`testkit::Generation`]), for packages ([`testkit::DebianRoot`]), and for the OpenStack lab
//! ([`testkit::OPENSTACK_ROOT`]).
//!
//! debootstrap makes them from this machine's apt mirror in two minutes. They are kept while their
//! recipe stays the same.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Instant;

use testkit::prerequisites;
use testkit::{DebianRoot, Generation, RootFolder};

use crate::{TaskError, packages, workspace};

/// Makes the root if it is missing.
pub fn ensure(generation: Generation) -> Result<(), TaskError> {
    generation.folder().map_or(Ok(()), ensure_folder)
}

/// Makes the roots in which packages are installed, if they are missing.
pub fn ensure_debian_roots() -> Result<(), TaskError> {
    DebianRoot::ALL.into_iter().map(DebianRoot::root).try_for_each(ensure_folder)
}

/// Makes the folder if it is missing.
pub fn ensure_folder(root: RootFolder) -> Result<(), TaskError> {
    if root.is_available() {
        return Ok(());
    }
    let folder = &root.path();
    packages::require(root.name, prerequisites::GENERATION_FOLDER)?;
    let rooms = folder.parent().unwrap_or(folder);
    fs::create_dir_all(rooms).map_err(TaskError::file("mkdir", rooms))?;
    let mirror = find_mirror()?;
    println!("making {} from {mirror}", folder.display());
    let started = Instant::now();
    let mut make = Command::new("unshare");
    make.args([
        "--mount",
        "--pid",
        "--fork",
        "--kill-child",
        "--mount-proc",
        "--propagation",
        "private",
    ]);
    make.args(["bash", "-c", include_str!("make.sh"), "make.sh"]).arg(folder);
    make.args([RootFolder::RECIPE_FILE, &root.recipe(), root.codename, &mirror]);
    make.args(root.packages);
    make.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdin(Stdio::null());
    let log = rooms.join(format!("{}.log", root.name));
    let file = fs::File::create(&log).map_err(TaskError::file("create", &log))?;
    make.stderr(file.try_clone().map_err(TaskError::file("open", &log))?).stdout(file);
    let status = make
        .status()
        .map_err(|source| TaskError::Spawn { command: "unshare".to_owned(), source })?;
    if !status.success() {
        let said = fs::read_to_string(&log).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        return Err(TaskError::Command {
            command: format!("make.sh {} (all that it said: {})", root.name, log.display()),
            status,
            output: lines[lines.len().saturating_sub(5)..].join("\n"),
        });
    }
    println!("    {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

/// The URL of Debian's archive in this machine's apt configuration.
fn find_mirror() -> Result<String, TaskError> {
    let targets = || {
        let mut apt = Command::new("apt-get");
        apt.args([
            "indextargets",
            "--format",
            "$(REPO_URI)",
            "Created-By: Packages",
            "Origin: Debian",
        ]);
        apt.args(["Label: Debian", "Component: main"]).stdin(Stdio::null());
        let said = workspace::run_checked(&mut apt)?.stdout;
        Ok::<_, TaskError>(String::from_utf8_lossy(&said).lines().next().map(str::to_owned))
    };
    if let Some(mirror) = targets()? {
        return Ok(mirror);
    }
    // Only fetched lists name their origin.
    workspace::run_checked(Command::new("apt-get").arg("update").stdin(Stdio::null()))?;
    targets()?.ok_or_else(|| TaskError::Unreadable {
        what: "apt's sources".to_owned(),
        said: "none is Debian's archive".to_owned(),
    })
}
