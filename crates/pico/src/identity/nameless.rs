//! Processes that show no command line: what else is known of them decides.
//!
//! A process loses its command line with its memory, in its exit; and the kernel does not give it while the memory is locked.
//! Either can last, when it waits for storage that is dead. Such a one may be the pico. It is not, where another resource, a
//! command of an agent, or the time of its start explains it.

use super::look::{Bystander, Found, Pass, Suspect};
use crate::settings::Target;
use host::ProcessId;
use host::mounts::Table;
use host::process::{self, ExeLink, Link, Source, Stat};
use std::io;
use std::path::{Path, PathBuf};

/// What a command of an agent's is.
const QUESTION: &str = "an agent has run it, it is an mzsh or an HA client";

/// Why it shows none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
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
pub(super) struct Nameless<'a> {
    pub(super) stat: &'a Stat,
    pub(super) owner: u32,
    pub(super) source: Source,
    pub(super) why: Why,
}

impl Nameless<'_> {
    /// Will it execute nothing any more?
    fn is_ending(&self) -> bool {
        self.why == Why::NoMemory
    }

    /// What is seen of it.
    fn describe(&self) -> String {
        let Stat { state, threads, comm, .. } = self.stat;
        let (comm, user) = (String::from_utf8_lossy(comm), self.owner);
        match self.why {
            Why::NoMainThread => {
                format!("({comm}, user {user}) has lost its main thread (Z, {threads} threads)")
            }
            Why::NoMemory => format!("({comm}, user {user}) is in its exit, its memory is gone: {state}"),
            Why::NoCommandLine => format!("({comm}, user {user}) has no command line: {state}"),
            Why::Stuck => format!("({comm}, user {user}) hangs in the kernel ({state}, no command line)"),
        }
    }
}

impl Pass<'_> {
    /// A java whose name the kernel does not tell could be the pico, unless what is known of it says otherwise.
    pub(super) fn judge(&self, one: &Nameless<'_>, found: &mut Found) -> io::Result<()> {
        let stat = one.stat;
        let targets = self.search.targets;
        let by_pattern = self.search.is_by_pattern();
        let is_java = stat.comm == b"java"
            || matches!(process::link(one.source, "exe")?, Link::To(exe) if ExeLink::of(&exe).is_named("java"));
        if !is_java && !by_pattern || !self.is_of_this_node(stat)? || stat.id().live()?.is_none() {
            return Ok(());
        }
        // A question of an agent's may be in a session of the pico, and is no part of it.
        let is_mzsh = self.search.launched.is_some_and(|(mzsh, _)| mzsh == stat.id());
        if self.is_question(stat) || one.is_ending() && is_mzsh {
            let why = format!("{}: {QUESTION}", one.describe());
            found.bystanders.push(Bystander { id: stat.id(), why });
        } else if self.was_launched(stat, one.owner) {
            found.startups.push(stat.id());
        } else if self.is_of_picos_session(stat, one.owner) {
            found.leftovers.push(stat.id());
        } else if let Some(why) = self.explained(one) {
            found.bystanders.push(Bystander { id: stat.id(), why: format!("{}: {why}", one.describe()) });
        } else {
            let why = format!("{}: it may be {}", one.describe(), targets[0].name);
            let may_be_left = one.is_ending() || self.hangs_elsewhere(one);
            found.suspects.push(Suspect { id: stat.id(), why, may_be_left });
        }
        Ok(())
    }

    /// Why it is not the pico.
    fn explained(&self, one: &Nameless<'_>) -> Option<String> {
        let stat = one.stat;
        let others = self.others();
        if others.contains(&stat.id()) {
            return Some("another resource has started it".to_owned());
        }
        let of_other = |leader: &&_| self.is_of_session(stat, one.owner, **leader, None);
        if let Some(leader) = others.iter().find(of_other) {
            return Some(format!("it is of the session of {leader}, which another resource has started"));
        }
        if one.why == Why::Stuck
            && let Some(why) = self.elsewhere(one.source)
        {
            return Some(why);
        }
        if let Some(known) = self.search.known
            && stat.start <= known.start
            && (one.is_ending() || self.hangs_elsewhere(one))
        {
            return Some(format!("it began before {known}, which is known as the pico"));
        }
        let was_seen = one.is_ending() && self.surroundings.seen_without_pico().contains(&stat.id());
        was_seen.then(|| "a look that found no pico has seen it".to_owned())
    }

    /// Is it, or is it of the group of, a command that an agent has launched as a question?
    fn is_question(&self, stat: &Stat) -> bool {
        let of_group = |id: &ProcessId| stat.group == id.pid.as_raw() && stat.start >= id.start;
        self.commands().iter().any(|id| *id == stat.id() || of_group(id))
    }

    /// What it has open, if that can be read and none of it is of our installation.
    fn places_elsewhere(&self, source: Source) -> Option<Vec<PathBuf>> {
        let table = Table::own().ok()?;
        // Ours can be compared only by a path without links.
        let ours: Vec<&Path> =
            self.search.targets.iter().map(|target| canonical(target, &table)).collect::<Option<_>>()?;
        let places = process::places(source);
        let is_ours = |path: &PathBuf| ours.iter().any(|home| path.starts_with(home));
        (!places.is_empty() && !places.iter().any(is_ours)).then_some(places)
    }

    /// Does it hang, and has nothing of ours open, as a pico that has come up would have?
    fn hangs_elsewhere(&self, one: &Nameless<'_>) -> bool {
        one.why == Why::Stuck && self.places_elsewhere(one.source).is_some()
    }

    /// Jars that it has open show of which installation it is, if none is of ours.
    fn elsewhere(&self, source: Source) -> Option<String> {
        let places = self.places_elsewhere(source)?;
        // The JDK's own say nothing.
        let Link::To(java) = process::link(source, "exe").ok()? else { return None };
        let jdk = ExeLink::of(&java).0.parent()?.parent()?.to_owned();
        let is_jar =
            |path: &&PathBuf| path.extension().is_some_and(|e| e == "jar") && !path.starts_with(&jdk);
        let jar = places.iter().find(is_jar)?;
        Some(format!("it is of another installation, it runs {}", jar.display()))
    }
}

fn canonical<'a>(target: &'a Target, table: &Table) -> Option<&'a Path> {
    let literal = target.home.path();
    target.home.resolved().or_else(|| table.is_mount_point(literal).then_some(literal))
}
