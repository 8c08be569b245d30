//! Live picos by their names alone, of whichever installation and user: where it can't be read which one is meant.

use super::lines::{self, stranger};
use super::look::Surroundings;
use super::markers::{
    Arguments, home_in_environment, home_on_command_line, may_be_pico, names_to_start, raw_name, script_of,
};
use super::script;
use crate::settings::Target;
use host::ProcessId;
use host::mounts::Table;
use host::process::{self, Ownership};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A process that is a pico, or an mzsh that starts one.
#[derive(Clone, Debug)]
pub struct Possible {
    /// The process.
    pub id: ProcessId,
    /// Its effective user.
    pub user: u32,
    /// The pico, by a name that need not be one which the agents can read; none: a java that does not say what it is.
    pub name: Option<OsString>,
    /// The installation that it claims.
    pub home: Option<PathBuf>,
    script: Option<PathBuf>,
}

/// Those with a name that is `meant`; and javas without one, if `nameless`.
///
/// # Errors
/// /proc could not be read whole until the given instant, or does not show everything.
pub fn possible(meant: impl Fn(&OsStr) -> bool, nameless: bool, until: Instant) -> io::Result<Vec<Possible>> {
    if let Some(why) = process::hidden()? {
        return Err(io::Error::other(why));
    }
    let is_nameless =
        |process: Arguments<'_>| nameless && may_be_pico(process) && raw_name(process).is_none();
    let of_this_node = |of: Ownership| (of.namespaces == 1).then_some(of.effective);
    let mut found = Vec::new();
    lines::of_users(of_this_node, false, until, |stat, user, process| {
        let mut names = raw_name(process).into_iter().chain(names_to_start(process));
        let name = names.find(|name| meant(name)).map(OsStr::to_owned);
        if name.is_some() || is_nameless(process) {
            let home = home_on_command_line(process);
            let script = script_of(process).map(Path::to_owned);
            found.push(Possible { id: stat.id(), user, name, home, script });
        }
    })?;
    for one in &mut found {
        if one.home.is_none() {
            let environment = process::environment(one.id.pid.into(), until).ok().flatten();
            one.home = environment.and_then(|all| home_in_environment(&all));
        }
    }
    Ok(found)
}

impl Possible {
    /// Is it of this installation, or may it be, and does its user count? The name of the target does not matter.
    ///
    /// # Errors
    /// /proc can't be read.
    pub fn is_of(&self, target: &Target, surroundings: &dyn Surroundings) -> io::Result<bool> {
        let source = self.id.pid.into();
        let counts = |of| stranger(of, |user| surroundings.counts(user)).is_none();
        if !process::ownership(self.id.pid)?.is_some_and(counts) {
            return Ok(false);
        }
        if self.name.is_none() {
            return Ok(self.has_open(target, surroundings));
        }
        let (script, home) = (self.script.as_deref(), Ok(self.home.clone()));
        Ok(script::claim_is_ours(target, script, home, source, surroundings).unwrap_or(true))
    }

    /// Has it a file of the installation open, or its working directory or program there? Where storage does not answer, it may.
    fn has_open(&self, target: &Target, surroundings: &dyn Surroundings) -> bool {
        let places = process::places(self.id.pid.into());
        let any_below = |home: &Path| places.iter().any(|path| path.starts_with(home));
        let literal = target.home.path();
        // No part of a mount point's path is a link.
        any_below(literal)
            || !Table::own().is_ok_and(|table| table.is_mount_point(literal))
                && surroundings.resolve(literal).is_none_or(|home| any_below(&home))
    }
}
