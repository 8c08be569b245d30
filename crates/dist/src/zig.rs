//! Builds the programs with zig's linker for the oldest C library that is in use: that of RHEL 8.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use devtools::TaskError;
use devtools::workspace::{self, Workspace};

use crate::pypi::PypiTool;
use crate::release::Release;

/// The highest version of a symbol that a program may need.
pub(crate) const GLIBC: (u32, u32) = (2, 28);

const TARGET: &str = "x86_64-unknown-linux-gnu";

pub(crate) const TOOL: PypiTool =
    PypiTool { name: "zig", requirements: "packaging/zig-requirements.txt" };

/// Returns the folder with the programs.
pub(crate) fn build(
    workspace: &Workspace,
    source: &Path,
    target: &Path,
    release: &Release,
) -> Result<PathBuf, TaskError> {
    let tools = TOOL.install(workspace)?;
    let mut build = Command::new(tools.join("bin/cargo-zigbuild"));
    build.args(["zigbuild", "--quiet", "--locked", "--release", "--bins"]);
    build.args(["--package", "agents", "--package", "mzha", "--package", "mz-sim", "--target"]);
    build.arg(format!("{TARGET}.{}.{}", GLIBC.0, GLIBC.1)).arg("--target-dir").arg(target);
    let cache = workspace.tools_dir().join("zig-cache");
    for variable in ["ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR", "CARGO_ZIGBUILD_CACHE_DIR"] {
        build.env(variable, &cache);
    }
    // A build in another directory must give the same bytes, so programs hold no path of this machine.
    let remap = |from: &Path, to: &str| format!("--remap-path-prefix={}={to}", from.display());
    // Where the component rust-src is installed, rustc names its files; elsewhere it names these.
    let library = sysroot()?.join("lib/rustlib/src/rust");
    let flags = [
        remap(&cargo_home(), "/cargo"),
        remap(source, "/source"),
        remap(&library, &format!("/rustc/{}", compiler_commit()?)),
    ];
    build.env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    build.env("MEDIATIONZONE_RA_VERSION", &release.program_version);
    build.env("SOURCE_DATE_EPOCH", &release.epoch);
    build.env("PATH", path_with(&tools.join("bin"))?).current_dir(source);
    workspace::run_checked(&mut build)?;
    Ok(target.join(TARGET).join("release"))
}

pub(crate) fn cargo_home() -> PathBuf {
    let default = || std::env::home_dir().unwrap_or_default().join(".cargo");
    std::env::var_os("CARGO_HOME").map_or_else(default, PathBuf::from)
}

/// The folder of the toolchain.
pub(crate) fn sysroot() -> Result<PathBuf, TaskError> {
    Ok(rustc(&["--print", "sysroot"])?.trim_end().into())
}

fn compiler_commit() -> Result<String, TaskError> {
    let said = rustc(&["--version", "--verbose"])?;
    let commit = said.lines().find_map(|line| line.strip_prefix("commit-hash: "));
    commit
        .map(str::to_owned)
        .ok_or_else(|| TaskError::unreadable("rustc --version")(said.trim_end()))
}

fn rustc(arguments: &[&str]) -> Result<String, TaskError> {
    workspace::printed(Command::new("rustc").args(arguments).current_dir(workspace::root()))
}

fn path_with(first: &Path) -> Result<OsString, TaskError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(first.to_owned()).chain(std::env::split_paths(&path));
    std::env::join_paths(all).map_err(TaskError::unreadable("PATH"))
}
