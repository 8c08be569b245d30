//! A look at every process of the node.

use super::markers::{Arguments, HomeClaim, Role, home_claim, role};
use crate::settings::Target;
use host::process::{self, Snapshot, Stat};
use host::{Pid, ProcessId};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// A live process that is the pico.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The process.
    pub id: ProcessId,
    /// Its state when it was looked at.
    pub state: process::State,
    /// Its number of threads.
    pub threads: u32,
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
    /// Live `mzsh startup` of it.
    pub startups: Vec<ProcessId>,
    /// What can't be decided.
    pub suspects: Vec<Suspect>,
}

impl Found {
    /// Nothing at all.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.picos.is_empty() && self.startups.is_empty() && self.suspects.is_empty()
    }
}

/// Looks at every process. `known` is a process that is the pico whatever it looks like (the record names it);
/// `uid` is whose process the pico is, where known; `resolve` tells what a path resolves to (it may ask a helper; it
/// is called only for a process that has the pico's name and another home).
///
/// # Errors
/// /proc could not be read whole: nothing may be concluded.
pub fn look(
    targets: &[Target],
    known: Option<ProcessId>,
    uid: Option<u32>,
    resolve: &dyn Fn(&Path) -> Option<PathBuf>,
) -> io::Result<Found> {
    let all = process::all()?;
    let own = Pid::own();
    let namespace = process::pid_namespace(own)?;
    let mut found = Found::default();
    for stat in all.iter().filter(|s| s.pid != own && !s.is_dead()) {
        let candidate = Candidate { id: stat.id(), state: stat.state, threads: stat.threads };
        if known == Some(stat.id()) {
            found.picos.push(candidate);
            continue;
        }
        if stat.state == process::State::Zombie {
            found.suspects.extend(leaderless_java(stat, uid)?);
            continue;
        }
        let Some(argv) = process::command_line(stat.pid)?.filter(|argv| !argv.is_empty()) else { continue };
        match examine(targets, stat, &argv, namespace.as_deref(), &all, resolve)? {
            Some(Finding::Pico) => found.picos.push(candidate),
            Some(Finding::Startup) => found.startups.push(stat.id()),
            Some(Finding::Unclear(why)) => found.suspects.push(Suspect { id: stat.id(), why }),
            None => {}
        }
    }
    leave_out_children(&mut found.picos, &all);
    found.picos.sort_by_key(|c| c.id);
    found.startups.sort();
    Ok(found)
}

enum Finding {
    Pico,
    Startup,
    Unclear(String),
}

fn examine(
    targets: &[Target],
    stat: &Stat,
    argv: &[OsString],
    namespace: Option<&Path>,
    all: &Snapshot,
    resolve: &dyn Fn(&Path) -> Option<PathBuf>,
) -> io::Result<Option<Finding>> {
    // Read for the few that could be java under another name: their program; for those named alike: the rest.
    let link = process::executable(stat.pid).ok().flatten();
    let process = Arguments { argv, program: link.as_ref().and_then(|l| l.0.file_name()) };
    for target in targets {
        let Some(role) = role(target, process) else { continue };
        let Some(theirs) = process::pid_namespace(stat.pid).ok() else { continue };
        if theirs.as_deref() != namespace && theirs.is_some() {
            continue;
        }
        let finding = match role {
            // The pattern may stand in the command lines that led to this call.
            Role::PicoByMatch if all.ancestors(Pid::own()).any(|a| a == stat.pid) => continue,
            Role::PicoByMatch | Role::Pico => Finding::Pico,
            Role::Startup => Finding::Startup,
        };
        if role == Role::PicoByMatch {
            return Ok(Some(finding));
        }
        let environment = process::environment(stat.pid).ok().flatten();
        // Gone meanwhile, or another by now.
        if stat.id().stat()?.is_none_or(|now| now.is_dead()) {
            return Ok(None);
        }
        match home_claim(argv, || environment.as_deref()) {
            HomeClaim::Is(home) if target.home.is_named(&home) => return Ok(Some(finding)),
            HomeClaim::Is(home) => match (resolve(&home), resolve(target.home.path())) {
                (Some(theirs), Some(ours)) if theirs == ours => return Ok(Some(finding)),
                (Some(_), Some(_)) => {}
                _ => {
                    let why = format!(
                        "is {} of {}, and whether that is {} can't be told",
                        target.name,
                        home.display(),
                        target.home.path().display()
                    );
                    return Ok(Some(Finding::Unclear(why)));
                }
            },
            HomeClaim::Unknown => {
                let why = format!("is named {}, of which installation can't be told", target.name);
                return Ok(Some(Finding::Unclear(why)));
            }
        }
    }
    Ok(None)
}

/// A JVM whose main thread has ended while others live has no command line any more: it could be the pico.
fn leaderless_java(stat: &Stat, uid: Option<u32>) -> io::Result<Option<Suspect>> {
    if stat.comm != b"java" {
        return Ok(None);
    }
    let owner = process::owner(stat.pid)?;
    if owner.is_none() || uid.is_some_and(|uid| owner != Some(uid)) {
        return Ok(None);
    }
    let why = format!("is a java without main thread (Z, {} threads): whose can't be told", stat.threads);
    Ok(Some(Suspect { id: stat.id(), why }))
}

/// A process that descends from another match is that one's child: a fork that has not executed anything yet.
fn leave_out_children(picos: &mut Vec<Candidate>, all: &Snapshot) {
    let matches: Vec<Pid> = picos.iter().map(|c| c.id.pid).collect();
    picos.retain(|c| !all.ancestors(c.id.pid).any(|a| matches.contains(&a)));
}
