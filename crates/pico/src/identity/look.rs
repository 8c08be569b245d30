//! A look at every process of the node.
//!
//! Bounded, whatever others run: owner, state and program of each process come first, which cost no lock of its memory and
//! which it can't choose. Only what passes these is asked for its command line, all within one deadline
//! ([`process::command_lines`]).

use super::lines::{JAVA, program, stranger};
use super::markers::{
    Arguments, Role, home_in_environment, home_on_command_line, may_be_of_the_product, may_go_on_as_pico,
    pico_of_anyone, role, script_of,
};
use super::nameless::{Nameless, Why};
use super::script;
use crate::settings::Target;
use host::process::{self, CommandLine, Link, Snapshot, Source, Stat};
use host::{Pid, ProcessId};
use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Longest wait for the environment of one process.
const ENVIRONMENT_WITHIN: Duration = Duration::from_secs(2);

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
    /// A stop of a pico that is known need not wait for it: it is in its exit and will execute nothing any more, or it has none
    /// of our files open.
    pub may_be_left: bool,
}

/// A live process that is not the pico, though it could be taken for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bystander {
    /// The process.
    pub id: ProcessId,
    /// What it is, or why it does not count.
    pub why: String,
}

/// What a look found. Nothing in the first three: the pico is not on this node.
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
    /// What does not count, for people.
    pub bystanders: Vec<Bystander>,
    /// Each java of a user that counts that is none of these, and each bystander.
    pub others: Vec<ProcessId>,
}

impl Found {
    fn names(&self, id: ProcessId) -> bool {
        let suspects = self.suspects.iter().map(|suspect| suspect.id);
        let picos = self.picos.iter().map(|pico| pico.id);
        picos.chain(self.startups.iter().copied()).chain(suspects).any(|named| named == id)
    }

    /// Neither the pico, nor a startup of it, nor a doubt.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.picos.is_empty() && self.startups.is_empty() && self.suspects.is_empty()
    }
}

/// What a look may have to ask, in the few cases where /proc alone does not decide. Each may ask a worker process.
pub trait Surroundings {
    /// What a path resolves to; `None`: storage does not answer.
    fn resolve(&self, path: &Path) -> Option<PathBuf>;
    /// Do two paths lead to one directory? `None`: storage does not answer.
    fn are_one_directory(&self, one: &Path, other: &Path) -> Option<bool>;
    /// Can this user's processes be the pico's?
    fn counts(&self, user: u32) -> bool;
    /// The same as far as it is known without a question to storage or the name service.
    fn is_known_to_count(&self, user: u32) -> Option<bool>;
    /// The JVMs that other resources' records name, and the leaders of their sessions.
    fn others(&self) -> Vec<ProcessId>;
    /// The commands that agents have launched on this node and that have not ended: mzsh and HA clients.
    fn launched(&self) -> Vec<ProcessId>;
    /// The java processes that the last look has seen which found no pico.
    fn seen_without_pico(&self) -> Vec<ProcessId>;
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
    /// /proc could not be read whole until the given instant, or does not show everything: nothing may be concluded.
    pub fn look(&self, surroundings: &dyn Surroundings, until: Instant) -> io::Result<Found> {
        let mut found = self.pass(surroundings, until)?;
        if found.is_nothing() {
            found = self.pass(surroundings, until)?;
        }
        if found.is_nothing()
            && let Some(why) = process::hidden()?
        {
            return Err(io::Error::other(why));
        }
        Ok(found)
    }

    /// Can it be any program?
    pub(super) fn is_by_pattern(&self) -> bool {
        self.targets.iter().any(|target| target.process_match.is_some())
    }

    fn pass(&self, surroundings: &dyn Surroundings, until: Instant) -> io::Result<Found> {
        let all = process::all()?;
        Pass::new(self, surroundings, &all, until).run()
    }
}

/// One pass over all processes.
pub(super) struct Pass<'a> {
    pub(super) search: &'a Search<'a>,
    pub(super) surroundings: &'a dyn Surroundings,
    pub(super) all: &'a Snapshot,
    until: Instant,
    others: OnceCell<Vec<ProcessId>>,
    commands: OnceCell<Vec<ProcessId>>,
}

