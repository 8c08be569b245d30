//! Processes that show no command line: what else is known of them decides.
//!
//! A process loses its command line with its memory, in its exit; and the kernel does not give it while the memory is locked.
//! Either can last, when it waits for storage that is dead. Such a one may be the pico. It is not, where another resource, a
//! command of an agent, or the time of its start explains it.

use super::process_search::{Bystander, ScanPass, ScanResult, Suspect};
use crate::settings::PicoInstance;
use host::ProcessId;
use host::mounts::MountTable;
use host::process::{self, ExeLink, ProcDir, ProcLink, Stat};
use std::io;
use std::path::{Path, PathBuf};

/// What a command of an agent's is.
const AGENT_COMMAND: &str = "an agent has run it, it is an mzsh or an HA client";

/// Why it shows none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MissingCommandLine {
    /// Its main thread has ended, and no other one can be asked.
    NoMainThread,
    /// It is in its exit: its memory is gone.
    NoMemory,
    /// It has memory and no command line.
    NoCommandLine,
    /// It holds the lock of its memory.
    Stuck,
}

/// Such a process.
pub(super) struct UnnamedProcess<'a> {
    pub(super) stat: &'a Stat,
    pub(super) owner: u32,
    pub(super) source: ProcDir,
    pub(super) cause: MissingCommandLine,
}

impl UnnamedProcess<'_> {
    /// Will it execute nothing any more?
    fn is_exiting(&self) -> bool {
        self.cause == MissingCommandLine::NoMemory
    }

    /// What is seen of it.
    fn describe(&self) -> String {
        let Stat { state, threads, comm, .. } = self.stat;
        let (comm, user) = (String::from_utf8_lossy(comm), self.owner);
        match self.cause {
            MissingCommandLine::NoMainThread => {
                format!("({comm}, user {user}) has lost its main thread (Z, {threads} threads)")
            }
            MissingCommandLine::NoMemory => {
                format!("({comm}, user {user}) is in its exit, its memory is gone: {state}")
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
    /// A java whose name the kernel does not tell could be the pico, unless what is known of it says otherwise.
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
        if !is_java && !by_pattern || !self.is_local_pico_user(stat)? || stat.id().live_stat()?.is_none() {
            return Ok(());
        }
        // A question of an agent's may be in a session of the pico, and is no part of it.
        let is_mzsh = self.search.startup_mzsh.is_some_and(|(mzsh, _)| mzsh == stat.id());
        if self.is_agent_command(stat) || one.is_exiting() && is_mzsh {
            let why = format!("{}: {AGENT_COMMAND}", one.describe());
            found.bystanders.push(Bystander { id: stat.id(), why });
        } else if self.belongs_to_startup(stat, one.owner) {
            found.startups.push(stat.id());
        } else if self.is_in_pico_session(stat, one.owner) {
            found.leftovers.push(stat.id());
        } else if let Some(why) = self.explanation(one) {
            found.bystanders.push(Bystander { id: stat.id(), why: format!("{}: {why}", one.describe()) });
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
            return Some("another resource has started it".to_owned());
        }
        let of_other = |leader: &&_| self.is_in_session(stat, one.owner, **leader, None);
        if let Some(leader) = others.iter().find(of_other) {
            return Some(format!("it is of the session of {leader}, which another resource has started"));
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
            return Some(format!("it began before {known}, which is known as the pico"));
        }
        let was_seen = one.is_exiting() && self.context.ruled_out_before().contains(&stat.id());
        was_seen.then(|| "a look that found no pico has seen it".to_owned())
    }

    /// Is it, or is it of the group of, a command that an agent has launched as a question?
    fn is_agent_command(&self, stat: &Stat) -> bool {
        let of_group = |id: &ProcessId| stat.process_group == id.pid.as_raw() && stat.start >= id.start;
        self.agent_commands().iter().any(|id| *id == stat.id() || of_group(id))
    }

    /// What it has open, if that can be read and none of it is of our installation.
    fn open_files_elsewhere(&self, source: ProcDir) -> Option<Vec<PathBuf>> {
        let table = MountTable::own().ok()?;
        // Ours can be compared only by a path without links.
        let ours: Vec<&Path> =
            self.search.targets.iter().map(|target| resolved_home(target, &table)).collect::<Option<_>>()?;
        let places = process::paths_in_use(source);
        let is_ours = |path: &PathBuf| ours.iter().any(|home| path.starts_with(home));
        (!places.is_empty() && !places.iter().any(is_ours)).then_some(places)
    }

    /// Does it hang, and has nothing of ours open, as a pico that has come up would have?
    fn hangs_elsewhere(&self, one: &UnnamedProcess<'_>) -> bool {
        one.cause == MissingCommandLine::Stuck && self.open_files_elsewhere(one.source).is_some()
    }

    /// Jars that it has open show of which installation it is, if none is of ours.
    fn other_installation(&self, source: ProcDir) -> Option<String> {
        let places = self.open_files_elsewhere(source)?;
        // The JDK's own say nothing.
        let ProcLink::To(java) = process::read_link(source, "exe").ok()? else { return None };
        let jdk = ExeLink::from_link(&java).0.parent()?.parent()?.to_owned();
        let is_jar =
            |path: &&PathBuf| path.extension().is_some_and(|e| e == "jar") && !path.starts_with(&jdk);
        let jar = places.iter().find(is_jar)?;
        Some(format!("it is of another installation, it runs {}", jar.display()))
    }
}

fn resolved_home<'a>(target: &'a PicoInstance, table: &MountTable) -> Option<&'a Path> {
    let literal = target.home.path();
    target.home.resolved().or_else(|| table.is_mount_point(literal).then_some(literal))
}
