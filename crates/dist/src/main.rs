//! `cargo xtask dist`: the packages that ship, from one [`table`], as .deb and .rpm.
//!
//! dpkg-deb and rpmbuild write them: each is its format's own tool, honours `SOURCE_DATE_EPOCH`, and costs no dependency. The programs
//! are built with zig for an old C library, so one package runs on every system that is in use.
#![forbid(unsafe_code)]

mod bill_of_materials;
mod format;
mod pages;
mod program_check;
mod pypi;
mod release;
mod staging;
mod table;
mod zig;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Parser;
use devtools::workspace::{self, Workspace};
use devtools::{TaskError, packages};
use testkit::prerequisites;

use release::Release;

/// Make .deb and .rpm packages, their checksums and bills of materials, in target/dist
#[derive(Debug, Parser)]
#[command(name = "cargo xtask dist", bin_name = "cargo xtask dist")]
struct DistOptions {
    /// Where they are put; the folder is made anew
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Package the programs of this folder instead of building them
    #[arg(long, value_name = "DIR")]
    programs: Option<PathBuf>,
    /// Package them as this version, for a test of an upgrade
    #[arg(long, value_name = "VERSION")]
    package_version: Option<String>,
    /// Build once more, from a copy of the commit in another folder, and fail if a byte differs
    #[arg(long, conflicts_with = "programs")]
    twice: bool,
    /// Only install what builds and checks the packages, from PyPI, in target/tools
    #[arg(long, exclusive = true)]
    fetch_tools: bool,
    /// Only list the files: package, mode, path, purpose
    #[arg(long, exclusive = true)]
    list: bool,
}

fn main() -> ExitCode {
    match run(&DistOptions::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &DistOptions) -> Result<(), TaskError> {
    if options.list {
        print!("{}", table::list());
        return Ok(());
    }
    packages::require("packages", prerequisites::PACKAGE_TOOLS)?;
    let workspace = Workspace::read()?;
    for tool in [zig::TOOL, bill_of_materials::TOOL] {
        tool.install(&workspace)?;
    }
    if options.fetch_tools {
        return Ok(());
    }
    let mut release = Release::of_head()?;
    if let Some(version) = &options.package_version {
        release.package_version.clone_from(version);
    }
    let out = options.out.clone().unwrap_or_else(|| workspace.dist_dir());
    let build = |source: &Path, target: &Path| zig::build(&workspace, source, target, &release);
    let programs = match &options.programs {
        Some(folder) => folder.clone(),
        None => build(workspace::root().as_path(), workspace.target_dir())?,
    };
    let made = package_all(&workspace, &programs, &out, &release)?;
    for file in &made {
        println!("{}", out.join(file).display());
    }
    if options.twice {
        build_again(&workspace, &release, &out, build)?;
        println!("the second build is identical");
    }
    Ok(())
}

/// Returns the names of the files.
fn package_all(
    workspace: &Workspace,
    programs: &Path,
    out: &Path,
    release: &Release,
) -> Result<Vec<String>, TaskError> {
    if out.exists() {
        fs::remove_dir_all(out).map_err(TaskError::file("remove", out))?;
    }
    fs::create_dir_all(out).map_err(TaskError::file("make", out))?;
    let build_paths =
        [workspace::root(), workspace.target_dir().to_owned(), zig::cargo_home(), zig::sysroot()?];
    let needs = program_check::check_all(programs, &build_paths)?;
    let work = out.join("work");
    let mut made = Vec::new();
    for package in table::PACKAGES {
        let contents = staging::contents(package, programs, release)?;
        made.push(format::deb::write(package, &contents, &needs, release, &work, out)?);
        made.push(format::rpm::write(package, &contents, release, &work, out)?);
        made.push(bill_of_materials::write(workspace, package, release, out)?);
    }
    fs::remove_dir_all(&work).map_err(TaskError::file("remove", &work))?;
    made.sort();
    let mut sums = Command::new("sha256sum");
    let sums = workspace::run_checked(sums.args(&made).current_dir(out))?.stdout;
    let file = out.join("SHA256SUMS");
    fs::write(&file, sums).map_err(TaskError::file("write", &file))?;
    made.push("SHA256SUMS".to_owned());
    Ok(made)
}

fn build_again(
    workspace: &Workspace,
    release: &Release,
    first: &Path,
    build: impl Fn(&Path, &Path) -> Result<PathBuf, TaskError>,
) -> Result<(), TaskError> {
    if release.dirty {
        return Err(TaskError::InconsistentTable(vec![
            "uncommitted changes: commit them, for a second build is made from the commit"
                .to_owned(),
        ]));
    }
    let again = workspace.dist_dir().with_extension("again");
    if again.exists() {
        fs::remove_dir_all(&again).map_err(TaskError::file("remove", &again))?;
    }
    let source = again.join("source");
    fs::create_dir_all(&source).map_err(TaskError::file("make", &source))?;
    let mut copy = Command::new("bash");
    copy.args(["-o", "pipefail", "-c", "git archive HEAD | tar -x -C \"$0\""]).arg(&source);
    workspace::run_checked(copy.current_dir(workspace::root()))?;
    let programs = build(&source, &again.join("target"))?;
    let out = again.join("dist");
    package_all(workspace, &programs, &out, release)?;
    workspace::run_checked(
        Command::new("diff").args([first.join("SHA256SUMS"), out.join("SHA256SUMS")]),
    )?;
    fs::remove_dir_all(&again).map_err(TaskError::file("remove", &again))
}
