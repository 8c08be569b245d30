//! Of which installation a script `mzsh` is: people call it by many a path.

use super::home_match::home_claim_matches;
use super::markers::{HomeClaim, home_from_script_path};
use super::process_search::ScanContext;
use crate::settings::PicoInstance;
use host::process::{self, ProcDir, ProcLink};
use std::io;
use std::path::{Path, PathBuf};

/// Is the process of the installation that is meant, by the home that it claims; or, where it claims none, or none that can be read, by the
/// script that it is? Err: it can't be decided, and why.
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

/// Is the script, called by this path and without `MZ_HOME`, of the installation that is meant? Err: it can't be decided, and why.
fn script_matches(
    target: &PicoInstance,
    script: &Path,
    process: ProcDir,
    context: &dyn ScanContext,
) -> Result<bool, String> {
    let by_name =
        home_claim_matches(target, &HomeClaim::Path(home_from_script_path(script)), process, context);
    if by_name == Ok(true) {
        return by_name;
    }
    // It may have been called by a link. What the shell has open is without links, and no storage need be asked.
    let places = process::paths_in_use(process);
    let shown = places.into_iter().find(|path| path.file_name() == Some("mzsh".as_ref()));
    let Some(file) = shown.or_else(|| context.resolve_path(&absolute_script_path(script, process)?)) else {
        return Err(by_name.err().unwrap_or_else(|| {
            let (name, script) = (&target.name, script.display());
            format!("is an mzsh startup of {name} by {script}: storage does not answer where that leads")
        }));
    };
    home_claim_matches(target, &HomeClaim::Path(home_from_script_path(&file)), process, context)
}

/// The path of the script from the root; none where the working directory can't be read.
fn absolute_script_path(script: &Path, process: ProcDir) -> Option<PathBuf> {
    if script.is_absolute() {
        return Some(script.to_owned());
    }
    match process::read_link(process, "cwd") {
        Ok(ProcLink::To(cwd)) => Some(cwd.join(script)),
        _ => None,
    }
}
