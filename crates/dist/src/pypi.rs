//! Tools from PyPI, by the versions and checksums of a requirements file, each in a folder of its own below target/tools.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use devtools::TaskError;
use devtools::workspace::{self, Workspace};

#[derive(Clone, Copy)]
pub(crate) struct PypiTool {
    /// The folder below target/tools.
    pub(crate) name: &'static str,
    pub(crate) requirements: &'static str,
}

impl PypiTool {
    /// Returns the folder. It stays until the requirements file changes.
    pub(crate) fn install(self, workspace: &Workspace) -> Result<PathBuf, TaskError> {
        let folder = workspace.tools_dir().join(self.name);
        let wanted = workspace::root().join(self.requirements);
        let wanted = fs::read_to_string(&wanted).map_err(TaskError::file("read", &wanted))?;
        let installed = folder.join("installed");
        if fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
            return Ok(folder);
        }
        let mut venv = Command::new("python3");
        workspace::run_checked(venv.args(["-m", "venv", "--clear"]).arg(&folder))?;
        let mut pip = Command::new(folder.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
        pip.args(["--require-hashes", "--requirement", self.requirements]);
        workspace::run_checked(pip.current_dir(workspace::root()))?;
        fs::write(&installed, wanted).map_err(TaskError::file("write", &installed))?;
        Ok(folder)
    }
}