/// A process that passed the first test.
struct Eligible<'a> {
    stat: &'a Stat,
    owner: u32,
    source: Source,
    /// File name of its executable; `None`: it may not be read.
    program: Option<OsString>,
}

impl Eligible<'_> {
    fn is_java(&self) -> bool {
        self.program.as_deref() == Some(OsStr::new("java"))
    }
}

/// What its command line says of a process.
#[derive(Default)]
struct Claim {
    /// What it is to which of the targets.
    roles: Vec<(usize, Role)>,
    home: Option<PathBuf>,
    /// It is a script `mzsh`, called by this path.
    script: Option<PathBuf>,
    /// It is a pico of any name, or an mzsh.
    of_product: bool,
    /// Its command line is too long to tell.
    is_cut: bool,
}

enum Finding {
    /// Which target it is.
    Pico(usize),
    Startup,
    Unclear(String),
}

impl<'a> Pass<'a> {
    pub(super) fn new(
        search: &'a Search<'a>,
        surroundings: &'a dyn Surroundings,
        all: &'a Snapshot,
        until: Instant,
    ) -> Self {
        Self { search, surroundings, all, until, others: OnceCell::new(), commands: OnceCell::new() }
    }

    /// See [`Surroundings::others`].
    pub(super) fn others(&self) -> &[ProcessId] {
        self.others.get_or_init(|| self.surroundings.others())
    }

    /// See [`Surroundings::launched`].
    pub(super) fn commands(&self) -> &[ProcessId] {
        self.commands.get_or_init(|| self.surroundings.launched())
    }

    fn run(&self) -> io::Result<Found> {
        let mut found = Found::default();
        let (mut eligible, mut nameless) = (Vec::new(), Vec::new());
        let own = Pid::own();
        // The node's own first process is no pico, whatever a pattern says.
        let live = self.all.iter().filter(|s| s.pid != own && s.pid.as_raw() != 1 && !s.is_dead());
        for stat in live {
            if self.search.known == Some(stat.id()) {
                found.picos.push(candidate(stat, 0));
            } else if let Some(owner) = self.owner(stat)? {
                Self::sort(stat, owner, &mut eligible, &mut nameless)?;
            }
        }
        let claims = self.read(&eligible, &mut nameless)?;
        let is_of_product = |pid: Pid| claims.get(&pid).is_some_and(|claim| claim.of_product);
        let without_name: HashSet<Pid> = nameless.iter().map(|one: &Nameless<'_>| one.stat.pid).collect();
        for process in eligible.iter().filter(|process| !without_name.contains(&process.stat.pid)) {
            let stat = process.stat;
            let claim = claims.get(&stat.pid);
            match claim.map_or(Ok(None), |claim| self.examine(process, claim))? {
                Some(Finding::Pico(target)) => found.picos.push(candidate(stat, target)),
                Some(Finding::Startup) => found.startups.push(stat.id()),
                Some(Finding::Unclear(why)) => {
                    found.suspects.push(Suspect { id: stat.id(), why, may_be_left: false });
                }
                None if claim.is_some_and(|claim| claim.of_product) => {}
                None if self.was_launched(stat, process.owner) => found.startups.push(stat.id()),
                // What is below another pico is that one's.
                None if self.is_of_picos_session(stat, process.owner)
                    && !self.all.ancestors(stat.pid).any(is_of_product) =>
                {
                    found.leftovers.push(stat.id());
                }
                None => {}
            }
        }
        // What is a java now executes no other program than java.
        let javas = eligible.iter().filter(|one| claims.contains_key(&one.stat.pid) && one.is_java());
        let told = javas.map(|one| one.stat.id()).filter(|id| !found.names(*id)).collect::<Vec<_>>();
        found.others.extend(told);
        for one in nameless {
            self.judge(&one, &mut found)?;
        }
        found.others.extend(found.bystanders.iter().map(|one| one.id));
        leave_out_children(&mut found.picos, self.all);
        found.picos.sort_by_key(|c| c.id);
        found.startups.sort();
        Ok(found)
    }

    /// Whose process it is, if it counts. Storage and name service are asked only of the user of a process that may be of the product.
    fn owner(&self, stat: &Stat) -> io::Result<Option<u32>> {
        if stat.is_kernel_thread() {
            return Ok(None);
        }
        let Some(owner) = process::owner(stat.pid)? else { return Ok(None) };
        let counts = match self.surroundings.is_known_to_count(owner) {
            Some(counts) => counts,
            None => self.may_be_of_the_product(stat)? && self.surroundings.counts(owner),
        };
        Ok(counts.then_some(owner))
    }

    fn may_be_of_the_product(&self, stat: &Stat) -> io::Result<bool> {
        Ok(self.search.is_by_pattern()
            || match process::link(stat.pid.into(), "exe")? {
                Link::Gone => stat.comm == JAVA,
                exe => program(stat, &exe).as_deref().is_none_or(may_be_of_the_product),
            })
    }

    fn sort<'s>(
        stat: &'s Stat,
        owner: u32,
        eligible: &mut Vec<Eligible<'s>>,
        nameless: &mut Vec<Nameless<'s>>,
    ) -> io::Result<()> {
        match memory(stat)? {
            Ok((source, exe)) => {
                eligible.push(Eligible { stat, owner, source, program: program(stat, &exe) });
            }
            Err(why) => nameless.push(Nameless { stat, owner, source: stat.pid.into(), why }),
        }
        Ok(())
    }

