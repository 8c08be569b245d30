//! A copy of the workspace for mutants, and the agents built from it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use devtools::TaskError;
use devtools::workspace::{self, Workspace};

use crate::mutants::Mutant;

/// Entries at the top of the workspace that are not copied.
const EXCLUDED: [&str; 2] = [".git", "target"];

pub(crate) struct WorkspaceCopy {
    root: PathBuf,
    build: PathBuf,
}

impl WorkspaceCopy {
    /// Updates the copy to the workspace. It does not write unchanged files again, so cargo builds
    /// only the changes.
    pub(crate) fn sync(workspace: &Workspace) -> Result<Self, TaskError> {
        let place = workspace.mutants_dir();
        let tree = Self { root: place.join("tree"), build: place.join("build") };
        let source = workspace::root();
        let wanted = files(&source)?;
        for file in &wanted {
            let (from, to) = (source.join(file), tree.root.join(file));
            let content = fs::read(&from).map_err(TaskError::file("read", &from))?;
            if fs::read(&to).is_ok_and(|there| there == content) {
                continue;
            }
            let folder = to.parent().unwrap_or(&tree.root);
            fs::create_dir_all(folder).map_err(TaskError::file("make", folder))?;
            fs::write(&to, content).map_err(TaskError::file("write", &to))?;
        }
        for left_over in files(&tree.root)?.difference(&wanted) {
            let path = tree.root.join(left_over);
            fs::remove_file(&path).map_err(TaskError::file("remove", &path))?;
        }
        Ok(tree)
    }

    pub(crate) fn agents(&self) -> PathBuf {
        self.build.join("debug")
    }

    /// Builds its agents and `mzha` as debug builds: the effect of a mutant does not depend on
    /// optimisation.
    pub(crate) fn build(&self) -> Result<(), TaskError> {
        let mut cargo = workspace::cargo([
            "build",
            "--quiet",
            "--package",
            "agents",
            "--package",
            "mzha",
            "--bins",
        ]);
        cargo.current_dir(&self.root).arg("--target-dir").arg(&self.build);
        workspace::run_checked(&mut cargo).map(drop)
    }

    /// Builds the agents with the mutant, calls `judge`, and restores the file.
    pub(crate) fn with_mutant<T>(
        &self,
        mutant: &Mutant,
        judge: impl FnOnce() -> T,
    ) -> Result<T, String> {
        let path = self.root.join(&mutant.file);
        let describe = |e: TaskError| e.to_string();
        let original = fs::read(&path).map_err(TaskError::file("read", &path)).map_err(describe)?;
        let broken = mutant.mutated_text(&self.root)?;
        fs::write(&path, broken).map_err(TaskError::file("write", &path)).map_err(describe)?;
        let judged = self.build().map(|()| judge()).map_err(describe);
        fs::write(&path, original).map_err(TaskError::file("write", &path)).map_err(describe)?;
        judged
    }
}

/// All files below `root`, by their path in it.
fn files(root: &Path) -> Result<BTreeSet<PathBuf>, TaskError> {
    let mut found = BTreeSet::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        let path = root.join(&folder);
        if !path.exists() {
            continue;
        }
        for entry in fs::read_dir(&path).map_err(TaskError::file("list", &path))? {
            let entry = entry.map_err(TaskError::file("list", &path))?;
            let name = folder.join(entry.file_name());
            let kind = entry.file_type().map_err(TaskError::file("look at", &path))?;
            if EXCLUDED.iter().any(|not| Path::new(not) == name) {
                continue;
            }
            if kind.is_dir() {
                folders.push(name);
            } else if kind.is_file() {
                found.insert(name);
            }
        }
    }
    Ok(found)
}
