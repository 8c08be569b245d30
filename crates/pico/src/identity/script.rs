//! Of which installation a script `mzsh` is: people call it by many a path.

use super::installation::is_ours;
use super::look::Surroundings;
use super::markers::{HomeClaim, home_of_script};
use crate::settings::Target;
use host::process::{self, Link, Source};
use std::io;
use std::path::{Path, PathBuf};

/// Is the process of the installation that is meant, by the home that it claims; or, where it claims none, or none that can be read, by the
/// script that it is? Err: it can't be decided, and why.
pub(super) fn claim_is_ours(
    target: &Target,
    script: Option<&Path>,
    home: io::Result<Option<PathBuf>>,
    process: Source,
    surroundings: &dyn Surroundings,
) -> Result<bool, String> {
    match (script, home) {
        (Some(script), Ok(None) | Err(_)) => is_of_ours(target, script, process, surroundings),
        (None, Err(why)) => Err(format!("is named {}; {why}", target.name)),
        (_, Ok(home)) => {
            let home = home.map_or(HomeClaim::Unknown, HomeClaim::Is);
            is_ours(target, &home, process, surroundings)
        }
    }
}

/// Is the script, called by this path and without `MZ_HOME`, of the installation that is meant? Err: it can't be decided, and why.
fn is_of_ours(
    target: &Target,
    script: &Path,
    process: Source,
    surroundings: &dyn Surroundings,
) -> Result<bool, String> {
    let by_name = is_ours(target, &HomeClaim::Is(home_of_script(script)), process, surroundings);
    if by_name == Ok(true) {
        return by_name;
    }
    // It may have been called by a link. What the shell has open is without links, and no storage need be asked.
    let places = process::places(process);
    let shown = places.into_iter().find(|path| path.file_name() == Some("mzsh".as_ref()));
    let Some(file) = shown.or_else(|| surroundings.resolve(&from_cwd(script, process)?)) else {
        return Err(by_name.err().unwrap_or_else(|| {
            let (name, script) = (&target.name, script.display());
            format!("is an mzsh startup of {name} by {script}: storage does not answer where that leads")
        }));
    };
    is_ours(target, &HomeClaim::Is(home_of_script(&file)), process, surroundings)
}

/// The path of the script from the root; none where the working directory can't be read.
fn from_cwd(script: &Path, process: Source) -> Option<PathBuf> {
    if script.is_absolute() {
        return Some(script.to_owned());
    }
    match process::link(process, "cwd") {
        Ok(Link::To(cwd)) => Some(cwd.join(script)),
        _ => None,
    }
}