    /// Reads the command lines of those that may be of the product. What has none is nameless.
    fn read<'s>(
        &self,
        eligible: &[Eligible<'s>],
        nameless: &mut Vec<Nameless<'s>>,
    ) -> io::Result<HashMap<Pid, Claim>> {
        let by_pattern = self.search.is_by_pattern();
        let asked: Vec<&Eligible<'_>> = eligible
            .iter()
            .filter(|one| by_pattern || one.program.as_deref().is_none_or(may_be_of_the_product))
            .collect();
        let sources: Vec<Source> = asked.iter().map(|one| one.source).collect();
        let mut claims = HashMap::new();
        process::command_lines(&sources, self.until, |at, line| {
            let one = asked[at];
            let mut unnamed = |why| {
                nameless.push(Nameless { stat: one.stat, owner: one.owner, source: one.source, why });
            };
            match line {
                CommandLine::Gone => {}
                CommandLine::Stuck => unnamed(Why::Stuck),
                CommandLine::Is(argv) if argv.is_empty() => unnamed(Why::NoCommandLine),
                CommandLine::Is(argv) => drop(claims.insert(one.stat.pid, self.claim(one, &argv, false))),
                CommandLine::Beginning(argv) => {
                    claims.insert(one.stat.pid, self.claim(one, &argv, true));
                }
            }
        })?;
        Ok(claims)
    }

    fn claim(&self, process: &Eligible<'_>, argv: &[OsString], is_cut: bool) -> Claim {
        let arguments = Arguments { argv, program: process.program.as_deref() };
        let targets = self.search.targets.iter().enumerate();
        let roles = targets.filter_map(|(at, target)| Some((at, role(target, arguments)?))).collect();
        Claim {
            roles,
            home: home_on_command_line(arguments),
            script: script_of(arguments).map(Path::to_owned),
            of_product: pico_of_anyone(arguments),
            is_cut: is_cut && may_go_on_as_pico(arguments),
        }
    }

    fn examine(&self, process: &Eligible<'_>, claim: &Claim) -> io::Result<Option<Finding>> {
        let stat = process.stat;
        if claim.roles.is_empty() && !claim.is_cut || !self.is_of_this_node(stat)? {
            return Ok(None);
        }
        if claim.is_cut && claim.roles.is_empty() {
            let why = format!(
                "is a java with more than {} KiB of options, which can't be read",
                process::LONGEST >> 10
            );
            return Ok(Some(Finding::Unclear(why)));
        }
        for &(at, role) in &claim.roles {
            let target = &self.search.targets[at];
            let finding = match role {
                // The pattern may stand in the command lines that led to this call.
                Role::PicoByMatch if self.all.ancestors(Pid::own()).any(|a| a == stat.pid) => continue,
                Role::PicoByMatch => return Ok(Some(Finding::Pico(at))),
                Role::Pico => Finding::Pico(at),
                Role::Startup => Finding::Startup,
            };
            let home = match &claim.home {
                Some(home) => Ok(Some(home.clone())),
                None => self.home_in_environment(process.source),
            };
            // Gone meanwhile, or another by now.
            if stat.id().live()?.is_none() {
                return Ok(None);
            }
            let script = claim.script.as_deref();
            let ours = script::claim_is_ours(target, script, home, process.source, self.surroundings);
            match ours {
                Ok(true) => return Ok(Some(finding)),
                Ok(false) => {}
                // Gone, or another resource's, which knows it by its record.
                Err(_) if stat.id().live()?.is_none() || self.others().contains(&stat.id()) => {
                    return Ok(None);
                }
                Err(why) => return Ok(Some(Finding::Unclear(why))),
            }
        }
        Ok(None)
    }

