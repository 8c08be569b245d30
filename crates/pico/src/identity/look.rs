//! A look at every process of the node.

use super::markers::{Arguments, HomeClaim, Role, home_claim, pico_of_anyone, role};
use crate::settings::Target;
use host::process::{self, CommandLine, Snapshot, Stat};
use host::{Pid, ProcessId};
use std::collections::HashMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A live process that is the pico.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The process.
    pub id: ProcessId,
    /// Its state when it was looked at.
    pub state: process::State,
    /// Its number of threads.
    pub threads: u32,
    /// Which of the targets it is, by its place among them.
    pub target: usize,
}

/// A live process that may be the pico.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// The process.
    pub id: ProcessId,
    /// What could not be known.
    pub why: String,
}

/// What a look found. Nothing in all three: the pico is not on this node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Live instances; children of one are left out.
    pub picos: Vec<Candidate>,
    /// Live `mzsh startup` of it, and what such a one has started that is not the pico yet.
    pub startups: Vec<ProcessId>,
    /// What can't be decided.
    pub suspects: Vec<Suspect>,
    /// What an instance that has ended has left in its session. It is not the pico, so it says nothing of whether that
    /// runs; but a stop is not over before these are gone, too.
    pub leftovers: Vec<ProcessId>,
}

impl Found {
    /// Neither the pico, nor a startup of it, nor a doubt.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.picos.is_empty() && self.startups.is_empty() && self.suspects.is_empty()
    }
}

/// What a look may have to ask, in the few cases where /proc alone does not decide. Each may ask a helper.
pub trait Surroundings {
    /// What a path resolves to; `None`: it can't be told now.
    fn resolve(&self, path: &Path) -> Option<PathBuf>;
    /// Are two resolved paths the same directory, or bind mounts of one? `None`: it can't be told.
    fn are_one(&self, one: &Path, other: &Path) -> Option<bool>;
    /// Whose processes the pico's are; `None`: it can't be told now.
    fn uid(&self) -> Option<u32>;
    /// The processes that other resources' records name.
    fn others(&self) -> Vec<ProcessId>;
}

/// Who is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// The picos that are meant; more than one only where the parameters and the record differ.
    pub targets: &'a [Target],
    /// A process that is the pico whatever it looks like: the record names it.
    pub known: Option<ProcessId>,
    /// The mzsh that the start launched, and whose user it ran as: it leads a session, and who is in that session is
    /// starting the pico.
    pub launched: Option<(ProcessId, Option<u32>)>,
    /// Leaders, ended or not, of the sessions that the pico's processes are in, and their user.
    pub sessions: &'a [(ProcessId, Option<u32>)],
}

