//! The contents of a package's files, and a folder with them.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use devtools::{TaskError, workspace};

use crate::release::Release;
use crate::table::{CompletedCommand, Content, Package, PackagedFile};

/// Each file with its bytes, in the order of the table.
pub(crate) fn contents(
    package: &Package,
    programs: &Path,
    release: &Release,
) -> Result<Vec<(PackagedFile, Vec<u8>)>, TaskError> {
    package
        .files
        .iter()
        .map(|file| Ok((*file, content(file.content, programs, release)?)))
        .collect()
}

fn content(content: Content, programs: &Path, release: &Release) -> Result<Vec<u8>, TaskError> {
    let read = |path: &Path| fs::read(path).map_err(TaskError::file("read", path));
    match content {
        Content::Program(name) => read(&programs.join(name)),
        Content::Repository(name) => read(&workspace::root().join(name)),
        Content::Metadata(agent) => {
            let mut agent = Command::new(programs.join(agent));
            Ok(workspace::run_checked(agent.arg("meta-data").env_clear())?.stdout)
        }
        Content::Page(page) => gzip(page.write(release)?.as_bytes()),
        Content::Completion(of, shell) => {
            let (mut command, name) = match of {
                CompletedCommand::Mzha => (mzha::command(), "mzha"),
                CompletedCommand::MzHaScripts => (mzha::ha_scripts::command(), "mz-ha-scripts"),
                CompletedCommand::MzSim => (mz_sim::command(), "mz-sim"),
            };
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command, name, &mut script);
            Ok(script)
        }
    }
}

/// Omits name and time, so that two builds give the same bytes.
pub(crate) fn gzip(text: &[u8]) -> Result<Vec<u8>, TaskError> {
    let spawn = |source| TaskError::Spawn { command: "gzip -9n".to_owned(), source };
    let mut gzip = Command::new("gzip");
    gzip.arg("-9n").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = gzip.spawn().map_err(spawn)?;
    // The compressed page fits into the pipe, so gzip never waits for a reader.
    child.stdin.take().map_or(Ok(()), |mut input| input.write_all(text)).map_err(spawn)?;
    Ok(child.wait_with_output().map_err(spawn)?.stdout)
}

/// Writes `bytes` as the file that has this path in `root`.
pub(crate) fn write(root: &Path, path: &str, mode: u32, bytes: &[u8]) -> Result<(), TaskError> {
    let path = root.join(path.trim_start_matches('/'));
    if let Some(folder) = path.parent() {
        make_directory(folder)?;
    }
    fs::write(&path, bytes).map_err(TaskError::file("write", &path))?;
    fs::set_permissions(&path, Permissions::from_mode(mode))
        .map_err(TaskError::file("chmod", &path))
}

/// Sets the mode independently of the umask.
pub(crate) fn make_directory(path: &Path) -> Result<(), TaskError> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_directory(parent)?;
    }
    fs::create_dir(path).map_err(TaskError::file("make", path))?;
    fs::set_permissions(path, Permissions::from_mode(0o755)).map_err(TaskError::file("chmod", path))
}
