//! The installation of a script `mzsh`, which people call by many paths.

use super::home_match::home_claim_matches;
use super::markers::{HomeClaim, home_from_script_path};
use super::process_search::ScanContext;
use crate::settings::PicoInstance;
use host::process::{self, ProcDir, ProcLink};
use std::io;
use std::path::{Path, PathBuf};

/// Does the process belong to the target's installation, by the home that it claims, or else by its script? Err: could not be determined; why.
pub(super) fn claim_matches(
    target: &PicoInstance,
    script: Option<&Path>,
    home: io::Result<Option<PathBuf>>,
    process: ProcDir,
    context: &dyn ScanContext,
) -> Result<bool, String> {
    match (script, home) {
        (Some(script), Ok(None) | Err(_)) => script_matches(target, script, process, context),
        (None, Err(why)) => Err(format!("is named {}; {why}", target.name)),
        (_, Ok(home)) => {
            let home = home.map_or(HomeClaim::Unknown, HomeClaim::Path);
            home_claim_matches(target, &home, process, context)
        }
    }
}

/// Does the script, called by this path and without `MZ_HOME`, belong to the target's installation? Err: could not be determined; why.
fn script_matches(
    target: &PicoInstance,
    script: &Path,
    process: ProcDir,
    context: &dyn ScanContext,
) -> Result<bool, String> {
    let by_name = home_claim_matches(
        target,
        &HomeClaim::Path(home_from_script_path(script)),
        process,
        context,
    );
    if by_name == Ok(true) {
        return by_name;
    }
    // It may have been called through a link. The shell's open files are paths without links, and need no access to storage.
    let places = process::paths_in_use(process);
    let shown = places.into_iter().find(|path| path.file_name() == Some("mzsh".as_ref()));
    let Some(file) =
        shown.or_else(|| context.resolve_path(&absolute_script_path(script, process)?))
    else {
        return Err(by_name.err().unwrap_or_else(|| {
            let (name, script) = (&target.name, script.display());
            format!(
                "is an mzsh startup of {name} by {script}, which can't be resolved: storage does not answer"
            )
        }));
    };
    home_claim_matches(target, &HomeClaim::Path(home_from_script_path(&file)), process, context)
}

/// `None`: the working directory can't be read.
fn absolute_script_path(script: &Path, process: ProcDir) -> Option<PathBuf> {
    if script.is_absolute() {
        return Some(script.to_owned());
    }
    match process::read_link(process, "cwd") {
        Ok(ProcLink::To(cwd)) => Some(cwd.join(script)),
        _ => None,
    }
}