impl Search<'_> {
    /// Looks at every process, and once more before it says "nothing": a process that forks itself into the background
    /// while numbers wrap around can slip through one pass.
    ///
    /// # Errors
    /// /proc could not be read whole until the given instant: nothing may be concluded.
    pub fn look(&self, surroundings: &dyn Surroundings, until: Instant) -> io::Result<Found> {
        let found = self.pass(surroundings, until)?;
        if found.is_nothing() { self.pass(surroundings, until) } else { Ok(found) }
    }

    fn pass(&self, surroundings: &dyn Surroundings, until: Instant) -> io::Result<Found> {
        let all = process::all()?;
        let own = Pid::own();
        let namespace = process::pid_namespace(own)?;
        let mut found = Found::default();
        let candidate = |stat: &Stat, target| Candidate {
            id: stat.id(),
            state: stat.state,
            threads: stat.threads,
            target,
        };
        // The node's own first process is no pico, whatever a pattern says.
        let live = || all.iter().filter(|s| s.pid != own && s.pid.as_raw() != 1 && !s.is_dead());
        let zombie = |stat: &Stat| stat.state == process::State::Zombie;
        let pids = live().filter(|stat| self.known != Some(stat.id()) && !zombie(stat)).map(|stat| stat.pid);
        let lines = process::command_lines(&pids.collect::<Vec<_>>(), until)?;
        for stat in live() {
            if self.known == Some(stat.id()) {
                found.picos.push(candidate(stat, 0));
                continue;
            }
            if zombie(stat) {
                let why = format!("is a java without main thread (Z, {} threads)", stat.threads);
                found.suspects.extend(self.nameless(stat, &why, surroundings)?);
                continue;
            }
            let argv = match lines.get(&stat.pid) {
                Some(CommandLine::Is(argv)) => argv.as_slice(),
                Some(CommandLine::Stuck) => {
                    let why = format!("hangs in the kernel ({}, no command line)", stat.state);
                    found.suspects.extend(self.nameless(stat, &why, surroundings)?);
                    continue;
                }
                Some(CommandLine::Gone) | None => &[],
            };
            let finding = match argv {
                [] => None,
                argv => self.examine(stat, argv, namespace.as_deref(), &all, surroundings, until)?,
            };
            match finding {
                Some(Finding::Pico(target)) => found.picos.push(candidate(stat, target)),
                Some(Finding::Startup) => found.startups.push(stat.id()),
                Some(Finding::Unclear(why)) => found.suspects.push(Suspect { id: stat.id(), why }),
                None if self.was_launched(stat, argv, &all)? => found.startups.push(stat.id()),
                None if self.was_left(stat, argv, &all, &lines)? => found.leftovers.push(stat.id()),
                None => {}
            }
        }
        leave_out_children(&mut found.picos, &all);
        found.picos.sort_by_key(|c| c.id);
        found.startups.sort();
        Ok(found)
    }

    /// Is it the mzsh of the start, or of its session? What it has executed so far does not matter.
    fn was_launched(&self, stat: &Stat, argv: &[OsString], all: &Snapshot) -> io::Result<bool> {
        let Some((mzsh, uid)) = self.launched else { return Ok(false) };
        Ok(stat.id() == mzsh || is_of_session(stat, mzsh, uid, argv, all)?)
    }

    /// Is it something that the pico has started, and that is no pico itself, nor below another one?
    fn was_left(
        &self,
        stat: &Stat,
        argv: &[OsString],
        all: &Snapshot,
        lines: &HashMap<Pid, CommandLine>,
    ) -> io::Result<bool> {
        let is_pico = |pid: Pid| match lines.get(&pid) {
            Some(CommandLine::Is(argv)) => pico_of_anyone(Arguments { argv, program: None }),
            _ => false,
        };
        for &(leader, uid) in self.sessions {
            if is_of_session(stat, leader, uid, argv, all)? {
                return Ok(!all.ancestors(stat.pid).any(is_pico));
            }
        }
        Ok(false)
    }

    /// A java whose name the kernel does not tell could be the pico, unless it is another user's, or another resource's.
    fn nameless(
        &self,
        stat: &Stat,
        why: &str,
        surroundings: &dyn Surroundings,
    ) -> io::Result<Option<Suspect>> {
        let by_pattern = self.targets.iter().any(|target| target.process_match.is_some());
        if (stat.comm != b"java" && !by_pattern) || surroundings.others().contains(&stat.id()) {
            return Ok(None);
        }
        let Some(owner) = process::owner(stat.pid)? else { return Ok(None) };
        if surroundings.uid().is_some_and(|uid| uid != owner) {
            return Ok(None);
        }
        Ok(Some(Suspect { id: stat.id(), why: format!("{why}: whose can't be told") }))
    }

    fn examine(
        &self,
        stat: &Stat,
        argv: &[OsString],
        namespace: Option<&Path>,
        all: &Snapshot,
        surroundings: &dyn Surroundings,
        until: Instant,
    ) -> io::Result<Option<Finding>> {
        let link = process::executable(stat.pid).ok().flatten();
        let process = Arguments { argv, program: link.as_ref().and_then(|l| l.0.file_name()) };
        for (at, target) in self.targets.iter().enumerate() {
            let Some(role) = role(target, process) else { continue };
            match process::pid_namespace(stat.pid) {
                Ok(Some(theirs)) if Some(theirs.as_path()) != namespace => continue,
                Ok(_) => {}
                // What can't be looked at is not taken for another's.
                Err(e) => {
                    let why = format!("is named {}, and its pid namespace can't be read: {e}", target.name);
                    return Ok(Some(Finding::Unclear(why)));
                }
            }
            let finding = match role {
                // The pattern may stand in the command lines that led to this call.
                Role::PicoByMatch if all.ancestors(Pid::own()).any(|a| a == stat.pid) => continue,
                Role::PicoByMatch => return Ok(Some(Finding::Pico(at))),
                Role::Pico => Finding::Pico(at),
                Role::Startup => Finding::Startup,
            };
            let claim = home_claim(argv, || process::environment(stat.pid, until).ok().flatten());
            // Gone meanwhile, or another by now.
            if stat.id().live()?.is_none() {
                return Ok(None);
            }
            match is_home(target, &claim, surroundings) {
                Ok(true) => return Ok(Some(finding)),
                Ok(false) => {}
                Err(why) => return Ok(Some(Finding::Unclear(why))),
            }
        }
        Ok(None)
    }
}

enum Finding {
    /// Which target it is.
    Pico(usize),
    Startup,
    Unclear(String),
}

/// Is the process's home the target's? Err: it can't be told, and why.
fn is_home(target: &Target, claim: &HomeClaim, surroundings: &dyn Surroundings) -> Result<bool, String> {
    let HomeClaim::Is(home) = claim else {
        return Err(format!("is named {}, of which installation can't be told", target.name));
    };
    if target.home.is_named(home) {
        return Ok(true);
    }
    let ours =
        target.home.resolved().map(Path::to_owned).or_else(|| surroundings.resolve(target.home.path()));
    let both = ours.and_then(|ours| Some((ours, surroundings.resolve(home)?)));
    match both.and_then(|(ours, theirs)| surroundings.are_one(&ours, &theirs)) {
        Some(same) => Ok(same),
        None => Err(format!(
            "is {} of {}, and whether that is {} can't be told",
            target.name,
            home.display(),
            target.home.path().display()
        )),
    }
}

/// A session's number is not given to another while anybody is in it, so a member that is not younger than its leader, and
/// the leader's user's, is what the leader has started; unless it is a pico, or an mzsh, by itself.
fn is_of_session(
    stat: &Stat,
    leader: ProcessId,
    uid: Option<u32>,
    argv: &[OsString],
    all: &Snapshot,
) -> io::Result<bool> {
    // Somebody has the number who is not that leader: then the session is not that one either.
    let reused = all.get(leader.pid).is_some_and(|stat| stat.id() != leader);
    Ok(stat.session == leader.pid.as_raw()
        && !reused
        && stat.start >= leader.start
        && !pico_of_anyone(Arguments { argv, program: None })
        && (uid.is_none() || process::owner(stat.pid)? == uid))
}

/// A process that descends from another match is that one's child: a fork that has not executed anything yet.
fn leave_out_children(picos: &mut Vec<Candidate>, all: &Snapshot) {
    let matches: Vec<Pid> = picos.iter().map(|c| c.id.pid).collect();
    picos.retain(|c| !all.ancestors(c.id.pid).any(|a| matches.contains(&a)));
}
