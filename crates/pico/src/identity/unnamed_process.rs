//! Processes without a readable command line.
//!
//! An exiting process has no command line once its memory is released, and the kernel does not show it while the memory is locked. Both
//! last while the process waits for dead storage. Such a process may be the pico, unless another resource, a command of an agent, or its
//! start time explains it.

use super::process_search::{Bystander, ScanPass, ScanResult, Suspect};
use crate::settings::PicoInstance;
use host::ProcessId;
use host::mounts::MountTable;
use host::process::{self, ExeLink, ProcDir, ProcLink, Stat};
use std::io;
use std::path::{Path, PathBuf};

const AGENT_COMMAND: &str = "an mzsh or HA client that an agent ran";

/// Why the command line is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MissingCommandLine {
    /// The main thread has exited, and no other thread has memory.
    NoMainThread,
    /// It is exiting: its memory is released.
    NoMemory,
    /// It has memory, but an empty command line.
    NoCommandLine,
    /// Its memory is locked.
    Stuck,
}

/// A process without a readable command line.
pub(super) struct UnnamedProcess<'a> {
    pub(super) stat: &'a Stat,
    pub(super) owner: u32,
    pub(super) source: ProcDir,
    pub(super) cause: MissingCommandLine,
}

impl UnnamedProcess<'_> {
    /// Can it no longer execute a program?
    fn is_exiting(&self) -> bool {
        self.cause == MissingCommandLine::NoMemory
    }

    fn describe(&self) -> String {
        let Stat { state, threads, comm, .. } = self.stat;
        let (comm, user) = (String::from_utf8_lossy(comm), self.owner);
        match self.cause {
            MissingCommandLine::NoMainThread => {
                format!("({comm}, user {user}) has lost its main thread (Z, {threads} threads)")
            }
            MissingCommandLine::NoMemory => {
                format!("({comm}, user {user}) is exiting, its memory is released: {state}")
            }
            MissingCommandLine::NoCommandLine => {
                format!("({comm}, user {user}) has no command line: {state}")
            }
            MissingCommandLine::Stuck => {
                format!("({comm}, user {user}) hangs in the kernel ({state}, no command line)")
            }
        }
    }
}

impl ScanPass<'_> {
    /// A java without a command line is a suspect, unless something explains it.
    pub(super) fn classify_unnamed(
        &self,
        one: &UnnamedProcess<'_>,
        found: &mut ScanResult,
    ) -> io::Result<()> {
        let stat = one.stat;
        let targets = self.search.targets;
        let by_pattern = self.search.uses_process_match();
        let is_java = stat.comm == b"java"
            || matches!(process::read_link(one.source, "exe")?, ProcLink::To(exe) if ExeLink::from_link(&exe).has_file_name("java"));
        if !is_java && !by_pattern
            || !self.is_local_pico_user(stat)?
            || stat.id().live_stat()?.is_none()
        {
            return Ok(());
        }
        // An agent's command may be in a session of the pico without being part of it.
        let is_mzsh = self.search.startup_mzsh.is_some_and(|(mzsh, _)| mzsh == stat.id());
        if self.is_agent_command(stat) || one.is_exiting() && is_mzsh {
            let why = format!("{}: {AGENT_COMMAND}", one.describe());
            found.bystanders.push(Bystander { id: stat.id(), why });
        } else if self.belongs_to_startup(stat, one.owner) {
            found.startups.push(stat.id());
        } else if self.is_in_pico_session(stat, one.owner) {
            found.leftovers.push(stat.id());
        } else if let Some(why) = self.explanation(one) {
            found
                .bystanders
                .push(Bystander { id: stat.id(), why: format!("{}: {why}", one.describe()) });
        } else {
            let why = format!("{}: it may be {}", one.describe(), targets[0].name);
            let may_be_left = one.is_exiting() || self.hangs_elsewhere(one);
            found.suspects.push(Suspect { id: stat.id(), why, ignorable_by_stop: may_be_left });
        }
        Ok(())
    }

    /// Why it is not the pico.
    fn explanation(&self, one: &UnnamedProcess<'_>) -> Option<String> {
        let stat = one.stat;
        let others = self.other_resources();
        if others.contains(&stat.id()) {
            return Some("started by another resource".to_owned());
        }
        let of_other = |leader: &&_| self.is_in_session(stat, one.owner, **leader, None);
        if let Some(leader) = others.iter().find(of_other) {
            return Some(format!("in the session of {leader}, which another resource started"));
        }
        if one.cause == MissingCommandLine::Stuck
            && let Some(why) = self.other_installation(one.source)
        {
            return Some(why);
        }
        if let Some(known) = self.search.recorded_jvm
            && stat.start <= known.start
            && (one.is_exiting() || self.hangs_elsewhere(one))
        {
            return Some(format!("started before {known}, the recorded JVM"));
        }
        let was_seen = one.is_exiting() && self.context.ruled_out_before().contains(&stat.id());
        was_seen.then(|| "already there when a scan found no pico".to_owned())
    }

    /// Is it a command that an agent launched, or in the process group of one?
    fn is_agent_command(&self, stat: &Stat) -> bool {
        let of_group =
            |id: &ProcessId| stat.process_group == id.pid.as_raw() && stat.start >= id.start;
        self.agent_commands().iter().any(|id| *id == stat.id() || of_group(id))
    }

    /// Its open files, if they can be read and none is of our installation.
    fn open_files_elsewhere(&self, source: ProcDir) -> Option<Vec<PathBuf>> {
        let table = MountTable::own().ok()?;
        // Only paths without links can be compared.
        let ours: Vec<&Path> = self
            .search
            .targets
            .iter()
            .map(|target| resolved_home(target, &table))
            .collect::<Option<_>>()?;
        let places = process::paths_in_use(source);
        let is_ours = |path: &PathBuf| ours.iter().any(|home| path.starts_with(home));
        (!places.is_empty() && !places.iter().any(is_ours)).then_some(places)
    }

    /// Does it hang without an open file of ours? A running pico has some.
    fn hangs_elsewhere(&self, one: &UnnamedProcess<'_>) -> bool {
        one.cause == MissingCommandLine::Stuck && self.open_files_elsewhere(one.source).is_some()
    }

    /// Its open jars show the installation, if none is of ours.
    fn other_installation(&self, source: ProcDir) -> Option<String> {
        let places = self.open_files_elsewhere(source)?;
        // Jars of the JDK belong to no installation.
        let ProcLink::To(java) = process::read_link(source, "exe").ok()? else { return None };
        let jdk = ExeLink::from_link(&java).0.parent()?.parent()?.to_owned();
        let is_jar = |path: &&PathBuf| {
            path.extension().is_some_and(|e| e == "jar") && !path.starts_with(&jdk)
        };
        let jar = places.iter().find(is_jar)?;
        Some(format!("another installation: it runs {}", jar.display()))
    }
}

fn resolved_home<'a>(target: &'a PicoInstance, table: &MountTable) -> Option<&'a Path> {
    let literal = target.home.path();
    target.home.resolved().or_else(|| table.is_mount_point(literal).then_some(literal))
}
