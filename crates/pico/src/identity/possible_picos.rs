//! Live picos by name alone, of any installation and user, for a target whose parameters are invalid.

use super::command_lines::{self, foreign_user};
use super::markers::{
    ProcessArguments, home_from_command_line, home_from_environment, may_be_pico, mzsh_script_path,
    pico_names_to_start, raw_pico_name,
};
use super::mzsh_script;
use super::process_search::ScanContext;
use crate::settings::PicoInstance;
use host::ProcessId;
use host::command_lines::read_environment;
use host::mounts::{MountTable, hidepid_restriction};
use host::process::{self, Ownership};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A process that is a pico, or an mzsh that starts one.
#[derive(Clone, Debug)]
pub struct PossiblePico {
    /// The process.
    pub id: ProcessId,
    /// Its effective user.
    pub user: u32,
    /// The name of the pico, valid or not; `None`: a java without a pico name.
    pub name: Option<OsString>,
    /// The installation that it claims.
    pub home: Option<PathBuf>,
    script: Option<PathBuf>,
}

/// The picos whose name is `meant`; and javas without a name, if `nameless`.
///
/// # Errors
/// /proc could not be read whole until the given instant, or does not show everything.
pub fn find_possible_picos(
    meant: impl Fn(&OsStr) -> bool,
    nameless: bool,
    until: Instant,
) -> io::Result<Vec<PossiblePico>> {
    if let Some(why) = hidepid_restriction()? {
        return Err(io::Error::other(why));
    }
    let is_nameless = |process: ProcessArguments<'_>| {
        nameless && may_be_pico(process) && raw_pico_name(process).is_none()
    };
    let of_this_node = |of: Ownership| (of.pid_namespaces == 1).then_some(of.effective_uid);
    let mut found = Vec::new();
    command_lines::for_each_command_line(of_this_node, false, until, |stat, user, process| {
        let mut names = raw_pico_name(process).into_iter().chain(pico_names_to_start(process));
        let name = names.find(|name| meant(name)).map(OsStr::to_owned);
        if name.is_some() || is_nameless(process) {
            let home = home_from_command_line(process);
            let script = mzsh_script_path(process).map(Path::to_owned);
            found.push(PossiblePico { id: stat.id(), user, name, home, script });
        }
    })?;
    for one in &mut found {
        if one.home.is_none() {
            let environment = read_environment(one.id.pid.into(), until).ok().flatten();
            one.home = environment.and_then(|all| home_from_environment(&all));
        }
    }
    Ok(found)
}

impl PossiblePico {
    /// May it belong to this installation, and does its user count? The name of the target does not matter.
    ///
    /// # Errors
    /// /proc can't be read.
    pub fn may_belong_to(
        &self,
        target: &PicoInstance,
        context: &dyn ScanContext,
    ) -> io::Result<bool> {
        let source = self.id.pid.into();
        let counts = |of| foreign_user(of, |user| context.is_pico_user(user)).is_none();
        if !process::ownership(self.id.pid)?.is_some_and(counts) {
            return Ok(false);
        }
        if self.name.is_none() {
            return Ok(self.has_open_files_of(target, context));
        }
        let (script, home) = (self.script.as_deref(), Ok(self.home.clone()));
        Ok(mzsh_script::claim_matches(target, script, home, source, context).unwrap_or(true))
    }

    /// Are an open file, its working directory or its program in the installation? True where storage does not answer.
    fn has_open_files_of(&self, target: &PicoInstance, context: &dyn ScanContext) -> bool {
        let places = process::paths_in_use(self.id.pid.into());
        let any_below = |home: &Path| places.iter().any(|path| path.starts_with(home));
        let literal = target.home.path();
        // A mount point's path has no links.
        any_below(literal)
            || !MountTable::own().is_ok_and(|table| table.is_mount_point(literal))
                && context.resolve_path(literal).is_none_or(|home| any_below(&home))
    }
}