    fn home_in_environment(&self, process: Source) -> io::Result<Option<PathBuf>> {
        let until = self.until.min(Instant::now() + ENVIRONMENT_WITHIN);
        Ok(process::environment(process, until)?.and_then(|all| home_in_environment(&all)))
    }

    /// Is it of this pid namespace, and started by one that counts?
    pub(super) fn is_of_this_node(&self, stat: &Stat) -> io::Result<bool> {
        let counts = |user| self.surroundings.counts(user);
        let ownership = process::ownership(stat.pid)?;
        Ok(ownership.is_some_and(|of| of.namespaces == 1 && stranger(of, counts).is_none()))
    }

    /// Is it the mzsh of the start, or of its session? What it has executed so far does not matter.
    pub(super) fn was_launched(&self, stat: &Stat, owner: u32) -> bool {
        let launched = self.search.launched;
        launched.is_some_and(|(mzsh, uid)| stat.id() == mzsh || self.is_of_session(stat, owner, mzsh, uid))
    }

    /// Is it of a session of the pico: something that the pico has started?
    pub(super) fn is_of_picos_session(&self, stat: &Stat, owner: u32) -> bool {
        let mut sessions = self.search.sessions.iter();
        sessions.any(|&(leader, uid)| self.is_of_session(stat, owner, leader, uid))
    }

    /// A session's number is not given to another while anybody is in it, so a member that is not younger than its leader,
    /// and the leader's user's, is what the leader has started.
    pub(super) fn is_of_session(&self, stat: &Stat, owner: u32, leader: ProcessId, uid: Option<u32>) -> bool {
        // Somebody has the number who is not that leader: then the session is not that one either.
        let reused = self.all.get(leader.pid).is_some_and(|stat| stat.id() != leader);
        let is_member = stat.session == leader.pid.as_raw() && !reused && stat.start >= leader.start;
        is_member && uid.is_none_or(|uid| uid == owner)
    }
}

/// A thread of it that still has its memory, and its executable. Where the main thread has ended, or has given up its memory,
/// another one may still have what the process had. Where none has, all of them are in their exit.
fn memory(stat: &Stat) -> io::Result<Result<(Source, Link), Why>> {
    let main = Source::from(stat.pid);
    let is_zombie = stat.state == process::State::Zombie;
    if !is_zombie && let exe @ (Link::To(_) | Link::Denied) = process::link(main, "exe")? {
        return Ok(Ok((main, exe)));
    }
    let threads = process::live_threads(stat.pid);
    for &thread in &threads {
        let source = Source { pid: stat.pid, thread: Some(thread) };
        if let exe @ (Link::To(_) | Link::Denied) = process::link(source, "exe")? {
            return Ok(Ok((source, exe)));
        }
    }
    Ok(Err(if is_zombie && threads.is_empty() { Why::NoMainThread } else { Why::NoMemory }))
}

fn candidate(stat: &Stat, target: usize) -> Candidate {
    Candidate { id: stat.id(), state: stat.state, threads: stat.threads, target }
}

/// A process that descends from another match is that one's child: a fork that has not executed anything yet.
fn leave_out_children(picos: &mut Vec<Candidate>, all: &Snapshot) {
    let matches: Vec<Pid> = picos.iter().map(|c| c.id.pid).collect();
    picos.retain(|c| !all.ancestors(c.id.pid).any(|a| matches.contains(&a)));
}
